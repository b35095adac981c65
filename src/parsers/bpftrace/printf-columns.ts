import { byName } from '../../result/by-name.js';
import { sampleText } from '../input/sample-text.js';

/** What a column of a printf log holds. */
export type Column = 'ts' | 'cpu' | 'pid' | 'tid' | 'comm' | 'event';

/** Order of the columns of a log, and the unit of its stamps. */
export interface Shape {
  readonly columns: readonly Column[];
  /** ns per unit of a stamp without a fraction. */
  readonly unitNs: number;
  /** How it is known. */
  readonly why: string;
}

/** Header words people write, by what they mean; a suffix of the first says the unit. */
const WORDS: Readonly<Record<string, Column>> = byName({
  ts: 'ts',
  time: 'ts',
  timestamp: 'ts',
  nsecs: 'ts',
  nsec: 'ts',
  usecs: 'ts',
  msecs: 'ts',
  elapsed: 'ts',
  cpu: 'cpu',
  pid: 'pid',
  tgid: 'pid',
  tid: 'tid',
  comm: 'comm',
  task: 'comm',
  event: 'event',
  probe: 'event',
  func: 'event',
  function: 'event',
  name: 'event',
});
/** What a first column may be called for a line to be a header. */
const STAMPED = /^#?\s*(?:ts|time(?:stamp)?|[num]?secs?|elapsed)(?:[_(\s]|$)/i;

/** Shape from a header line such as `# nsecs cpu pid tid comm probe args`; null if it is none. */
export function headerShape(line: string): Shape | null {
  if (!STAMPED.test(line)) return null;
  const columns: Column[] = [];
  let unitNs = 1;
  for (const raw of line
    .replace(/^#\s*/, '')
    .trim()
    .toLowerCase()
    .split(/[\s,;|]+/)) {
    const [word, unit] = splitUnit(raw);
    const column = WORDS[word];
    if (column === undefined) break;
    if (columns.includes(column)) return null;
    columns.push(column);
    if (column === 'ts') unitNs = unit;
  }
  if (columns[0] !== 'ts' || !columns.includes('event')) return null;
  return { columns, unitNs, why: 'its header line names the columns' };
}

function splitUnit(word: string): [string, number] {
  const m = /^(.*?)[_(](ns|us|ms|s|nsecs?|usecs?|msecs?|secs?)\)?$/.exec(word);
  const unit = m ? m[2]! : word;
  const first = /^(?:nsecs?|ns)$/.test(unit)
    ? 1
    : /^us/.test(unit)
      ? 1e3
      : /^ms/.test(unit)
        ? 1e6
        : /^s/.test(unit)
          ? 1e9
          : 1;
  return [m ? m[1]! : word, first];
}

const SHAPES: readonly (readonly Column[])[] = [
  ['ts', 'cpu', 'pid', 'tid', 'comm', 'event'],
  ['ts', 'cpu', 'tid', 'comm', 'event'],
  ['ts', 'tid', 'comm', 'event'],
];
const NUMBERS = /^(\d{6,20}(?:\.\d{1,9})?|\d{1,12}\.\d{3,9})((?:\s+\d{1,10}){1,3})\s+(\D.*)$/;

/** Shape of the lines themselves: a stamp, one to three small numbers, a name, an event; null if there is none. */
export function inferShape(lines: readonly string[]): Shape | null {
  const byCount = [0, 0, 0, 0];
  let other = 0;
  let unitNs = 1;
  for (const line of lines) {
    const m = NUMBERS.exec(line.trim());
    if (m === null || !EVENT_LIKE.test(m[3]!)) {
      other++;
      continue;
    }
    byCount[m[2]!.trim().split(/\s+/).length]!++;
    if (!m[1]!.includes('.')) unitNs = unitOf(Number(m[1]));
  }
  const most = byCount.indexOf(Math.max(...byCount));
  if (most === 0 || byCount[most]! < 3 || byCount[most]! < 4 * (other + sum(byCount) - byCount[most]!))
    return null;
  return {
    columns: SHAPES[3 - most]!,
    unitNs,
    why: `its lines are a stamp, ${most} numbers, a task and an event`,
  };
}

const sum = (n: readonly number[]): number => n.reduce((a, b) => a + b, 0);

/** A task name and an event, or an event with fields. */
const EVENT_LIKE = /^\S.*\s[A-Za-z_][\w.:%-]*(?:\s+[A-Za-z_]\w*=\S.*)?\s*$/;

/** Stamps since boot: less than a minute in ns is less likely than weeks in µs, so ns from 10^8 up. */
const unitOf = (value: number): number => (value >= 1e8 ? 1 : 1e3);

/** Shape of a log by its first lines. */
export function shapeOf(sample: Uint8Array): Shape | null {
  const lines = sampleText(sample, 1 << 15).split('\n', 300);
  if (lines.length > 1) lines.pop();
  const body: string[] = [];
  for (const line of lines) {
    if (line.startsWith('#') || /^[A-Za-z]/.test(line)) {
      const shape = headerShape(line);
      if (shape) return shape;
      if (NOTICE.test(line) || line.startsWith('#')) continue;
    }
    if (line.trim() !== '') body.push(line);
  }
  return inferShape(body);
}

/** What bpftrace says itself. */
export const NOTICE =
  /^(?:Attach(?:ing|ed) \d+ probes?|Lost \d+ events|WARNING|stdin:\d+|\^C|No probes to attach)/;
