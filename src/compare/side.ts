import { total } from '../latency/histogram/binned.js';
import type { Distribution } from '../latency/histogram/distribution.js';
import type { Comparison } from '../latency/statistics/compare.js';
import { timeOutside } from '../latency/statistics/intervals.js';
import type { CompareSide } from './report.js';
import type { RunSample } from './sides.js';

/** What a report says of one side; `exact`: its single durations, where the inputs have them. */
export function side(
  name: string,
  runs: readonly RunSample[],
  c: Comparison['a'],
  exact: Distribution | null,
): CompareSide {
  const windows = runs.map((r) => r.windowNs);
  const windowNs = windows.every((w) => w !== null) ? windows.reduce<number>((s, w) => s + w!, 0) : null;
  const sum = exact === null ? null : Number(exact.sumNs);
  const mean = sum === null ? c.mean : { ...c.mean, sumLowNs: sum, sumHighNs: sum };
  return {
    name,
    runs: runs.map((r) => ({
      argument: r.argument,
      title: r.title,
      from: r.from,
      what: r.what,
      count: total(r.bins.counts),
      censored: r.censored,
      windowNs: r.windowNs,
      windowHow: r.windowHow,
      notes: r.notes,
      inputs: r.inputs,
    })),
    count: c.count,
    windowNs,
    perSecond: windowNs === null ? null : (c.count / windowNs) * 1e9,
    sumLowNs: mean.sumLowNs,
    sumHighNs: mean.sumHighNs,
    exactMeanNs: exact === null ? null : exact.meanNs,
    dkwHalfWidth: c.dkwHalfWidth,
    outside: windowNs === null ? null : timeOutside(mean, windowNs),
  };
}
