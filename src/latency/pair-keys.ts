import { parseDec53, parseValue53 } from '../kernel/bytes.js';
import type { RecordBatch } from '../timeline/batch.js';
import { isKnown } from '../timeline/is-known.js';
import type { BodyArg } from './body-args.js';

/** Idle tasks of all CPUs share thread id 0: each CPU's counts as a thread of its own. */
const IDLE = 2 ** 33;

/** NaN: not known. */
export function threadKey(pid: number, cpu: number): number {
  if (pid > 0) return pid;
  return pid === 0 && cpu >= 0 ? IDLE + cpu : Number.NaN;
}

/** NaN: not known. Never equal to a thread's key. */
export const cpuKey = (cpu: number): number => (cpu < 0 ? Number.NaN : 2 * IDLE + cpu);

/**
 * Value of an argument as a key: numbers by their low 53 bits, other text by a 53-bit hash (two of 2^20 distinct
 * texts are taken for one with a probability of 10^-4). NaN when the body has no such argument.
 */
export function bodyKey(arg: BodyArg, batch: RecordBatch, row: number): number {
  const b = batch.bytes;
  if (!arg.find(b, batch.bodyStart[row]!, batch.bodyEnd[row]!)) return Number.NaN;
  const number = parseValue53(b, arg.start, arg.end);
  return isKnown(number) ? number : hash53(b, arg.start, arg.end);
}

function hash53(b: Uint8Array, start: number, end: number): number {
  let h = 0x811c9dc5 | 0;
  let g = 0x2545f491 | 0;
  for (let i = start; i < end; i++) {
    h = Math.imul(h ^ b[i]!, 0x01000193);
    g = Math.imul(g ^ b[i]!, 0x5bd1e995) ^ (g >>> 13);
  }
  return (g & 0x1fffff) * 2 ** 32 + (h >>> 0);
}

/** Decimal number after `label` at the start of a body; NaN if it is not there. */
export function dec(batch: RecordBatch, row: number, label: string): number {
  const b = batch.bytes;
  let at = batch.bodyStart[row]!;
  const end = batch.bodyEnd[row]!;
  while (at < end && (b[at] === 0x20 || b[at] === 0x3a)) at++;
  for (let i = 0; i < label.length; i++) if (b[at + i] !== label.charCodeAt(i)) return Number.NaN;
  return parseDec53(b, at + label.length, end);
}
