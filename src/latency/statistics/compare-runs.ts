import { align, type Binned, total } from '../histogram/binned.js';
import { contrastOfRuns, momentsOf, type RunValues, UNEVEN } from './between-runs.js';
import type { Estimate } from './bootstrap-shifts.js';
import { type CompareOptions, type Comparison, compare } from './compare.js';
import { superiority } from './effect-sizes.js';
import { meanBounds } from './intervals.js';

/** What repeated runs say about one number per run. */
export interface BetweenRuns {
  readonly meanA: number;
  readonly meanB: number;
  readonly standardDeviationA: number;
  readonly standardDeviationB: number;
  /** Of the means, with its interval (`contrastOfRuns`). */
  readonly difference: Estimate;
}

/** One number per run and what its spread between runs says. */
export interface RunStatistic {
  /** `geometric mean` (midpoint convention, log2 ns) or `fraction ≥ <ns>`. */
  readonly what: string;
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** Null with fewer than two runs on a side. */
  readonly between: BetweenRuns | null;
}

export interface RunsComparison {
  /** All runs of a side added up. */
  readonly pooled: Comparison;
  readonly statistics: readonly RunStatistic[];
  /** Largest |A12 − ½| of two runs of the same side: what repetition alone does. NaN with one run. */
  readonly withinA: number;
  readonly withinB: number;
}

/** As `compare`, for several runs on each side (at least one each; throws RangeError otherwise). */
export function compareRuns(
  a: readonly Binned[],
  b: readonly Binned[],
  options: CompareOptions = {},
): RunsComparison {
  if (a.length === 0 || b.length === 0) throw new RangeError('each side needs at least one run');
  const pooled = compare(pool(a), pool(b), options);
  const alpha = options.alpha ?? 0.05;
  const statistics = [statistic('geometric mean', a, b, alpha, (h) => meanBounds(h).meanLog2)];
  const tail = pooled.tails.find((t) => t.fractionA <= 0.1 && t.fractionB <= 0.1);
  if (tail !== undefined) {
    const rare = statistic(`fraction ≥ ${tail.fromNs}`, a, b, alpha, (h) => fractionFrom(h, tail.fromNs));
    const even = Math.max(a.length, b.length) <= UNEVEN * Math.min(a.length, b.length);
    statistics.push(even || rare.between === null ? rare : { ...rare, between: unbounded(rare.between) });
  }
  return { pooled, statistics, withinA: spread(a), withinB: spread(b) };
}

/** The sum of several samples, on the edges they share. */
export function pool(runs: readonly Binned[]): Binned {
  return runs.reduce<Binned>(
    (sum, run) => {
      const pair = align(sum, run);
      return { edges: pair.edges, counts: pair.a.map((c, i) => c + pair.b[i]!) };
    },
    { edges: [], counts: [] },
  );
}

function statistic(
  what: string,
  a: readonly Binned[],
  b: readonly Binned[],
  alpha: number,
  of: (h: Binned) => number,
): RunStatistic {
  const va = a.map(of).filter(Number.isFinite);
  const vb = b.map(of).filter(Number.isFinite);
  return { what, a: va, b: vb, between: between(va, vb, alpha) };
}

/** Few runs seldom show rare calls: no interval. */
const unbounded = (b: BetweenRuns): BetweenRuns => ({
  ...b,
  difference: { value: b.difference.value, low: Number.NaN, high: Number.NaN },
});

function between(a: readonly number[], b: readonly number[], alpha: number): BetweenRuns | null {
  const exact = (values: readonly number[]): RunValues => ({ values, resolution: values.map(() => 0) });
  const contrast = contrastOfRuns(exact(a), exact(b), alpha);
  if (contrast === null) return null;
  const [ma, mb] = [momentsOf(exact(a)), momentsOf(exact(b))];
  return {
    meanA: ma.mean,
    meanB: mb.mean,
    standardDeviationA: Math.sqrt(ma.variance),
    standardDeviationB: Math.sqrt(mb.variance),
    difference: contrast,
  };
}

/** Fraction of calls in bins at or above an edge; NaN for an empty run or where a bin straddles it. */
function fractionFrom(h: Binned, fromNs: number): number {
  let above = 0;
  for (let i = 0; i < h.counts.length; i++) {
    if (h.edges[i]! >= fromNs) above += h.counts[i]!;
    else if (h.edges[i + 1]! > fromNs && h.counts[i]! > 0) return Number.NaN;
  }
  return above / total(h.counts);
}

function spread(runs: readonly Binned[]): number {
  let most = Number.NaN;
  for (let i = 0; i < runs.length; i++) {
    for (let k = i + 1; k < runs.length; k++) {
      const s = superiority(align(runs[i]!, runs[k]!));
      if (s !== null && !(Math.abs(s.a12 - 0.5) <= most)) most = Math.abs(s.a12 - 0.5);
    }
  }
  return most;
}
