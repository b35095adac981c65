import { CALLBACK, SYSCALL } from '../../kernel/operands.js';
import { isTableFunc, OP, type Op } from '../../kernel/ops.js';
import { type Evidence, lostSince, syscallKind } from '../evidence.js';
import type { Monitor, OpListeners } from '../monitor.js';
import { releasesTables } from '../rules/remove-once.js';
import { NO_RETURN } from '../rules/syscall-pair.js';
import type { Cpu, Task } from '../state/contexts.js';
import { mayBeUnnamed } from '../state/queued-funcs.js';
import type { Head, Table } from '../state/table-life.js';
import { type Latest, type Moment, WHOLE_STEPS, type Window } from './doubtful.js';
import { queuedAt, removedAt } from './moments.js';
import { isOfFlush, type UnseenNumbers } from './unseen-numbers.js';

const CUT =
  'lines may be missing here: two things or more have gone on, at the same time, from where they could not have been';

const ALL_ALONG =
  'lines are missing all along this recording: again and again things go on from where they could not have been';

/** Contradictions remembered at most; each is laid beside all others. */
const MOST = 512;
/** So many that no kernel can be the cause of say that lines were left out all along, not at one place. */
const MANY = 6;
/** And one in so many operations at least: a few in hours of recording are places of their own. */
const RARE = 5000;
/** A switch from a task that does not run counts for so many: nothing but `sched_switch` is asked. */
const BY_SWITCH = 2;

/** A state that does not follow from the one before: what lies between was not shown, behind `from` and before `to`. */
interface Contradiction extends Window {
  /** What it is a state of, a gather by its `gbSeq`: two contradictions of one thing are one. */
  readonly of: object | number;
  /** Told by what a log leaves out that shows a single order, and not all around it. */
  readonly byNumbers: boolean;
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
  private readonly unseen: UnseenNumbers;
  private readonly flushes = {};
  private readonly callbacks = {};
  /** Heads and tables of which anything was found. */
  private readonly lives = new Set<object | number>();
  /** Weight of those that no kernel can be the cause of. */
  private impossible = 0;
  /** Lives that count in it. */
  private readonly unreleased = new Set<object | number>();
  private readonly begin: Moment;
  /** Callbacks of `callbacks`. */
  private unqueued = 0;
  /** By CPU: when the last head that has run there was queued. */
  private readonly ran: Moment[] = [];

  readonly on: OpListeners = {
    [OP.GP]: (op) => {
      const { period } = this.unseen;
      if (period) this.jumped(this.periods, period.from, op, !period.byStart);
    },
    [OP.FMULTI]: (op) => this.generation(op),
    [OP.INV]: (op) => this.generation(op),
  };

  constructor(evidence: Evidence, unseen: UnseenNumbers) {
    this.evidence = evidence;
    this.unseen = unseen;
    this.begin = { event: evidence.ledger.now, seq: 0, ref: -1 };
  }

  queuedTwice(head: Head, again: Op): void {
    this.livesOn(head, queuedAt(head), again);
  }

  headReused(head: Head, op: Op): void {
    if (op.kind !== OP.FREE) this.notReleased(head);
    this.livesOn(head, queuedAt(head), op);
  }

  tableRemovedTwice(table: Table, op: Op): void {
    // One gather takes it twice: nothing can be missing in between.
    if (table.trSeq === 0 || this.isOpen(table.trGather)) return;
    this.livesOn(lifeOf(table), removedAt(table), op);
  }

  tableReused(table: Table, op: Op): void {
    if (table.trSeq === 0) return;
    this.notReleased(lifeOf(table));
    this.livesOn(lifeOf(table), removedAt(table), op);
  }

  /** Only what was allocated is released: that, and all that it was since, is not shown. */
  tableFreedTwice(table: Table, task: Task, cpu: Cpu | null, op: Op): void {
    const { evidence } = this;
    if (table.trSeq === 0 || evidence.coverage.shown(OP.ALLOC) === 0) return;
    if (!releasesTables(evidence, table, task, cpu, op)) return;
    this.jumped(lifeOf(table), { event: table.trEvent, seq: table.freeSeq, ref: table.freeRef }, op);
  }

  syscallEntered(task: Task, op: Op): void {
    const inside = task.key >= 0 && task.syscall >= 0 && !NO_RETURN.test(this.evidence.nameOf(task.syscall));
    this.called(task, inside, op);
  }

  syscallLeft(task: Task, op: Op): void {
    const other = task.syscall < 0 ? task.syscallSeen : task.syscall !== SYSCALL.id(op);
    this.called(task, task.key >= 0 && other, op, task.syscall >= 0);
  }

  callbackRan(head: Head, cpu: Cpu | null): void {
    if (cpu && isTableFunc(head.func)) this.ran[cpu.id] = queuedAt(head);
  }

