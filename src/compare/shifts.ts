import { type Binned, binned } from '../latency/binned.js';
import type { BootstrapShifts, Estimate } from '../latency/bootstrap-shifts.js';
import { pool } from '../latency/compare-runs.js';
import { Distribution } from '../latency/distribution.js';
import { logLinearHigh, logLinearLow } from '../latency/log-linear.js';
import { binnedShift, runsRatio } from '../latency/shifts.js';
import type { QuantileShift } from './report.js';
import type { RunSample } from './sides.js';

/** All runs of a side together. */
export interface PooledSide {
  readonly runs: readonly RunSample[];
  /** Every duration; null where a run is known by bins only. */
  readonly exact: Distribution | null;
  /** The finest bins there are: single ns up to 4 µs and at most 0.05 % wide above, or the printed rows. */
  readonly fine: Binned;
  readonly printed: Binned;
  /** Durations in the order the calls ended, run after run; null unless all are known. */
  readonly ordered: Float64Array | null;
}

export function poolSide(runs: readonly RunSample[]): PooledSide {
  const printed = pool(runs.map((r) => r.bins));
  const exact = merged(runs);
  return { runs, exact, fine: exact ? fineBins(exact) : printed, printed, ordered: inOrder(runs) };
}

function merged(runs: readonly RunSample[]): Distribution | null {
  const sum = new Distribution();
  for (const r of runs) {
    if (r.durations === null) return null;
    sum.merge(r.durations);
  }
  return sum;
}

function fineBins(d: Distribution): Binned {
  return binned(
    d.occupiedBins().map(([i, count]) => ({ low: logLinearLow(i), high: logLinearHigh(i) + 1, count })),
  );
}

function inOrder(runs: readonly RunSample[]): Float64Array | null {
  let n = 0;
  for (const r of runs) {
    if (r.ordered === null) return null;
    n += r.ordered.length;
  }
  const all = new Float64Array(n);
  let at = 0;
  for (const r of runs) {
    all.set(r.ordered!, at);
    at += r.ordered!.length;
  }
  return all;
}

/** Calls beyond a quantile, on either side of it, below which resampling says nothing about it. */
const BEYOND = 5;

/** Quantiles that the bootstrap can say something about: not those near the largest or smallest value. */
export const resampled = (quantiles: readonly number[], n: number): number[] =>
  quantiles.filter((q) => Math.min(q, 1 - q) * n >= BEYOND);

/**
 * Shift of a quantile with the best interval there is: between-run variance where every run's durations are known and
 * each side has two; else the block bootstrap; else ranks and bins.
 */
export function quantileShift(
  a: PooledSide,
  b: PooledSide,
  q: number,
  bootstrap: BootstrapShifts | null,
  alpha: number,
): Pick<QuantileShift, 'ratio' | 'differenceNs' | 'method'> {
  const boot = bootstrap?.quantiles.find((x) => x.q === q);
  const runs = perRun(a, b, (d) => d.quantile(q), alpha);
  if (runs) return { ratio: runs, differenceNs: boot?.differenceNs ?? null, method: 'between runs' };
  if (boot) return { ratio: boot.ratio, differenceNs: boot.differenceNs, method: 'bootstrap' };
  const s = binnedShift(a.fine, b.fine, q, alpha);
  return { ratio: s?.ratio ?? null, differenceNs: s?.differenceNs ?? null, method: 'ranks' };
}

/** Ratio of a statistic with between-run variance; null unless every run's durations are known, two runs a side. */
export function perRun(
  a: PooledSide,
  b: PooledSide,
  of: (d: Distribution) => number,
  alpha: number,
): Estimate | null {
  const each = (side: PooledSide): number[] =>
    side.runs.map((r) => (r.durations ? of(r.durations) : Number.NaN));
  return runsRatio(each(a), each(b), alpha);
}
