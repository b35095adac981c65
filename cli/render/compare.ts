import type { HeadlineRow } from '../../src/compare/headline.js';
import type { CompareReport, CompareRow, FailIfReport } from '../../src/compare/report.js';
import type { DeferredOut, ReadersOut } from '../../src/compare/tables-out.js';
import {
  changeWords,
  countWords,
  durationWords,
  intervalWords,
  partWords,
  rowWords,
} from '../../src/compare/words.js';
import { byName } from '../../src/result/by-name.js';
import { type Palette, palette } from './colour.js';
import { num, picture } from './compare-tables.js';
import { MAIL_WIDTH } from './plain.js';
import { ascii, hanging, wrap } from './text.js';

/** Lines of the default output, conditions and trouble with the inputs not counted. */
const MOST_LINES = 25;

/** The sentence, the table and one picture. */
export function formatCompare(report: CompareReport, colour: Palette = palette()): string {
  return `${lines(report, (title) => colour.bold(title)).join('\n')}\n`;
}

/** The same in ASCII, for a mail. */
export function formatComparePlain(report: CompareReport): string {
  // ASCII takes more room: before the lines are broken.
  const plain = { ...report, sentence: ascii(report.sentence) };
  return `${lines(plain, (title) => title)
    .map(ascii)
    .join('\n')}\n`;
}

function lines(report: CompareReport, strong: (title: string) => string): string[] {
  const sentence = wrap(report.sentence, MAIL_WIDTH);
  const out = [
    ...(report.partial ? ['PARTIAL: interrupted.'] : []),
    ...sentence,
    ...conditionLines(report.failIf).flatMap((l) => hanging(l, MAIL_WIDTH)),
    ...trouble(report),
  ];
  if (report.verdict === 'no data')
    return [...out, ...report.caveats.flatMap((c) => wrap(`- ${c}`, MAIL_WIDTH, '  '))];
  const rows = [
    ['', 'before', 'after', 'change', 'interval', 'verdict'],
    ...report.table.map(tableCells),
    ...tablesRows(report.tables),
  ];
  const widths = widthsOf(rows);
  const [heading, ...table] = rows.map((r) => cells(r, widths));
  const note = wrap(footnote(report), MAIL_WIDTH);
  const room = MOST_LINES - sentence.length - table.length - note.length - 4;
  return [
    ...out,
    '',
    strong(heading!),
    ...table,
    ...note,
    '',
    strong('parts of the calls, before left, after right'),
    ...picture(condensed(report.rows, Math.max(3, Math.min(8, room)))),
  ];
}

/** With the longest verdict 75 columns. */
const WIDTHS = [17, 10, 10, 9, 17] as const;

/** Usual widths; a cell that is wider takes its room from the first and the last of them. */
function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const needed = WIDTHS.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)) + (i === 0 ? 0 : 1));
  const widths = WIDTHS.map((w, i) => Math.max(w, needed[i]!));
  let over = widths.reduce((s, w) => s + w, 0) - WIDTHS.reduce<number>((s, w) => s + w, 0);
  for (const i of [0, 4]) {
    const given = Math.max(0, Math.min(over, widths[i]! - needed[i]!));
    widths[i] = widths[i]! - given;
    over -= given;
  }
  return widths;
}

function cells(list: readonly string[], widths: readonly number[]): string {
  const [what, ...rest] = list;
  const last = rest.pop() ?? '';
  return `${what!.padEnd(widths[0]!)}${rest.map((t, i) => t.padStart(widths[i + 1]!)).join('')} ${last}`.trimEnd();
}

