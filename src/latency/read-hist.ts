import type { Bin, ReadHistogram } from './binned.js';
import { bar } from './bpftrace-print.js';
import { normaliseMail, stripQuotes } from './mail-text.js';
import { CHATTER, type TableLines } from './printed-table.js';
import { bccTables } from './read-bcc.js';
import { hgrmTables } from './read-hgrm.js';
import { jsonHistograms } from './read-hist-json.js';
import { triggerTables } from './read-hist-trigger.js';
import { perfLatencyTables } from './read-perf-latency.js';
import { unitOfName } from './unit-names.js';

/** Every line of the (decoded) text is of exactly one kind; the counts sum to `total`. */
export interface ReadLines {
  total: number;
  heading: number;
  row: number;
  /** Second half of a row a mailer wrapped. */
  continuation: number;
  json: number;
  blank: number;
  /** Prose and anything else. */
  other: number;
}

export interface HistogramText {
  readonly histograms: readonly ReadHistogram[];
  readonly lines: ReadLines;
}

const HEADING = /^(@\w*)(?:\[(.*)\])?: *$/;
const LABEL = /^ *(\[[^\][()]*[\])]|\(\.\.\., *-?[\d.]+[kKMGTPE]?\)) */;
const COUNT = /^(\d+)(?= |\||$) */;
const BAR_PART = /^[ |@]*[|@][ |@]*$/;
const CUT = /^\W*(?:\[ ?\.\.\. ?\]|<snip>|\[snip\]|\[\u2026\]|\.\.\.|\u2026)\W*$/i;
/** A line of a trace: a CPU and a stamp, or a stamp with microseconds. */
const EVENT = /\[\d{3,}\].* \d+(?:\.\d+)?: |\s\d+\.\d{6,9}: /;
/** Every other table that tools print; what is left is searched for those of bpftrace. */
const READERS = [jsonHistograms, bccTables, perfLatencyTables, triggerTables, hgrmTables] as const;
/** Lines a wrapped row may go on for. */
const MAX_WRAP = 3;

interface OpenRow {
  readonly bin: Bin;
  readonly prefix: string;
  barText: string;
  wraps: number;
}

interface Building {
  name: string;
  key: string | null;
  title: string;
  line: number;
  rows: { bin: Bin; barText: string }[];
  cut: boolean;
}

/**
 * Finds every bpftrace histogram in `text`: printed by any release, with quote marks, wrapped rows,
 * quoted-printable or HTML entities of a mail around it, or as objects of `bpftrace -f json`; and the tables of bcc
 * tools, `perf ftrace latency`, hist triggers and HdrHistogram.
 * Counts are trusted, bars only checked (±1 `@`).
 */
export function readHistograms(text: string): HistogramText {
  const lines = normaliseMail(text).split('\n');
  if (lines.at(-1) === '') lines.pop();
  const counts: ReadLines = {
    total: lines.length,
    heading: 0,
    row: 0,
    continuation: 0,
    json: 0,
    blank: 0,
    other: 0,
  };
  const out: ReadHistogram[] = [];
  const taken: TableLines = new Map();
  for (const read of READERS) {
    const tables = read(lines);
    out.push(...tables.histograms);
    for (const [line, kind] of tables.lines) taken.set(line, kind);
  }
  let title = '';
  let label: { text: string; prefix: string } | null = null;
  let open: OpenRow | null = null;
  let building: Building | null = null;

  const closeRow = (): void => {
    if (open !== null) building!.rows.push({ bin: open.bin, barText: open.barText });
    open = null;
  };
  const closeBlock = (): void => {
    closeRow();
    if (building !== null && building.rows.length > 0) {
      if (isTable(building)) {
        out.push(finished(building));
        title = '';
      } else {
        counts.row -= building.rows.length;
        counts.other += building.rows.length;
      }
    }
    building = null;
  };

  for (let i = 0; i < lines.length; i++) {
    const kind = taken.get(i);
    if (kind !== undefined) {
      closeBlock();
      counts[kind]++;
      continue;
    }
    const { prefix, rest } = stripQuotes(lines[i]!, open?.prefix ?? '');
    if (open !== null && !closed(open.barText) && open.wraps < MAX_WRAP && BAR_PART.test(rest)) {
      open.barText += rest;
      open.wraps++;
      counts.continuation++;
      continue;
    }
    const row = readRow(label === null ? rest : `${label.text} ${rest.trimStart()}`);
    label = null;
    if (row !== null) {
      closeRow();
      const last = building?.rows.at(-1)?.bin;
      // Rows only ever ascend: a lower one belongs to another histogram.
      if (last !== undefined && row.bin.low < last.high) closeBlock();
      building ??= { name: '', key: null, title, line: i + 1, rows: [], cut: false };
      open = { bin: row.bin, prefix, barText: row.barText, wraps: 0 };
      counts.row++;
      continue;
    }
    if (rest.trim() === '') {
      counts.blank++;
      // A blank line ends the block, unless the heading still waits for its first row.
      if (building !== null && (building.rows.length > 0 || open !== null)) closeBlock();
      continue;
    }
    const heading = HEADING.exec(rest.trimStart());
    if (heading !== null) {
      closeBlock();
      counts.heading++;
      building = { name: heading[1]!, key: heading[2] ?? null, title, line: i + 1, rows: [], cut: false };
      continue;
    }
    if (isBareLabel(rest)) {
      label = { text: rest.trim(), prefix };
      counts.continuation++;
      continue;
    }
    counts.other++;
    if (building !== null && CUT.test(rest)) {
      closeRow();
      building.cut = true;
      continue;
    }
    closeBlock();
    if (!CHATTER.test(rest) && !EVENT.test(rest)) title = rest.trim();
  }
  closeBlock();
  out.sort((x, y) => x.line - y.line);
  return { histograms: out, lines: counts };
}

