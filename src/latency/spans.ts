import type { LatencyReport } from '../result/types.js';
import type { TimeBase } from '../timeline/time-base.js';
import { Distribution } from './histogram/distribution.js';
import type { PairCollector } from './pair-collector.js';
import { latencyReport } from './report.js';

/**
 * One report per group of a collector busiest first (equal counts: by key); one with
 * count 0 where nothing occurred and the collector has no key. With a tick clock the numbers are withheld
 * (`quantiles` null, no buckets): ticks are not ns.
 */
export function spanReports(collector: PairCollector, name: string, time: TimeBase): LatencyReport[] {
  const groups = collector.results();
  if (groups.length === 0 && !collector.keyed) {
    return [latencyReport(name, '', new Distribution(), { start: 0, end: 0, loss: 0 }, time)];
  }
  return groups
    .map(({ keys, durations, censored }) => {
      // A span given up because too many were open ended out of our sight, as at the end of the recording.
      const { start, end, loss, evicted } = censored;
      return latencyReport(name, keys.join(', '), durations, { start, end: end + evicted, loss }, time);
    })
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}
