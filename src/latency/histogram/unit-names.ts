import { byName } from '../../result/by-name.js';
/** What a histogram's name says of its numbers. */
export type NamedUnit =
  /** Nanoseconds per unit. */
  | { readonly ns: number }
  /** A clock that is no time, or no time at all: `ticks`, `kbytes`. */
  | { readonly noTime: string };

const TIMES: Readonly<Record<string, number>> = byName({
  ns: 1,
  nsec: 1,
  nsecs: 1,
  nano: 1,
  nanos: 1,
  nanosec: 1,
  nanosecs: 1,
  nanosecond: 1,
  nanoseconds: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  usec: 1e3,
  usecs: 1e3,
  micro: 1e3,
  micros: 1e3,
  microsec: 1e3,
  microsecs: 1e3,
  microsecond: 1e3,
  microseconds: 1e3,
  ms: 1e6,
  msec: 1e6,
  msecs: 1e6,
  milli: 1e6,
  millis: 1e6,
  millisec: 1e6,
  millisecs: 1e6,
  millisecond: 1e6,
  milliseconds: 1e6,
  sec: 1e9,
  secs: 1e9,
  second: 1e9,
  seconds: 1e9,
});
const NO_TIMES: ReadonlySet<string> = new Set([
  'tick',
  'ticks',
  'cycle',
  'cycles',
  'tsc',
  'jiffy',
  'jiffies',
  'byte',
  'bytes',
  'kbytes',
  'mbytes',
  'pages',
  'packets',
]);
/** `(s)` and `[s]` are seconds; a bare `s` in a name may be anything. */
const SECONDS = /[([]s[)\]]/i;

/**
 * The unit that a histogram's or column's own name says: `usecs`, `@lat_us`, `munmap (ms)`, `LATms`, `durationNs`.
 * Null where it says none, or two that differ.
 */
export function unitOfName(name: string): NamedUnit | null {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]{2,})([a-z]+)$/, '$1 $2')
    .split(/[^\p{L}]+/u)
    .map((w) => w.toLowerCase());
  const whole = name.split(/[^\p{L}]+/u).map((w) => w.toLowerCase());
  const units = new Set<number>(SECONDS.test(name) ? [1e9] : []);
  for (const w of [...words, ...whole]) if (Object.hasOwn(TIMES, w)) units.add(TIMES[w]!);
  if (units.size === 1) return { ns: [...units][0]! };
  if (units.size > 1) return null;
  const other = whole.find((w) => NO_TIMES.has(w));
  return other === undefined ? null : { noTime: other };
}

const SUFFIXES: ReadonlyMap<number, string> = new Map([
  [1, 'ns'],
  [1e3, 'us'],
  [1e6, 'ms'],
  [1e9, 'secs'],
]);

/** A map name (with `@`) that says the unit its numbers have, so that what is printed under it can be read back. */
export function nameWithUnit(name: string, unitNs: number | null): string {
  const word = name
    .replace(/^@/, '')
    .replace(/[^\w]+/g, '_')
    .replace(/^_+|_+$/g, '');
  const suffix = unitNs === null ? undefined : SUFFIXES.get(unitNs);
  const said = unitOfName(word);
  if (suffix === undefined || (said !== null && 'ns' in said && said.ns === unitNs)) return `@${word}`;
  return `@${word === '' ? suffix : `${word}_${suffix}`}`;
}
