import { UsageError } from '../../result/usage-error.js';
import type { Estimate } from './bootstrap-shifts.js';
import { studentCritical } from './special-functions.js';
import { criticalOfTwo } from './two-variances.js';

/** One number per run: the run, not the call, is the unit of evidence (Kalibera & Jones 2013, sections 6 and 7). */
export interface RunValues {
  readonly values: readonly number[];
  /** Smallest step the number can take in that run; its rounding error is a part of the spread. */
  readonly resolution: readonly number[];
}

/** Variance of a number rounded to whole steps: step² / 12. */
const ROUNDING = 1 / 12;

export interface Moments {
  readonly n: number;
  readonly mean: number;
  /** Between runs, unbiased; at least that of the rounding. 0 for one run. */
  readonly variance: number;
}

export function momentsOf(x: RunValues): Moments {
  const n = x.values.length;
  const mean = x.values.reduce((s, v) => s + v, 0) / n;
  const step = Math.max(0, ...x.resolution);
  const floor = step * step * ROUNDING;
  if (n < 2) return { n, mean, variance: floor };
  const spread = x.values.reduce((s, v) => s + (v - mean) ** 2, 0) / (n - 1);
  return { n, mean, variance: Math.max(spread, floor) };
}

/**
 * One side has so many times the runs of the other: from there on what hangs on rare calls (mean, tail) has no interval
 * that holds what it says, as the few runs seldom show them.
 */
export const UNEVEN = 2.5;

/**
 * mean(b) − mean(a) with its 1 − α interval; null with fewer than two runs on a side or a number that is not finite.
 * Each side has its own variance; by how many errors the interval reaches out is in `two-variances.ts`.
 */
export function contrastOfRuns(a: RunValues, b: RunValues, alpha: number): Estimate | null {
  if (a.values.length < 2 || b.values.length < 2 || !finite(a) || !finite(b)) return null;
  const ma = momentsOf(a);
  const mb = momentsOf(b);
  const value = mb.mean - ma.mean;
  const [ea, eb] = [ma.variance / ma.n, mb.variance / mb.n];
  const error = Math.sqrt(ea + eb);
  const reach = error === 0 ? 0 : error * criticalOfTwo(ma.n, mb.n, alpha)(ea / (ea + eb));
  return { value, low: value - reach, high: value + reach };
}

/**
 * As `contrastOfRuns` for runs that were taken in pairs (interleaved: before, after, before, after …): Student's
 * interval of the differences, which what both of a pair have in common does not widen. Null with fewer than two
 * pairs. Throws UsageError for unequal numbers.
 */
export function contrastOfPairs(a: RunValues, b: RunValues, alpha: number): Estimate | null {
  if (a.values.length !== b.values.length) throw new UsageError('pairs need as many runs before as after');
  if (a.values.length < 2 || !finite(a) || !finite(b)) return null;
  const m = momentsOf({
    values: a.values.map((v, i) => b.values[i]! - v),
    resolution: a.resolution.map((r, i) => Math.hypot(r, b.resolution[i]!)),
  });
  const reach = Math.sqrt(m.variance / m.n) * criticalT(alpha, m.n - 1);
  return { value: m.mean, low: m.mean - reach, high: m.mean + reach };
}

/** Ratios further off than this are taken for unbounded. */
const FAR = 1e6;
const HALVINGS = 44;

/**
 * mean(b) / mean(a) with its 1 − α interval: from the least to the greatest R for which b and R·a do not differ (Fieller
 * 1940), by the half widths of `contrastOfRuns` or `contrastOfPairs`. For numbers that are often near 0, such as the part of
 * rare calls, whose logarithms have tails that Student's t does not allow for. `high` is infinite where a's mean may be 0; null as there,
 * and for a mean of 0.
 */
export function ratioOfMeans(a: RunValues, b: RunValues, alpha: number, paired: boolean): Estimate | null {
  const contrast = paired ? contrastOfPairs : contrastOfRuns;
  const value = momentsOf(b).mean / momentsOf(a).mean;
  if (!(value > 0) || !Number.isFinite(value) || contrast(a, b, alpha) === null) return null;
  const fits = (ratio: number): boolean => {
    const scaled = { values: a.values.map((v) => v * ratio), resolution: a.resolution.map((r) => r * ratio) };
    const c = contrast(scaled, b, alpha)!;
    return c.low <= 0 && c.high >= 0;
  };
  /** The last factor of `value` that fits, in the direction of `far`. */
  const edge = (far: number): number => {
    if (fits(value * far)) return far;
    let [inside, outside] = [0, Math.log(far)];
    for (let i = 0; i < HALVINGS; i++) {
      const middle = (inside + outside) / 2;
      if (fits(value * Math.exp(middle))) inside = middle;
      else outside = middle;
    }
    return Math.exp(inside);
  };
  const [low, high] = [edge(1 / FAR), edge(FAR)];
  return {
    value,
    low: low <= 1 / FAR ? 0 : value * low,
    high: high >= FAR ? Number.POSITIVE_INFINITY : value * high,
  };
}

/** Natural logarithms, so that a contrast is the logarithm of a ratio. */
export function logarithms(x: RunValues): RunValues {
  return { values: x.values.map(Math.log), resolution: x.resolution.map((r, i) => r / x.values[i]!) };
}

const finite = (x: RunValues): boolean => x.values.every(Number.isFinite);

const known = new Map<string, number>();

/** As `studentCritical`, remembered: bisection is slow and few degrees of freedom are asked for. */
export function criticalT(alpha: number, df: number): number {
  const key = `${alpha} ${df}`;
  let t = known.get(key);
  if (t === undefined) {
    t = studentCritical(alpha, df);
    if (known.size > 1000) known.clear();
    known.set(key, t);
  }
  return t;
}
