import { objectFrom } from '../../latency/printed/read-hist-json.js';

/** One number (or the three of `stats()`) that bpftrace printed of a map. */
export interface MapValue {
  /** With its `@`. */
  readonly name: string;
  readonly key: string | null;
  /** 1-based. */
  readonly line: number;
  /** What `count()`, `sum()`, `min()`, `max()`, `avg()` or an assignment left; null for `stats()`. */
  readonly value: number | null;
  readonly stats: { readonly count: number; readonly average: number; readonly total: number } | null;
}

export interface MapText {
  readonly values: readonly MapValue[];
  /** 0-based numbers of the lines they stand on; of JSON, those of the whole object. */
  readonly lines: ReadonlySet<number>;
}

const LINE = /^[> ]*(@\w*)(?:\[(.*)\])?: (.+?) *$/;
const NUMBER = /^-?\d+$/;
/** Up to 0.23, and as a record from 0.24 on (bpftrace src/output.cpp). */
const STATS = /^(?:\{ )?\.?count (?:= )?(\d+), \.?average (?:= )?(-?\d+), \.?total (?:= )?(-?\d+)(?: \})?$/;

/** Finds the maps that are no histograms in what bpftrace printed, as text or as JSON. Never throws. */
export function mapValues(lines: readonly string[]): MapText {
  const values: MapValue[] = [];
  const taken = new Set<number>();
  for (let i = 0; i < lines.length; i++) {
    const text = lines[i]!;
    if (/^\s*\{\s*"type": *"(?:map|stats)"/.test(text)) {
      const found = objectFrom(lines, i);
      if (!found) continue;
      fromJson(found.value, i + 1, values);
      for (let k = i; k <= found.last; k++) taken.add(k);
      i = found.last;
      continue;
    }
    if (!text.includes('@')) continue;
    const m = LINE.exec(text);
    if (!m) continue;
    const value = NUMBER.test(m[3]!) ? Number(m[3]) : null;
    const s = value === null ? STATS.exec(m[3]!) : null;
    if (value === null && !s) continue;
    taken.add(i);
    values.push({
      name: m[1]!,
      key: m[2] ?? null,
      line: i + 1,
      value,
      stats: s ? { count: Number(s[1]), average: Number(s[2]), total: Number(s[3]) } : null,
    });
  }
  return { values, lines: taken };
}

const isRecord = (v: unknown): v is Record<string, unknown> =>
  typeof v === 'object' && v !== null && !Array.isArray(v);

function fromJson(object: unknown, line: number, out: MapValue[]): void {
  if (!isRecord(object) || !isRecord(object.data)) return;
  for (const [name, data] of Object.entries(object.data)) {
    if (take(name, null, data, line, out) || !isRecord(data)) continue;
    for (const [key, value] of Object.entries(data)) take(name, key, value, line, out);
  }
}

function take(name: string, key: string | null, value: unknown, line: number, out: MapValue[]): boolean {
  if (typeof value === 'number') {
    out.push({ name, key, line, value, stats: null });
    return true;
  }
  if (!isRecord(value)) return false;
  const { count, average, total } = value;
  if (typeof count !== 'number' || typeof average !== 'number' || typeof total !== 'number') return false;
  out.push({ name, key, line, value: null, stats: { count, average, total } });
  return true;
}
