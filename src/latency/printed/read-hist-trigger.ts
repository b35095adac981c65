import { type HistRow, type HistTable, parseHistTriggers } from '../../parsers/printed/hist-trigger.js';
import type { Bin, ReadHistogram } from '../histogram/binned.js';
import { unitOfName } from '../histogram/unit-names.js';
import type { TableLines } from './printed-table.js';

/**
 * Tables of tracefs hist triggers as histograms: one for every value of the other keys.
 *
 *     { lat: ~ 2^8 , common_pid:        901 } hitcount:         12
 *
 * A `.log2` key n holds 2^(n-1) + 1 to 2^n, for the kernel rounds up (kernel/trace/trace_events_hist.c
 * hist_field_log2(): ilog2(roundup_pow_of_two(val))); a `.buckets=` key prints both ends; any other numeric key is one
 * value, and is taken for the measured one only where it is the only key, or named a time.
 */
export function triggerTables(text: readonly string[]): { histograms: ReadHistogram[]; lines: TableLines } {
  const lines: TableLines = new Map();
  const histograms: ReadHistogram[] = [];
  if (!text.some((line) => line.includes('hitcount:'))) return { histograms, lines };
  const tables = parseHistTriggers(text.join('\n'));
  for (const table of tables) {
    const measured = measuredKey(table);
    if (measured < 0) continue;
    histograms.push(...histogramsOf(table, measured));
    for (const row of table.rows) lines.set(row.line - 1, 'row');
  }
  if (histograms.length > 0)
    for (let i = 0; i < text.length; i++) if (FRAME.test(text[i]!)) lines.set(i, 'heading');
  return { histograms, lines };
}

const FRAME =
  /^[\t >|]*(?:# event histogram|# trigger info: hist:|#\s*$|Totals:\s*$|(?:Hits|Entries|Dropped): \d+\s*$)/;
const NUMBER = /^\d+$/;
/** Keys of tracepoints that say where or who, never how long. */
const PLACES = /pid|cpu|comm|stacktrace|ip$|nid|prio|order|id$/;

function isTime(name: string): boolean {
  const unit = unitOfName(name);
  return (unit !== null && 'ns' in unit) || /lat|delay|dur|time/.test(name);
}

function measuredKey(table: HistTable): number {
  const at = table.keyFields.findIndex((f) => /\.(?:log2|buckets=\d+)$/.test(f));
  if (at >= 0) return at;
  const first = table.rows[0];
  if (first === undefined) return -1;
  const printed = first.keys.findIndex((k) => k.value.startsWith('~ '));
  if (printed >= 0) return printed;
  const numeric = first.keys.flatMap((k, i) =>
    table.rows.every((r) => NUMBER.test(r.keys[i]?.value ?? '')) && !PLACES.test(k.name) ? [i] : [],
  );
  const times = numeric.filter((i) => isTime(first.keys[i]!.name));
  if (times.length === 1) return times[0]!;
  if (times.length > 1 || first.keys.length > 1) return -1;
  return numeric[0] ?? -1;
}

function histogramsOf(table: HistTable, measured: number): ReadHistogram[] {
  const groups = new Map<string, HistRow[]>();
  for (const row of table.rows) {
    // Cut off before the key that is measured: counted as unread.
    if (row.keys[measured] === undefined) continue;
    const key = row.keys
      .filter((_, i) => i !== measured)
      .map((k) => k.value)
      .join(', ');
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups].map(([key, rows]) => histogram(table, measured, key, rows));
}

function histogram(table: HistTable, measured: number, key: string, rows: readonly HistRow[]): ReadHistogram {
  const notes: string[] = [];
  const bins: Bin[] = [];
  let unread = table.rows.filter((row) => row.keys[measured] === undefined).length;
  for (const row of rows) {
    const bin = binOf(row.keys[measured]?.value ?? '', row.hitcount);
    if (bin === null) unread++;
    else bins.push(bin);
  }
  bins.sort((a, b) => a.low - b.low);
  const apart = bins.filter((b, i) => i === 0 || b.low >= bins[i - 1]!.high);
  unread += bins.length - apart.length;
  if (unread > 0) notes.push(`${unread} row(s) could not be read`);
  if (table.dropped > 0) notes.push(`the trigger's table was full: ${table.dropped} hits are in no row`);
  if (table.hits < 0) notes.push('its totals are missing: rows may be, too');
  if (table.unread.length > 0) notes.push(`${table.unread.length} line(s) of the table are no rows`);
  const name = rows[0]!.keys[measured]!.name;
  const said = unitOfName(name) ?? unitOfName(/\.(usecs|nsecs)\b/.exec(table.trigger)?.[1] ?? '');
  return {
    name,
    key: rows[0]!.keys.length > 1 ? key : null,
    title: table.trigger,
    line: rows[0]!.line,
    source: 'hist-trigger',
    unitNs: said !== null && 'ns' in said ? said.ns : null,
    ...(said !== null && 'noTime' in said ? { noTime: said.noTime } : {}),
    bins: apart,
    gaps: [],
    complete: notes.length === 0,
    notes,
  };
}

function binOf(value: string, count: number): Bin | null {
  if (!Number.isFinite(count)) return null;
  const log2 = /^~ 2\^(\d+)$/.exec(value);
  if (log2 !== null) {
    const n = Number(log2[1]);
    return { low: n === 0 ? 0 : 2 ** (n - 1) + 1, high: 2 ** n + 1, count };
  }
  const range = /^~ (\d+)-(\d+)$/.exec(value);
  if (range !== null) return { low: Number(range[1]), high: Number(range[2]) + 1, count };
  return NUMBER.test(value) ? { low: Number(value), high: Number(value) + 1, count } : null;
}
