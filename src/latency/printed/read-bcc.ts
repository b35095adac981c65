import type { Bin, ReadHistogram } from '../histogram/binned.js';
import { unitOfName } from '../histogram/unit-names.js';
import { CHATTER, type TableLines } from './printed-table.js';

/**
 * Histograms of bcc tools (`     usecs               : count     distribution`, rows `2 -> 3 : 15 |**** |`,
 * src/python/bcc/table.py `_print_log2_hist`, `_print_linear_hist`) and of perf-tools' perf-stat-hist
 * (`Range : Count Distribution`). The label may be any words (`munmap us`); libbpf-tools print one blank less behind `count`.
 */
export function bccTables(text: readonly string[]): {
  histograms: ReadHistogram[];
  lines: TableLines;
} {
  const histograms: ReadHistogram[] = [];
  const lines: TableLines = new Map();
  for (let i = 0; i < text.length; i++) {
    const heading = HEADING.exec(unquoted(text[i]!));
    if (heading === null) continue;
    const bins: Bin[] = [];
    let last = i;
    for (let k = i + 1; k < text.length; k++) {
      const bin = row(unquoted(text[k]!));
      if (bin === null || bin.low < (bins.at(-1)?.high ?? Number.NEGATIVE_INFINITY)) break;
      bins.push(bin);
      last = k;
    }
    if (bins.length === 0) continue;
    lines.set(i, 'heading');
    for (let k = i + 1; k <= last; k++) lines.set(k, 'row');
    histograms.push(histogram(heading[1]!, bins, text, i));
    i = last;
  }
  return { histograms, lines };
}

const HEADING = /^ *(\S.*?) *: (?:count +distribution|Count +Distribution) *$/;
const LOG_ROW = /^ *(\d*) *-> *(\d*) *: (\d+) *\|[*+# ]*\| *$/;
const LINEAR_ROW = /^ *(\d+) *: (\d+) *\|[*+ ]*\| *$/;
const SECTION = /^ *(\w[\w ]*) = (.*?) *$/;

/** `> `, `| `: marks of a quote. */
const unquoted = (line: string): string => line.replace(/^(?: {0,3}[>|])+ ?/, '');

/** Both ends of a printed range belong to it; an end left out is open. */
function row(line: string): Bin | null {
  const log = LOG_ROW.exec(line);
  if (log !== null) {
    const low = log[1] === '' ? Number.NEGATIVE_INFINITY : Number(log[1]);
    const high = log[2] === '' ? Number.POSITIVE_INFINITY : Number(log[2]) + 1;
    return low < high ? { low, high, count: Number(log[3]) } : null;
  }
  const linear = LINEAR_ROW.exec(line);
  if (linear === null) return null;
  return { low: Number(linear[1]), high: Number(linear[1]) + 1, count: Number(linear[2]) };
}

function histogram(unit: string, bins: Bin[], text: readonly string[], at: number): ReadHistogram {
  let above = at - 1;
  while (above >= 0 && (text[above]!.trim() === '' || CHATTER.test(unquoted(text[above]!)))) above--;
  const before = above >= 0 ? unquoted(text[above]!).trim() : '';
  // Of a table right behind another one the line before is that one's last row.
  const title = row(before) === null ? before : '';
  const section = above === at - 1 ? SECTION.exec(title) : null;
  const said = unitOfName(unit);
  const gaps: { low: number; high: number }[] = [];
  for (let i = 1; i < bins.length; i++) {
    if (bins[i]!.low > bins[i - 1]!.high) gaps.push({ low: bins[i - 1]!.high, high: bins[i]!.low });
  }
  return {
    name: unit,
    key: section === null ? null : section[2]!,
    title,
    line: at + 1,
    source: 'bcc',
    unitNs: said !== null && 'ns' in said ? said.ns : null,
    ...(said !== null && 'noTime' in said ? { noTime: said.noTime } : {}),
    bins,
    gaps,
    complete: gaps.length === 0,
    notes: [],
  };
}
