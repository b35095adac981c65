import { type BinnedPair, cdf, total } from '../histogram/binned.js';
import { log10ChiSquareTail, log10NormalTwoSided, logChoose } from './special-functions.js';

/**
 * Tests of "both samples come from one distribution". All p-values suppose independent calls; calls of one run
 * are correlated, so they are nominal.
 */
export interface HomogeneityTest {
  /** Pearson Σ(O−E)²/E. */
  readonly chi2: number;
  /** Likelihood ratio 2ΣO·ln(O/E). */
  readonly g: number;
  readonly df: number;
  readonly minExpected: number;
  readonly log10PChi2: number;
  readonly log10PG: number;
  /** √(χ²/N) for two rows (= Cohen's w). */
  readonly cramerV: number;
  /** G/(2N ln 2): bits one call tells about which sample it is from. */
  readonly mutualInformationBits: number;
}

/** Over the bins that are not empty in both. Null with fewer than two such bins or an empty sample. */
export function homogeneity(pair: BinnedPair): HomogeneityTest | null {
  const na = total(pair.a);
  const nb = total(pair.b);
  const n = na + nb;
  let cells = 0;
  let chi2 = 0;
  let g = 0;
  let minExpected = Number.POSITIVE_INFINITY;
  for (let i = 0; i < pair.a.length; i++) {
    const both = pair.a[i]! + pair.b[i]!;
    if (both === 0) continue;
    cells++;
    for (const [o, m] of [
      [pair.a[i]!, na],
      [pair.b[i]!, nb],
    ] as const) {
      const e = (both * m) / n;
      chi2 += (o - e) ** 2 / e;
      if (o > 0) g += 2 * o * Math.log(o / e);
      minExpected = Math.min(minExpected, e);
    }
  }
  if (cells < 2 || na === 0 || nb === 0) return null;
  g = Math.max(0, g);
  const df = cells - 1;
  return {
    chi2,
    g,
    df,
    minExpected,
    log10PChi2: log10ChiSquareTail(chi2, df),
    log10PG: log10ChiSquareTail(g, df),
    cramerV: Math.sqrt(chi2 / n),
    mutualInformationBits: g / (2 * n * Math.LN2),
  };
}

export interface KolmogorovSmirnov {
  /** Largest |F_b − F_a| at bin edges: a lower bound of the unbinned D. */
  readonly d: number;
  /** Largest F_b − F_a (b faster) and F_a − F_b (b slower), with the edge where. */
  readonly dPlus: number;
  readonly dPlusAtNs: number;
  readonly dMinus: number;
  readonly dMinusAtNs: number;
  /** What the unbinned D can be at most. */
  readonly dUpper: number;
  /** nm/(n+m). */
  readonly nEff: number;
  readonly sqrtNEffD: number;
  /** 2Σ(−1)^(k−1)e^(−2k²λ²), λ = √nEff·D. */
  readonly p: number;
  readonly log10P: number;
  /** √(−ln(α/2)/2)/√nEff at α = 0.05. */
  readonly criticalD: number;
}

/** Null when a sample is empty. */
export function kolmogorovSmirnov(pair: BinnedPair): KolmogorovSmirnov | null {
  const na = total(pair.a);
  const nb = total(pair.b);
  if (na === 0 || nb === 0) return null;
  const fa = cdf(pair.a);
  const fb = cdf(pair.b);
  let dPlus = 0;
  let dMinus = 0;
  let dPlusAtNs = pair.edges[0]!;
  let dMinusAtNs = pair.edges[0]!;
  let dUpper = 0;
  for (let i = 0; i < fa.length; i++) {
    const diff = fb[i]! - fa[i]!;
    if (diff > dPlus) [dPlus, dPlusAtNs] = [diff, pair.edges[i]!];
    if (-diff > dMinus) [dMinus, dMinusAtNs] = [-diff, pair.edges[i]!];
    // Inside a bin one sample may have all of its values before any of the other's.
    if (i > 0) dUpper = Math.max(dUpper, fb[i]! - fa[i - 1]!, fa[i]! - fb[i - 1]!);
  }
  const d = Math.max(dPlus, dMinus);
  const nEff = (na * nb) / (na + nb);
  const lambda = Math.sqrt(nEff) * d;
  const log10P = log10Kolmogorov(lambda);
  return {
    d,
    dPlus,
    dPlusAtNs,
    dMinus,
    dMinusAtNs,
    dUpper,
    nEff,
    sqrtNEffD: lambda,
    p: 10 ** log10P,
    log10P,
    criticalD: Math.sqrt(-Math.log(0.025) / 2) / Math.sqrt(nEff),
  };
}

/** log10 of the Kolmogorov tail; below λ = 0.2 it is 1 to every digit of a double and the series is no use. */
function log10Kolmogorov(lambda: number): number {
  if (lambda < 0.2) return 0;
  let sum = 0;
  for (let k = 1; k < 200; k++) {
    const ratio = Math.exp(-2 * (k * k - 1) * lambda * lambda);
    sum += k % 2 === 1 ? ratio : -ratio;
    if (ratio < 1e-18) break;
  }
  return Math.min(0, (Math.log(2 * sum) - 2 * lambda * lambda) / Math.LN10);
}

export interface MannWhitney {
  /** Pairs with b above a, below, and in the same bin. */
  readonly above: number;
  readonly below: number;
  readonly tied: number;
  /** Tie-corrected, no continuity correction; positive: b slower. */
  readonly z: number;
  readonly log10P: number;
}

/** Null when a sample is empty. Pair counts are exact below 2^53. */
export function mannWhitney(pair: BinnedPair): MannWhitney | null {
  const na = total(pair.a);
  const nb = total(pair.b);
  if (na === 0 || nb === 0) return null;
  let above = 0;
  let below = 0;
  let tied = 0;
  let seenA = 0;
  let seenB = 0;
  let ties = 0;
  const n = na + nb;
  for (let i = 0; i < pair.a.length; i++) {
    const a = pair.a[i]!;
    const b = pair.b[i]!;
    above += b * seenA;
    below += a * seenB;
    tied += a * b;
    const t = a + b;
    ties += (t / n) ** 3 - t / n / (n * n);
    seenA += a;
    seenB += b;
  }
  const u = above + tied / 2;
  // n³ is taken out of the tie sum so that it keeps its digits for large samples.
  const variance = ((na * nb) / 12) * (n + 1 - (ties * n * n) / (n - 1));
  const z = variance > 0 ? (u - (na * nb) / 2) / Math.sqrt(variance) : 0;
  return { above, below, tied, z, log10P: log10NormalTwoSided(z) };
}

/** Pooled two-proportion z of x/n against y/m; positive: y/m larger. NaN without both outcomes. */
export function twoProportionZ(x: number, n: number, y: number, m: number): number {
  const p = (x + y) / (n + m);
  return (y / m - x / n) / Math.sqrt(p * (1 - p) * (1 / n + 1 / m));
}

/** Fisher's exact test, two-sided (sum of all tables no likelier than the observed); log10 p. */
export function fisherExact(x: number, n: number, y: number, m: number): number {
  const k = x + y;
  const low = Math.max(0, k - m);
  const high = Math.min(k, n);
  const base = logChoose(n + m, k);
  const logP = (i: number): number => logChoose(n, i) + logChoose(m, k - i) - base;
  const observed = logP(x) + 1e-7;
  let sum = 0;
  for (let i = low; i <= high; i++) {
    const p = logP(i);
    if (p <= observed) sum += Math.exp(p - observed);
  }
  return Math.min(0, (observed + Math.log(sum)) / Math.LN10);
}
