import { nearestRank } from '../histogram/distribution.js';
import { blocksOf, blocksWith } from './blocks.js';
import type { Random } from './resampling.js';
import { normalQuantile, studentCritical } from './special-functions.js';

/** A number with its confidence interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface BootstrapShift {
  readonly q: number;
  /** Of b against a. */
  readonly ratio: Estimate;
  readonly differenceNs: Estimate;
  /** Blocks that hold a call beyond the quantile, on the side that has fewer: what the interval rests on. */
  readonly blocksBeyond: number;
}

export interface BootstrapShifts {
  readonly quantiles: readonly BootstrapShift[];
  readonly mean: {
    readonly ratio: Estimate;
    readonly differenceNs: Estimate;
    /** Largest part that a single call has in the sum of squared distances from the mean of its side. */
    readonly longest: number;
  };
  readonly a12: Estimate;
  /** Ratio of the parts of the calls of at least `fromNs`; value NaN where a side has none. */
  readonly shares: readonly {
    readonly fromNs: number;
    readonly ratio: Estimate;
    /** As for quantiles. */
    readonly blocksBeyond: number;
  }[];
  readonly rounds: number;
  readonly blockA: number;
  readonly blockB: number;
}

/** Work bound: values drawn in all rounds together. */
const MAX_DRAWS = 2e8;
const MAX_ROUNDS = 1000;
const MIN_ROUNDS = 200;

/**
 * Circular block bootstrap (Politis & Romano 1992) of everything a comparison needs at once, from calls in the order
 * they ended; blocks keep the correlation of neighbours (`blockLength`). Percentile intervals, widened by what blocks of
 * that length lose of the correlation. Values are replaced by their ranks first, so a round counts instead of sorting.
 * Null for an empty side.
 */
export function bootstrapShifts(
  a: Float64Array,
  b: Float64Array,
  quantiles: readonly number[],
  random: Random,
  alpha = 0.05,
  thresholdsNs: readonly number[] = [],
): BootstrapShifts | null {
  if (a.length === 0 || b.length === 0) return null;
  const values = distinct(a, b);
  const ra = ranks(a, values);
  const rb = ranks(b, values);
  const rounds = Math.max(MIN_ROUNDS, Math.min(MAX_ROUNDS, Math.floor(MAX_DRAWS / (a.length + b.length))));
  const [ofA, ofB] = [blocksOf(ra), blocksOf(rb)];
  const [blockA, blockB] = [ofA.length, ofB.length];
  const wider =
    Math.max(ofA.wider, ofB.wider) *
    Math.max(fewBlocks(a.length / blockA, alpha), fewBlocks(b.length / blockB, alpha));
  const ascending = [...quantiles].sort((x, y) => x - y);
  const starts = thresholdsNs.map((t) => firstAtLeast(values, t));
  const drawn = new Rounds(values, a.length, b.length, ascending, starts, rounds);
  const point = drawn.observed(ra, rb);
  for (let k = 0; k < rounds; k++) {
    draw(ra, drawn.ca, blockA, random);
    draw(rb, drawn.cb, blockB, random);
    drawn.take(k);
  }
  const ratioOf = (value: number, column: Float64Array): Estimate =>
    widened(percentile(value, column, alpha), wider, true);
  const differenceOf = (value: number, column: Float64Array): Estimate =>
    widened(percentile(value, column, alpha), wider, false);
  const fewest = (beyond: (rank: number) => boolean): number =>
    Math.min(blocksWith(ra, blockA, beyond), blocksWith(rb, blockB, beyond));
  return {
    quantiles: ascending.map((q, i) => ({
      q,
      ratio: ratioOf(point.ratio[i]!, drawn.ratio[i]!),
      differenceNs: differenceOf(point.difference[i]!, drawn.difference[i]!),
      blocksBeyond: Math.min(
        blocksWith(ra, blockA, beyondOf(ra, q)),
        blocksWith(rb, blockB, beyondOf(rb, q)),
      ),
    })),
    mean: {
      ratio: ratioOf(point.meanRatio, drawn.meanRatio),
      differenceNs: differenceOf(point.meanDifference, drawn.meanDifference),
      longest: Math.max(partOfOne(a), partOfOne(b)),
    },
    a12: differenceOf(point.a12, drawn.a12),
    shares: thresholdsNs.map((fromNs, i) => ({
      fromNs,
      ratio: ratioOf(point.shares[i]!, drawn.shares[i]!),
      blocksBeyond: fewest((rank) => rank >= starts[i]!),
    })),
    rounds,
    blockA,
    blockB,
  };
}

