import type { HistogramBucket } from '../../result/types.js';
import { ExactValues } from './exact-values.js';
import {
  floorLog2,
  LOG_LINEAR_BINS,
  LOG_LINEAR_RELATIVE_ERROR,
  logLinearHigh,
  logLinearIndex,
  logLinearLow,
} from './log-linear.js';

/** Values known exactly (at most 32 MB) before a distribution falls back to bins. */
export const EXACT_LIMIT = 4_000_000;

/** Running sums are moved into a bigint before a double could lose a unit. */
const CARRY = 2 ** 52;
/** Longest duration that can be added (52 days); anything longer is a broken clock. */
export const MAX_DURATION_NS = 2 ** 52;

export interface DistributionState {
  readonly limit: number;
  /** Value, how often, value, how often …, ascending; empty once binned. */
  readonly runs: Float64Array<ArrayBuffer>;
  readonly bins: Float64Array<ArrayBuffer> | null;
  readonly n: number;
  readonly sumLow: number;
  readonly sumHigh: bigint;
  readonly minValue: number;
  readonly maxValue: number;
}

/**
 * Multiset of durations in whole ns, exact up to `limit` values and log-linear bins beyond (relative error
 * `relativeError` on quantiles only: count, sum, min, max and the power-of-two buckets stay exact).
 *
 * Under `merge` distributions form a commutative monoid with the empty one as unit: the state depends on the
 * multiset and the smallest limit alone, never on the order in which values or parts came.
 */
export class Distribution {
  private limit: number;
  private values = new ExactValues();
  private bins: Float64Array<ArrayBuffer> | null = null;
  private n = 0;
  private sumLow = 0;
  private sumHigh = 0n;
  private minValue = Number.POSITIVE_INFINITY;
  private maxValue = Number.NEGATIVE_INFINITY;

  constructor(limit: number = EXACT_LIMIT) {
    this.limit = limit;
  }

  static of(values: Iterable<number>, limit: number = EXACT_LIMIT): Distribution {
    const d = new Distribution(limit);
    for (const v of values) d.add(v);
    return d;
  }

  /** All there is to it, as plain data that another thread can be handed; `restored` is its inverse. */
  state(): DistributionState {
    const { limit, bins, n, sumLow, sumHigh, minValue, maxValue } = this;
    const runs: number[] = [];
    if (bins === null) this.values.forEachRun((value, times) => void runs.push(value, times));
    return { limit, runs: Float64Array.from(runs), bins, n, sumLow, sumHigh, minValue, maxValue };
  }

  static restored({ runs, ...state }: DistributionState): Distribution {
    const d = Object.assign(new Distribution(state.limit), state);
    for (let i = 0; i < runs.length; i += 2) for (let k = 0; k < runs[i + 1]!; k++) d.values.add(runs[i]!);
    return d;
  }

  /** Add one duration; fractions of a ns are rounded. Throws RangeError outside [0, 2^52] ns (52 days). */
  add(valueNs: number): void {
    const v = Math.round(valueNs);
    if (!(v >= 0 && v <= MAX_DURATION_NS)) throw new RangeError(`duration ${valueNs} ns is outside 0..2^52`);
    if (this.bins === null && this.n >= this.limit) this.toBins();
    if (this.bins !== null) {
      const i = logLinearIndex(v);
      this.bins[i] = this.bins[i]! + 1;
    } else this.values.add(v);
    this.n++;
    this.sumLow += v;
    if (this.sumLow >= CARRY) this.carry();
    if (v < this.minValue) this.minValue = v;
    if (v > this.maxValue) this.maxValue = v;
  }

  get count(): number {
    return this.n;
  }

  get sumNs(): bigint {
    return this.sumHigh + BigInt(this.sumLow);
  }

  /** NaN when empty. */
  get meanNs(): number {
    return this.n === 0 ? Number.NaN : Number(this.sumNs) / this.n;
  }

  /** NaN when empty. */
  get minNs(): number {
    return this.n === 0 ? Number.NaN : this.minValue;
  }

  /** NaN when empty. */
  get maxNs(): number {
    return this.n === 0 ? Number.NaN : this.maxValue;
  }

  /** Every value is still known. */
  get exact(): boolean {
    return this.bins === null;
  }

  /** Largest relative error of a quantile: 0 while exact. */
  get relativeError(): number {
    return this.bins === null ? 0 : LOG_LINEAR_RELATIVE_ERROR;
  }

