import { isTableFunc, type Op } from '../kernel/ops.js';
import type { Hooks } from './hooks.js';
import type { Court } from './invariants/court.js';
import { FlushFamily } from './invariants/flush.js';
import { RcuFamily } from './invariants/rcu.js';
import { TableLifeFamily } from './invariants/table-life.js';
import { TraceFamily } from './invariants/trace.js';
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
  private readonly rcu: RcuFamily;
  private readonly trace: TraceFamily;
  private readonly listener: RcuListener | null;

  constructor(court: Court, syscallName: (id: number) => string, listener: RcuListener | null) {
    this.court = court;
    this.tables = new TableLifeFamily(court);
    this.flushes = new FlushFamily(court);
    this.rcu = new RcuFamily(court);
    this.trace = new TraceFamily(court, syscallName);
    this.listener = listener;
  }

  tick(): void {}

  tableRemoved(table: Table, gather: Gather | null, task: Task, op: Op): void {
    if (!gather) this.trace.tableOutside(table, task, op);
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

  dereferenced(table: Table, op: Op): void {
    this.tables.dereferenced(table, op);
  }

  flushDone(flush: Flush, gather: Gather | null, _task: Task, op: Op): void {
    this.flushes.flushDone(flush, gather, op);
  }

  ipiArrived(target: Target, op: Op): void {
    this.court.skew.add(target.from, op.cpu, op.tsNs - target.isTs);
  }

  targetLate(target: Target, op: Op): void {
    this.flushes.targetLate(target, op);
  }

  cycleFreed(gather: Gather, _op: Op): void {
    this.flushes.cycleFreed(gather);
  }

  queued(head: Head, gather: Gather | null, _task: Task, op: Op): void {
    this.rcu.queued(head);
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
    if (isTableFunc(head.func)) {
      this.listener?.ran(head.crTs, head.cbTs, head.func, head.tables.length, head.tablesKnown);
    }
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
  }

  gpEnded(op: Op): void {
    this.rcu.gpEnded(op);
  }

  readerEnded(reader: Reader, op: Op): void {
    this.tables.readerEnded(reader, op);
    this.rcu.readerEnded(reader, op);
  }

  readerExpired(reader: Reader): void {
    this.tables.readerLost(reader);
    this.rcu.readerLost(reader);
  }

  gatherBegun(_gather: Gather, previous: Gather | null, task: Task, op: Op): void {
    this.trace.gatherBegun(previous, task, op);
  }

  gatherEnded(gather: Gather | null, task: Task, op: Op): void {
    this.trace.gatherEnded(gather, task, op);
  }

  gatherOver(gather: Gather, op: Op): void {
    this.flushes.gatherOver(gather, op);
  }

  syscallEntered(task: Task, op: Op): void {
    this.trace.syscallEntered(task, op);
  }

  syscallLeft(task: Task, op: Op): void {
    this.trace.syscallLeft(task, op);
  }

  synced(_sync: Sync, _task: Task, _op: Op): void {}

  /** End of a capture: what is still open can no longer be decided. */
  end(): void {
    this.tables.end();
    this.flushes.end();
    this.rcu.end();
    if (!this.listener) return;
    for (const cpu of this.court.state.cpus) {
      for (const head of cpu.fifo) if (isTableFunc(head.func)) this.listener.censored(head.func, 'end');
    }
  }
}
