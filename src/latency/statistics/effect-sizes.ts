import { type BinnedPair, cdf, total } from '../histogram/binned.js';
import { fisherExact, mannWhitney, twoProportionZ } from './hypothesis-tests.js';
import { log10NormalTwoSided, normalQuantile } from './special-functions.js';

/** How likely a call of b is slower than one of a. */
export interface Superiority {
  /** P(b slower) + ½ P(same bin), Vargha & Delaney 2000. */
  readonly a12: number;
  /** What A12 of the unbinned data can be: ties all one way or all the other. */
  readonly a12Low: number;
  readonly a12High: number;
  /** 2·A12 − 1. */
  readonly cliffDelta: number;
  readonly cliffLow: number;
  readonly cliffHigh: number;
  /** Standard error of A12 (placement values, DeLong 1988), independent calls supposed. */
  readonly standardError: number;
}

/** Null when a sample is empty. */
export function superiority(pair: BinnedPair): Superiority | null {
  const u = mannWhitney(pair);
  if (u === null) return null;
  const na = total(pair.a);
  const nb = total(pair.b);
  const pairs = na * nb;
  const a12 = (u.above + u.tied / 2) / pairs;
  const a12Low = u.above / pairs;
  const a12High = (u.above + u.tied) / pairs;
  return {
    a12,
    a12Low,
    a12High,
    cliffDelta: 2 * a12 - 1,
    cliffLow: 2 * a12Low - 1,
    cliffHigh: 2 * a12High - 1,
    standardError: placementError(pair, a12, na, nb),
  };
}

/** √(S_a/n_a + S_b/n_b), S the variance of each value's mean placement among the other sample. */
function placementError(pair: BinnedPair, a12: number, na: number, nb: number): number {
  let sa = 0;
  let sb = 0;
  let seenA = 0;
  let seenB = 0;
  for (let i = 0; i < pair.a.length; i++) {
    const a = pair.a[i]!;
    const b = pair.b[i]!;
    const bAbove = (nb - seenB - b / 2) / nb;
    const aBelow = (seenA + a / 2) / na;
    sa += a * (bAbove - a12) ** 2;
    sb += b * (aBelow - a12) ** 2;
    seenA += a;
    seenB += b;
  }
  return Math.sqrt(sa / Math.max(1, na - 1) / na + sb / Math.max(1, nb - 1) / nb);
}

export interface Distances {
  readonly jensenShannonBits: number;
  readonly totalVariation: number;
  readonly hellinger: number;
  /** Bounds of ∫|F_b − F_a|, in ns; Infinity where values lie in an open bin. */
  readonly wasserstein1LowNs: number;
  readonly wasserstein1HighNs: number;
}

/** Null when a sample is empty. */
export function distances(pair: BinnedPair): Distances | null {
  const na = total(pair.a);
  const nb = total(pair.b);
  if (na === 0 || nb === 0) return null;
  let js = 0;
  let tv = 0;
  let h2 = 0;
  let low = 0;
  let high = 0;
  const fa = cdf(pair.a);
  const fb = cdf(pair.b);
  const bits = (p: number, m: number): number => (p > 0 ? p * Math.log2(p / m) : 0);
  for (let i = 0; i < pair.a.length; i++) {
    const p = pair.a[i]! / na;
    const q = pair.b[i]! / nb;
    const m = (p + q) / 2;
    js += (bits(p, m) + bits(q, m)) / 2;
    tv += Math.abs(p - q) / 2;
    h2 += (Math.sqrt(p) - Math.sqrt(q)) ** 2 / 2;
    const width = pair.edges[i + 1]! - pair.edges[i]!;
    const least = Math.max(0, fa[i]! - fb[i + 1]!, fb[i]! - fa[i + 1]!);
    const most = Math.max(0, fa[i + 1]! - fb[i]!, fb[i + 1]! - fa[i]!);
    if (least > 0) low += least * width;
    if (most > 0) high += most * width;
  }
  return {
    jensenShannonBits: Math.max(0, js),
    totalVariation: tv,
    hellinger: Math.sqrt(Math.max(0, h2)),
    wasserstein1LowNs: low,
    wasserstein1HighNs: high,
  };
}