function tableCells(r: HeadlineRow): string[] {
  const name =
    r.what === 'tail' ? `≥ ${durationWords(r.fromNs!)}` : r.what === 'rate' ? 'calls per second' : r.what;
  if (r.rowBefore && r.rowAfter) {
    const same = r.rowBefore[0] === r.rowAfter[0] && r.rowBefore[1] === r.rowAfter[1];
    const change = same ? 'same row' : 'moved';
    const verdict = r.verdict === 'seen' ? '' : r.verdict;
    const runs = r.basis === 'runs' || r.basis === 'assumed';
    return [
      name,
      row(r.rowBefore),
      row(r.rowAfter),
      runs && r.ratio ? changeWords(r.ratio.value) : change,
      runs && r.ratio ? intervalWords(r.ratio) : '',
      verdict,
    ];
  }
  // A row without an upper end has no middle, so there is no mean.
  const open = r.method === 'meanBounds' && !Number.isFinite((r.before ?? 0) + (r.after ?? 0));
  const known = r.before !== null && r.after !== null && !open;
  const bounded = r.ratio !== null && r.ratio.low > 0 && Number.isFinite(r.ratio.high);
  const interval = r.ratio && bounded && r.method !== 'meanBounds' ? intervalWords(r.ratio) : '';
  return [
    name,
    valueWords(r, r.before),
    valueWords(r, r.after),
    r.ratio && known ? changeWords(r.ratio.value) : '-',
    interval,
    known
      ? (NO_INTERVAL[r.method ?? ''] ?? r.verdict)
      : open
        ? 'open row'
        : r.what === 'rate'
          ? 'no window'
          : 'too few calls',
  ];
}

/** In the place of `undecided`, by the method: why the runs give no interval. */
const NO_INTERVAL: Readonly<Record<string, string>> = byName({
  noUneven: 'uneven runs',
  noEdge: 'edge of tail',
  noSingle: 'single calls',
  noTail: 'too few',
});

const row = ([low, high]: readonly [number, number]): string => rowWords(low, high);

function valueWords(r: HeadlineRow, v: number | null): string {
  if (v === null || !Number.isFinite(v)) return '-';
  if (r.what === 'n' || r.what === 'rate') return countWords(v);
  if (r.what === 'tail') return partWords(v);
  return `${r.method === 'meanBounds' ? '~' : ''}${durationWords(v)}`;
}

function footnote(report: CompareReport): string {
  const level = Number(((1 - report.alpha) * 100).toPrecision(4));
  const joint = Number((report.alpha * 100).toPrecision(4));
  const several = Math.min(report.a.runs.length, report.b.runs.length) > 1;
  const how = several
    ? `${level} % intervals between runs; all verdicts together err in ${joint} %`
    : report.spread !== null
      ? `${level} % intervals with the spread of runs that was stated, rare calls as independent`
      : report.table.some((r) => r.basis === 'within' && r.rowBefore === null && r.method !== 'meanBounds')
        ? `${level} % intervals of these two runs only`
        : 'No intervals: one run a side, and how far its calls are correlated is not known';
  return `${how}. More: --all, --plan.`;
}

/** Neighbouring rows joined, the emptiest first, until so many are left. */
export function condensed(
  rows: readonly CompareRow[],
  most: number,
): Pick<CompareRow, 'lowNs' | 'highNs' | 'fractionA' | 'fractionB'>[] {
  const out = rows.map(({ lowNs, highNs, fractionA, fractionB }) => ({
    lowNs,
    highNs,
    fractionA,
    fractionB,
  }));
  while (out.length > most) {
    let at = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < out.length; i++) {
      const [x, y] = [out[i]!, out[i + 1]!];
      const most = Math.max(x.fractionA + y.fractionA, x.fractionB + y.fractionB);
      if (most < least) {
        least = most;
        at = i;
      }
    }
    const [x, y] = [out[at]!, out[at + 1]!];
    out.splice(at, 2, {
      lowNs: x.lowNs,
      highNs: y.highNs,
      fractionA: x.fractionA + y.fractionA,
      fractionB: x.fractionB + y.fractionB,
    });
  }
  return out;
}

