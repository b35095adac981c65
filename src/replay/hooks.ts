import type { Op } from '../kernel/ops.js';
import type { MechHooks } from './mech-hooks.js';
import type { Cpu, Reader, Task } from './state/contexts.js';
import type { Flush, Gather, Head, Sync, Table, Target } from './state/table-life.js';
import type { WalkHooks } from './walk-hooks.js';

/**
 * What the machine tells its observers. Every method gets the operation that caused it; objects are the machine's
 * own state: read, do not write.
 */
export interface Hooks {
  /** What hand-written facts amount to. */
  readonly mech: MechHooks;
  /** Who walks which table. */
  readonly walks: WalkHooks;

  /** Before every operation that names a CPU. */
  tick(cpu: Cpu, op: Op): void;

  // tables
  /** A table was handed to a gather (TR or, where no TR probe fires, the append). */
  tableRemoved(table: Table, gather: Gather | null, task: Task, op: Op): void;
  /** A second hand-over in the same life. */
  tableRemovedTwice(table: Table, op: Op, firstRef: number): void;
  /** A hand-over of a table last seen freed: a birth that was not seen, or a free before the unlink. */
  tableRemovedAfterFree(table: Table, task: Task, op: Op): void;
  /** A tracked table's page is released. `task` is the releasing context, `cpu` where. */
  tableFreed(table: Table, task: Task, cpu: Cpu | null, op: Op): void;
  /** A page is released that is tracked as freed already, with no allocation seen between. */
  tableFreedTwice(table: Table, task: Task, cpu: Cpu | null, op: Op): void;
  /** A batch callback lists a table that was released before the batch was queued. */
  tableQueuedAfterFree(table: Table, head: Head, op: Op): void;
  /** The page that holds a pending head is allocated for something else. */
  headReused(head: Head, op: Op): void;
  /** A page that is not a tracked table is released in task context inside a gather. */
  pageFreed(pfn: number, knownFrame: boolean, gather: Gather, op: Op): void;
  /** A page is allocated while the machine holds it as a table not yet freed. */
  tableReused(table: Table, op: Op): void;
  /** A table is handed over under the name of a gather that has ended (`task.endedTlb`). */
  tableAfterGather(table: Table, task: Task, op: Op): void;
  dereferenced(table: Table, op: Op): void;

  // flushes
  flushDone(flush: Flush, gather: Gather | null, task: Task, op: Op): void;
  /** A flush that was back by program order (`Flush.backByOrder`): no return of it can be seen any more. */
  returnUnseen(flush: Flush): void;
  /** It was not: here it returns, so what its task did since happened within it. */
  returnedAfterAll(flush: Flush, op: Op): void;
  /** The handler of a broadcast starts on its target, or ends there where its start is not shown. */
  ipiArrived(target: Target): void;
  /** A target of a finished broadcast left its handler only now. */
  targetLate(target: Target, op: Op): void;
  /** All targets of a finished broadcast are accounted for, or never will be (`op` null: end). */
  cycleFreed(gather: Gather, op: Op): void;

  // RCU
  queued(head: Head, gather: Gather | null, task: Task, op: Op): void;
  /** The head was pending already. */
  queuedTwice(head: Head, again: Op): void;
  callbackRan(head: Head, cpu: Cpu | null, op: Op): void;
  /** The callback has returned, or released its own page as the last one. */
  callbackOver(head: Head, cpu: Cpu, op: Op): void;
  /** A callback ran whose enqueue the trace does not show. */
  callbackUnmatched(previous: Head | null, cpu: Cpu | null, op: Op): void;
  /** A callback entry was seen after frees had made us infer that it ran. */
  callbackAfterInferred(head: Head, op: Op): void;
  /** The callback's own probe named its function after another event had shown that it runs. */
  callbackFunc(head: Head, op: Op): void;
  gpEnded(op: Op): void;
  readerEnded(reader: Reader, op: Op): void;
  /** The first thing seen of this task's sections is an end: it began before the capture. */
  readerUnseen(op: Op): void;
  /** It must have ended, but its end was not seen. */
  readerExpired(reader: Reader): void;

  // tasks
  gatherBegun(gather: Gather, task: Task, op: Op): void;
  /** Its stack frame is gone, or that of the gather around it is being left, and no finish of it was seen. */
  gatherLeft(gather: Gather, task: Task, op: Op): void;
  /** `tlb_finish_mmu` entry. */
  gatherEnded(gather: Gather | null, task: Task, op: Op): void;
  /** The gather is gone (return of `tlb_finish_mmu`, or the next one begins). */
  gatherOver(gather: Gather, op: Op): void;
  /** A task shows itself under the tid of one that has exited (`exitSeq` and what follows are those of the dead). */
  tidReused(task: Task, op: Op): void;
  syscallEntered(task: Task, op: Op): void;
  syscallLeft(task: Task, op: Op): void;
  synced(sync: Sync, task: Task, op: Op): void;
}