/** Calls of at least `fromNs`. */
export interface TailExceedance {
  readonly fromNs: number;
  readonly countA: number;
  readonly countB: number;
  readonly fractionA: number;
  readonly fractionB: number;
  /** fractionB / fractionA; NaN when neither has any, Infinity when only b has. */
  readonly riskRatio: number;
  /** Confidence interval of the ratio on the log scale (Katz 1978); null where a count is 0. */
  readonly interval: { readonly low: number; readonly high: number } | null;
  readonly z: number;
  readonly log10PZ: number;
  readonly log10PFisher: number;
}

/** Counts above which Fisher's sum is not worth its time: the normal z is exact enough there. */
const FISHER_MAX = 200_000;

/** `fromNs` must be an edge of the pair. */
export function tailExceedance(pair: BinnedPair, fromNs: number, confidence = 0.95): TailExceedance {
  const at = pair.edges.indexOf(fromNs);
  if (at < 0) throw new RangeError(`${fromNs} ns is no edge`);
  const na = total(pair.a);
  const nb = total(pair.b);
  const countA = total(pair.a.slice(at));
  const countB = total(pair.b.slice(at));
  const z = twoProportionZ(countA, na, countB, nb);
  const log10PZ = Number.isNaN(z) ? 0 : log10NormalTwoSided(z);
  return {
    fromNs,
    countA,
    countB,
    fractionA: countA / na,
    fractionB: countB / nb,
    riskRatio: countB / nb / (countA / na),
    interval: riskRatioInterval(countA, na, countB, nb, confidence),
    z,
    log10PZ,
    log10PFisher: countA + countB <= FISHER_MAX ? fisherExact(countA, na, countB, nb) : log10PZ,
  };
}

/** exp(ln RR ± z·√(1/x − 1/n + 1/y − 1/m)); null where x or y is 0. */
export function riskRatioInterval(
  x: number,
  n: number,
  y: number,
  m: number,
  confidence: number,
): { low: number; high: number } | null {
  if (x === 0 || y === 0) return null;
  const log = Math.log(y / m / (x / n));
  const reach = normalQuantile(0.5 + confidence / 2) * Math.sqrt(1 / x - 1 / n + 1 / y - 1 / m);
  return { low: Math.exp(log - reach), high: Math.exp(log + reach) };
}

export interface Dominance {
  /** First-order stochastic dominance at the edges: who is never slower; null: neither, or no difference. */
  readonly faster: 'a' | 'b' | null;
  /** F_b − F_a and its sign after every bin, i.e. at its upper edge: + b faster up to there. */
  readonly edges: readonly { readonly atNs: number; readonly delta: number; readonly sign: -1 | 0 | 1 }[];
}

export function dominance(pair: BinnedPair): Dominance {
  const na = total(pair.a);
  const nb = total(pair.b);
  let seenA = 0;
  let seenB = 0;
  const edges: { atNs: number; delta: number; sign: -1 | 0 | 1 }[] = [];
  for (let i = 0; i < pair.a.length; i++) {
    seenA += pair.a[i]!;
    seenB += pair.b[i]!;
    // Compared as products of counts: the sign must not hang on a rounding error.
    const cross = seenB * na - seenA * nb;
    const sign = cross > 0 ? 1 : cross < 0 ? -1 : 0;
    edges.push({ atNs: pair.edges[i + 1]!, delta: seenB / nb - seenA / na, sign });
  }
  const plus = edges.some((e) => e.sign > 0);
  const minus = edges.some((e) => e.sign < 0);
  return { faster: plus === minus ? null : plus ? 'b' : 'a', edges };
}
