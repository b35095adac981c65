import type { Bin, ReadHistogram } from '../latency/histogram/binned.js';
import { readPrinted } from '../latency/printed/printed-text.js';
import { type Compression, readSource } from '../parsers/input/source.js';
import { type HistTable, isHistTrigger, parseHistTriggers } from '../parsers/printed/hist-trigger.js';
import { type MapValue, mapValues } from '../parsers/printed/map-values.js';
import type { InputReport } from '../result/types.js';

/** A histogram that somebody printed, found in the file. */
export interface FoundHistogram {
  /** Nearest line of prose before it, as it stands; empty if none. */
  readonly title: string;
  readonly name: string;
  readonly key: string | null;
  /** 1-based line of its heading. */
  readonly line: number;
  readonly count: number;
  /** Ns where the printout says its unit, else as printed. */
  readonly buckets: readonly {
    readonly lowNs: number | null;
    readonly highNs: number | null;
    readonly count: number;
  }[];
  /** What a reader must know of it: rows cut off, bars that do not fit. */
  readonly notes: readonly string[];
}

/** What a text holds besides trace lines. */
export interface TextFinds {
  readonly histograms: readonly FoundHistogram[];
  readonly maps: readonly MapValue[];
  readonly triggers: readonly HistTable[];
  /** As if no line of it were of a trace. */
  readonly input: InputReport;
}

/** Text is read whole, up to this size, to look for printed tables. */
const MAX_TEXT = 64 << 20;

/**
 * Histograms, maps and trigger tables in a text, in a mail or not; null where there is none of them, or the text is
 * too large. Throws TraceError for a file that cannot be read.
 */
export async function findTables(
  file: string,
  path: string,
  signal?: AbortSignal | undefined,
): Promise<TextFinds | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const { compression } = await readSource({ path: file, signal }, (chunk) => {
    size += chunk.length;
    // A Buffer's own slice would be a view of bytes that are overwritten.
    if (size <= MAX_TEXT) parts.push(Uint8Array.prototype.slice.call(chunk));
  });
  if (size > MAX_TEXT) return null;
  const bytes = Buffer.concat(parts);
  const total = lineCount(bytes);
  if (isHistTrigger(bytes)) return triggerFinds(bytes, path, compression, total);
  return tableFinds(bytes, path, compression, total);
}

function triggerFinds(bytes: Buffer, path: string, compression: Compression, total: number): TextFinds {
  const triggers = parseHistTriggers(bytes.toString('utf8'));
  const foreign = triggers.reduce((n, t) => n + t.unread.length, 0);
  const why = 'it holds hist files of triggers';
  const lines = { header: total - foreign, foreign, blank: 0, continuation: 0, total };
  return {
    histograms: [],
    maps: [],
    triggers,
    input: textInput(path, 'tracefs-hist', why, compression, bytes.length, lines),
  };
}

function tableFinds(bytes: Buffer, path: string, compression: Compression, total: number): TextFinds | null {
  const { text, found, lineOf } = readPrinted(bytes);
  const values = mapValues(text.split(/\r?\n/));
  if (found.histograms.length === 0 && values.values.length === 0) return null;
  const l = found.lines;
  // Objects of JSON are counted by `readHistograms`, whatever they hold.
  const ofMaps = l.json > 0 ? 0 : Math.min(values.lines.size, l.other);
  const header = l.heading + l.row + l.json + ofMaps;
  const lines = {
    header,
    foreign: l.other - ofMaps,
    blank: l.blank,
    // Lines that only go on one that a mailer broke are in none of the counts.
    continuation: Math.max(0, total - header - (l.other - ofMaps) - l.blank),
    total,
  };
  const what = found.histograms.length > 0 ? 'histograms' : 'bpftrace-maps';
  const printed = found.histograms.length > 0 ? 'printed histograms' : 'maps that bpftrace printed';
  const why = `it holds ${printed} and no trace lines`;
  return {
    histograms: found.histograms.map((h) => foundHistogram(h, h.line)),
    maps: values.values.map((v) => ({ ...v, line: lineOf(v.line) })),
    triggers: [],
    input: textInput(path, what, why, compression, bytes.length, lines),
  };
}

function textInput(
  path: string,
  format: string,
  formatWhy: string,
  compression: InputReport['compression'],
  bytes: number,
  lines: { header: number; foreign: number; blank: number; continuation: number; total: number },
): InputReport {
  const none = { event: 0, lost: 0, stack: 0, skipped: 0 };
  return { path, format, formatWhy, compression, bytes, lines: { ...none, ...lines }, skips: [], notes: [] };
}

function foundHistogram(h: ReadHistogram, line: number): FoundHistogram {
  const unit = h.unitNs ?? 1;
  const finite = (n: number): number | null => (Number.isFinite(n) ? n * unit : null);
  return {
    title: h.title,
    name: h.name,
    key: h.key,
    line,
    count: h.bins.reduce((n: number, b: Bin) => n + b.count, 0),
    buckets: h.bins.map((b: Bin) => ({ lowNs: finite(b.low), highNs: finite(b.high), count: b.count })),
    notes: h.notes,
  };
}

/** Newlines, and a last line without one. */
function lineCount(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return bytes.length > 0 && bytes[bytes.length - 1] !== 10 ? lines + 1 : lines;
}