/** What each round gives, a column a statistic. Arrays are made once: a round allocates nothing. */
class Rounds {
  /** How often each value stands in the round, on either side. */
  readonly ca: Float64Array;
  readonly cb: Float64Array;
  readonly ratio: Float64Array[];
  readonly difference: Float64Array[];
  readonly meanRatio: Float64Array;
  readonly meanDifference: Float64Array;
  readonly a12: Float64Array;
  readonly shares: Float64Array[];
  private readonly values: Float64Array;
  private readonly nA: number;
  private readonly nB: number;
  private readonly starts: readonly number[];
  private readonly ranksA: number[];
  private readonly ranksB: number[];
  private readonly qa: Float64Array;
  private readonly qb: Float64Array;

  constructor(
    values: Float64Array,
    nA: number,
    nB: number,
    quantiles: readonly number[],
    starts: readonly number[],
    rounds: number,
  ) {
    const n = quantiles.length;
    this.values = values;
    this.nA = nA;
    this.nB = nB;
    this.starts = starts;
    this.ca = new Float64Array(values.length);
    this.cb = new Float64Array(values.length);
    this.ranksA = quantiles.map((q) => nearestRank(q, nA));
    this.ranksB = quantiles.map((q) => nearestRank(q, nB));
    this.ratio = columns(n, rounds);
    this.difference = columns(n, rounds);
    this.meanRatio = new Float64Array(rounds);
    this.meanDifference = new Float64Array(rounds);
    this.a12 = new Float64Array(rounds);
    this.qa = new Float64Array(n);
    this.qb = new Float64Array(n);
    this.shares = columns(starts.length, rounds);
  }

  /** Statistics of the calls themselves, by their ranks. */
  observed(ra: Uint32Array, rb: Uint32Array): Observed {
    for (let i = 0; i < ra.length; i++) this.ca[ra[i]!]!++;
    for (let i = 0; i < rb.length; i++) this.cb[rb[i]!]!++;
    this.take(0);
    return {
      ratio: this.ratio.map((c) => c[0]!),
      difference: this.difference.map((c) => c[0]!),
      meanRatio: this.meanRatio[0]!,
      meanDifference: this.meanDifference[0]!,
      a12: this.a12[0]!,
      shares: this.shares.map((c) => c[0]!),
    };
  }

  /** Round `k`, of what `ca` and `cb` count. */
  take(k: number): void {
    const { ca, cb, qa, qb, nA, nB, starts } = this;
    const ma = walk(ca, this.values, nA, this.ranksA, qa);
    const mb = walk(cb, this.values, nB, this.ranksB, qb);
    for (let i = 0; i < qa.length; i++) {
      this.ratio[i]![k] = qb[i]! / qa[i]!;
      this.difference[i]![k] = qb[i]! - qa[i]!;
    }
    this.meanRatio[k] = mb / ma;
    this.meanDifference[k] = mb - ma;
    this.a12[k] = superior(ca, cb, nA, nB);
    for (let i = 0; i < starts.length; i++) {
      this.shares[i]![k] = from(cb, starts[i]!) / nB / (from(ca, starts[i]!) / nA);
    }
  }
}

interface Observed {
  readonly ratio: readonly number[];
  readonly difference: readonly number[];
  readonly meanRatio: number;
  readonly meanDifference: number;
  readonly a12: number;
  readonly shares: readonly number[];
}

