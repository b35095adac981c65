import { align, type Binned, type BinnedPair } from '../histogram/binned.js';
import {
  type Distances,
  type Dominance,
  distances,
  dominance,
  type Superiority,
  superiority,
  type TailExceedance,
  tailExceedance,
} from './effect-sizes.js';
import {
  a12Equivalence,
  DEFAULT_MARGINS,
  type Equivalence,
  type Margins,
  quantileEquivalence,
  tailEquivalence,
} from './equivalence.js';
import {
  type HomogeneityTest,
  homogeneity,
  type KolmogorovSmirnov,
  kolmogorovSmirnov,
  type MannWhitney,
  mannWhitney,
} from './hypothesis-tests.js';
import {
  dkwHalfWidth,
  type MeanBounds,
  meanBounds,
  meanDifferenceBounds,
  type QuantileInterval,
  quantileInterval,
  timeOutside,
} from './intervals.js';

export const COMPARE_QUANTILES = [
  0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999,
] as const;

export interface CompareOptions {
  /** How the two sides are called; default `A` and `B`. */
  readonly names?: readonly [a: string, b: string];
  readonly margins?: Margins;
  /** Level of every single test, default 0.05. */
  readonly alpha?: number;
  /** Length of the measuring window, for the time outside the call; omitted: not computed. */
  readonly windowNs?: number;
  /**
   * The same two samples on finer edges, where single values are known: KS, Mann-Whitney, A12 and the Wasserstein
   * distance are then taken from it.
   */
  readonly fine?: BinnedPair;
}

export interface SideReport {
  readonly name: string;
  readonly count: number;
  readonly mean: MeanBounds;
  readonly quantiles: readonly QuantileInterval[];
  /** 95 % half width of the band around the CDF. */
  readonly dkwHalfWidth: number;
  readonly outside: { readonly lowNs: number; readonly highNs: number } | null;
}

export interface Comparison {
  readonly a: SideReport;
  readonly b: SideReport;
  readonly pair: BinnedPair;
  readonly countRatio: number;
  readonly meanDifference: { readonly lowNs: number; readonly highNs: number };
  readonly homogeneity: HomogeneityTest | null;
  readonly kolmogorovSmirnov: KolmogorovSmirnov | null;
  readonly mannWhitney: MannWhitney | null;
  readonly superiority: Superiority | null;
  readonly distances: Distances | null;
  readonly dominance: Dominance;
  /** At every edge where both sides still have something to compare. */
  readonly tails: readonly TailExceedance[];
  readonly equivalence: readonly Equivalence[];
}

/**
 * Everything two binned samples say about each other; `b` is judged against `a`. All p-values and intervals take calls
 * as independent: they say nothing about how two runs of one kernel differ.
 */
export function compare(a: Binned, b: Binned, options: CompareOptions = {}): Comparison {
  const pair = align(a, b);
  const fine = options.fine ?? pair;
  const names = options.names ?? ['A', 'B'];
  const margins = options.margins ?? DEFAULT_MARGINS;
  const alpha = options.alpha ?? 0.05;
  const sideA = side(names[0], a, options.windowNs);
  const sideB = side(names[1], b, options.windowNs);
  const tails =
    sideA.count === 0 || sideB.count === 0
      ? []
      : pair.edges.slice(1, -1).map((edge) => tailExceedance(pair, edge, 1 - alpha));
  return {
    a: sideA,
    b: sideB,
    pair,
    countRatio: sideB.count / sideA.count,
    meanDifference: meanDifferenceBounds(sideA.mean, sideB.mean),
    homogeneity: homogeneity(pair),
    kolmogorovSmirnov: kolmogorovSmirnov(fine),
    mannWhitney: mannWhitney(fine),
    superiority: superiority(fine),
    distances: rowDistances(pair, fine),
    dominance: dominance(pair),
    tails,
    equivalence: equivalences(pair, fine, tails, margins, alpha),
  };
}

function side(name: string, h: Binned, windowNs: number | undefined): SideReport {
  const mean = meanBounds(h);
  const quantiles: QuantileInterval[] = [];
  for (const q of COMPARE_QUANTILES) {
    const interval = quantileInterval(h, q);
    if (interval !== null) quantiles.push(interval);
  }
  return {
    name,
    count: mean.count,
    mean,
    quantiles,
    dkwHalfWidth: dkwHalfWidth(mean.count),
    outside: windowNs === undefined ? null : timeOutside(mean, windowNs),
  };
}

/** Distances of shares need rows that values have in common; the Wasserstein distance is best from single values. */
function rowDistances(pair: BinnedPair, fine: BinnedPair): Distances | null {
  const rows = distances(pair);
  const single = fine === pair ? rows : distances(fine);
  if (rows === null || single === null) return null;
  const { wasserstein1LowNs, wasserstein1HighNs } = single;
  return { ...rows, wasserstein1LowNs, wasserstein1HighNs };
}

function equivalences(
  pair: BinnedPair,
  fine: BinnedPair,
  tails: readonly TailExceedance[],
  margins: Margins,
  alpha: number,
): Equivalence[] {
  const out: (Equivalence | null)[] = [a12Equivalence(fine, margins, alpha)];
  for (const q of [0.5, 0.99]) out.push(quantileEquivalence(fine, q, margins, alpha));
  for (const t of tails) if (isTail(t)) out.push(tailEquivalence(pair, t.fromNs, margins, alpha));
  return out.filter((e) => e !== null);
}

/** At most one call in ten on both sides: below that an exceedance says what the body says. */
function isTail(t: TailExceedance): boolean {
  return t.fractionA <= 0.1 && t.fractionB <= 0.1;
}
