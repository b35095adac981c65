import { align, type Binned, total } from './binned.js';
import { type CompareOptions, type Comparison, compare } from './compare.js';
import { superiority } from './effect-sizes.js';
import { meanBounds } from './intervals.js';
import { type BetweenRuns, betweenRuns } from './resampling.js';

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
  readonly sentence: string;
}

/** As `compare`, for several runs on each side (at least one each; throws RangeError otherwise). */
export function compareRuns(
  a: readonly Binned[],
  b: readonly Binned[],
  options: CompareOptions = {},
): RunsComparison {
  if (a.length === 0 || b.length === 0) throw new RangeError('each side needs at least one run');
  const pooled = compare(pool(a), pool(b), { ...options, runs: [a.length, b.length] });
  const statistics = [statistic('geometric mean', a, b, (h) => meanBounds(h).meanLog2)];
  const tail = pooled.tails.find((t) => t.fractionA <= 0.1 && t.fractionB <= 0.1);
  if (tail !== undefined) {
    statistics.push(statistic(`fraction ≥ ${tail.fromNs}`, a, b, (h) => fractionFrom(h, tail.fromNs)));
  }
  const withinA = spread(a);
  const withinB = spread(b);
  return {
    pooled,
    statistics,
    withinA,
    withinB,
    sentence: `${pooled.sentence}${repetition(pooled, statistics, withinA, withinB)}`,
  };
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
  of: (h: Binned) => number,
): RunStatistic {
  const va = a.map(of).filter(Number.isFinite);
  const vb = b.map(of).filter(Number.isFinite);
  return { what, a: va, b: vb, between: betweenRuns(va, vb) };
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

function repetition(
  pooled: Comparison,
  statistics: readonly RunStatistic[],
  withinA: number,
  withinB: number,
): string {
  if (pooled.verdict === 'no data' || pooled.verdict === 'no evidence') return '';
  const within = Math.max(...[withinA, withinB].filter((w) => !Number.isNaN(w)));
  const known = statistics.map((s) => s.between).filter((s) => s !== null);
  if (known.length === 0) {
    const seen = Number.isFinite(within)
      ? ` Two runs of one side already differ by ${within.toFixed(3)} in A12.`
      : '';
    return seen;
  }
  // One look per statistic: Bonferroni.
  const beyond = known.some((s) => s.p < 0.05 / known.length);
  const numbers = `largest A12 distance between two runs of one side ${within.toFixed(3)}, between the sides ${Math.abs((pooled.superiority?.a12 ?? 0.5) - 0.5).toFixed(3)}`;
  return beyond
    ? ` The sides differ by more than runs of one side do (${numbers}), so it can be laid at the door of what was changed between them, if nothing else was.`
    : ` Runs of one side differ as much among themselves (${numbers}), so the difference may be repetition alone.`;
}
