import type { HistGroup, HistReport } from '../../src/measure/hist.js';
import { quantileName } from '../quantiles.js';
import { lineWidth } from '../width.js';
import { folded } from './fold.js';
import { MAIL_WIDTH, narrow } from './plain.js';
import { ascii, wrap } from './text.js';

/** bpftrace's bytes; quantiles behind them when asked for; or the HDR text instead. */
export function formatHist(report: HistReport, quantiles: boolean, hdr: boolean): string {
  if (hdr) return hdrText(report);
  return `${report.printed}${quantiles ? quantileTable(report) : ''}`;
}

/** What was measured and what the numbers leave out; for standard error. */
export function formatHistFacts(report: HistReport): string {
  return `${folded(facts(report).join('\n'), lineWidth())}\n`;
}

/** All of it in one text for a mail: ASCII, at most 75 columns. */
export function formatHistPlain(report: HistReport, quantiles: boolean, hdr: boolean): string {
  const out: string[] = [];
  for (const line of facts(report)) out.push(...wrap(ascii(line), MAIL_WIDTH, '  '));
  out.push('');
  out.push(...(hdr ? hdrText(report).split('\n') : narrow(report.printed, true)));
  const table = quantiles ? quantileTable(report).split('\n') : [];
  for (const line of table)
    out.push(...(line.startsWith(' ') ? [ascii(line)] : wrap(ascii(line), MAIL_WIDTH, '  ')));
  while (out.at(-1) === '') out.pop();
  return `${out.join('\n')}\n`;
}

function facts(report: HistReport): string[] {
  const out: string[] = [];
  for (const i of report.inputs) {
    const l = i.lines;
    const skipped = l.skipped > 0 ? `, ${l.skipped} skipped` : '';
    out.push(`${i.path}: ${i.format}, ${l.total} lines, ${l.event} events${skipped}`);
    for (const note of i.notes) out.push(`  note: ${note.message}`);
    if (i.error) out.push(`  error: ${i.error.message} (after line ${i.error.line ?? 0})`);
  }
  const n = report.groups.reduce((s, g) => s + g.count, 0);
  const cut = { start: 0, end: 0, loss: 0, evicted: 0 };
  for (const g of report.groups) {
    cut.start += g.censored.start;
    cut.end += g.censored.end;
    cut.loss += g.censored.loss;
    cut.evicted += g.censored.evicted;
  }
  const all = cut.start + cut.end + cut.loss + cut.evicted;
  const evicted = cut.evicted > 0 ? `, ${cut.evicted} open too long` : '';
  const censored =
    report.from === 'bins'
      ? ''
      : `; ${all} censored (${cut.start} at start, ${cut.end} at end, ${cut.loss} by loss${evicted})`;
  const groups = report.groups.length === 1 ? '' : ` in ${report.groups.length} groups`;
  out.push(`${report.measured}: ${n} values${groups}, unit ${report.unit}${censored}`);
  if (report.filter !== null) out.push(`filter: ${report.filter}`);
  for (const note of report.notes) out.push(`note: ${note}`);
  if (report.partial) out.push('PARTIAL: interrupted');
  return out;
}

function quantileTable(report: HistReport): string {
  let text = `quantiles, ${report.unit} (${report.quantileMethod}):\n`;
  for (const g of report.groups) {
    text += `${groupName(report, g)}: ${g.count} values`;
    if (g.mean !== null) text += `, min ${g.min}, mean ${Number(g.mean.toPrecision(6))}, max ${g.max}`;
    text += '\n';
    for (const x of g.quantiles) {
      const exact = x.low === x.high;
      const shown = exact
        ? `${x.value ?? '?'}`
        : `in [${x.low ?? '...'}, ${x.high ?? '...'})${x.value === null ? '' : `, point ${Number(x.value.toPrecision(6))}`}`;
      text += `  ${quantileName(x.q).padEnd(8)} ${shown}\n`;
    }
  }
  return text;
}

function hdrText(report: HistReport): string {
  return report.groups
    .filter((g) => g.hgrm !== undefined)
    .map((g) => {
      const name = report.groups.length > 1 ? `#[${groupName(report, g)}]\n` : '';
      // HdrHistogram's text names no unit, and readers of it pass over lines of this form.
      return `${name}${g.hgrm}#[Unit    = ${report.unit.padStart(12)}]\n`;
    })
    .join('\n');
}

const groupName = (report: HistReport, g: HistGroup): string =>
  `${report.mapName}${g.key === null ? '' : `[${g.key}]`}${g.title === '' ? '' : ` (${g.title.replace(/:$/, '')})`}`;