/**
 * What resampling few blocks lacks against Student's interval of as many means: the normal quantile for his, and the
 * variance about their own mean.
 */
function fewBlocks(blocks: number, alpha: number): number {
  if (blocks < 3) return 1;
  const few = studentCritical(alpha, blocks - 1) / normalQuantile(1 - alpha / 2);
  return few * Math.sqrt(blocks / (blocks - 1));
}

function widened({ value, low, high }: Estimate, wider: number, ratio: boolean): Estimate {
  // What is 0, infinite or not a number has no logarithm to widen.
  if (ratio && !(value > 0 && low > 0 && Number.isFinite(high))) return { value, low, high };
  if (ratio) return { value, low: value * (low / value) ** wider, high: value * (high / value) ** wider };
  return { value, low: value - (value - low) * wider, high: value + (high - value) * wider };
}

/** Beyond the quantile, on its rarer side. */
function beyondOf(ranks: Uint32Array, q: number): (rank: number) => boolean {
  const at = Uint32Array.from(ranks).sort()[nearestRank(q, ranks.length) - 1]!;
  return q >= 0.5 ? (rank) => rank > at : (rank) => rank < at;
}

function partOfOne(values: Float64Array): number {
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  let [sum, most] = [0, 0];
  for (const v of values) {
    const square = (v - mean) ** 2;
    sum += square;
    most = Math.max(most, square);
  }
  return sum === 0 ? 0 : most / sum;
}

const columns = (n: number, rounds: number): Float64Array[] =>
  Array.from({ length: n }, () => new Float64Array(rounds));

function distinct(a: Float64Array, b: Float64Array): Float64Array {
  const all = new Float64Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  all.sort();
  let n = 0;
  for (let i = 0; i < all.length; i++) if (i === 0 || all[i] !== all[n - 1]) all[n++] = all[i]!;
  return all.subarray(0, n);
}

function ranks(values: Float64Array, sorted: Float64Array): Uint32Array {
  const out = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = firstAtLeast(sorted, values[i]!);
  return out;
}

/** Index of the first of the ascending values that is at least `v`; their number if none is. */
export function firstAtLeast(sorted: Float64Array, v: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < v) low = middle + 1;
    else high = middle;
  }
  return low;
}

function from(counts: Float64Array, start: number): number {
  let n = 0;
  for (let i = start; i < counts.length; i++) n += counts[i]!;
  return n;
}

function draw(from: Uint32Array, counts: Float64Array, block: number, random: Random): void {
  counts.fill(0);
  const n = from.length;
  for (let i = 0; i < n; ) {
    let at = Math.floor(random() * n);
    for (let k = 0; k < block && i < n; k++, i++) {
      counts[from[at]!]!++;
      at = at + 1 === n ? 0 : at + 1;
    }
  }
}

/** Fills `out` with the values of the ascending `ranks`; returns the mean. */
function walk(
  counts: Float64Array,
  values: Float64Array,
  n: number,
  ranks: readonly number[],
  out: Float64Array,
): number {
  let seen = 0;
  let sum = 0;
  let next = 0;
  for (let i = 0; i < counts.length; i++) {
    const c = counts[i]!;
    if (c === 0) continue;
    seen += c;
    sum += c * values[i]!;
    while (next < ranks.length && ranks[next]! <= seen) out[next++] = values[i]!;
  }
  return sum / n;
}

function superior(a: Float64Array, b: Float64Array, na: number, nb: number): number {
  let below = 0;
  let u = 0;
  for (let i = 0; i < a.length; i++) {
    u += b[i]! * (below + a[i]! / 2);
    below += a[i]!;
  }
  return u / (na * nb);
}

function percentile(value: number, drawn: Float64Array, alpha: number): Estimate {
  const sorted = drawn.slice().sort();
  const at = (p: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))]!;
  return { value, low: at(alpha / 2), high: at(1 - alpha / 2) };
}
