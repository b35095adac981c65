import { byName } from '../../src/result/by-name.js';
import { ruleCounts, ruleCountWords } from '../../src/result/rule-counts.js';
import {
  NO_BETTER,
  NO_CHANGE,
  type WhatIfCost,
  type WhatIfReport,
  type WhatIfSeries,
} from '../../src/what-if/report.js';
import { picture } from './compare-tables.js';
import { MAIL_WIDTH, narrow } from './plain.js';
import { ascii, duration, histogram, histStyle, wrap } from './text.js';
import { plural } from './verdicts.js';

const COUNT_NAMES: Readonly<Record<string, string>> = byName({
  gathers: 'gathers',
  tables: 'page tables removed',
  flushes: 'TLB flushes in gathers',
  flushIpis: 'IPIs of those flushes',
  syncRounds: 'sync_one broadcasts',
  syncIpis: 'IPIs of those',
  batchCalls: 'call_rcu, batches',
  singleCalls: 'call_rcu, single tables',
  deferredTables: 'tables freed by RCU',
  inlineTables: 'tables freed in the gather',
  gracePeriods: 'grace periods waited for',
});

const cells = (label: string, ...rest: string[]): string =>
  `  ${label.padEnd(30)}${rest.map((r) => r.padStart(16)).join('')}`.trimEnd();
/** Narrower than counts, so that the interval fits beside it in a mail. */
const latencyCells = (label: string, ...rest: string[]): string =>
  `  ${label.padEnd(6)}${rest.map((r) => r.padStart(13)).join('')}`;
const signed = (ns: number): string => `${ns < 0 ? '-' : '+'}${duration(Math.abs(Math.round(ns)))}`;
const bytes = (n: number): string => (n < 1 << 20 ? `${n / 1024} KiB` : `${(n / (1 << 20)).toFixed(1)} MiB`);

/** The report for people; `plain`: ASCII, at most 75 columns. Throws UsageError for an unknown bpftrace version. */
export function formatWhatIf(
  report: WhatIfReport,
  look: { plain: boolean; style?: string | undefined },
): string {
  const out: string[] = [];
  const { source, target } = report;
  const fold = (text: string, first = '  '): void => {
    const rest = ' '.repeat(first.length);
    // Arrows grow where they become ASCII.
    wrap(look.plain ? ascii(text) : text, 75 - first.length).forEach((line, i) => {
      out.push(`${i === 0 ? first : rest}${line}`);
    });
  };
  for (const input of report.inputs) {
    out.push(`${input.path}: ${input.format}, ${input.lines.event} events`);
    if (input.error) out.push(`  broken: ${input.error.message}`);
  }
  fold(`What if the kernel were ${target.id} (${target.title}, ${target.kernels})?`, '');
  fold(`The recording is of ${source.candidates.join(', ') || 'no known kernel'} (${source.how}).`, '');
  if (report.refused) {
    out.push('');
    fold(`Not re-run: ${report.refused.reason}.`, '');
    fold(`Source: ${report.refused.source}`, '');
    return finish(out, look.plain);
  }
  out.push('');
  fold(inShort(report), '');
  const g = report.gathers;
  out.push('');
  fold(
    `${g.total} gathers, ${g.withTables} with page tables, ${g.starved} of them short of memory; the model gives the recorded counts of ${g.reproduced} of ${g.withTables}.`,
    '',
  );
  out.push('', cells('', 'recorded', target.id));
  for (const c of report.counts) {
    if (c.before === 0 && c.after === 0) continue;
    const show = (n: number | null): string => (n === null ? 'not recorded' : String(n));
    out.push(cells(COUNT_NAMES[c.name] ?? c.name, show(c.before), show(c.after)));
  }
  const d = report.deferred;
  if (d && d.before.peakTables + d.after.peakTables > 0) {
    out.push(cells('peak tables held by RCU', String(d.before.peakTables), String(d.after.peakTables)));
    out.push(cells('peak bytes held by RCU', bytes(d.before.peakBytes), bytes(d.after.peakBytes)));
  }
  for (const s of report.series)
    if (s.before.count > 0) out.push('', ...seriesLines(s, target.id, look.style));
  out.push('', 'Costs the prediction draws on (10th, 50th, 90th percentile):');
  const used = report.costs.filter((c) => c.used);
  if (used.length === 0) out.push('  none: nothing is added');
  for (const c of used) out.push(...costLines(c));
  out.push('', 'Order under the other variant:');
  fold(orderText(report));
  for (const v of report.order.verdicts.filter((x) => x.verdict === 'violated')) {
    fold(`${v.id} ${v.name}: violated ${v.violated} times, e.g. ${v.example}`);
    for (const e of v.events) out.push(`    line ${e.line} (${e.role}): ${e.text.trim()}`);
    const path = report.inputs[v.events[0]?.input ?? 0]?.path;
    if (v.events.length > 0) fold(`next: pttrace show ${path} --line ${v.events.at(-1)!.line}`, '    ');
  }
  const torn = report.order.verdicts.filter((x) => x.reason !== '');
  if (torn.length > 0)
    fold(`undecided, not a fault of ${target.id}: ${torn.map((x) => x.id).join(', ')}: ${torn[0]!.reason}`);
  if (report.notes.length > 0) out.push('', 'Notes:');
  for (const n of report.notes) fold(n, '  - ');
  out.push('', 'Method:');
  fold(report.method);
  out.push('', 'Not in the model:');
  for (const n of report.limits) fold(n, '  - ');
  return finish(out, look.plain);
}

