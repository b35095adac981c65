import { GRACE_PERIOD as GP } from '../../kernel/operands.js';
import { GP_EVENT, OP, type Op } from '../../kernel/ops.js';
import { isKnown } from '../../timeline/is-known.js';
import { type Evidence, lostSince } from '../evidence.js';
import type { Monitor } from '../monitor.js';
import { NO_RETURN } from '../rules/syscall-pair.js';
import type { Task } from '../state/contexts.js';
import type { Head, Table } from '../state/table-life.js';
import type { Latest, Moment, Window } from './doubtful.js';
import { queuedAt, removedAt } from './moments.js';

const CUT =
  'lines may be missing here: two things or more have gone on, at the same time, from where they could not have been';

/** Contradictions remembered at most; each is laid beside all others. */
const MOST = 512;

/** A state that does not follow from the one before: what lies between was not shown, behind `from` and before `to`. */
interface Contradiction extends Window {
  /** What it is a state of, a gather by its `gbSeq`: two contradictions of one thing are one. */
  readonly of: object | number;
}

/**
 * Where the middle of a text was cut out, or lines were picked by what they hold, many things jump at once: page tables and
 * heads begin a life before the last has ended, a task enters a system call within another, numbers of grace periods are
 * left out. One of them may be what a rule is looking for. Two of things that have nothing to do with each other, both
 * over the same stretch, speak of lines that are missing in it: what goes across it is unknown.
 */
export class Contradictions implements Monitor {
  private readonly evidence: Evidence;
  /** By task: its last entry of a system call, or return from one. */
  private readonly calls = new Map<number, Latest>();
  private readonly found: Contradiction[] = [];
  private readonly periods = {};
  private lastStart: Latest | null = null;
  private startSeq = Number.NaN;

  readonly on = {
    /** kernel/rcu/rcu.h: each start is four above the one before. */
    [OP.GP]: (op: Op): void => {
      if (GP.event(op) !== GP_EVENT.start || !isKnown(GP.seq(op))) return;
      if (this.lastStart && GP.seq(op) > this.startSeq + 4)
        this.jumped(this.periods, { ...this.lastStart }, op);
      this.startSeq = GP.seq(op);
      this.lastStart = this.latest(this.lastStart, op);
    },
  };

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  queuedTwice(head: Head, again: Op): void {
    this.jumped(head, queuedAt(head), again);
  }

  headReused(head: Head, op: Op): void {
    this.jumped(head, queuedAt(head), op);
  }

  tableRemovedTwice(table: Table, op: Op): void {
    // One gather takes it twice: nothing can be missing in between.
    if (table.trSeq === 0 || this.isOpen(table.trGather)) return;
    this.jumped(lifeOf(table), removedAt(table), op);
  }

  tableReused(table: Table, op: Op): void {
    if (table.trSeq > 0) this.jumped(lifeOf(table), removedAt(table), op);
  }

  syscallEntered(task: Task, op: Op): void {
    const inside = task.key >= 0 && task.syscall >= 0 && !NO_RETURN.test(this.evidence.nameOf(task.syscall));
    this.called(task, inside, op);
  }

  syscallLeft(task: Task, op: Op): void {
    this.called(task, task.key >= 0 && task.syscall < 0 && task.syscallSeen, op);
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

  /** `gbSeq`: of a gather. */
  private isOpen(gbSeq: number): boolean {
    if (gbSeq === 0) return false;
    for (const { gather, outer } of this.evidence.state.tasks.values())
      if (gather?.gbSeq === gbSeq || outer.some((g) => g.gbSeq === gbSeq)) return true;
    return false;
  }

  private called(task: Task, jumped: boolean, op: Op): void {
    const before = this.calls.get(task.key);
    if (jumped && before) this.jumped(task, { ...before }, op);
    const now = this.latest(before ?? null, op);
    if (!before) this.calls.set(task.key, now);
  }

  private jumped(of: object | number, from: Moment, op: Op): void {
    if (this.found.length >= MOST || lostSince(this.evidence, from.seq)) return;
    this.found.push({ of, from, to: this.latest(null, op) });
  }

  /** This moment, written over `old`. */
  private latest(old: Latest | null, op: Op): Latest {
    const now = old ?? { event: 0, seq: 0, ref: -1 };
    now.event = this.evidence.state.event;
    now.seq = this.evidence.state.seq;
    now.ref = op.ref;
    return now;
  }
}

/** Tables of one batch, or of one gather, end their lives together. */
const lifeOf = (table: Table): object | number => table.head ?? (table.trGather > 0 ? table.trGather : table);
