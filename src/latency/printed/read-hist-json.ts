import type { Bin, ReadHistogram } from '../histogram/binned.js';
import { unitOfName } from '../histogram/unit-names.js';
import type { TableLines } from './printed-table.js';

/**
 * Histograms of `bpftrace -f json` output: `{"type": "hist", "data": {"@ns": [...]}}`, one object per line or
 * spread over several, with any other lines between (bpftrace src/output.cpp `JsonOutput::hist_to_str`).
 * `lines` holds all lines that belong to JSON objects.
 */
export function jsonHistograms(text: readonly string[]): { histograms: ReadHistogram[]; lines: TableLines } {
  const histograms: ReadHistogram[] = [];
  const lines: TableLines = new Map();
  for (let i = 0; i < text.length; i++) {
    if (!/^\s*\{\s*("type"|$)/.test(text[i]!)) continue;
    const found = objectFrom(text, i);
    if (found === null) continue;
    for (let k = i; k <= found.last; k++) lines.set(k, 'json');
    collect(found.value, i + 1, histograms);
    i = found.last;
  }
  return { histograms, lines };
}

/** Longest an object is followed for, in lines. */
const MAX_LINES = 100_000;

/** The JSON object that starts on line `from` and ends at the end of some line; null if there is none. */
export function objectFrom(text: readonly string[], from: number): { value: unknown; last: number } | null {
  let depth = 0;
  let inString = false;
  let joined = '';
  for (let i = from; i < Math.min(text.length, from + MAX_LINES); i++) {
    const line = text[i]!;
    for (let k = 0; k < line.length; k++) {
      const c = line[k];
      if (inString) {
        if (c === '\\') k++;
        else if (c === '"') inString = false;
      } else if (c === '"') inString = true;
      else if (c === '{') depth++;
      else if (c === '}') depth--;
    }
    joined += `${line}\n`;
    if (depth <= 0) {
      try {
        return { value: JSON.parse(joined) as unknown, last: i };
      } catch {
        return null;
      }
    }
  }
  return null;
}

function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

function collect(value: unknown, line: number, out: ReadHistogram[]): void {
  if (!isRecord(value) || value.type !== 'hist' || !isRecord(value.data)) return;
  for (const [name, data] of Object.entries(value.data)) {
    if (Array.isArray(data)) out.push(histogram(name, null, line, data));
    else if (isRecord(data)) {
      for (const [key, buckets] of Object.entries(data)) {
        if (Array.isArray(buckets)) out.push(histogram(name, key, line, buckets));
      }
    }
  }
}

function histogram(name: string, key: string | null, line: number, buckets: unknown[]): ReadHistogram {
  const bins: Bin[] = [];
  const notes: string[] = [];
  let unread = 0;
  for (const b of buckets) {
    const bin = isRecord(b) ? bucket(b) : null;
    if (bin === null) {
      unread++;
      continue;
    }
    if (!overflowed(bin)) bins.push(bin);
    else {
      // The last bucket also holds everything larger.
      bins.push({ low: 2 ** 31, high: Number.POSITIVE_INFINITY, count: bin.count });
      notes.push('wrong bounds of the last bucket (bpftrace before 0.20) repaired to [2^31, ∞)');
    }
  }
  if (unread > 0) notes.push(`${unread} bucket(s) could not be read`);
  const said = unitOfName(name);
  const gaps: { low: number; high: number }[] = [];
  for (let i = 1; i < bins.length; i++) {
    if (bins[i]!.low > bins[i - 1]!.high) gaps.push({ low: bins[i - 1]!.high, high: bins[i]!.low });
  }
  return {
    name,
    key,
    title: '',
    line,
    source: 'json',
    unitNs: said !== null && 'ns' in said ? said.ns : null,
    ...(said !== null && 'noTime' in said ? { noTime: said.noTime } : {}),
    bins,
    gaps,
    complete: unread === 0 && gaps.length === 0,
    notes,
  };
}

/** Up to 0.19 bounds are shifted in 32 bits: `[2^31, 2^32)` is written as `"min": -2147483648, "max": 0`. */
function overflowed(bin: Bin): boolean {
  return bin.low >= bin.high || (bin.low === -(2 ** 31) && bin.high === 1);
}

/** `{min, max, count}` is a closed interval; without min or max that side is open. */
function bucket(b: Record<string, unknown>): Bin | null {
  const count = integer(b.count);
  const low = b.min === undefined ? Number.NEGATIVE_INFINITY : integer(b.min);
  const max = b.max === undefined ? Number.POSITIVE_INFINITY : integer(b.max);
  if (count === null || count < 0 || low === null || max === null) return null;
  return { low, high: max + 1, count };
}

/** Numbers, and the strings 0.24 and later write where a double would lose digits. */
function integer(v: unknown): number | null {
  const n = typeof v === 'string' && /^-?\d+$/.test(v) ? Number(v) : v;
  return typeof n === 'number' && Number.isFinite(n) ? n : null;
}
