import { byName } from '../../result/by-name.js';
import type { CanonicalMark } from './canonical-rows.js';

type Test = (value: unknown) => boolean;
const text: Test = (value) => typeof value === 'string';
const oneOf =
  (...words: readonly string[]): Test =>
  (value) =>
    words.includes(value as string);
const whole =
  (min: number, max = Number.POSITIVE_INFINITY): Test =>
  (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max;

/** What the schema's `mark` asks of each field (src/schema/event.schema.json). */
const FIELDS: Readonly<Record<string, Test>> = byName({
  mark: oneOf('lost', 'segment', 'buffer-start', 'silent-loss', 'clock', 'recorded', 'recording'),
  cpu: whole(0, 8191),
  count: whole(-1),
  unit: oneOf('ns', 'ticks'),
  resolutionNs: (value) => typeof value === 'number' && value > 0,
  text,
  tracer: text,
  clock: text,
  cpus: whole(0),
  entriesInBuffer: whole(0),
  entriesWritten: whole(0),
});

/**
 * The parsed JSON as a mark, if it is a right one. Null says nothing against it: the schema judges. Nearly every file
 * begins with a mark, and loading the schema's validator takes longer than reading ten megabytes.
 */
export function plainMark(value: unknown): CanonicalMark | null {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'mark')) return null;
  for (const [name, field] of Object.entries(value)) {
    if (FIELDS[name]?.(field) !== true) return null;
  }
  return value as CanonicalMark;
}
