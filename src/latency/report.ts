import type { LatencyReport } from '../result/types.js';
import type { TimeBase } from '../timeline/time-base.js';
import type { Distribution } from './histogram/distribution.js';

/** Spans cut off: by the start, by the end of the recording, by lost events. */
export interface Censored {
  start: number;
  end: number;
  loss: number;
}

/** `LatencyReport` of a distribution; with a tick clock only the counts are given. */
export function latencyReport(
  name: string,
  key: string,
  durations: Distribution,
  censored: Censored,
  time: Pick<TimeBase, 'unit'>,
): LatencyReport {
  const ns = time.unit === 'ns';
  const q = (p: number): number => durations.quantile(p);
  return {
    name,
    key,
    count: durations.count,
    censored: { ...censored },
    histogram: ns ? durations.powerOfTwoBuckets() : [],
    quantiles:
      ns && durations.count > 0
        ? { p50: q(0.5), p90: q(0.9), p99: q(0.99), p999: q(0.999), max: durations.maxNs }
        : null,
    sumNs: ns ? durations.sumNs.toString() : '0',
  };
}
