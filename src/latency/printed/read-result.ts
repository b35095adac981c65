import { TraceError } from '../../parsers/input/trace-error.js';
import type { Bin, ReadHistogram } from '../histogram/binned.js';

/** ns per unit of a `pttrace/hist/1` result. */
const RESULT_UNITS: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
]);

type Json = Record<string, unknown>;
const isRecord = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);
const records = (v: unknown): Json[] => (Array.isArray(v) ? v.filter(isRecord) : []);

/** A histogram of a result; `censored`: spans without a duration, `windowNs`: what it was measured in, if that is known. */
export interface ResultHistogram extends ReadHistogram {
  readonly censored: number;
  readonly windowNs: number | null;
}

/**
 * The histograms of a result of pttrace (`hist --json`, `replay --json`, `compare --json`: the two sides, on their common
 * rows). Throws TraceError for one that holds none.
 */
export function resultHistograms(value: Json, path: string): ResultHistogram[] {
  const found = histogramsOf(value);
  if (found.length > 0) return found;
  const command = /^pttrace\/([\w-]+)\//.exec(String(value.schema))?.[1] ?? 'replay';
  const what =
    command === 'replay' || command === 'hist' || command === 'compare'
      ? 'which holds no span'
      : 'which holds no histogram: give the recording it is of, or what `pttrace hist --json` prints of that';
  throw new TraceError('unsupported-format', `is ${String(value.schema)}, ${what}`, { path });
}

function histogramsOf(value: Json): ResultHistogram[] {
  if (value.schema === 'pttrace/hist/1') return records(value.groups).map((g) => ofGroup(value, g));
  if (value.schema === 'pttrace/compare/1')
    return [ofSide(value, 'a', 'countA'), ofSide(value, 'b', 'countB')].filter((h) => h.bins.length > 0);
  const span = isRecord(value.timeline) ? positive(Number(value.timeline.spanNs)) : null;
  return records(value.latency).map((l) => ofLatency(l, span));
}

function ofGroup(value: Json, g: Json): ResultHistogram {
  const unit = String(g.unit ?? value.unit);
  return {
    ...EMPTY,
    name: String(g.mapName ?? value.mapName ?? ''),
    key: typeof g.key === 'string' ? g.key : null,
    title: typeof g.title === 'string' ? g.title : '',
    unitNs: RESULT_UNITS.get(unit) ?? null,
    ...(unit === 'ticks' ? { noTime: 'ticks' } : {}),
    bins: binsOf(records(g.buckets), 'low', 'high', 'count'),
    censored: sumOf(g.censored),
    windowNs: positive(value.windowNs),
  };
}

function ofLatency(l: Json, windowNs: number | null): ResultHistogram {
  const key = l.key === undefined || l.key === '' ? null : String(l.key);
  return {
    ...EMPTY,
    name: `@${String(l.name).replace(/\W+/g, '_')}`,
    key,
    title: `${String(l.name)}${key === null ? '' : `[${key}]`}`,
    unitNs: 1,
    bins: binsOf(records(l.histogram), 'lowNs', 'highNs', 'count'),
    censored: sumOf(l.censored),
    windowNs,
  };
}

function ofSide(value: Json, side: 'a' | 'b', count: string): ResultHistogram {
  const of = isRecord(value[side]) ? value[side] : {};
  const bins = binsOf(records(value.rows), 'lowNs', 'highNs', count);
  const first = bins.findIndex((b) => b.count > 0);
  const last = bins.findLastIndex((b) => b.count > 0);
  return {
    ...EMPTY,
    name: '@ns',
    key: null,
    title: String(of.name ?? side),
    unitNs: 1,
    bins: first < 0 ? [] : bins.slice(first, last + 1),
    censored: records(of.runs).reduce((s, r) => s + (typeof r.censored === 'number' ? r.censored : 0), 0),
    windowNs: positive(of.windowNs),
  };
}

const EMPTY = { line: 1, source: 'json', gaps: [], complete: true, notes: [] } as const;

const positive = (v: unknown): number | null => (typeof v === 'number' && v > 0 ? v : null);

const sumOf = (v: unknown): number =>
  isRecord(v) ? Object.values(v).reduce<number>((s, n) => s + (typeof n === 'number' ? n : 0), 0) : 0;

function binsOf(list: readonly Json[], low: string, high: string, count: string): Bin[] {
  const bound = (v: unknown, open: number): number => (typeof v === 'number' ? v : open);
  return list.map((b) => ({
    low: bound(b[low], Number.NEGATIVE_INFINITY),
    high: bound(b[high], Number.POSITIVE_INFINITY),
    count: bound(b[count], 0),
  }));
}
