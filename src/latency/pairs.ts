import { MAX_DURATION_NS } from './histogram/distribution.js';
import { MAX_DEPTH, NONE, OpenPairs } from './open-pairs.js';

/**
 * `single`: one open span per key; a second begin replaces the first, as `@start[tid] = nsecs` does.
 * `nested`: spans of a key lie inside each other, the innermost ends first (functions that may recurse).
 */
export type Discipline = 'single' | 'nested';

/**
 * Whose lost events make a span unsure. `thread`: those of the CPUs its thread was seen on while it was open (rows of
 * other events tell, see `touch`); `everywhere`: of any CPU, for spans that may end anywhere.
 */
export type LossScope = 'thread' | 'everywhere';

/** Why a span has no duration. `evicted`: too many were open at once. */
export type Cut = 'start' | 'end' | 'loss' | 'evicted';

export interface PairOptions {
  readonly discipline: Discipline;
  readonly scope: LossScope;
  /** Spans open at once, default 2^20. */
  readonly maxOpen?: number;
}

/** Told of begins that never got an end; the columns of `open` at `slot` say which. */
export type CutSink = (open: OpenPairs, slot: number, why: Cut) => void;

/** What an end was. `unmatched`: no begin is open (its cut is `start`, or `loss` after a loss). */
export const ENDED = { span: 0, unmatched: 1, cut: 2, badClock: 3 } as const;

/**
 * Pairs begins with ends by key. Keys are numbers; who ends what is up to the caller.
 *
 * A span is censored (reported as cut, never as a duration) when its begin or end lies outside the recording or the
 * segment, or when events were lost while it was open where they could have been its own (`LossScope`): begin and end
 * seen need then not belong together.
 */
export class PairMatcher {
  readonly open = new OpenPairs();
  /** Of the last `end`: duration in ns (`span` only), why it was cut, tag, start stamp of the begin. */
  durationNs = 0;
  cut: Cut = 'start';
  tag = 0;
  /** A second begin of a key with an open span (`single`): the first was dropped. */
  restarted = 0;
  /** End stamped before its begin, or 52 days after it. */
  badClock = 0;
  private readonly nested: boolean;
  private readonly everywhere: boolean;
  private readonly maxOpen: number;
  private readonly onCut: CutSink;
  private lossSeq = new Float64Array(64);
  private historySeq = new Float64Array(64);
  private lossAnywhere = 0;
  private lastLoss = 0;
  private lastHistory = 0;
  private seq = 0;
  private lossSeen = false;

  constructor(options: PairOptions, onCut: CutSink) {
    this.nested = options.discipline === 'nested';
    this.everywhere = options.scope === 'everywhere';
    this.maxOpen = options.maxOpen ?? 2 ** 20;
    this.onCut = onCut;
  }

  /** Returns the slot of the new span; fill its other columns. */
  begin(key: number, tsNs: number, cpu: number): number {
    const { open } = this;
    const slot = open.find(key);
    if (slot !== NONE && !this.nested) {
      open.touchSlot(slot, cpu);
      const why = this.cutBy(slot);
      if (why === null) this.restarted++;
      else this.onCut(open, slot, why);
      open.close(slot);
    } else if (slot !== NONE && open.depth(key) >= MAX_DEPTH) {
      let outermost = slot;
      while (open.outer(outermost) !== NONE) outermost = open.outer(outermost);
      this.give(outermost, 'evicted');
    }
    if (open.count >= this.maxOpen) this.give(open.oldest, 'evicted');
    return open.open(key, tsNs, this.seq, cpu);
  }

  /** Ends the innermost span of `key`; see `ENDED`. Sets `durationNs`, `cut`, `tag`. */
  end(key: number, tsNs: number, cpu: number): number {
    const { open } = this;
    const slot = open.find(key);
    if (slot === NONE) {
      this.cut = this.lossSeen ? 'loss' : 'start';
      return ENDED.unmatched;
    }
    open.touchSlot(slot, cpu);
    const why = this.cutBy(slot);
    this.durationNs = tsNs - open.startNs[slot]!;
    this.tag = open.tag[slot]!;
    open.close(slot);
    if (why !== null) {
      this.cut = why;
      return ENDED.cut;
    }
    if (this.durationNs >= 0 && this.durationNs <= MAX_DURATION_NS) return ENDED.span;
    this.badClock++;
    return ENDED.badClock;
  }

  /** The thread (key) was seen on `cpu`. */
  touch(key: number, cpu: number): void {
    if (this.open.count > 0) this.open.touch(key, cpu);
  }

  /** Events were lost on `cpu` (-1: on some CPU) before this point. */
  lost(cpu: number): void {
    this.seq++;
    this.lossSeen = true;
    this.lastLoss = this.seq;
    if (cpu < 0) this.lossAnywhere = this.seq;
    else this.lossSeq = stamped(this.lossSeq, cpu, this.seq);
  }

  /** The history of `cpu` begins here. */
  bufferStart(cpu: number): void {
    this.seq++;
    this.lastHistory = this.seq;
    if (cpu >= 0) this.historySeq = stamped(this.historySeq, cpu, this.seq);
  }

  /** A new capture starts: open spans end here, unpaired. */
  segment(): void {
    this.finish();
    this.lossSeen = false;
  }

  /** End of the recording. Idempotent. */
  finish(): void {
    while (this.open.count > 0) {
      const slot = this.open.oldest;
      this.give(slot, this.cutBy(slot) ?? 'end');
    }
  }

  private give(slot: number, why: Cut): void {
    this.onCut(this.open, slot, why);
    this.open.close(slot);
  }

  private cutBy(slot: number): 'loss' | 'start' | null {
    const since = this.open.startSeq[slot]!;
    if (this.seq === since) return null;
    if (this.lossAnywhere > since) return 'loss';
    if (this.everywhere || this.open.manyCpus[slot] === 1) {
      if (this.lastLoss > since) return 'loss';
      return this.lastHistory > since ? 'start' : null;
    }
    if (this.open.latestOn(slot, this.lossSeq) > since) return 'loss';
    return this.open.latestOn(slot, this.historySeq) > since ? 'start' : null;
  }
}

/** `column[cpu] = seq`, in a longer copy where needed. Broken CPU numbers must not eat memory. */
function stamped(column: Float64Array<ArrayBuffer>, cpu: number, seq: number): Float64Array<ArrayBuffer> {
  if (cpu >= 1 << 16) return column;
  if (cpu >= column.length) {
    const bigger = new Float64Array(Math.max(cpu + 1, column.length * 2));
    bigger.set(column);
    column = bigger;
  }
  column[cpu] = seq;
  return column;
}
