import Table from 'cli-table3';
import type { Info, InputInfo } from '../../src/info.js';
import { inputText, ranges } from './report.js';
import { seconds } from './text.js';

export function formatInfo(info: Info, maxEvents: number): string {
  return info.files.map((file) => one(file, maxEvents)).join('\n');
}

function one(file: InputInfo, maxEvents: number): string {
  let text = inputText(file.input);
  text += `  format: ${file.input.formatWhy}\n`;
  const t = file.timeline;
  if (t) {
    const span =
      t.unit === 'ns'
        ? `${seconds(t.firstNs)} to ${seconds(t.lastNs)} s`
        : `ticks ${t.firstNs} to ${t.lastNs}`;
    text += `  ${t.events} events, ${span}, CPUs ${ranges(t.cpus)}, ${t.segments} capture${t.segments === 1 ? '' : 's'}\n`;
    text += `  clock: ${t.clock}\n`;
    for (const l of t.lost)
      text += `  lost on CPU ${l.cpu}: ${l.count < 0 ? 'unknown number' : l.count} in ${l.intervals} gaps\n`;
    text += `  kernel variants it allows: ${file.variants.join(', ') || 'none'}\n`;
  }
  if (file.events.length > 0) text += `\n${events(file, maxEvents)}`;
  for (const h of file.histograms) {
    const name = `${h.name}${h.key === null ? '' : `[${h.key}]`}`;
    text += `\n  histogram ${name === '' ? '(unnamed)' : name}, line ${h.line}, ${h.title === '' ? 'no title' : `"${h.title}"`}: ${h.count} values\n`;
    for (const b of h.buckets) {
      text += `    [${b.lowNs ?? '...'}, ${b.highNs ?? '...'})  ${b.count}\n`;
    }
  }
  for (const trigger of file.triggers) {
    text += `\n  hist trigger ${trigger.trigger}: ${trigger.rows.length} rows\n`;
  }
  if (file.decides.length > 0) text += `\n${decides(file)}`;
  return text;
}

function events(file: InputInfo, most: number): string {
  const table = new Table({
    head: ['event', 'kind', 'symbol', 'count', 'per second'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'left', 'right', 'right'],
  });
  for (const e of file.events.slice(0, most)) {
    table.push([
      e.event,
      e.kind,
      e.symbol === e.event ? '' : e.symbol,
      String(e.count),
      e.perSecond === null ? '' : e.perSecond.toFixed(1),
    ]);
  }
  const more = file.events.length - most;
  return `${table.toString()}\n${more > 0 ? `  and ${more} more kinds of event\n` : ''}`;
}

function decides(file: InputInfo): string {
  let text = '  a replay can decide: ';
  const yes = file.decides.filter((d) => d.can === 'yes').map((d) => d.id);
  text += `${yes.join(' ') || 'nothing'}\n`;
  const byProbe = new Map<string, string[]>();
  for (const d of file.decides) {
    for (const probe of d.missing) byProbe.set(probe, [...(byProbe.get(probe) ?? []), d.id]);
  }
  if (byProbe.size > 0) text += '  missing probes, and what they would help to decide:\n';
  for (const [probe, ids] of byProbe) text += `    ${probe}: ${ids.join(' ')}\n`;
  return text;
}
