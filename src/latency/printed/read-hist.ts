import type { Bin, ReadHistogram } from '../histogram/binned.js';
import { bar } from '../histogram/bpftrace-print.js';
import { unitOfName } from '../histogram/unit-names.js';
import { normaliseMail, stripQuotes } from './mail-text.js';
import { CHATTER, type TableLines } from './printed-table.js';
import { bccTables } from './read-bcc.js';
import { hgrmTables } from './read-hgrm.js';
import { jsonHistograms } from './read-hist-json.js';
import { triggerTables } from './read-hist-trigger.js';
import { perfLatencyTables } from './read-perf-latency.js';

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
  const out: ReadHistogram[] = [];
  const taken: TableLines = new Map();
  for (const read of READERS) {
    const tables = read(lines);
    out.push(...tables.histograms);
    for (const [line, kind] of tables.lines) taken.set(line, kind);
  }
  const blocks = new BpftraceBlocks(lines.length, out);
  lines.forEach((line, i) => {
    const kind = taken.get(i);
    if (kind === undefined) blocks.line(line, i + 1);
    else blocks.taken(kind);
  });
  blocks.closeBlock();
  out.sort((x, y) => x.line - y.line);
  return { histograms: out, lines: blocks.counts };
}

/** The histograms of bpftrace, line by line; finished ones go to `out`. */
class BpftraceBlocks {
  readonly counts: ReadLines;
  private readonly out: ReadHistogram[];
  private title = '';
  private label: string | null = null;
  private open: OpenRow | null = null;
  private building: Building | null = null;

  constructor(total: number, out: ReadHistogram[]) {
    this.out = out;
    this.counts = { total, heading: 0, row: 0, continuation: 0, json: 0, blank: 0, other: 0 };
  }

  /** A line of a table that another reader has read. */
  taken(kind: Exclude<keyof ReadLines, 'total'>): void {
    this.closeBlock();
    this.counts[kind]++;
  }

  /** `number`: 1-based. */
  line(text: string, number: number): void {
    const { counts } = this;
    const { prefix, rest } = stripQuotes(text, this.open?.prefix ?? '');
    if (this.open !== null && wraps(this.open, rest)) {
      this.open.barText += rest;
      this.open.wraps++;
      counts.continuation++;
      return;
    }
    const row = readRow(this.label === null ? rest : `${this.label} ${rest.trimStart()}`);
    this.label = null;
    if (row !== null) this.row(row, prefix, number);
    else if (rest.trim() === '') this.blank();
    else if (isBareLabel(rest)) {
      this.label = rest.trim();
      counts.continuation++;
    } else this.text(rest, number);
  }

  private row({ bin, barText }: { bin: Bin; barText: string }, prefix: string, line: number): void {
    this.closeRow();
    const last = this.building?.rows.at(-1)?.bin;
    // Rows only ever ascend: a lower one belongs to another histogram.
    if (last !== undefined && bin.low < last.high) this.closeBlock();
    this.building ??= { name: '', key: null, title: this.title, line, rows: [], cut: false };
    this.open = { bin, prefix, barText, wraps: 0 };
    this.counts.row++;
  }

  private blank(): void {
    this.counts.blank++;
    // A blank line ends the block, unless the heading still waits for its first row.
    if (this.building !== null && (this.building.rows.length > 0 || this.open !== null)) this.closeBlock();
  }

  /** A heading, a mark that something is cut out, or prose. */
  private text(rest: string, line: number): void {
    const heading = HEADING.exec(rest.trimStart());
    if (heading !== null) {
      this.closeBlock();
      this.counts.heading++;
      const [, name = '', key = null] = heading;
      this.building = { name, key, title: this.title, line, rows: [], cut: false };
      return;
    }
    this.counts.other++;
    if (this.building !== null && CUT.test(rest)) {
      this.closeRow();
      this.building.cut = true;
      return;
    }
    this.closeBlock();
    if (!CHATTER.test(rest) && !EVENT.test(rest)) this.title = rest.trim();
  }

  private closeRow(): void {
    const { open } = this;
    if (open !== null) this.building!.rows.push({ bin: open.bin, barText: open.barText });
    this.open = null;
  }

  closeBlock(): void {
    this.closeRow();
    const { building } = this;
    if (building !== null && building.rows.length > 0) {
      if (isTable(building)) {
        this.out.push(finished(building));
        this.title = '';
      } else {
        this.counts.row -= building.rows.length;
        this.counts.other += building.rows.length;
      }
    }
    this.building = null;
  }
}

/** Whether a line is the rest of a row that a mailer wrapped. */
const wraps = (open: OpenRow, rest: string): boolean =>
  !closed(open.barText) && open.wraps < MAX_WRAP && BAR_PART.test(rest);

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
