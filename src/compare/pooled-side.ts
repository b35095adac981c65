import { align, type Binned, type BinnedPair } from '../latency/histogram/binned.js';
import { Distribution } from '../latency/histogram/distribution.js';
import { logLinearHigh, logLinearLow } from '../latency/histogram/log-linear.js';
import { pool } from '../latency/statistics/compare-runs.js';
import { singleValues } from '../latency/statistics/two-samples.js';
import type { RunSample } from './sides.js';

/** All runs of a side together. */
export interface PooledSide {
  readonly runs: readonly RunSample[];
  /** Every duration; null where a run is known by bins only. */
  readonly exact: Distribution | null;
  /** The finest bins there are: single values while they are kept, else at most 0.05 % wide; or the printed rows. */
  readonly fine: Binned;
  readonly printed: Binned;
}

export function poolSide(runs: readonly RunSample[]): PooledSide {
  const printed = pool(runs.map((r) => r.bins));
  const exact = merged(runs);
  return { runs, exact, fine: exact ? fineBins(exact) : printed, printed };
}

function merged(runs: readonly RunSample[]): Distribution | null {
  const sum = new Distribution();
  for (const r of runs) {
    if (r.durations === null) return null;
    sum.merge(r.durations);
  }
  return sum;
}

/** Bins of one ns around every value that occurs; of log-linear bins once those are all that is kept. */
function fineBins(d: Distribution): Binned {
  const edges: number[] = [];
  const counts: number[] = [];
  const add = (low: number, high: number, count: number): void => {
    const end = edges.at(-1);
    if (end !== low) {
      if (end !== undefined) counts.push(0);
      edges.push(low);
    }
    edges.push(high);
    counts.push(count);
  };
  if (d.exact) d.forEachRun((value, times) => add(value, value + 1, times));
  else for (const [i, count] of d.occupiedBins()) add(logLinearLow(i), logLinearHigh(i) + 1, count);
  return { edges, counts };
}

/** Both sides value by value; null where a side is known by rows only. `exact`: nothing is rounded. */
export function finePair(a: PooledSide, b: PooledSide): { pair: BinnedPair; exact: boolean } | null {
  if (a.exact === null || b.exact === null) return null;
  const [va, vb] = [a.exact.sortedValues(), b.exact.sortedValues()];
  const single = va && vb ? singleValues(va, vb) : null;
  if (single) return { pair: single, exact: true };
  const coarse = (d: Distribution): Binned => fineBins(new Distribution(0).merge(d));
  return { pair: align(coarse(a.exact), coarse(b.exact)), exact: false };
}
