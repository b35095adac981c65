import { byName } from '../../result/by-name.js';
/** What a CSV column holds; a free one is an argument of the event, by the column's name. */
export type CsvColumn =
  | 'ts'
  | 'cpu'
  | 'pid'
  | 'tgid'
  | 'comm'
  | 'flags'
  | 'kind'
  | 'event'
  | 'symbol'
  | 'caller'
  | 'stamp'
  | 'aux'
  | 'args'
  | 'comm_hex'
  | 'args_hex'
  | 'free';

export interface CsvHeader {
  readonly delimiter: string;
  readonly columns: readonly CsvColumn[];
  /** Column → its index; of the free ones the last. */
  readonly at: ReadonlyMap<CsvColumn, number>;
  readonly names: readonly string[];
  /** Decimal digits of a ns in one unit of the stamps (9: seconds, 0: ns); null: told from the first stamp. */
  readonly digits: number | null;
}

/** Header words people write, besides the columns' own names. */
const WORDS: Readonly<Record<string, CsvColumn>> = byName({
  time: 'ts',
  timestamp: 'ts',
  nsecs: 'ts',
  nsec: 'ts',
  usecs: 'ts',
  msecs: 'ts',
  secs: 'ts',
  tid: 'pid',
  task: 'comm',
  name: 'event',
  func: 'event',
  function: 'event',
  probe: 'event',
  info: 'args',
  body: 'args',
  fields: 'args',
});
const OWN: ReadonlySet<string> = new Set<CsvColumn>([
  'ts',
  'cpu',
  'pid',
  'tgid',
  'comm',
  'flags',
  'kind',
  'event',
  'symbol',
  'caller',
  'stamp',
  'aux',
  'args',
  'comm_hex',
  'args_hex',
]);
const UNITS: readonly (readonly [RegExp, number])[] = [
  [/(?:^|[_\s([])(?:ns|nsecs?)[)\]]?$/, 0],
  [/(?:^|[_\s([])(?:us|usecs?)[)\]]?$/, 3],
  [/(?:^|[_\s([])(?:ms|msecs?)[)\]]?$/, 6],
  [/(?:^|[_\s([])(?:s|secs?|seconds)[)\]]?$/, 9],
];
const UNIT_SUFFIX = /[_\s]*[([]?(?:ns|us|ms|s|[num]secs?|secs?|seconds)[)\]]?$/;

/** Columns by a header line; null if it names no stamp or no event. */
export function csvHeader(line: string): CsvHeader | null {
  const delimiter = [',', ';', '\t'].find((d) => line.split(d).length >= 3);
  if (delimiter === undefined || line.startsWith('#')) return null;
  const names = line.split(delimiter).map((n) => n.trim().replace(/^"(.*)"$/, '$1'));
  const lower = names.map((n) => n.toLowerCase());
  const twoIds = lower.includes('tid') && lower.includes('pid') && !lower.includes('tgid');
  let digits: number | null = null;
  const columns = lower.map((name): CsvColumn => {
    if (twoIds && name === 'pid') return 'tgid';
    if (OWN.has(name) && name !== 'ts') return name as CsvColumn;
    if (Object.hasOwn(WORDS, name) && WORDS[name] !== 'ts') return WORDS[name]!;
    const bare = OWN.has(name) || Object.hasOwn(WORDS, name) ? name : name.replace(UNIT_SUFFIX, '');
    if (bare !== 'ts' && WORDS[bare] !== 'ts') return 'free';
    digits = UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? null;
    return 'ts';
  });
  const once = (c: CsvColumn): boolean => columns.filter((x) => x === c).length === 1;
  if (!once('ts') || !once('event')) return null;
  // The first of two names for one thing counts; the other is an argument.
  const taken = new Set<CsvColumn>();
  const settled = columns.map((c): CsvColumn => {
    if (taken.has(c)) return 'free';
    if (c !== 'free') taken.add(c);
    return c;
  });
  const at = new Map(settled.map((c, i) => [c, i]));
  return { delimiter, columns: settled, at, names, digits };
}

/** Stamps whose column says no unit: seconds if they have decimals, else what a clock since boot or 1970 would show. */
export function digitsOf(stamp: string): { digits: number; why: string } {
  if (stamp.includes('.')) return { digits: 9, why: 'seconds, as they have decimals' };
  const n = Number(stamp);
  if (n < 1e8) return { digits: 3, why: 'µs, by their size' };
  return { digits: 0, why: 'ns, by their size' };
}

/** `12.5` in units of 10^`digits` ns → whole ns as text; null if it is no number. */
export function toNs(stamp: string, digits: number): string | null {
  const m = /^(-?)(\d{1,20})(?:\.(\d{1,18}))?$/.exec(stamp);
  if (m === null) return null;
  const fraction = (m[3] ?? '').slice(0, digits).padEnd(digits, '0');
  const whole = `${m[2]}${fraction}`.replace(/^0+(?=\d)/, '');
  return whole === '0' ? '0' : `${m[1]}${whole}`;
}

/** Cells are kept as bytes, one a character. */
export const utf8 = (bytes: string): string =>
  /[\x80-\xff]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
