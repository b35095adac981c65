import type { SimBug } from '../../src/simulate/bugs.js';
import type { SimSummary } from '../../src/simulate/summary.js';
import { lineWidth } from '../width.js';
import { folded } from './fold.js';

/** The summary in words, with the limits of the model: numbers without them would be taken for measured. */
export function formatSummary(s: SimSummary): string {
  const ns = s.munmapNs;
  const shown = (value: number | null): string => (value === null ? '-' : `${(value / 1000).toFixed(1)} us`);
  const rows: readonly (readonly [string, string])[] = [
    ['variant', s.variant],
    ['lines', String(s.lines)],
    ['munmap calls', String(s.munmaps)],
    ['tables freed', `${s.tablesFreed} of ${s.tablesRemoved}`],
    ['pages freed', String(s.pagesFreed)],
    ['flushes', String(s.flushes)],
    ['IPIs of flushes', String(s.flushIpis)],
    ['IPIs of tlb_remove_table_sync_one', String(s.syncIpis)],
    ['call_rcu', `${s.callRcu} for ${s.deferredTables} tables`],
    ['grace periods', String(s.gracePeriods)],
    ['peak deferred', `${s.peakDeferredBytes} bytes`],
    ['munmap p50/p90/p99/max', [ns.p50, ns.p90, ns.p99, ns.max].map(shown).join(' / ')],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  return `${[...lines, 'Limits of the model:', ...s.limits.map((l) => `- ${l}`)].join('\n')}\n`;
}

/** One rule a line, as `--list-bugs` prints them: name, what is broken, what replay reports. */
export function formatBugs(bugs: readonly SimBug[]): string {
  const width = Math.max(...bugs.map((b) => b.name.length));
  const text = bugs.map(
    (b) => `${b.name.padEnd(width)}  ${b.broken}; replay reports ${b.violates.join(' or ')}\n`,
  );
  return folded(text.join(''), lineWidth());
}
