import { type Binned, total } from '../histogram/binned.js';
import { nearestRank } from '../histogram/distribution.js';

/** What bins can say about a quantile. */
export interface QuantileInterval {
  readonly q: number;
  /** Nearest rank ⌈q·N⌉. */
  readonly rank: number;
  /** Rank within its bin, 1 … count. */
  readonly rankInBin: number;
  readonly binCount: number;
  /** The quantile lies in `[lowNs, highNs)`: this is a fact. */
  readonly lowNs: number;
  readonly highNs: number;
  /** Log-linear point inside the bin, low·(high/low)^(rankInBin/count): a convention, not a measurement. */
  readonly pointNs: number;
}

/** Null for an empty sample. */
export function quantileInterval(h: Binned, q: number): QuantileInterval | null {
  const n = total(h.counts);
  if (n === 0) return null;
  const rank = nearestRank(q, n);
  let before = 0;
  for (let i = 0; ; i++) {
    const binCount = h.counts[i]!;
    if (before + binCount >= rank) {
      const lowNs = h.edges[i]!;
      const highNs = h.edges[i + 1]!;
      const rankInBin = rank - before;
      return {
        q,
        rank,
        rankInBin,
        binCount,
        lowNs,
        highNs,
        pointNs: inside(lowNs, highNs, rankInBin / binCount),
      };
    }
    before += binCount;
  }
}

/** Point at fraction `f` of a bin: log-linear; linear where the bin starts at 0; NaN in an open bin. */
function inside(low: number, high: number, f: number): number {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return Number.NaN;
  return low > 0 ? low * (high / low) ** f : low + (high - low) * f;
}

export interface MeanBounds {
  readonly count: number;
  /** Every value at the bottom of its bin / at the top (integers: high − 1). */
  readonly sumLowNs: number;
  readonly sumHighNs: number;
  readonly meanLowNs: number;
  readonly meanHighNs: number;
  /** Mean with every value at (low+high)/2: a convention. */
  readonly arithmeticNs: number;
  /** 2^mean(log2 √(low·high)): a convention. NaN when a bin starts at or below 0. */
  readonly geometricNs: number;
  readonly meanLog2: number;
}

/** Bounds are infinite where values lie in an open bin, NaN for an empty sample. */
export function meanBounds(h: Binned): MeanBounds {
  const count = total(h.counts);
  let low = 0;
  let high = 0;
  let middle = 0;
  let log = 0;
  for (let i = 0; i < h.counts.length; i++) {
    const c = h.counts[i]!;
    if (c === 0) continue;
    const a = h.edges[i]!;
    const b = h.edges[i + 1]!;
    low += c * a;
    high += c * (b - 1);
    middle += (c * (a + b)) / 2;
    log += a > 0 ? (c * (Math.log2(a) + Math.log2(b))) / 2 : Number.NaN;
  }
  return {
    count,
    sumLowNs: low,
    sumHighNs: high,
    meanLowNs: low / count,
    meanHighNs: high / count,
    arithmeticNs: middle / count,
    geometricNs: 2 ** (log / count),
    meanLog2: log / count,
  };
}

/** Bounds of mean(b) − mean(a) from bins alone. */
export function meanDifferenceBounds(a: MeanBounds, b: MeanBounds): { lowNs: number; highNs: number } {
  return { lowNs: b.meanLowNs - a.meanHighNs, highNs: b.meanHighNs - a.meanLowNs };
}

/**
 * Half width of the confidence band around an empirical CDF, √(ln(2/α)/2n)
 * (Dvoretzky–Kiefer–Wolfowitz with Massart's constant, Ann. Probab. 18(3), 1990).
 */
export function dkwHalfWidth(n: number, alpha = 0.05): number {
  return Math.sqrt(Math.log(2 / alpha) / (2 * n));
}

/**
 * Time per call spent outside the call, `(window − Σ)/N`, from the bounds of Σ. Only right if one thread made the
 * calls back to back through the whole window. Null where the bounds leave the window.
 */
export function timeOutside(mean: MeanBounds, windowNs: number): { lowNs: number; highNs: number } | null {
  if (mean.count === 0 || !(mean.sumLowNs >= 0) || mean.sumHighNs > windowNs) return null;
  return { lowNs: (windowNs - mean.sumHighNs) / mean.count, highNs: (windowNs - mean.sumLowNs) / mean.count };
}
