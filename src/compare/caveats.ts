import { total } from '../latency/histogram/binned.js';
import type { Comparison } from '../latency/statistics/compare.js';
import type { CompareSide } from './report.js';
import type { RunSample } from './sides.js';

/** What the numbers cannot say. */
export function caveatsOf(
  c: Comparison,
  a: readonly RunSample[],
  b: readonly RunSample[],
  sides: readonly [CompareSide, CompareSide],
): string[] {
  const out: string[] = [];
  const several = a.length > 1 && b.length > 1;
  const calls = sides.every((s) => s.count > 0);
  if (!several && calls) {
    out.push('one run on a side: the spread between runs is unknown, so intervals are of these runs only');
    out.push('p-values suppose independent calls; calls of one run are correlated, so they are nominal');
  }
  if (
    c.meanDifference.lowNs < 0 &&
    c.meanDifference.highNs > 0 &&
    sides.some((s) => s.exactMeanNs === null)
  ) {
    out.push('from the rows alone not even the sign of the difference of the means is known');
  }
  if (!several && c.homogeneity !== null && c.homogeneity.minExpected < 5) {
    out.push('some rows expect fewer than 5 calls: χ² and G are rough there');
  }
  if (total(c.pair.a) > 0 && (c.countRatio < 0.8 || c.countRatio > 1.25)) {
    out.push(
      `the number of calls differs (${c.countRatio.toFixed(2)}×): the two sides did not do the same work, or not as fast`,
    );
  }
  if (sides.every((s) => s.outside !== null)) {
    out.push('time outside the call holds only if one thread called back to back for the whole window');
  }
  if (several && [...a, ...b].some((r) => r.durations === null)) {
    out.push(
      'quantiles and means of printed rows are points inside the rows, by one convention for all runs',
    );
  }
  for (const r of [...a, ...b]) {
    const n = total(r.bins.counts);
    if (r.censored > 0.01 * (n + r.censored)) {
      out.push(
        `${r.argument}: ${r.censored} of ${n + r.censored} spans are censored: long ones are missing most`,
      );
    }
    for (const note of r.notes) out.push(`${r.argument}: ${note}`);
  }
  return out;
}