  /** Those of one CPU run in the order in which they were queued: this one was, behind the last. One that ran before is of one thing. */
  callbackUnmatched(previous: Head | null, cpu: Cpu | null, op: Op): void {
    const from = !previous && cpu && cpu.matchedSeq > 0 ? this.ran[cpu.id] : undefined;
    const func = CALLBACK.func(op);
    if (from && isTableFunc(func) && !mayBeUnnamed(this.evidence.state, func))
      this.unqueued += this.jumped(this.callbacks, from, op, true);
  }

  /** Switches of a CPU that do not fit together. */
  between(from: Moment, to: Moment): void {
    this.impossible += BY_SWITCH;
    if (this.found.length < MOST) this.found.push({ of: from, from, to, byNumbers: false });
  }

  end(): void {
    const windows: Window[] = [];
    const whole = this.evidence.state.seq >= WHOLE_STEPS;
    const found = this.found.filter(({ byNumbers }) => whole || !byNumbers);
    for (let i = 1; i < found.length; i++)
      for (let k = 0; k < i; k++) {
        const [a, b] = [found[i]!, found[k]!];
        if (a.of === b.of || this.sameLife(a.of, b.of)) continue;
        const from = a.from.seq > b.from.seq ? a.from : b.from;
        const to = a.to.seq < b.to.seq ? a.to : b.to;
        if (from.seq < to.seq) windows.push({ from, to });
      }
    if (this.allAlong) this.doubtAll();
    else if (windows.length > 0) this.evidence.ledger.unseenIn(windows, CUT);
  }

  /** What is said of the recording as a whole is said only now. */
  recordingEnded(): void {
    if (this.allAlong) this.doubtAll();
  }

  private get allAlong(): boolean {
    const { seq } = this.evidence.state;
    return seq >= WHOLE_STEPS && this.impossible >= MANY && this.impossible * RARE >= seq;
  }

  private doubtAll(): void {
    this.evidence.ledger.unseenIn([{ from: this.begin, to: FOREVER }], ALL_ALONG);
  }

  /** The allocator gives out again what was not shown to come back: kernel/mm/page_alloc.c has one place where pages do. */
  private notReleased(life: object | number): void {
    if (this.evidence.coverage.shown(OP.FREE) === 0 || this.unreleased.has(life)) return;
    if (this.unreleased.size < MOST) this.unreleased.add(life);
    this.impossible++;
  }

  /** One callback that was never queued may be that of a head, or of a batch of tables, which is what is wrong. */
  private sameLife(a: object | number, b: object | number): boolean {
    if (this.unqueued > 1) return false;
    return (a === this.callbacks && this.lives.has(b)) || (b === this.callbacks && this.lives.has(a));
  }

  /** `gbSeq`: of a gather. */
  private isOpen(gbSeq: number): boolean {
    if (gbSeq === 0) return false;
    for (const { gather, outer } of this.evidence.state.tasks.values())
      if (gather?.gbSeq === gbSeq || outer.some((g) => g.gbSeq === gbSeq)) return true;
    return false;
  }

  private generation(op: Op): void {
    // Of a model's flushes not every one is a request.
    if (this.evidence.exactClock || !isOfFlush(op)) return;
    const { flush } = this.unseen;
    if (flush) this.jumped(this.flushes, flush, op, true);
  }

  private called(task: Task, jumped: boolean, op: Op, byNumbers = false): void {
    const before = this.calls.get(task.key);
    // Of a call whose other end is not recorded the next one tells nothing.
    const { syscalls } = this.evidence;
    const end = syscallKind(op.kind === OP.SX ? SYSCALL.id(op) : task.syscall, op.kind !== OP.SX);
    if (jumped && before && syscalls.shown(end) > 0) this.impossible++;
    if (jumped && before) this.jumped(task, { ...before }, op, byNumbers);
    const now = this.latest(before ?? null, op);
    if (!before) this.calls.set(task.key, now);
  }

  private livesOn(of: object | number, from: Moment, op: Op): void {
    if (this.found.length < MOST) this.lives.add(of);
    this.jumped(of, from, op);
  }

  /** How many were remembered. */
  private jumped(of: object | number, from: Moment, op: Op, byNumbers = false): number {
    if (this.found.length >= MOST || lostSince(this.evidence, from.seq)) return 0;
    this.found.push({ of, from, to: this.latest(null, op), byNumbers });
    return 1;
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

const FOREVER: Moment = { event: Infinity, seq: Infinity, ref: Infinity };

/** Tables of one batch, or of one gather, end their lives together. */
const lifeOf = (table: Table): object | number => table.head ?? (table.trGather > 0 ? table.trGather : table);
