import Table from 'cli-table3';
import type { Info, InputInfo, MissingProbe } from '../../src/info/info.js';
import { lineWidth } from '../width.js';
import { folded } from './fold.js';
import { inputText, ranges } from './report.js';
import { ascii, seconds } from './text.js';
import { needsMore, plural } from './verdicts.js';

export interface InfoLook {
  /** Events listed at most. */
  readonly events: number;
  /** ASCII, at most 75 columns. */
  readonly plain: boolean;
}

export function formatInfo(info: Info, look: InfoLook): string {
  const files = info.files.map((file) => one(file, look)).join('\n');
  return info.partial ? `${files}PARTIAL: interrupted, what follows was not read\n` : files;
}

function one(file: InputInfo, look: InfoLook): string {
  const tables = file.events.length > 0 ? `\n${events(file, look)}` : '';
  const text = [summary(file), decides(file), printed(file, look.events), tables].join('');
  const width = lineWidth(look.plain);
  return folded(look.plain ? text.split('\n').map(ascii).join('\n') : text, width);
}

function summary(file: InputInfo): string {
  let text = inputText(file.input);
  text += `  format: ${file.input.formatWhy}\n`;
  const t = file.timeline;
  if (!t) return text;
  const span =
    t.unit === 'ns' ? `${seconds(t.firstNs)} to ${seconds(t.lastNs)} s` : `ticks ${t.firstNs} to ${t.lastNs}`;
  text += `  ${t.events} events, ${span}, CPUs ${ranges(t.cpus)}, ${t.segments} capture${t.segments === 1 ? '' : 's'}\n`;
  text += `  clock: ${t.clock}\n`;
  for (const l of t.lost)
    text += `  lost on CPU ${l.cpu}: ${l.count < 0 ? 'unknown number' : l.count} in ${plural(l.intervals, 'gap')}\n`;
  if (t.lost.length === 0) text += '  lost events: none reported\n';
  return `${text}  kernel variants it allows: ${file.variants.join(', ') || 'none'}\n`;
}

/** Tables that somebody printed. */
function printed(file: InputInfo, most: number): string {
  let text = '';
  for (const h of file.histograms) {
    const name = `${h.name}${h.key === null ? '' : `[${h.key}]`}`;
    text += `\n  histogram ${name === '' ? '(unnamed)' : name}, line ${h.line}, ${h.title === '' ? 'no title' : `"${h.title}"`}: ${h.count} values\n`;
    for (const b of h.buckets) {
      text += `    [${b.lowNs ?? '...'}, ${b.highNs ?? '...'})  ${b.count}\n`;
    }
    for (const note of h.notes) text += `    note: ${note}\n`;
  }
  text += nextForTables(file);
  if (file.maps.length > 0) text += `\n  maps: ${file.maps.length} values\n`;
  for (const m of file.maps.slice(0, most)) {
    const s = m.stats;
    const value = s ? `count ${s.count}, average ${s.average}, total ${s.total}` : m.value;
    text += `    ${m.name}${m.key === null ? '' : `[${m.key}]`}: ${value} (line ${m.line})\n`;
  }
  if (file.maps.length > most) text += `    and ${file.maps.length - most} more\n`;
  for (const t of file.triggers) {
    const totals = t.hits < 0 ? '' : `, ${t.hits} hits, ${t.dropped} dropped`;
    text += `\n  hist trigger ${t.trigger}: ${t.rows.length} rows${totals}\n`;
  }
  return text;
}

/** The command that compares the first two of several printed histograms. */
function nextForTables({ input, histograms }: InputInfo): string {
  const [a, b] = histograms.map((h) => {
    const title = h.title.replace(/:$/, '');
    const alone = histograms.filter((x) => x.title.replace(/:$/, '') === title).length === 1;
    return `${input.path}#${alone && /^[\w@][\w @.,:-]{0,30}$/.test(title) ? title : `line ${h.line}`}`;
  });
  if (input.path === '-' || b === undefined || a === b || `${a}${b}`.includes("'")) return '';
  return `\n  next: pttrace compare '${a}' '${b}'\n`;
}

function events(file: InputInfo, look: InfoLook): string {
  const most = look.events;
  const more = file.events.length - most;
  const rest = more > 0 ? `  and ${more} more kinds of event\n` : '';
  // A table would be wider than a mail.
  if (look.plain) return `${file.events.slice(0, most).map(eventLine).join('')}${rest}`;
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
  return `${table.toString()}\n${rest}`;
}

function eventLine(e: InputInfo['events'][number]): string {
  const rate = e.perSecond === null ? '' : `${e.perSecond.toFixed(1)}/s`;
  const symbol = e.symbol === '' || e.symbol === e.event ? '' : ` (${e.symbol})`;
  return `${String(e.count).padStart(9)} ${rate.padStart(12)}  ${e.kind} ${e.event}${symbol}\n`;
}

/** What to do next stands first: probes that can be set; what only markers of one's own would show, in a line. */
function decides(file: InputInfo): string {
  if (file.decides.length === 0) return '';
  const ids = file.decides.filter((d) => d.can === 'yes').map((d) => d.id);
  let text = `\n  of ${file.decides.length} rules a replay can decide ${ids.length}: ${ids.join(' ') || 'none'}\n`;
  const marker = (m: MissingProbe): boolean => needsMore(m.probe);
  const probes = file.missingProbes.filter((m) => !marker(m));
  const markers = file.missingProbes.filter(marker);
  if (probes.length > 0)
    text += '\n  missing probes, what they would help to decide, and the line that sets them:\n';
  for (const m of probes) {
    text += `    ${m.probe}: ${m.decides.join(' ')}\n`;
    for (const line of m.add) text += `      + ${line}\n`;
  }
  if (markers.length > 0) {
    const waiting = [...new Set(markers.flatMap((m) => m.decides))].sort();
    text += `\n  no kprobe shows what these are about, only trace markers or bpftrace (pttrace explain ${waiting[0]}): ${waiting.join(' ')}\n`;
  }
  return text;
}
