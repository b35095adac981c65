import { nearestRank } from './distribution.js';
import type { Random } from './resampling.js';

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
}

export interface BootstrapShifts {
  readonly quantiles: readonly BootstrapShift[];
  readonly mean: { readonly ratio: Estimate; readonly differenceNs: Estimate };
  readonly a12: Estimate;
  /** Ratio of the parts of the calls of at least `fromNs`; value NaN where a side has none. */
  readonly shares: readonly { readonly fromNs: number; readonly ratio: Estimate }[];
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
 * they ended; blocks keep the correlation of neighbours (`blockLength`). Percentile intervals. Values are replaced by their ranks first, so a round counts instead of sorting. Null for an empty side.
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
  const blockA = blockLength(ra);
  const blockB = blockLength(rb);
  const ca = new Float64Array(values.length);
  const cb = new Float64Array(values.length);
  const ascending = [...quantiles].sort((x, y) => x - y);
  const ranksA = ascending.map((q) => nearestRank(q, a.length));
  const ranksB = ascending.map((q) => nearestRank(q, b.length));
  const n = ascending.length;
  const ratio = columns(n, rounds);
  const difference = columns(n, rounds);
  const meanRatio = new Float64Array(rounds);
  const meanDifference = new Float64Array(rounds);
  const a12 = new Float64Array(rounds);
  const qa = new Float64Array(n);
  const qb = new Float64Array(n);
  const starts = thresholdsNs.map((t) => firstAtLeast(values, t));
  const shares = columns(starts.length, rounds);
  const once = (k: number): void => {
    const ma = walk(ca, values, a.length, ranksA, qa);
    const mb = walk(cb, values, b.length, ranksB, qb);
    for (let i = 0; i < n; i++) {
      ratio[i]![k] = qb[i]! / qa[i]!;
      difference[i]![k] = qb[i]! - qa[i]!;
    }
    meanRatio[k] = mb / ma;
    meanDifference[k] = mb - ma;
    a12[k] = superior(ca, cb, a.length, b.length);
    for (let i = 0; i < starts.length; i++) {
      shares[i]![k] = from(cb, starts[i]!) / b.length / (from(ca, starts[i]!) / a.length);
    }
  };
  for (let i = 0; i < ra.length; i++) ca[ra[i]!]!++;
  for (let i = 0; i < rb.length; i++) cb[rb[i]!]!++;
  once(0);
  const point = {
    ratio: ratio.map((c) => c[0]!),
    difference: difference.map((c) => c[0]!),
    meanRatio: meanRatio[0]!,
    meanDifference: meanDifference[0]!,
    a12: a12[0]!,
    shares: shares.map((c) => c[0]!),
  };
  for (let k = 0; k < rounds; k++) {
    draw(ra, ca, blockA, random);
    draw(rb, cb, blockB, random);
    once(k);
  }
  return {
    quantiles: ascending.map((q, i) => ({
      q,
      ratio: percentile(point.ratio[i]!, ratio[i]!, alpha),
      differenceNs: percentile(point.difference[i]!, difference[i]!, alpha),
    })),
    mean: {
      ratio: percentile(point.meanRatio, meanRatio, alpha),
      differenceNs: percentile(point.meanDifference, meanDifference, alpha),
    },
    a12: percentile(point.a12, a12, alpha),
    shares: thresholdsNs.map((fromNs, i) => ({
      fromNs,
      ratio: percentile(point.shares[i]!, shares[i]!, alpha),
    })),
    rounds,
    blockA,
    blockB,
  };
}

/** Lags looked at, and calls the correlation is estimated from, at most. */
const MAX_LAG = 500;
const MAX_CORRELATED = 100_000;

/**
 * Block length for the circular bootstrap of the mean rank: Politis & White 2004 with the correction of Patton,
 * Politis & White 2009, but at least ⌈n^⅓⌉ (Hall, Horowitz & Jing 1995) and at most min(3√n, n/3).
 */
export function blockLength(ranks: ArrayLike<number>): number {
  const n = ranks.length;
  const least = Math.ceil(n ** (1 / 3));
  const m = Math.min(n, MAX_CORRELATED);
  const lags = Math.min(MAX_LAG, Math.floor(m / 4));
  let mean = 0;
  for (let i = 0; i < m; i++) mean += ranks[i]! / m;
  const covariance = (lag: number): number => {
    let sum = 0;
    for (let i = lag; i < m; i++) sum += (ranks[i]! - mean) * (ranks[i - lag]! - mean);
    return sum / m;
  };
  const r = [covariance(0)];
  if (r[0] === 0) return least;
  // The last lag before five that are all within the noise.
  const noise = 2 * Math.sqrt(Math.log10(m) / m) * r[0]!;
  let quiet = 0;
  while (r.length <= lags && quiet < 5) {
    r.push(covariance(r.length));
    quiet = Math.abs(r.at(-1)!) < noise ? quiet + 1 : 0;
  }
  const last = Math.max(1, r.length - 1 - quiet);
  while (r.length <= Math.min(2 * last, lags)) r.push(covariance(r.length));
  let spread = 0;
  let slope = 0;
  for (let lag = -2 * last; lag <= 2 * last; lag++) {
    const t = Math.abs(lag) / (2 * last);
    const weight = t <= 0.5 ? 1 : 2 * (1 - t);
    const c = r[Math.abs(lag)] ?? 0;
    spread += weight * c;
    slope += weight * Math.abs(lag) * c;
  }
  if (!(spread > 0)) return least;
  const best = ((2 * slope ** 2) / ((4 / 3) * spread ** 2)) ** (1 / 3) * n ** (1 / 3);
  return Math.max(least, Math.min(Math.ceil(best), Math.ceil(Math.min(3 * Math.sqrt(n), n / 3))));
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
