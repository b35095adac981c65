import { OP_COUNT, type Op } from '../kernel/ops.js';
import type { EvidenceRef } from '../timeline/batch.js';
import type { Evidence } from './evidence.js';
import type { Hooks } from './hooks.js';
import { type Installed, type Listeners, listeners } from './listeners.js';
import type { MechHooks } from './mech-hooks.js';
import { MechMonitors } from './mech-monitors.js';
import type { RecordingHooks } from './monitor.js';
import type { Cpu, Reader, Task } from './state/contexts.js';
import type { Flush, Gather, Head, Sync, Table, Target } from './state/table-life.js';
import { type WalkListener, WalkMonitors } from './walks/walk-monitors.js';

/** Tells each monitor what it listens to, in the order of the list. One line a hook: this is the hot path. */
export class Monitors implements Hooks, RecordingHooks {
  private readonly evidence: Evidence;
  readonly mech: MechHooks;
  readonly walks: WalkMonitors;
  private readonly to: Listeners;
  /** By kind of operation; null: nobody listens. */
  private readonly byKind: (((op: Op, task: Task) => void)[] | null)[] = new Array(OP_COUNT).fill(null);

  constructor(installed: readonly Installed[], evidence: Evidence, walks: WalkListener | null) {
    this.evidence = evidence;
    this.walks = new WalkMonitors(evidence, walks);
    this.to = listeners(installed);
    for (const { monitor } of installed) {
      if (!monitor.on) continue;
      for (const [kind, listen] of Object.entries(monitor.on))
        (this.byKind[Number(kind)] ??= []).push(listen);
    }
    this.mech = new MechMonitors(this.to, (op, task) => this.seen(op, task));
  }

  private seen(op: Op, task: Task): void {
    const all = this.byKind[op.kind];
    if (all) for (const listen of all) listen(op, task);
  }

  tick(cpu: Cpu, op: Op): void {
    if (cpu.lastSeq < 0) for (const m of this.to.cpuAppeared) m.cpuAppeared(cpu);
    for (const m of this.to.tick) m.tick(cpu, op);
  }

  end(): void {
    for (const m of this.to.end) m.end();
    this.walks.end();
  }

  tableRemoved(table: Table, gather: Gather | null, task: Task, op: Op): void {
    for (const m of this.to.tableRemoved) m.tableRemoved(table, gather, task, op);
  }

  tableRemovedTwice(table: Table, op: Op, firstRef: number): void {
    for (const m of this.to.tableRemovedTwice) m.tableRemovedTwice(table, op, firstRef);
  }

  tableRemovedAfterFree(table: Table, task: Task, op: Op): void {
    for (const m of this.to.tableRemovedAfterFree) m.tableRemovedAfterFree(table, task, op);
  }

  tableFreed(table: Table, task: Task, cpu: Cpu | null, op: Op): void {
    for (const m of this.to.tableFreed) m.tableFreed(table, task, cpu, op);
  }

  tableFreedTwice(table: Table, task: Task, cpu: Cpu | null, op: Op): void {
    for (const m of this.to.tableFreedTwice) m.tableFreedTwice(table, task, cpu, op);
  }

  tableQueuedAfterFree(table: Table, head: Head, op: Op): void {
    for (const m of this.to.tableQueuedAfterFree) m.tableQueuedAfterFree(table, head, op);
  }

  headReused(head: Head, op: Op): void {
    for (const m of this.to.headReused) m.headReused(head, op);
  }

  pageFreed(pfn: number, knownFrame: boolean, gather: Gather, op: Op): void {
    for (const m of this.to.pageFreed) m.pageFreed(pfn, knownFrame, gather, op);
  }

  tableReused(table: Table, op: Op): void {
    for (const m of this.to.tableReused) m.tableReused(table, op);
  }

  tableAfterGather(table: Table, task: Task, op: Op): void {
    for (const m of this.to.tableAfterGather) m.tableAfterGather(table, task, op);
  }

  callbackOver(head: Head, cpu: Cpu, op: Op): void {
    for (const m of this.to.callbackOver) m.callbackOver(head, cpu, op);
  }

  dereferenced(table: Table, op: Op): void {
    for (const m of this.to.dereferenced) m.dereferenced(table, op);
  }

