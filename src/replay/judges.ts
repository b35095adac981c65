import { isTableFunc, OP, type Op } from '../kernel/ops.js';
import type { Hooks } from './hooks.js';
import { AfterGather } from './invariants/after-gather.js';
import { BusyCpus } from './invariants/busy-cpus.js';
import { CacheFamily } from './invariants/caches.js';
import { CallbackFrees } from './invariants/callback-frees.js';
import { CallbackFamily } from './invariants/callbacks.js';
import type { Court } from './invariants/court.js';
import { FlushFamily } from './invariants/flush.js';
import { ProtocolFamily } from './invariants/protocol.js';
import { RcuFamily } from './invariants/rcu.js';
import { ReaderWatch } from './invariants/reader-watch.js';
import { ShootdownFamily } from './invariants/shootdown.js';
import { TableCountFamily } from './invariants/table-count.js';
import { TableLifeFamily } from './invariants/table-life.js';
import { TraceFamily } from './invariants/trace.js';
import type { MechHooks } from './mech-hooks.js';
import type { Cpu, Flush, Gather, Head, Reader, Sync, Table, Target, Task } from './state.js';

/** Told of every callback and enqueue of page tables: latency and deferred memory are measured from this. */
export interface RcuListener {
  queued(tsNs: number, func: number, tables: number, tablesKnown: boolean): void;
  ran(crTsNs: number, cbTsNs: number, func: number, tables: number, tablesKnown: boolean): void;
  /** `start`: a callback whose enqueue lies before the trace; `end`: an enqueue whose callback lies after it. */
  censored(func: number, why: 'start' | 'end'): void;
  /** A new capture starts: nothing pending can be followed into it. */
  segment(tsNs: number): void;
}

/** The invariant families behind one `Hooks`: who is told what. */
export class Judges implements Hooks {
  private readonly court: Court;
  private readonly tables: TableLifeFamily;
  private readonly flushes: FlushFamily;
  private readonly watch: ReaderWatch;
  private readonly rcu: RcuFamily;
  private readonly trace: TraceFamily;
  private readonly protocol: ProtocolFamily;
  private readonly shootdown: ShootdownFamily;
  private readonly callbacks: CallbackFamily;
  private readonly counts: TableCountFamily;
  private readonly callbackFrees: CallbackFrees;
  private readonly afterGather: AfterGather;
  private readonly busy: BusyCpus;
  readonly mech: MechHooks;
  private readonly listener: RcuListener | null;

  constructor(court: Court, syscallName: (id: number) => string, listener: RcuListener | null) {
    this.court = court;
    this.tables = new TableLifeFamily(court);
    this.flushes = new FlushFamily(court);
    this.watch = new ReaderWatch(court);
    this.rcu = new RcuFamily(court, this.watch);
    this.trace = new TraceFamily(court, syscallName);
    this.protocol = new ProtocolFamily(court);
    this.shootdown = new ShootdownFamily(court);
    this.callbacks = new CallbackFamily(court, syscallName, this.watch);
    this.counts = new TableCountFamily(court);
    this.callbackFrees = new CallbackFrees(court);
    this.afterGather = new AfterGather(court);
    this.busy = new BusyCpus(court);
    this.mech = mechJudges(new CacheFamily(court), this.protocol, (op, task) => this.seen(op, task));
    this.listener = listener;
  }

  tick(cpu: Cpu, op: Op): void {
    if (cpu.lastSeq < 0) this.watch.appeared();
    this.busy.tick(cpu, op);
  }

  private seen(op: Op, task: Task): void {
    if (op.kind === OP.GP) this.callbacks.gracePeriod(op);
    else if (op.kind === OP.RQ) this.callbacks.enqueueTraced(task, op);
    else if (op.kind === OP.RB || op.kind === OP.GUP) this.watch.seen(op);
    else if (op.kind === OP.BATCH || op.kind === OP.BATCHE) this.callbacks.batch(op);
    else this.shootdown.seen(op, task);
    if (op.kind === OP.PUB || op.kind === OP.EXITMM) this.counts.seen(op, task);
  }

  tableRemoved(table: Table, gather: Gather | null, task: Task, op: Op): void {
    if (!gather) this.trace.tableOutside(table, task, op);
    this.protocol.removed(table, op);
  }

  tableRemovedTwice(table: Table, op: Op, firstRef: number): void {
    this.tables.removedTwice(table, op, firstRef);
  }

  tableRemovedAfterFree(table: Table, task: Task, op: Op): void {
    this.tables.removedAfterFree(table, task, op);
  }

  tableFreed(table: Table, task: Task, cpu: Cpu | null, op: Op): void {
    this.tables.freed(table, task, cpu, op);
    this.flushes.tableFreed(table, op);
    this.protocol.freedInGather(table, op);
  }

  tableFreedTwice(table: Table, cpu: Cpu | null, op: Op): void {
    this.tables.freedTwice(table, cpu, op);
  }

  tableQueuedAfterFree(table: Table, head: Head, op: Op): void {
    this.tables.queuedAfterFree(table, head, op);
  }

  headReused(head: Head, op: Op): void {
    this.rcu.headReused(head, op);
  }

  pageFreed(_pfn: number, knownFrame: boolean, gather: Gather, op: Op): void {
    this.flushes.pageFreed(knownFrame, gather, op);
  }

  tableReused(table: Table, op: Op): void {
    this.flushes.reused(table, op);
  }

  tableAfterGather(table: Table, task: Task, op: Op): void {
    this.afterGather.handedOver(table, task, op);
  }

  dereferenced(table: Table, op: Op): void {
    this.tables.dereferenced(table, op);
  }