  /**
   * Nearest rank: the ⌈q·N⌉-th smallest value, `q` in [0, 1] (q = 0 gives the smallest). NaN when empty.
   * From bins: the upper end of the bin of that rank, never above the maximum.
   */
  quantile(q: number): number {
    if (this.n === 0) return Number.NaN;
    const rank = nearestRank(q, this.n);
    if (this.bins === null) return this.values.at(rank);
    let before = 0;
    for (let i = logLinearIndex(this.minValue); ; i++) {
      before += this.bins[i]!;
      if (before >= rank) return Math.min(logLinearHigh(i), this.maxValue);
    }
  }

  /** The values in ascending order (a view: do not change); null once they are binned. */
  sortedValues(): Float64Array | null {
    return this.bins === null ? this.values.ascending() : null;
  }

  /**
   * Values in ascending order with how often each occurs. Once binned: the low end of each bin, which is at most
   * 2^-11 below the value and never in another power of two.
   */
  forEachRun(visit: (value: number, times: number) => void): void {
    if (this.bins !== null) {
      for (const [index, count] of this.occupiedBins()) visit(logLinearLow(index), count);
      return;
    }
    this.values.forEachRun(visit);
  }

  /** Counts by power of two, `[0, 1) [1, 2) [2, 4) …`, from the first to the last that is not zero. Exact. */
  powerOfTwoBuckets(): HistogramBucket[] {
    if (this.n === 0) return [];
    const counts = new Float64Array(54);
    if (this.bins === null) {
      this.values.forEachRun((value, times) => {
        counts[octave(value)]! += times;
      });
    } else {
      const last = logLinearIndex(this.maxValue);
      for (let i = logLinearIndex(this.minValue); i <= last; i++) {
        counts[octave(logLinearLow(i))]! += this.bins[i]!;
      }
    }
    const buckets: HistogramBucket[] = [];
    for (let i = octave(this.minValue); i <= octave(this.maxValue); i++) {
      buckets.push({ lowNs: i === 0 ? 0 : 2 ** (i - 1), highNs: 2 ** i, count: counts[i]! });
    }
    return buckets;
  }

  /** Add every value of `other` to this one. `other` is not changed. */
  merge(other: Distribution): this {
    const total = this.n + other.n;
    this.limit = Math.min(this.limit, other.limit);
    if (total > this.limit) {
      if (this.bins === null) this.toBins();
      addBins(this.bins!, other);
    } else {
      this.values.addAll(other.values);
    }
    this.n = total;
    this.sumLow += other.sumLow;
    this.sumHigh += other.sumHigh;
    if (this.sumLow >= CARRY) this.carry();
    this.minValue = Math.min(this.minValue, other.minValue);
    this.maxValue = Math.max(this.maxValue, other.maxValue);
    return this;
  }

  /** Bin index and count of every occupied bin, ascending; how parts of a run hand a distribution over. */
  occupiedBins(): [index: number, count: number][] {
    const bins = this.bins ?? new Float64Array(LOG_LINEAR_BINS);
    if (this.bins === null) addBins(bins, this);
    const out: [number, number][] = [];
    for (let i = 0; i < bins.length; i++) if (bins[i]! > 0) out.push([i, bins[i]!]);
    return out;
  }

  private carry(): void {
    this.sumHigh += BigInt(this.sumLow);
    this.sumLow = 0;
  }

  private toBins(): void {
    const bins = new Float64Array(LOG_LINEAR_BINS);
    addBins(bins, this);
    this.bins = bins;
    this.values = new ExactValues();
  }

  /** @internal Adds this distribution's counts to `into`; a method so that `merge` reaches the other's state. */
  addTo(into: Float64Array): void {
    if (this.bins !== null) {
      for (let i = 0; i < into.length; i++) into[i] = into[i]! + this.bins[i]!;
      return;
    }
    this.values.forEachRun((value, times) => {
      const k = logLinearIndex(value);
      into[k] = into[k]! + times;
    });
  }
}

/** Nearest rank ⌈q·N⌉ in 1..N; the product's rounding error must not push an exact rank up by one. */
export function nearestRank(q: number, n: number): number {
  const rank = Math.ceil(q * n * (1 - 2 ** -50));
  return Math.min(n, Math.max(1, rank));
}

function octave(v: number): number {
  return v === 0 ? 0 : floorLog2(v) + 1;
}

function addBins(into: Float64Array, from: Distribution): void {
  from.addTo(into);
}
