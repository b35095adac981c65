import { OP_COUNT, type Op } from '../kernel/ops.js';
import type { EvidenceRef } from '../timeline/batch.js';
import type { Evidence } from './evidence.js';
import type { Hooks } from './hooks.js';
import type { MechHooks, Promised } from './mech-hooks.js';
import type { Monitor, RecordingHooks } from './monitor.js';
import type { Cpu, Reader, Task } from './state/contexts.js';
import type { HeldLock, Holder, MechPage, Moment } from './state/mech.js';
import type { Flush, Gather, Head, Sync, Table, Target } from './state/table-life.js';
import { WalkJudges, type WalkListener } from './walks/walk-judges.js';

type Having<K extends keyof Monitor> = Monitor & Required<Pick<Monitor, K>>;
type HookName = Exclude<keyof Monitor, 'on'>;
type Listeners = { readonly [K in HookName]: Having<K>[] };

/** A literal: an object that is filled by computed keys is slow to read forever after. */
const nobody = (): Listeners => ({
  tick: [],
  cpuAppeared: [],
  tableAfterGather: [],
  callbackOver: [],
  end: [],
  tableRemoved: [],
  tableRemovedTwice: [],
  tableRemovedAfterFree: [],
  tableFreed: [],
  tableFreedTwice: [],
  tableQueuedAfterFree: [],
  headReused: [],
  pageFreed: [],
  tableReused: [],
  dereferenced: [],
  flushDone: [],
  returnUnseen: [],
  returnedAfterAll: [],
  ipiArrived: [],
  targetLate: [],
  cycleFreed: [],
  queued: [],
  queuedTwice: [],
  callbackRan: [],
  callbackUnmatched: [],
  callbackAfterInferred: [],
  callbackFunc: [],
  gpEnded: [],
  readerEnded: [],
  readerUnseen: [],
  readerExpired: [],
  gatherBegun: [],
  gatherLeft: [],
  gatherEnded: [],
  gatherOver: [],
  tidReused: [],
  syscallEntered: [],
  syscallLeft: [],
  synced: [],
  alive: [],
  clockBack: [],
  eventsLost: [],
  recordingEnded: [],
  released: [],
  bound: [],
  handedOver: [],
  cameBack: [],
  promised: [],
  needed: [],
  sleeps: [],
  entrySet: [],
  declaredEmpty: [],
  pinned: [],
  moved: [],
  splitLock: [],
  deposited: [],
});
const HOOKS = Object.keys(nobody()) as HookName[];

/** A monitor, and what made it: whatever that makes has the same hooks each time. */
export interface Installed {
  readonly by: object;
  readonly monitor: Monitor;
}

/** Looking up every hook in every monitor costs more than a small capture: once for each maker will do. */
const hooksBy = new WeakMap<object, readonly HookName[]>();

function hooksOf({ by, monitor }: Installed): readonly HookName[] {
  let hooks = hooksBy.get(by);
  if (!hooks) hooksBy.set(by, (hooks = HOOKS.filter((hook) => monitor[hook] !== undefined)));
  return hooks;
}

function listeners(installed: readonly Installed[]): Listeners {
  const lists = nobody();
  for (const one of installed) for (const hook of hooksOf(one)) (lists[hook] as Monitor[]).push(one.monitor);
  return lists;
}

/** Tells each monitor what it listens to, in the order of the list. One line a hook: this is the hot path. */
export class Monitors implements Hooks, RecordingHooks {
  private readonly evidence: Evidence;
  readonly mech: MechHooks;
  readonly walks: WalkJudges;
  private readonly to: Listeners;
  /** By kind of operation; null: nobody listens. */
  private readonly byKind: (((op: Op, task: Task) => void)[] | null)[] = new Array(OP_COUNT).fill(null);

  constructor(installed: readonly Installed[], evidence: Evidence, walks: WalkListener | null) {
    this.evidence = evidence;
    this.walks = new WalkJudges(evidence, walks);
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

/** The same for facts that markers and programs give. */
class MechMonitors implements MechHooks {
  private readonly to: Listeners;
  readonly seen: MechHooks['seen'];

  constructor(to: Listeners, seen: MechHooks['seen']) {
    this.to = to;
    this.seen = seen;
  }

  released(page: MechPage, reused: boolean, task: Task, op: Op): void {
    for (const m of this.to.released) m.released(page, reused, task, op);
  }

  bound(page: MechPage, head: Head, op: Op): void {
    for (const m of this.to.bound) m.bound(page, head, op);
  }

  handedOver(page: MechPage | null, op: Op): void {
    for (const m of this.to.handedOver) m.handedOver(page, op);
  }

  cameBack(holder: Holder, op: Op): void {
    for (const m of this.to.cameBack) m.cameBack(holder, op);
  }

  promised(what: Promised, holders: readonly Holder[], op: Op): void {
    for (const m of this.to.promised) m.promised(what, holders, op);
  }

  needed(lock: HeldLock | null, op: Op): void {
    for (const m of this.to.needed) m.needed(lock, op);
  }

  sleeps(held: readonly HeldLock[], op: Op): void {
    for (const m of this.to.sleeps) m.sleeps(held, op);
  }

  entrySet(page: MechPage, unlinked: boolean, op: Op): void {
    for (const m of this.to.entrySet) m.entrySet(page, unlinked, op);
  }

  declaredEmpty(page: MechPage, op: Op): void {
    for (const m of this.to.declaredEmpty) m.declaredEmpty(page, op);
  }

  pinned(page: MechPage, stale: boolean, rechecked: boolean, op: Op): void {
    for (const m of this.to.pinned) m.pinned(page, stale, rechecked, op);
  }

  moved(page: MechPage | null, op: Op): void {
    for (const m of this.to.moved) m.moved(page, op);
  }

  splitLock(page: MechPage, destroyed: boolean, op: Op): void {
    for (const m of this.to.splitLock) m.splitLock(page, destroyed, op);
  }

  deposited(page: MechPage, parent: number, sync: Moment, op: Op): void {
    for (const m of this.to.deposited) m.deposited(page, parent, sync, op);
  }
}
