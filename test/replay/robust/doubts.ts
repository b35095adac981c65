import { seededRandom } from '../damage/edit.js';
import { rehashPointers, shiftBases } from '../damage/harmless.js';
import { parseLine } from '../damage/recording-lines.js';

/** Doubt cast on a recording: lines in, lines out; same seed, same doubt. Knows nothing of the code under test. */
export interface Doubt {
  readonly name: string;
  readonly cast: (lines: readonly string[], seed: number, others: readonly string[]) => string[];
  /** Invariants that may be violated because of the doubt alone. */
  readonly allowed: readonly string[];
  /** Lines are cut off: a violation that rests on them is gone with them. */
  readonly cuts: boolean;
}

const HEADER = /^#/;
const body = (lines: readonly string[]): number => lines.findIndex((l) => !HEADER.test(l));

/** A hole in the ring buffer of one CPU, announced as tracefs does. */
function loss(lines: readonly string[], seed: number): string[] {
  const random = seededRandom(seed);
  const first = body(lines);
  const from = first + Math.floor(random() * (lines.length - first));
  const cpu = parseLine(lines[from]!, from)?.cpu ?? 0;
  const length = 5 + Math.floor(random() * 40);
  const out: string[] = [];
  let lost = 0;
  lines.forEach((text, i) => {
    const gone = i >= from && lost < length && parseLine(text, i)?.cpu === cpu;
    if (gone) lost++;
    else {
      if (lost === length) {
        out.push(`CPU:${cpu} [LOST ${length} EVENTS]`);
        lost++;
      }
      out.push(text);
    }
  });
  // The hole reaches the end: the last line tells of it.
  if (lost > 0 && lost <= length) out.push(`CPU:${cpu} [LOST ${lost} EVENTS]`);
  return out;
}

/** Which CPU's clock is off, and by how many µs. */
export function clockError(lines: readonly string[], seed: number): { cpu: number; us: number } {
  const random = seededRandom(seed);
  const cpus = [...new Set(lines.map((l, i) => parseLine(l, i)?.cpu ?? -1))].filter((c) => c >= 0).sort();
  const cpu = cpus[Math.floor(random() * cpus.length)]!;
  return { cpu, us: (random() < 0.5 ? -1 : 1) * [1, 3, 20, 60, 150][Math.floor(random() * 5)]! };
}

/** One CPU's clock is off: its stamps move, and the lines are in the order of the stamps again. */
function skew(lines: readonly string[], seed: number): string[] {
  const { cpu, us: shift } = clockError(lines, seed);
  const stamped = lines.slice(body(lines)).map((text, i) => {
    const line = parseLine(text, i);
    if (line === null) return { text, us: Number.NaN };
    const us = Math.round(Number(line.stamp) * 1e6) + (line.cpu === cpu ? shift : 0);
    const stamp = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
    return { text: `${line.prefix}${stamp}: ${line.rest}`, us };
  });
  // Lines without a stamp stay behind the one before.
  for (let i = 1; i < stamped.length; i++)
    if (Number.isNaN(stamped[i]!.us)) stamped[i]!.us = stamped[i - 1]!.us;
  const sorted = stamped.map((s, i) => ({ ...s, i })).sort((a, b) => a.us - b.us || a.i - b.i);
  return [...lines.slice(0, body(lines)), ...sorted.map((s) => s.text)];
}

const EVENT = /\d+\.\d+: (\S+?)(?::| ->|\()/;

/** One probe was never set. */
function missingProbe(lines: readonly string[], seed: number): string[] {
  const nameOf = (line: string): string => EVENT.exec(line)?.[1] ?? '';
  const names = [...new Set(lines.map(nameOf))].filter((n) => n !== '').sort();
  const gone = names[Math.floor(seededRandom(seed)() * names.length)]!;
  return lines.filter((l) => nameOf(l) !== gone);
}

function cutStart(lines: readonly string[], seed: number): string[] {
  const first = body(lines);
  const n = Math.floor(seededRandom(seed)() * 0.6 * (lines.length - first));
  return [...lines.slice(0, first), ...lines.slice(first + n)];
}

function cutEnd(lines: readonly string[], seed: number): string[] {
  const first = body(lines);
  const n = Math.floor(seededRandom(seed)() * 0.6 * (lines.length - first));
  return lines.slice(0, lines.length - n);
}

/** First and last line of every key. */
function lives(
  lines: readonly string[],
  keysOf: (text: string, i: number) => string[],
): Map<string, [number, number]> {
  const found = new Map<string, [number, number]>();
  lines.forEach((text, i) => {
    for (const key of keysOf(text, i)) {
      const life = found.get(key);
      if (life) life[1] = i;
      else found.set(key, [i, i]);
    }
  });
  return found;
}

/** Keys that begin after another has ended take the name of that one, as a freed pid or address is given out again. */
function reused(life: Map<string, [number, number]>): Map<string, string> {
  const free: { key: string; last: number }[] = [];
  const names = new Map<string, string>();
  for (const [key, [first, last]] of [...life].sort((a, b) => a[1][0] - b[1][0])) {
    const at = free.findIndex((f) => f.last < first);
    const name = at < 0 ? key : free.splice(at, 1)[0]!.key;
    names.set(key, name);
    free.push({ key: name, last });
  }
  return names;
}

const TASK = /^( *)(.+)-(\d+)( +\[)/;

/** User tasks that begin when another is over get its pid; nothing tells of exits. */
function pidReuse(lines: readonly string[]): string[] {
  const keyOf = (text: string): string[] => {
    const m = TASK.exec(text);
    return m && /^ptw|^sleep|^sh/.test(m[2]!) ? [m[3]!] : [];
  };
  const names = reused(lives(lines, keyOf));
  return lines.map((text) =>
    text.replace(TASK, (all, pad: string, comm: string, pid: string, rest: string) => {
      const name = names.get(pid) ?? pid;
      return names.has(pid) ? `${pad}${comm}-${name}${rest}` : all;
    }),
  );
}

const MM = /\bmm=(0x[0-9a-f]+)/g;

/** An mm that is first seen when another is seen no more gets its address. */
function pointerReuse(lines: readonly string[]): string[] {
  const names = reused(lives(lines, (text) => [...text.matchAll(MM)].map((m) => m[1]!)));
  return lines.map((text) => text.replace(MM, (_, mm: string) => `mm=${names.get(mm) ?? mm}`));
}

const harmless =
  (change: typeof shiftBases): Doubt['cast'] =>
  (lines, seed) => [...change({ lines: [...lines], probes: '' }, seed).lines];

const plain = { allowed: [], cuts: false } as const;

export const DOUBTS: readonly Doubt[] = [
  { name: 'loss', cast: loss, ...plain, cuts: true },
  { name: 'skew', cast: skew, ...plain },
  { name: 'hashed pointers', cast: harmless(rehashPointers), ...plain },
  { name: 'missing probes', cast: missingProbe, ...plain, cuts: true },
  { name: 'trace start', cast: cutStart, ...plain, cuts: true },
  { name: 'trace end', cast: cutEnd, ...plain, cuts: true },
  { name: 'pid reuse', cast: pidReuse, ...plain },
  { name: 'pointer reuse', cast: pointerReuse, ...plain },
  { name: 'KASLR', cast: harmless(shiftBases), ...plain },
  // A file that goes on with the recording of another kernel: only that may be said of it.
  {
    name: 'mixed variants',
    cast: (lines, _, others) => [...lines, ...others],
    allowed: ['I56'],
    cuts: false,
  },
];