  flushDone(flush: Flush, gather: Gather | null, task: Task, op: Op): void {
    for (const m of this.to.flushDone) m.flushDone(flush, gather, task, op);
  }

  returnUnseen(flush: Flush): void {
    for (const m of this.to.returnUnseen) m.returnUnseen(flush);
  }

  returnedAfterAll(flush: Flush, op: Op): void {
    for (const m of this.to.returnedAfterAll) m.returnedAfterAll(flush, op);
  }

  ipiArrived(target: Target): void {
    for (const m of this.to.ipiArrived) m.ipiArrived(target);
  }

  targetLate(target: Target, op: Op): void {
    for (const m of this.to.targetLate) m.targetLate(target, op);
  }

  cycleFreed(gather: Gather, op: Op): void {
    for (const m of this.to.cycleFreed) m.cycleFreed(gather, op);
  }

  queued(head: Head, gather: Gather | null, task: Task, op: Op): void {
    const { pages } = this.evidence.state.mech;
    if (pages.size > 0) {
      for (const table of head.tables) {
        const page = pages.get(table.key);
        if (page) this.mech.bound(page, head, op);
      }
    }
    for (const m of this.to.queued) m.queued(head, gather, task, op);
  }

  queuedTwice(head: Head, again: Op): void {
    for (const m of this.to.queuedTwice) m.queuedTwice(head, again);
  }

  callbackRan(head: Head, cpu: Cpu | null, op: Op): void {
    for (const m of this.to.callbackRan) m.callbackRan(head, cpu, op);
  }

  callbackUnmatched(previous: Head | null, cpu: Cpu | null, op: Op): void {
    for (const m of this.to.callbackUnmatched) m.callbackUnmatched(previous, cpu, op);
  }

  callbackAfterInferred(head: Head, op: Op): void {
    for (const m of this.to.callbackAfterInferred) m.callbackAfterInferred(head, op);
  }

  callbackFunc(head: Head, op: Op): void {
    for (const m of this.to.callbackFunc) m.callbackFunc(head, op);
  }

  gpEnded(op: Op): void {
    for (const m of this.to.gpEnded) m.gpEnded(op);
  }

  readerEnded(reader: Reader, op: Op): void {
    for (const m of this.to.readerEnded) m.readerEnded(reader, op);
  }

  readerUnseen(op: Op): void {
    for (const m of this.to.readerUnseen) m.readerUnseen(op);
  }

  readerExpired(reader: Reader): void {
    for (const m of this.to.readerExpired) m.readerExpired(reader);
  }

  gatherBegun(gather: Gather, task: Task, op: Op): void {
    for (const m of this.to.gatherBegun) m.gatherBegun(gather, task, op);
  }

  gatherLeft(gather: Gather, task: Task, op: Op): void {
    for (const m of this.to.gatherLeft) m.gatherLeft(gather, task, op);
  }

  gatherEnded(gather: Gather | null, task: Task, op: Op): void {
    for (const m of this.to.gatherEnded) m.gatherEnded(gather, task, op);
  }

  gatherOver(gather: Gather, op: Op): void {
    for (const m of this.to.gatherOver) m.gatherOver(gather, op);
  }

  tidReused(task: Task, op: Op): void {
    for (const m of this.to.tidReused) m.tidReused(task, op);
  }

  syscallEntered(task: Task, op: Op): void {
    for (const m of this.to.syscallEntered) m.syscallEntered(task, op);
  }

  syscallLeft(task: Task, op: Op): void {
    for (const m of this.to.syscallLeft) m.syscallLeft(task, op);
  }

  synced(sync: Sync, task: Task, op: Op): void {
    for (const m of this.to.synced) m.synced(sync, task, op);
  }

  alive(cpu: number, tsNs: number): void {
    for (const m of this.to.alive) m.alive(cpu, tsNs);
  }

  clockBack(cpu: number, by: number, unit: string, before: EvidenceRef, ref: EvidenceRef): void {
    for (const m of this.to.clockBack) m.clockBack(cpu, by, unit, before, ref);
  }

  eventsLost(ref: EvidenceRef): void {
    for (const m of this.to.eventsLost) m.eventsLost(ref);
  }

  recordingEnded(facts: Parameters<RecordingHooks['recordingEnded']>[0]): void {
    for (const m of this.to.recordingEnded) m.recordingEnded(facts);
  }
}
