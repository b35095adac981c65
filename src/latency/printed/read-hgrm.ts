import type { Bin, ReadHistogram } from '../histogram/binned.js';
import { unitOfName } from '../histogram/unit-names.js';
import type { TableLines } from './printed-table.js';

/**
 * Percentile distributions of HdrHistogram, as text or CSV (`AbstractHistogram.outputPercentileDistribution()`; wrk2
 * and cyclictest's like print them too):
 *
 *            Value     Percentile TotalCount 1/(1-Percentile)
 *
 *            1.023 0.000000000000          1           1.00
 *            2.047 0.500000000000         50           2.00
 *     #[Mean    =        2.100, StdDeviation   =        0.900]
 *
 * A row says how many values are no larger than its own: the bins lie between the rows. The text names no unit;
 * pttrace adds a line `#[Unit    =           us]`, and the map's name before the table.
 */
export function hgrmTables(text: readonly string[]): { histograms: ReadHistogram[]; lines: TableLines } {
  const histograms: ReadHistogram[] = [];
  const lines: TableLines = new Map();
  for (let i = 0; i < text.length; i++) {
    if (!HEADING.test(text[i]!)) continue;
    const rows: { value: string; total: number }[] = [];
    const foot = new Map<string, string>();
    let last = i;
    for (let k = i + 1; k < text.length; k++) {
      const line = text[k]!;
      const row = ROW.exec(line);
      if (row !== null && foot.size === 0) {
        rows.push({ value: row[1]!, total: Number(row[2]) });
        lines.set(k, 'row');
        last = k;
      } else if (FOOT.test(line)) {
        for (const m of line.matchAll(FOOT_VALUE)) foot.set(m[1]!.toLowerCase(), m[2]!);
        lines.set(k, 'heading');
        last = k;
      } else if (line.trim() !== '' || foot.size > 0) break;
    }
    if (rows.length === 0) continue;
    lines.set(i, 'heading');
    const named = i > 0 ? NAME.exec(text[i - 1]!) : null;
    if (named) lines.set(i - 1, 'heading');
    histograms.push(histogram(rows, foot, named, titleAbove(text, named ? i - 1 : i), i + 1));
    i = last;
  }
  return { histograms, lines };
}

const HEADING = /^[\s>|]*"?Value"?[\s,]+"?Percentile"?[\s,]+"?TotalCount"?[\s,]+"?1\/\(1-Percentile\)"?\s*$/;
const ROW = /^[\s>|]*(\d+(?:\.\d+)?)[\s,]+(?:[01]\.\d+)[\s,]+(\d+)(?:[\s,]+(?:[\d.]+|inf|Infinity))?[\s,]*$/;
const FOOT = /^[\s>|]*#\[[A-Z]\w* *=|^[\s>|]*#\[.*= *[\w.]+\]/;
const FOOT_VALUE = /(\w[\w ]*?) *= *([\w.]+)/g;
/** `#[@usecs[stress-ng]]`: what pttrace prints before the table of one group. */
const NAME = /^[\s>|]*#\[(@\w*)(?:\[(.*)\])?(?: \(.*\))?\] *$/;

function titleAbove(text: readonly string[], at: number): string {
  let k = at - 1;
  while (k >= 0 && text[k]!.trim() === '') k--;
  return k < 0 || k < at - 3 ? '' : text[k]!.replace(/^[\s>|]+/, '').trim();
}

function histogram(
  rows: readonly { value: string; total: number }[],
  foot: ReadonlyMap<string, string>,
  named: RegExpExecArray | null,
  title: string,
  line: number,
): ReadHistogram {
  const said = unitOfName(foot.get('unit') ?? '') ?? unitOfName(named?.[1] ?? '');
  const unit = said !== null && 'ns' in said ? said.ns : null;
  // Three decimals of a unit above ns: whole ns, or thousandths of what is not known.
  const fractional = rows.some((r) => /\.\d*[1-9]/.test(r.value));
  const fine = fractional && unit !== null && unit > 1;
  const scale = fine ? unit : 1;
  const step = fractional && !fine ? 1e-3 : 1;
  const edge = (value: string): number => Math.round((Number(value) * scale + step) * 1e3) / 1e3;
  const bins: Bin[] = [];
  let seen = 0;
  let low = 0;
  let backwards = false;
  for (const row of rows) {
    const high = edge(row.value);
    if (row.total < seen || high < low) backwards = true;
    if (row.total > seen && high > low) {
      bins.push({ low, high, count: row.total - seen });
      low = high;
      seen = row.total;
    }
  }
  const wanted = Number(foot.get('total count') ?? Number.NaN);
  const notes: string[] = [];
  if (backwards) notes.push('its rows do not ascend: some were left out');
  if (wanted > seen) notes.push(`${wanted - seen} of ${wanted} values are in no row: the table was cut`);
  return {
    name: named?.[1] ?? '',
    key: named?.[2] ?? null,
    title,
    line,
    source: 'hgrm',
    unitNs: fine ? 1 : unit,
    ...(said !== null && 'noTime' in said ? { noTime: said.noTime } : {}),
    bins,
    gaps: [],
    complete: notes.length === 0,
    notes,
  };
}