/** A heading or a bar shows a table; a shell says `[1] 4153` of a job, too. */
const isTable = (b: Building): boolean => b.name !== '' || b.rows.some((r) => r.barText.includes('|'));

function closed(barText: string): boolean {
  const first = barText.indexOf('|');
  return first >= 0 && barText.indexOf('|', first + 1) > first;
}

function readRow(rest: string): { bin: Bin; barText: string } | null {
  const label = LABEL.exec(rest);
  if (label === null) return null;
  const after = rest.slice(label[0].length);
  const count = COUNT.exec(after);
  if (count === null) return null;
  const barText = after.slice(count[0].length);
  if (!/^[ |@]*$/.test(barText)) return null;
  const bounds = labelBounds(label[1]!);
  return bounds === null ? null : { bin: { ...bounds, count: Number(count[1]) }, barText };
}

function isBareLabel(rest: string): boolean {
  const label = LABEL.exec(rest);
  return label !== null && label[0].length === rest.length && labelBounds(label[1]!) !== null;
}

/**
 * Half-open bounds of a row label of any release; null when it is no label.
 * `[0, 1]` (up to 0.9) is closed; `[5]` is one integer; `(..., 0)` and `[10, ...)` are open.
 */
export function labelBounds(label: string): { low: number; high: number } | null {
  const inner = label.slice(1, -1);
  const parts = inner.split(',').map((p) => p.trim());
  if (parts.length === 1) {
    const v = boundNumber(parts[0]!);
    return label.endsWith(']') && v !== null ? { low: v, high: v + 1 } : null;
  }
  if (parts.length !== 2) return null;
  const low = parts[0] === '...' ? Number.NEGATIVE_INFINITY : boundNumber(parts[0]!);
  const high = parts[1] === '...' ? Number.POSITIVE_INFINITY : boundNumber(parts[1]!);
  if (low === null || high === null || !(low < high)) return null;
  return { low, high: label.endsWith(']') ? high + 1 : high };
}

const SUFFIXES = ' KMGTPE';

function boundNumber(text: string): number | null {
  const m = /^(-?\d+(?:\.\d+)?)([kKMGTPE]?)$/.exec(text);
  if (m === null) return null;
  return Number(m[1]) * 1024 ** Math.max(0, SUFFIXES.indexOf(m[2]!.toUpperCase() || ' '));
}

function finished(b: Building): ReadHistogram {
  const bins = b.rows.map((r) => r.bin);
  const gaps: { low: number; high: number }[] = [];
  for (let i = 1; i < bins.length; i++) {
    if (bins[i]!.low > bins[i - 1]!.high) gaps.push({ low: bins[i - 1]!.high, high: bins[i]!.low });
  }
  const said = unitOfName(b.name);
  const notes: string[] = [];
  if (gaps.length > 0) notes.push(`${gaps.length} stretch(es) of rows are missing: their counts are unknown`);
  if (b.cut) notes.push('the table was cut by hand');
  const max = Math.max(...bins.map((x) => x.count));
  const wrong = b.rows.filter((r) => closed(r.barText) && barDiffers(r, max)).length;
  if (wrong > 0) notes.push(`${wrong} bar(s) do not fit their counts`);
  const unclosed = b.rows.filter((r) => !closed(r.barText)).length;
  if (unclosed > 0) notes.push(`${unclosed} row(s) have no whole bar`);
  const top = bins.at(-1)!;
  if (top.low === 2 ** 31 && top.high === 2 ** 32) {
    notes.push('bpftrace before 0.20 counts everything from 2^31 up in [2G, 4G)');
  }
  return {
    name: b.name,
    key: b.key,
    title: b.title,
    line: b.line,
    source: 'text',
    unitNs: said !== null && 'ns' in said ? said.ns : null,
    ...(said !== null && 'noTime' in said ? { noTime: said.noTime } : {}),
    bins,
    gaps,
    complete: !b.cut && gaps.length === 0,
    notes,
  };
}

/** Bars are drawn into the columns between the two `|`: 52 in bpftrace, fewer where a report is made narrower. */
function barDiffers(row: { bin: Bin; barText: string }, max: number): boolean {
  const drawn = row.barText.length - row.barText.replaceAll('@', '').length;
  const whole = bar(row.bin.count, max).length;
  if (Math.abs(drawn - whole) <= 1) return false;
  const columns = row.barText.lastIndexOf('|') - row.barText.indexOf('|') - 1;
  return Math.abs(drawn - (whole * columns) / BAR_COLUMNS) > 1;
}

const BAR_COLUMNS = 52;
