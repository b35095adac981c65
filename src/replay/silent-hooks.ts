import type { Op } from '../kernel/ops.js';
import type { Hooks } from './hooks.js';
import { type MechHooks, SilentMechHooks } from './mech-hooks.js';
import type { Cpu, Reader, Task } from './state/contexts.js';
import type { Flush, Gather, Head, Sync, Table, Target } from './state/table-life.js';
import { SilentWalkHooks, type WalkHooks } from './walk-hooks.js';

/** Hooks that do nothing; observers override what they care about. */
export class SilentHooks implements Hooks {
  readonly mech: MechHooks = new SilentMechHooks();
  readonly walks: WalkHooks = new SilentWalkHooks();
  tick(_cpu: Cpu, _op: Op): void {}
  tableRemoved(_table: Table, _gather: Gather | null, _task: Task, _op: Op): void {}
  tableRemovedTwice(_table: Table, _op: Op, _firstRef: number): void {}
  tableRemovedAfterFree(_table: Table, _task: Task, _op: Op): void {}
  tableFreed(_table: Table, _task: Task, _cpu: Cpu | null, _op: Op): void {}
  tableFreedTwice(_table: Table, _task: Task, _cpu: Cpu | null, _op: Op): void {}
  tableQueuedAfterFree(_table: Table, _head: Head, _op: Op): void {}
  headReused(_head: Head, _op: Op): void {}
  pageFreed(_pfn: number, _knownFrame: boolean, _gather: Gather, _op: Op): void {}
  tableReused(_table: Table, _op: Op): void {}
  tableAfterGather(_table: Table, _task: Task, _op: Op): void {}
  dereferenced(_table: Table, _op: Op): void {}
  flushDone(_flush: Flush, _gather: Gather | null, _task: Task, _op: Op): void {}
  ipiArrived(_target: Target): void {}
  targetLate(_target: Target, _op: Op): void {}
  cycleFreed(_gather: Gather, _op: Op): void {}
  queued(_head: Head, _gather: Gather | null, _task: Task, _op: Op): void {}
  queuedTwice(_head: Head, _again: Op): void {}
  callbackRan(_head: Head, _cpu: Cpu | null, _op: Op): void {}
  callbackOver(_head: Head, _cpu: Cpu, _op: Op): void {}
  callbackUnmatched(_previous: Head | null, _cpu: Cpu | null, _op: Op): void {}
  callbackAfterInferred(_head: Head, _op: Op): void {}
  callbackFunc(_head: Head, _op: Op): void {}
  gpEnded(_op: Op): void {}
  readerEnded(_reader: Reader, _op: Op): void {}
  readerUnseen(_op: Op): void {}
  readerExpired(_reader: Reader): void {}
  returnUnseen(_flush: Flush): void {}
  returnedAfterAll(_flush: Flush, _op: Op): void {}
  gatherBegun(_gather: Gather, _task: Task, _op: Op): void {}
  gatherLeft(_gather: Gather, _task: Task, _op: Op): void {}
  gatherEnded(_gather: Gather | null, _task: Task, _op: Op): void {}
  gatherOver(_gather: Gather, _op: Op): void {}
  tidReused(): void {}
  syscallEntered(_task: Task, _op: Op): void {}
  syscallLeft(_task: Task, _op: Op): void {}
  synced(_sync: Sync, _task: Task, _op: Op): void {}
}