/** The answer, before what it rests on. */
function inShort({ series, counts, order, target, notes }: WhatIfReport): string {
  const parts: string[] = [];
  for (const s of series.filter((x) => x.before.count > 0).slice(0, 1)) {
    const { value, low, high } = s.shift.mean;
    const open = s.changed > 0 && low !== null && low <= 0 && high! >= 0 ? ', which may be none' : '';
    const interval =
      low === null ? 'no interval, see the notes' : `95 %: ${signed(low)} to ${signed(high!)}${open}`;
    parts.push(
      s.changed === 0
        ? `${s.name} takes as long: none of ${plural(s.before.count, 'call')} changes`
        : `${s.name} changes by ${signed(value)} on average (${interval})`,
    );
  }
  const moved = counts.filter((c) => c.before !== null && c.after !== null && c.before !== c.after);
  for (const c of moved) parts.push(`${COUNT_NAMES[c.name] ?? c.name} ${c.before} → ${c.after}`);
  const violated = order.verdicts.filter((v) => v.verdict === 'violated').map((v) => v.id);
  if (violated.length > 0) parts.push(`violated: ${violated.join(', ')}`);
  else parts.push(order.checked ? 'no violation' : 'order not checked');
  const doubt = notes.includes(NO_BETTER)
    ? ' As a prediction of the time hardly better than "no change" (see the notes).'
    : notes.includes(NO_CHANGE)
      ? ' That is the answer "no change", no more (see the notes).'
      : '';
  return `In short, with ${target.id}: ${parts.join('; ')}.${doubt}`;
}

function seriesLines(s: WhatIfSeries, target: string, style: string | undefined): string[] {
  const family = histStyle(style);
  const of = (name: string, of: WhatIfSeries['before']): string =>
    histogram(
      {
        name,
        key: '',
        count: of.count,
        censored: { start: 0, end: 0, loss: 0 },
        histogram: of.histogram,
        quantiles: null,
        sumNs: '0',
      },
      family,
    ).trimEnd();
  const q = (label: string, before: number, after: number, k: 'mean' | 'p50' | 'p90' | 'p99'): string => {
    const shift = s.shift[k];
    return latencyCells(
      label,
      duration(Math.round(before)),
      duration(Math.round(after)),
      `${signed(shift.value)}`,
    ).concat(s.changed === 0 || shift.low === null ? '' : `  [${signed(shift.low)}, ${signed(shift.high!)}]`);
  };
  const b = s.before;
  const a = s.after;
  return [
    `${s.what}: ${plural(b.count, 'call')}, ${s.changed} of them changed`,
    latencyCells('', 'recorded', target, 'shift').concat('  95 % interval'),
    q('mean', b.mean, a.mean, 'mean'),
    // As in every report: a quantile of fewer calls would be their maximum.
    ...(b.count >= 2 ? [q('p50', b.quantiles.p50, a.quantiles.p50, 'p50')] : []),
    ...(b.count >= 10 ? [q('p90', b.quantiles.p90, a.quantiles.p90, 'p90')] : []),
    ...(b.count >= 100 ? [q('p99', b.quantiles.p99, a.quantiles.p99, 'p99')] : []),
    '',
    `${'recorded'.padStart(28)}|${'ns'.padStart(9).padEnd(16)}|${target}`,
    ...picture(rowsOf(s)),
    '',
    of(`${s.name}_recorded`, b),
    '',
    of(`${s.name}_${target}`, a),
  ];
}

/** Both histograms on the buckets of either. */
function rowsOf(s: WhatIfSeries): { lowNs: number; highNs: number; fractionA: number; fractionB: number }[] {
  const rows = new Map<number, { lowNs: number; highNs: number; fractionA: number; fractionB: number }>();
  const put = (of: WhatIfSeries['before'], key: 'fractionA' | 'fractionB'): void => {
    for (const { lowNs, highNs, count } of of.histogram) {
      const row = rows.get(lowNs) ?? { lowNs, highNs, fractionA: 0, fractionB: 0 };
      row[key] = count / of.count;
      rows.set(lowNs, row);
    }
  };
  put(s.before, 'fractionA');
  put(s.after, 'fractionB');
  return [...rows.values()].sort((x, y) => x.lowNs - y.lowNs);
}

function costLines(c: WhatIfCost): string[] {
  const range =
    c.median === null
      ? `${duration(c.low)} to ${duration(c.high)}`
      : [c.low, c.median, c.high].map((v) => duration(Math.round(v))).join(', ');
  const seen = c.basis === 'prior' ? '' : `, ${c.count} times`;
  return wrap(`  ${c.id.padEnd(14)} ${range}  (${c.basis}${seen}: ${c.from})`, 75, '    ');
}

function orderText(report: WhatIfReport): string {
  const { checked, reason, operations, verdicts } = report.order;
  if (!checked) return `not checked: ${reason}`;
  const counts = ruleCountWords(ruleCounts(verdicts));
  return `${operations} operations of the changed sequence: ${counts}${reason === '' ? '' : `; ${reason}`}`;
}

function finish(lines: readonly string[], plain: boolean): string {
  const text = `${lines.join('\n')}\n`;
  if (!plain) return text;
  return text
    .split('\n')
    .flatMap((l) => (/^[[(].* \|[@ ]*\|$/.test(l) ? narrow(l) : [ascii(l)]))
    .flatMap((l) => (l.length <= MAIL_WIDTH ? [l] : wrap(l, MAIL_WIDTH, '    ')))
    .join('\n');
}
