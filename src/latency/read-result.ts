import { TraceError } from '../parsers/input/trace-error.js';
import type { Bin, ReadHistogram } from './binned.js';

/** ns per unit of a `pttrace/hist/1` result. */
export const RESULT_UNITS: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
]);

type Json = Record<string, unknown>;
const isRecord = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);
const records = (v: unknown): Json[] => (Array.isArray(v) ? v.filter(isRecord) : []);

/**
 * The histograms of a result of pttrace (`hist --json`, `replay --json`). Throws TraceError for one that holds none.
 */
export function resultHistograms(value: Json, path: string): ReadHistogram[] {
  const found =
    value.schema === 'pttrace/hist/1'
      ? records(value.groups).map((g) => ofGroup(value, g))
      : records(value.latency).map(ofLatency);
  if (found.length > 0) return found;
  throw new TraceError('unsupported-format', `is ${String(value.schema)}, which holds no histogram`, {
    path,
  });
}

function ofGroup(value: Json, g: Json): ReadHistogram {
  const unit = String(value.unit);
  return {
    ...EMPTY,
    name: String(value.mapName ?? ''),
    key: typeof g.key === 'string' ? g.key : null,
    title: typeof g.title === 'string' ? g.title : '',
    unitNs: RESULT_UNITS.get(unit) ?? null,
    ...(unit === 'ticks' ? { noTime: 'ticks' } : {}),
    bins: binsOf(records(g.buckets), 'low', 'high'),
  };
}

function ofLatency(l: Json): ReadHistogram {
  const key = l.key === undefined || l.key === '' ? null : String(l.key);
  return {
    ...EMPTY,
    name: `@${String(l.name).replace(/\W+/g, '_')}`,
    key,
    title: String(l.name),
    unitNs: 1,
    bins: binsOf(records(l.histogram), 'lowNs', 'highNs'),
  };
}

const EMPTY = { line: 1, source: 'json', gaps: [], complete: true, notes: [] } as const;

function binsOf(list: readonly Json[], low: string, high: string): Bin[] {
  const bound = (v: unknown, open: number): number => (typeof v === 'number' ? v : open);
  return list.map((b) => ({
    low: bound(b[low], Number.NEGATIVE_INFINITY),
    high: bound(b[high], Number.POSITIVE_INFINITY),
    count: bound(b.count, 0),
  }));
}
