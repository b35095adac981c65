import { align, type Binned, type BinnedPair, total } from './binned.js';
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
  /** Runs on each side, default 1. */
  readonly runs?: readonly [a: number, b: number];
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

export type CompareVerdict = 'no data' | 'no evidence' | 'equivalent' | 'slower' | 'faster' | 'mixed';

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
  readonly verdict: CompareVerdict;
  /** The one plain sentence. */
  readonly sentence: string;
  /** What the numbers cannot say. */
  readonly caveats: readonly string[];
}

/** Everything two binned samples say about each other; `b` is judged against `a`. */
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
  const facts = {
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
  const runs = options.runs ?? [1, 1];
  const { verdict, text } = conclude(facts, alpha);
  const alone = Math.min(...runs) < 2;
  const attribution =
    alone && (verdict === 'slower' || verdict === 'faster' || verdict === 'mixed')
      ? ` With one run ${Math.max(...runs) > 1 ? 'on one side' : 'per side'} this cannot be laid at the patch’s door: how much two runs of one kernel differ is unknown.`
      : '';
  return { ...facts, verdict, sentence: `${text}${attribution}`, caveats: caveats(facts, alone, options) };
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

type Facts = Omit<Comparison, 'verdict' | 'sentence' | 'caveats'>;

function conclude(f: Facts, alpha: number): { verdict: CompareVerdict; text: string } {
  const { a, b, kolmogorovSmirnov: ks, superiority: sup } = f;
  if (ks === null || sup === null) {
    const empty = a.count === 0 ? a.name : b.name;
    return { verdict: 'no data', text: `Nothing to compare: ${empty} holds no calls.` };
  }
  const level = Math.log10(alpha);
  // The χ² tail is only to be believed where every expected count is about five or more (Cochran 1954).
  const chi2Counts = f.homogeneity !== null && f.homogeneity.minExpected >= 5;
  // Three looks at the same question: Bonferroni.
  const each = level - Math.log10(3);
  const differs =
    (chi2Counts && f.homogeneity!.log10PChi2 < each) || ks.log10P < each || f.mannWhitney!.log10P < each;
  const tail = worstTail(f.tails, level);
  if (!differs && tail === null) {
    return {
      verdict: 'no evidence',
      text: `No evidence of a difference between ${a.name} (${a.count} calls) and ${b.name} (${b.count} calls); that is not evidence of none: the band around ${b.name} is ±${percent(b.dkwHalfWidth)}.`,
    };
  }
  const body = f.equivalence.find((e) => e.what === 'A12');
  const tailsFail = f.equivalence.some((e) => e.what.startsWith('risk ratio') && e.verdict !== 'equivalent');
  const shift = `${sup.a12 >= 0.5 ? 'slower' : 'faster'} by A12 ${sup.a12.toFixed(3)}, at most ${percent(ks.d)} of the calls moved across ${duration(ks.dMinus >= ks.dPlus ? ks.dMinusAtNs : ks.dPlusAtNs)}`;
  if (body?.verdict === 'equivalent' && !tailsFail) {
    return {
      verdict: 'equivalent',
      text: `${b.name} differs from ${a.name} by more than chance would make independent calls differ, yet is equivalent within the margin: ${shift}.`,
    };
  }
  const bodySlower = sup.a12 > 0.5;
  const tailSlower = tail === null ? bodySlower : tail.riskRatio > 1;
  const verdict: CompareVerdict = bodySlower !== tailSlower ? 'mixed' : bodySlower ? 'slower' : 'faster';
  const tailText =
    tail === null
      ? ''
      : `; calls of ${duration(tail.fromNs)} or more are ${ratio(tail.riskRatio)} as frequent (${percent(tail.fractionA)} → ${percent(tail.fractionB)})`;
  const small = body?.verdict === 'equivalent' ? ' (within the margin)' : '';
  const word = verdict === 'mixed' ? 'differs both ways' : `is ${verdict}`;
  return {
    verdict,
    text: `${b.name} ${word} than ${a.name} as recorded: body ${shift}${small}${tailText}.`.replace(
      'both ways than',
      'both ways from',
    ),
  };
}

/** The tail edge with the surest difference, among those rare on both sides; corrected for the edges looked at. */
function worstTail(tails: readonly TailExceedance[], level: number): TailExceedance | null {
  const rare = tails.filter(isTail);
  let worst: TailExceedance | null = null;
  for (const t of rare) {
    if (t.log10PFisher + Math.log10(rare.length) >= level) continue;
    if (worst === null || t.log10PFisher < worst.log10PFisher) worst = t;
  }
  return worst;
}

function caveats(f: Facts, alone: boolean, options: CompareOptions): string[] {
  const out: string[] = [];
  if (alone)
    out.push('too few runs: the variance between runs is unknown, so the cause of a difference is too');
  out.push('p-values suppose independent calls; calls of one run are correlated, so they are nominal');
  if (f.meanDifference.lowNs < 0 && f.meanDifference.highNs > 0) {
    out.push('from the bins alone not even the sign of the difference of the means is known');
  }
  if (f.homogeneity !== null && f.homogeneity.minExpected < 5) {
    out.push('some bins expect fewer than 5 calls: χ² and G are rough there');
  }
  if (options.windowNs !== undefined && f.a.outside !== null && f.b.outside !== null) {
    out.push('time outside the call holds only if one thread called back to back for the whole window');
  }
  if (total(f.pair.a) > 0 && (f.countRatio < 0.8 || f.countRatio > 1.25)) {
    out.push(
      `the number of calls differs (${ratio(f.countRatio)}): the two windows did not do the same work`,
    );
  }
  return out;
}

const ratio = (r: number): string => (Number.isFinite(r) ? `${r.toFixed(2)}×` : 'infinitely many times');
const percent = (p: number): string => `${Number((p * 100).toPrecision(3))} %`;

/** 8192 → `8.19 µs`. */
function duration(ns: number): string {
  for (const [unit, size] of [
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
  ] as const) {
    if (Math.abs(ns) >= size) return `${Number((ns / size).toPrecision(3))} ${unit}`;
  }
  return `${ns} ns`;
}