/** Rows of the same table, without an interval: they are counts and times of the recordings, not of calls. */
function tablesRows(tables: CompareReport['tables']): string[][] {
  if (tables === null) return [];
  const out: string[][] = [];
  const row = (name: string, before: string, after: string): void => {
    out.push([name, before, after, '', '', '']);
  };
  const [a, b] = [tables.a.readers, tables.b.readers];
  if (a && b) {
    row('walkers at unlink', `${a.atUnlink.walkers}`, `${b.atUnlink.walkers}`);
    row('walkers at free', `${a.atFree}`, `${b.atFree}`);
    if (a.margin && b.margin) {
      row('last out to free', durationWords(a.margin.medianOfRunsNs), durationWords(b.margin.medianOfRunsNs));
      row('  least', durationWords(a.margin.leastNs), durationWords(b.margin.leastNs));
    }
  }
  const [c, d] = [tables.a.deferred, tables.b.deferred];
  const most = (x: DeferredOut): string =>
    `${x.unknownBatches > 0 ? '≥ ' : ''}${rangeWords(x.peakTables, '..')}`;
  if (c && d) row('max tables in RCU', most(c), most(d));
  return out;
}

/** The same in words. Readers at the unlink and their distance to the release, and the memory that waits, where both sides show it. */
export function tablesLines(tables: CompareReport['tables']): string[] {
  if (tables === null) return [];
  const { a, b } = tables;
  const out: string[] = [];
  if (a.readers && b.readers) out.push(`readers  ${readersWords(a.readers)} -> ${readersWords(b.readers)}`);
  if (a.deferred && b.deferred) {
    const most = [a.deferred, b.deferred].map((d) => rangeWords(d.peakTables, ' to '));
    const open = a.deferred.unknownBatches + b.deferred.unknownBatches > 0 ? ', or more' : '';
    out.push(`waiting for RCU, at most  ${most[0]} -> ${most[1]} tables${open}`);
  }
  return out;
}

function readersWords(r: ReadersOut): string {
  const inside = `${r.atUnlink.walkers} walkers and ${r.atUnlink.gupFast} GUP-fast inside at unlink, ${r.atFree} at free`;
  if (r.margin === null) return inside;
  const { leastNs, medianOfRunsNs } = r.margin;
  return `${inside}, last one out to free ${durationWords(medianOfRunsNs)} (least ${durationWords(leastNs)})`;
}

const rangeWords = ([low, high]: readonly [number, number], to: string): string =>
  low === high ? `${low}` : `${low}${to}${high}`;

/** What became of each `--fail-if`. */
export function conditionLines(list: readonly FailIfReport[]): string[] {
  return list.flatMap((f) => [
    `--fail-if '${f.expression}': ${f.decision === 'true' ? 'FAILS' : f.decision === 'false' ? 'passes' : 'undecided'}`,
    ...f.clauses.map((c) => {
      const i = c.interval;
      const unit = c.scale === 'ratio' ? 'ratio' : c.scale === 'difference' ? 'difference ns' : 'value';
      if (i === null) return `  ${c.text}: not measurable here`;
      const alone = c.method.startsWith('one run') ? ' (one run on a side)' : '';
      if (c.method.startsWith('no interval'))
        return `  ${c.text}: ${unit} ${num(i.value)}, ${c.method}: undecided`;
      return `  ${c.text}: ${unit} ${num(i.value)}, interval ${num(i.low)} .. ${num(i.high)}, threshold ${num(c.threshold)}: ${c.decision}${alone}`;
    }),
  ]);
}

/** Inputs of which not every line could be read. */
function trouble(report: CompareReport): string[] {
  const runs = [...report.a.runs, ...report.b.runs];
  return runs.flatMap((r) =>
    r.inputs.flatMap((i) => [
      ...(i.lines.skipped > 0 ? [`${r.argument}: ${i.lines.skipped} of ${i.lines.total} lines skipped`] : []),
      ...(i.error ? [`${r.argument}: error: ${i.error.message} (after line ${i.error.line ?? 0})`] : []),
    ]),
  );
}
