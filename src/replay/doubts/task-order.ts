import { OP } from '../../kernel/ops.js';
import { type EvidenceRef, MAX_PID } from '../../timeline/batch.js';
import { FLAG } from '../../timeline/flags.js';
import type { Moment, Window } from './doubtful.js';

/** What a CPU is known to run. */
interface Running {
  /** Task switched to last; -1 not known. */
  next: number;
  /** Task it took over from, which may still show what it does in the switch; -1 none. */
  prev: number;
  /** The last event before another task showed one; null: none did. */
  since: Moment | null;
  /** When `next` was switched to: number of the event, step and place. */
  fromEvent: number;
  fromSeq: number;
  fromRef: EvidenceRef;
  /** Task that showed an event here last. */
  shown: number;
  /** Both tasks of the last switch; -1 none. */
  pair: number;
  /** There was one of other tasks. */
  mixed: boolean;
  /** Switches that fitted the one before. */
  fits: number;
}

/** Another task than the one switched to is switched from. */
export interface Jump {
  /** The last event before it that fits: lines are missing behind it. */
  readonly from: Moment;
  /** The task had shown events before it was switched from, where all switches are recorded. */
  readonly shown: boolean;
}

/** What switch_mm_irqs_off() does as the old task, between sched_switch and the switch (kernel/sched/core.c context_switch()). */
const IN_SWITCH: ReadonlySet<number> = new Set([OP.TLBF, OP.INV, OP.SWMM, OP.SWMMR, OP.other, OP.none]);
const ABOVE_TASK = FLAG.hardirq | FLAG.softirq | FLAG.nmi;
/** Switches of a CPU that fit, from which on all of them are known to be recorded. */
const FITS = 3;
/** Pairs of tasks, and spans of tasks that show nothing, remembered at most: more do not come of a few tasks picked out. */
const MAX_PAIRS = 1 << 12;
const MAX_SPANS = 1 << 16;
/** Spans of others that show nothing, from which on they were left out, and not merely quiet. */
const MIN_SPANS = 2;
/** One span in so many switches at least: of a task that is alone in what is shown, every other one. */
const SWITCHES_PER_SPAN = 8;
/** Share of the switches that are from or to a task that was picked: a child has its parent's name at first. */
const MOST = 0.9;

/**
 * Which task each CPU runs, as `sched_switch` tells: a tracepoint, which no probe can hide and no buffer loses without a mark.
 * Where another task than the one switched to is switched from, lines are missing in between: they were cut out of the text,
 * or others were picked out of it (by task, event or CPU), or they were never recorded (`set_event_pid`, `perf record -p`).
 * That another task only shows an event says less: one `sched_switch` may be all that was recorded of them.
 */
export class TaskOrder {
  private cpus: Running[] = [];
  /** Tasks that show events of their own, beside `sched_switch`. */
  private owners = new Set<number>();
  private count = 0;
  /** How many switches, by previous and next task. */
  private pairs = new Map<number, number>();
  /** While others ran, until then quiet. */
  private spans: (Window & { readonly pid: number })[] = [];

  /** An event under the name of `pid`, behind the event `before` of its CPU. No moment given is kept, only copies. */
  shows(cpu: number, pid: number, kind: number, flags: number, before: Moment): void {
    if (pid < 0) return;
    const at = (this.cpus[cpu] ??= unknown());
    if (at.shown !== pid) this.owners.add((at.shown = pid));
    if (at.next < 0) return;
    if (pid === at.next) at.prev = -1;
    else if (at.since === null && (pid !== at.prev || !inSwitch(kind, flags))) at.since = { ...before };
  }

  /** `sched_switch` on this CPU, behind its event `before`. */
  switches(cpu: number, prev: number, next: number, before: Moment, now: Moment): Jump | null {
    const at = (this.cpus[cpu] ??= unknown());
    this.count++;
    const pair = prev * MAX_PID + next;
    if (this.pairs.size < MAX_PAIRS) this.pairs.set(pair, (this.pairs.get(pair) ?? 0) + 1);
    if (at.next >= 0 && at.next === prev && !this.owners.has(prev) && this.spans.length < MAX_SPANS)
      this.spans.push({
        from: { event: at.fromEvent, seq: at.fromSeq, ref: at.fromRef },
        to: { ...now },
        pid: prev,
      });
    if (at.pair >= 0 && at.pair !== pair) at.mixed = true;
    at.pair = pair;
    // Where all switches are alike others may not have been recorded: they tell nothing.
    const jumps = at.next >= 0 && prev >= 0 && at.next !== prev && at.mixed;
    const jump = jumps
      ? { from: at.since ?? { ...before }, shown: at.since !== null && at.fits >= FITS }
      : null;
    if (at.next >= 0 && at.next === prev) at.fits++;
    at.fromEvent = now.event;
    at.fromSeq = now.seq;
    at.fromRef = now.ref;
    at.prev = prev;
    at.next = next >= 0 ? next : -1;
    at.since = null;
    return jump;
  }

  /**
   * Spans in which others ran, where all that is shown is of tasks that were picked out: nearly every switch is from or to
   * one of them, and nobody else shows anything, nor any interrupt above him. Asked at the end of a capture.
   */
  left(): readonly Window[] {
    const { owners, pairs } = this;
    const spans = this.spans.filter(({ pid }) => !owners.has(pid));
    if (owners.size === 0 || pairs.size >= MAX_PAIRS) return [];
    if (spans.length < MIN_SPANS || spans.length * SWITCHES_PER_SPAN < this.count) return [];
    let theirs = 0;
    for (const [pair, times] of pairs)
      if (owners.has(Math.floor(pair / MAX_PID)) || owners.has(pair % MAX_PID)) theirs += times;
    return theirs >= MOST * this.count ? spans : [];
  }

  /** The capture ends. */
  end(): void {
    this.cpus = [];
    this.owners = new Set();
    this.pairs = new Map();
    this.spans = [];
    this.count = 0;
  }

  /** Nothing is known any more of this CPU, or of any (-1). */
  forget(cpu: number): void {
    if (cpu < 0) this.cpus = [];
    else delete this.cpus[cpu];
  }
}

const unknown = (): Running => ({
  next: -1,
  prev: -1,
  since: null,
  fromEvent: -1,
  fromSeq: -1,
  fromRef: -1,
  shown: -1,
  pair: -1,
  mixed: false,
  fits: 0,
});

function inSwitch(kind: number, flags: number): boolean {
  if ((flags & FLAG.known) === 0) return IN_SWITCH.has(kind);
  return (flags & FLAG.irqsOff) !== 0 && (flags & ABOVE_TASK) === 0;
}
