import { type Binned, type BinnedPair, between, mergeTail, total } from '../histogram/binned.js';
import { nearestRank } from '../histogram/distribution.js';
import type { Estimate } from './bootstrap-shifts.js';
import { quantileInterval } from './intervals.js';
import { normalQuantile } from './special-functions.js';

/**
 * Where the true quantile lies with the given confidence, from bins: the ranks q·n ± z√(nq(1−q)) (normal form of the
 * binomial interval for order statistics, Conover 1999, 3.2) and the outer edges of their bins. Calls are taken as
 * independent. Null for an empty sample.
 */
export function quantileConfidence(
  h: Binned,
  q: number,
  confidence: number,
): { lowNs: number; highNs: number } | null {
  const n = total(h.counts);
  if (n === 0) return null;
  const reach = normalQuantile(0.5 + confidence / 2) * Math.sqrt(n * q * (1 - q));
  const rank = nearestRank(q, n);
  const low = quantileInterval(h, Math.max(1, Math.floor(rank - reach)) / n)!;
  const high = quantileInterval(h, Math.min(n, Math.ceil(rank + reach)) / n)!;
  // Past the last rank the sample says nothing about how large values get.
  const open = rank + reach > n;
  return { lowNs: rank - reach < 1 ? 0 : low.lowNs, highNs: open ? Number.POSITIVE_INFINITY : high.highNs };
}

export interface BinnedShift {
  /** The points inside the rows, a convention. */
  readonly pointA: number;
  readonly pointB: number;
  readonly ratio: Estimate;
  readonly differenceNs: Estimate;
}

/**
 * Shift of a quantile from bins: both sides at confidence 1 − α/2 (Bonferroni), so that the interval of the ratio and
 * of the difference holds at 1 − α. The values are those of the points inside the bins, a convention.
 */
export function binnedShift(a: Binned, b: Binned, q: number, alpha: number): BinnedShift | null {
  const ca = quantileConfidence(a, q, 1 - alpha / 2);
  const cb = quantileConfidence(b, q, 1 - alpha / 2);
  const pa = quantileInterval(a, q);
  const pb = quantileInterval(b, q);
  if (ca === null || cb === null || pa === null || pb === null) return null;
  return {
    pointA: pa.pointNs,
    pointB: pb.pointNs,
    ratio: {
      value: pb.pointNs / pa.pointNs,
      low: cb.lowNs / ca.highNs,
      high: ca.lowNs > 0 ? cb.highNs / ca.lowNs : Number.POSITIVE_INFINITY,
    },
    differenceNs: { value: pb.pointNs - pa.pointNs, low: cb.lowNs - ca.highNs, high: cb.highNs - ca.lowNs },
  };
}

/** Bins expecting fewer calls than this on one side are put together for χ² and G. */
const MIN_EXPECTED = 10;
/** A bin with at least this part of all calls is body. */
const BODY = 0.01;

/**
 * The pair with its sparse tail as one bin: everything from the first bin above the fullest that expects fewer than
 * 10 calls on a side. Null when no bin does, or nothing would be left to compare.
 */
export function sparseTailMerged(pair: BinnedPair): { pair: BinnedPair; fromNs: number } | null {
  const na = total(pair.a);
  const nb = total(pair.b);
  const both = pair.a.map((c, i) => c + pair.b[i]!);
  const top = both.indexOf(Math.max(...both));
  const least = Math.min(na, nb) / (na + nb);
  for (let i = top + 1; i < both.length - 1; i++) {
    if (both[i]! * least < MIN_EXPECTED) {
      return { pair: mergeTail(pair, pair.edges[i]!), fromNs: pair.edges[i]! };
    }
  }
  return null;
}

/** The bins around the fullest that hold at least 1 % of all calls each. Null when that is all, or one bin. */
export function bodyOnly(pair: BinnedPair): { pair: BinnedPair; fromNs: number; toNs: number } | null {
  const both = pair.a.map((c, i) => c + pair.b[i]!);
  const n = total(both);
  if (n === 0) return null;
  let from = both.indexOf(Math.max(...both));
  let to = from + 1;
  while (from > 0 && both[from - 1]! >= BODY * n) from--;
  while (to < both.length && both[to]! >= BODY * n) to++;
  if (to - from < 2 || to - from === both.length) return null;
  const fromNs = pair.edges[from]!;
  const toNs = pair.edges[to]!;
  return { pair: between(pair, fromNs, toNs), fromNs, toNs };
}
