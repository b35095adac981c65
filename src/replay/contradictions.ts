import { GRACE_PERIOD as GP } from '../kernel/operands.js';
import { GP_EVENT, OP, type Op } from '../kernel/ops.js';
import { isKnown } from '../timeline/is-known.js';
import type { Moment, Window } from './doubtful.js';
import { type Evidence, lostSince } from './evidence.js';
import type { Monitor } from './monitor.js';
import { NO_RETURN } from './rules/syscall-pair.js';
import type { Task } from './state/contexts.js';
import type { Gather, Head, Table } from './state/table-life.js';

const CUT =
  'lines may be missing here: two things or more have gone on, at the same time, from where they could not have been';

/** Contradictions remembered at most; each is laid beside all others. */
const MOST = 512;

/** A state that does not follow from the one before: what lies between was not shown, behind `from` and before `to`. */
interface Contradiction extends Window {
  /** What it is a state of: two contradictions of one thing are one. */
  readonly of: object;
}

/**
 * Where the middle of a text was cut out, or lines were picked by what they hold, many things jump at once: page tables and
 * heads begin a life before the last has ended, a task enters a system call within another, numbers of grace periods are
 * left out. One of them may be what a rule is looking for. Two of things that have nothing to do with each other, both
 * over the same stretch, speak of lines that are missing in it: what goes across it is unknown.
 */
export class Contradictions implements Monitor {
  private readonly evidence: Evidence;
  private readonly since = new WeakMap<object, Moment>();
  private readonly gatherOf = new WeakMap<Table, Gather | null>();
  private readonly over = new WeakSet<Gather>();
  private readonly found: Contradiction[] = [];
  private readonly periods = {};
  private lastStart = Number.NaN;

  readonly on = {
    /** kernel/rcu/rcu.h: each start is four above the one before. */
    [OP.GP]: (op: Op): void => {
      if (GP.event(op) !== GP_EVENT.start || !isKnown(GP.seq(op))) return;
      if (GP.seq(op) > this.lastStart + 4) this.jumped(this.periods, this.periods, op);
      this.lastStart = GP.seq(op);
      this.since.set(this.periods, this.now(op));
    },
  };

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  queued(head: Head, _gather: Gather | null, _task: unknown, op: Op): void {
    this.since.set(head, this.now(op));
  }

  queuedTwice(head: Head, again: Op): void {
    this.jumped(head, head, again);
  }

  headReused(head: Head, op: Op): void {
    this.jumped(head, head, op);
  }

  tableRemoved(table: Table, gather: Gather | null, _task: unknown, op: Op): void {
    this.since.set(table, this.now(op));
    this.gatherOf.set(table, gather);
  }

  tableRemovedTwice(table: Table, op: Op): void {
    const gather = this.gatherOf.get(table);
    // One gather takes it twice: nothing can be missing in between.
    if (gather && !this.over.has(gather)) return;
    this.jumped(this.lifeOf(table), table, op);
  }

  tableReused(table: Table, op: Op): void {
    this.jumped(this.lifeOf(table), table, op);
  }

  syscallEntered(task: Task, op: Op): void {
    if (task.key >= 0 && task.syscall >= 0 && !NO_RETURN.test(this.evidence.nameOf(task.syscall)))
      this.jumped(task, task, op);
    this.since.set(task, this.now(op));
  }

  syscallLeft(task: Task, op: Op): void {
    if (task.key >= 0 && task.syscall < 0 && task.syscallSeen) this.jumped(task, task, op);
    this.since.set(task, this.now(op));
  }

  gatherOver(gather: Gather): void {
    this.over.add(gather);
  }

  /** Switches of a CPU that do not fit together. */
  between(from: Moment, to: Moment): void {
    if (this.found.length < MOST) this.found.push({ of: from, from, to });
  }

  end(): void {
    const windows: Window[] = [];
    const { found } = this;
    for (let i = 1; i < found.length; i++)
      for (let k = 0; k < i; k++) {
        const [a, b] = [found[i]!, found[k]!];
        if (a.of === b.of) continue;
        const from = a.from.seq > b.from.seq ? a.from : b.from;
        const to = a.to.seq < b.to.seq ? a.to : b.to;
        if (from.seq < to.seq) windows.push({ from, to });
      }
    if (windows.length > 0) this.evidence.ledger.unseenIn(windows, CUT);
  }

  /** Tables of one batch, or of one gather, end their lives together. */
  private lifeOf(table: Table): object {
    return table.head ?? this.gatherOf.get(table) ?? table;
  }

  private jumped(of: object, which: object, op: Op): void {
    const from = this.since.get(which);
    if (from === undefined || lostSince(this.evidence, from.seq) || this.found.length >= MOST) return;
    this.found.push({ of, from, to: this.now(op) });
  }

  private now(op: Op): Moment {
    return { event: this.evidence.ledger.now, seq: this.evidence.state.seq, ref: op.ref };
  }
}
