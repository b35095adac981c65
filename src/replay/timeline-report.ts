import type { TimelineReport } from '../result/types.js';
import type { Filter } from '../timeline/filter.js';
import type { TimeBase } from '../timeline/time-base.js';
import type { ReplayEngine } from './engine.js';

/** What the timeline as a whole was: span, clock, CPUs, loss, skew. */
export function timelineReport(
  replay: ReplayEngine,
  headers: readonly { readonly clock: string }[],
  time: TimeBase,
  filter: Filter | null,
): TimelineReport {
  const extent = replay.extent();
  const first = Number.isFinite(extent.firstNs) ? extent.firstNs : 0;
  const last = Number.isFinite(extent.lastNs) ? extent.lastNs : first;
  const cpus: number[] = [];
  const lost: TimelineReport['lost'] = [];
  replay.cpus.forEach((clock, cpu) => {
    if (clock.events > 0) cpus.push(cpu);
    if (clock.lossIntervals > 0) lost.push({ cpu, count: clock.lost, intervals: clock.lossIntervals });
  });
  const clock = headers.map((h) => h.clock).find((c) => c !== '') ?? '';
  return {
    events: replay.events,
    firstNs: time.absolute(first),
    lastNs: time.absolute(last),
    spanNs: String(Math.round(extent.coveredNs)),
    unit: time.unit,
    resolutionNs: time.resolutionNs,
    clock:
      clock ||
      (time.unit === 'ticks' ? 'not in ns (counter, x86-tsc or uptime)' : 'ns clock, kind not stated'),
    cpus,
    segments: replay.segments,
    lost,
    skew: {
      pairs: replay.skew.pairs,
      inversions: replay.skew.inversions,
      worstInversionNs: replay.skew.worstInversionNs,
      widestOffsetNs: replay.skew.widestNs(),
    },
    ...(filter ? { filter: filter.describe() } : {}),
  };
}
