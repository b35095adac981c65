import type { Bin, ReadHistogram } from '../histogram/binned.js';
import type { TableLines } from './printed-table.js';

/**
 * Tables of `perf ftrace latency`, in us or, with `-n`, in ns:
 *
 *     #   DURATION     |      COUNT | GRAPH                          |
 *          0 - 1    us |        512 | ##############                 |
 *          1 - 2    ms |          2 |                                |
 *          1 - ...   s |          0 |                                |
 *
 * Rows double; from 1024 units on bounds are shifted by ten bits and named by the next unit, so that `1 - 2 ms` is
 * 1024 to 2048 us. With --bucket-range rows are linear and bounds from 1000 units on have two decimals: those are
 * thousands. Source: tools/perf/builtin-ftrace.c display_histogram() of 6.1 and 6.15.
 */
export function perfLatencyTables(text: readonly string[]): {
  histograms: ReadHistogram[];
  lines: TableLines;
} {
  const histograms: ReadHistogram[] = [];
  const lines: TableLines = new Map();
  for (let i = 0; i < text.length; i++) {
    if (!HEADING.test(text[i]!)) continue;
    const rows: Row[] = [];
    let k = i + 1;
    for (; k < text.length; k++) {
      const row = readRow(text[k]!);
      if (row === null) break;
      rows.push(row);
      lines.set(k, 'row');
    }
    if (rows.length === 0) continue;
    lines.set(i, 'heading');
    histograms.push(histogram(rows, text, i));
    i = k - 1;
  }
  return { histograms, lines };
}

interface Row {
  readonly low: string;
  readonly high: string;
  readonly unit: number;
  readonly count: number;
}

const HEADING = /^[\s>|]*#\s*DURATION\s*\|\s*COUNT\s*\|\s*GRAPH\s*\|?\s*$/;
const ROW =
  /^[\s>]*(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?|\.\.\.)\s+(ns|us|ms|s)\s*\|\s*(\d+)\s*\|[\s#]*\|?\s*$/;
/** Thousands: ns, us, ms, s. */
const UNITS = ['ns', 'us', 'ms', 's'];
const COMMAND = /\bftrace\s+latency\b.*?(?:-T|--trace-funcs)[\s=]*(\S+)/;
/** Lines above the table in which the command is looked for. */
const ABOVE = 4;

function readRow(line: string): Row | null {
  const m = ROW.exec(line);
  return m === null ? null : { low: m[1]!, high: m[2]!, unit: UNITS.indexOf(m[3]!), count: Number(m[4]) };
}

function histogram(rows: readonly Row[], text: readonly string[], at: number): ReadHistogram {
  const base = rows[0]!.unit;
  const linear = rows.some((r) => r.low.includes('.'));
  const step = linear ? 1000 : 1024;
  const scaled = (number: string, unit: number): number =>
    number === '...' ? Number.POSITIVE_INFINITY : Math.round(Number(number) * step ** (unit - base));
  const bins: Bin[] = [];
  for (const row of rows) {
    const low = scaled(row.low, row.unit);
    const high = scaled(row.high, row.unit);
    if (low < high && low >= (bins.at(-1)?.high ?? 0)) bins.push({ low, high, count: row.count });
  }
  const before = text
    .slice(Math.max(0, at - ABOVE), at)
    .map((l) => l.replace(/^[\s>|#]+/, '').trim())
    .filter((l) => l !== '')
    .reverse();
  const command = before.map((l) => COMMAND.exec(l)?.[1]).find((f) => f !== undefined);
  const gaps: { low: number; high: number }[] = [];
  for (let i = 1; i < bins.length; i++) {
    if (bins[i]!.low > bins[i - 1]!.high) gaps.push({ low: bins[i - 1]!.high, high: bins[i]!.low });
  }
  return {
    name: command ?? 'latency',
    key: null,
    title: before[0] ?? '',
    line: at + 1,
    source: 'perf-latency',
    unitNs: 1000 ** base,
    bins,
    gaps,
    complete: gaps.length === 0 && bins.length === rows.length,
    notes: [],
  };
}
