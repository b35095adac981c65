import { UNEVEN } from '../latency/statistics/between-runs.js';
import { quantileInterval } from '../latency/statistics/intervals.js';
import type { PooledSide } from './pooled-side.js';
import { calls, type Statistic, valuesOf } from './run-values.js';
import type { Shift } from './shift.js';
import type { RunSample } from './sides.js';

interface Sides {
  readonly a: Pick<PooledSide, 'runs'>;
  readonly b: Pick<PooledSide, 'runs'>;
  readonly paired: boolean;
}

/** Why numbers of several runs get no interval: keys of `METHODS`. */
export type NoInterval = Extract<Shift['method'], `no${string}`>;

/** Quantiles up to this one lie in the body: few calls leave them wide open, but not at one of two places. */
const BODY = 0.9;
/** A quantile at the edge of the tail is one number or another by chance: as `UNEVEN`, and the fewest runs of a side. */
const UNEVEN_AT_EDGE = 1.75;
const FEWEST_AT_EDGE = 3;
/** A run's own calls leave the quantile open by more than this (standard error of its logarithm): it is at an edge. */
const EDGE = 0.15;
/** The same where a side has 2 runs or far fewer than the other, which may miss the edge by chance. */
const EDGE_OF_FEW = 0.1;
/** The same of the run in the middle: where it is lower, most runs have the edge elsewhere. */
const EDGE_IN_MOST = 0.1;
/** A single call that makes up so much of a run's time, and so many times what it does in the run in the middle. */
const SINGLE = 0.03;
const SINGLE_AGAINST_MIDDLE = 8;
/** Calls of the tail in a run, on average, below which Student's t does not fit their number. */
const TAIL_CALLS = 8;
/** Runs on the side that has more: two numbers of rare calls are too often the same. */
const FEWEST_OF_TAIL = 3;

/**
 * Null where an interval between runs holds the truth as often as it says. Where it would not, by the simulation of
 * docs/statistics.md, the reason: few runs do not show how far rare calls reach.
 */
export function whyNoInterval({ a, b, paired }: Sides, of: Statistic): NoInterval | null {
  const runs = [...a.runs, ...b.runs];
  const sizes = [a.runs.length, b.runs.length];
  const uneven = paired ? 1 : Math.max(...sizes) / Math.min(...sizes);
  switch (of.kind) {
    case 'count':
    case 'rate':
      return null;
    case 'quantile': {
      if (of.q <= BODY) return null;
      const errors = runs.map((r) => errorInside(r, of.q));
      const few = Math.min(...sizes) < FEWEST_AT_EDGE || uneven > UNEVEN_AT_EDGE;
      if (Math.max(...errors) < (few ? EDGE_OF_FEW : EDGE)) return null;
      return few || middle(errors) < EDGE_IN_MOST ? 'noEdge' : null;
    }
    case 'mean': {
      if (uneven > UNEVEN) return 'noUneven';
      const parts = runs.map(partOfLongest);
      const most = Math.max(...parts);
      return most >= SINGLE && most > SINGLE_AGAINST_MIDDLE * middle(parts) ? 'noSingle' : null;
    }
    case 'share': {
      if (uneven > UNEVEN) return 'noUneven';
      const tail = runs.reduce((sum, r) => sum + tailCalls(r, of), 0);
      const few = Math.max(...sizes) < FEWEST_OF_TAIL || tail < TAIL_CALLS * runs.length;
      return few ? 'noTail' : null;
    }
  }
}

/** A run without such a call counts as half a call, which is none. */
const tailCalls = (r: RunSample, of: Statistic): number =>
  Math.floor((valuesOf([r], of)?.values[0] ?? 0) * calls(r) + 1e-6);

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.floor(sorted.length / 2)]!) / 2;
}

/** Standard error of the quantile's logarithm, from the values two standard errors of its rank away. */
function errorInside(r: RunSample, q: number): number {
  const n = calls(r);
  const reach = 2 * Math.sqrt((q * (1 - q)) / n);
  const at = (p: number): number => {
    const bounded = Math.min(1, Math.max(1 / n, p));
    if (r.durations) return r.durations.quantile(bounded);
    return quantileInterval(r.bins, bounded)?.pointNs ?? Number.NaN;
  };
  const error = Math.log(at(q + reach) / at(q - reach)) / 4;
  // Values of 0 ns or in an open row have no logarithm: nothing is known against them.
  return Number.isFinite(error) ? error : 0;
}

/** Of all the time of a run, what its longest call took; of printed rows, a call in the middle of the last one. */
function partOfLongest(r: RunSample): number {
  if (r.durations) return r.durations.maxNs / Number(r.durations.sumNs);
  let [sum, longest] = [0, 0];
  r.bins.counts.forEach((c, i) => {
    if (c === 0) return;
    longest = (r.bins.edges[i]! + r.bins.edges[i + 1]!) / 2;
    sum += c * longest;
  });
  return Number.isFinite(sum) && sum > 0 ? longest / sum : 0;
}