  flushDone(flush: Flush, gather: Gather | null, _task: Task, op: Op): void {
    this.flushes.flushDone(flush, gather, op);
    this.shootdown.flushDone(flush, op);
    this.busy.flushDone(flush, op);
  }

  ipiArrived(target: Target): void {
    this.court.skew.add(target.from, target.cpu, target.ieTs - target.isTs);
  }

  targetLate(target: Target, op: Op): void {
    this.flushes.targetLate(target, op);
  }

  cycleFreed(gather: Gather, _op: Op): void {
    this.flushes.cycleFreed(gather);
  }

  queued(head: Head, gather: Gather | null, _task: Task, op: Op): void {
    this.rcu.queued(head, gather);
    this.callbacks.queued(head, op);
    const { pages } = this.court.state.mech;
    if (pages.size > 0) {
      for (const table of head.tables) {
        const page = pages.get(table.key);
        if (page) this.mech.bound(page, head, op);
      }
    }
    this.flushes.queued(head, gather, op);
    if (isTableFunc(head.func)) {
      this.listener?.queued(head.crTs, head.func, head.tables.length, head.tablesKnown);
    }
  }

  queuedTwice(head: Head, again: Op): void {
    this.rcu.queuedTwice(head, again);
  }

  callbackRan(head: Head, _cpu: Cpu | null, op: Op): void {
    this.rcu.callbackRan(head, op);
    this.callbacks.callbackRan(head, op);
    if (isTableFunc(head.func)) {
      this.listener?.ran(head.crTs, head.cbTs, head.func, head.tables.length, head.tablesKnown);
    }
  }

  callbackOver(head: Head, cpu: Cpu, op: Op): void {
    this.callbackFrees.over(head, cpu, op);
  }

  callbackUnmatched(previous: Head | null, cpu: Cpu | null, op: Op): void {
    this.rcu.callbackUnmatched(previous, cpu, op);
    if (!previous && isTableFunc(op.a1)) this.listener?.censored(op.a1, 'start');
  }

  callbackAfterInferred(head: Head, op: Op): void {
    this.tables.callbackAfterInferred(head.tables, head.crRef, op);
  }

  callbackFunc(head: Head, op: Op): void {
    this.rcu.callbackFunc(head, op);
    this.callbacks.callbackShown(head, op);
  }

  gpEnded(op: Op): void {
    this.rcu.gpEnded(op);
    this.callbacks.gpEnded(op);
  }

  readerEnded(reader: Reader, op: Op): void {
    this.tables.readerEnded(reader, op);
    this.rcu.readerEnded(reader, op);
    this.callbacks.readerEnded(reader, op);
  }

  readerUnseen(): void {
    this.callbacks.readerUnseen();
  }

  readerExpired(reader: Reader): void {
    this.tables.readerLost(reader);
    this.rcu.readerLost(reader);
    this.callbacks.readerLost(reader);
  }

  gatherBegun(_gather: Gather, previous: Gather | null, task: Task, op: Op): void {
    this.afterGather.outside(task, op);
    this.trace.gatherBegun(previous, task, op);
  }

  gatherEnded(gather: Gather | null, task: Task, op: Op): void {
    this.afterGather.finished(gather, task, op);
    this.trace.gatherEnded(gather, task, op);
  }

  gatherOver(gather: Gather, op: Op): void {
    this.flushes.gatherOver(gather, op);
  }

  tidReused(task: Task, op: Op): void {
    this.trace.tidReused(task, op);
  }

  syscallEntered(task: Task, op: Op): void {
    this.afterGather.outside(task, op);
    this.trace.syscallEntered(task, op);
  }

  syscallLeft(task: Task, op: Op): void {
    this.afterGather.outside(task, op);
    this.trace.syscallLeft(task, op);
  }

  synced(_sync: Sync, _task: Task, _op: Op): void {}

  /** End of a capture: what is still open can no longer be decided. */
  end(): void {
    this.tables.end();
    this.flushes.end();
    this.rcu.end();
    this.watch.end();
    this.callbacks.end();
    this.counts.end();
    if (!this.listener) return;
    for (const cpu of this.court.state.cpus) {
      for (const head of cpu.fifo) if (isTableFunc(head.func)) this.listener.censored(head.func, 'end');
    }
  }
}

/** Facts about caches go to the one family, about conduct to the other. */
function mechJudges(
  caches: CacheFamily,
  protocol: ProtocolFamily,
  seen: (op: Op, task: Task) => void,
): MechHooks {
  return {
    seen,
    released: (page, reused, _task, op) => {
      protocol.released(page, reused, op);
      caches.released(page, reused, op);
    },
    bound: (page, head, op) => {
      caches.bound(page, head, op);
      protocol.bound(page, head, op);
    },
    handedOver: (page, op) => protocol.handedOver(page, op),
    cameBack: (holder, op) => caches.cameBack(holder, op),
    promised: (what, holders, op) => caches.promised(what, holders, op),
    needed: (lock, op) => protocol.needed(lock, op),
    sleeps: (held, op) => protocol.sleeps(held, op),
    entrySet: (page, unlinked, op) => protocol.entrySet(page, unlinked, op),
    declaredEmpty: (page, op) => protocol.declaredEmpty(page, op),
    pinned: (page, stale, rechecked, op) => protocol.pinned(page, stale, rechecked, op),
    moved: (page, op) => protocol.moved(page, op),
    splitLock: (page, destroyed, op) => protocol.splitLock(page, destroyed, op),
    deposited: (page, parent, sync, op) => protocol.deposited(page, parent, sync, op),
  };
}
