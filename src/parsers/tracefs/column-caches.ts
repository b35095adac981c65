import type { Interner } from '../../timeline/interner.js';
import { packFlags } from '../input/kernel-pieces.js';

const BLANK = 32;
/** `%16s-`: width of the task column (kernel/trace/trace_output.c). */
export const COMM_WIDTH = 16;
const COMM_SLOTS = 256;
const FLAG_SLOTS = 256;

/** Task column (16 bytes, right-aligned) → name id. The bytes are compared as four words; misses are interned. */
export class CommColumn {
  private readonly words = new Int32Array(COMM_SLOTS * 4);
  private readonly ids = new Int32Array(COMM_SLOTS).fill(-1);

  /** `start` + 16 must lie inside the line. */
  intern(buf: Uint8Array, view: DataView, start: number, names: Interner): number {
    const a = view.getInt32(start, true);
    const b = view.getInt32(start + 4, true);
    const c = view.getInt32(start + 8, true);
    const d = view.getInt32(start + 12, true);
    const h = Math.imul(d ^ Math.imul(c, 31) ^ (b << 1), 0x9e3779b1);
    const slot = (h >>> 24) & (COMM_SLOTS - 1);
    const { words, ids } = this;
    const w = slot * 4;
    const id = ids[slot]!;
    if (id >= 0 && words[w + 3] === d && words[w + 2] === c && words[w + 1] === b && words[w] === a)
      return id;
    words[w] = a;
    words[w + 1] = b;
    words[w + 2] = c;
    words[w + 3] = d;
    ids[slot] = internComm(buf, start, start + COMM_WIDTH, names);
    return ids[slot]!;
  }
}

/** Padding is on the left; blanks of the name's own at its front look the same and are taken as padding. */
export function internComm(buf: Uint8Array, start: number, end: number, names: Interner): number {
  let p = start;
  while (p < end && buf[p] === BLANK) p++;
  return names.intern(buf, p, end);
}

/** Flags column → `FLAG` bits. The same few combinations come again and again: five-column ones are remembered. */
export class FlagsColumn {
  private readonly words = new Int32Array(FLAG_SLOTS);
  private readonly lasts = new Uint8Array(FLAG_SLOTS);
  private readonly values = new Int32Array(FLAG_SLOTS).fill(-1);

  pack(buf: Uint8Array, view: DataView, start: number, end: number): number {
    if (end - start !== 5) return packFlags(buf, start, end);
    const word = view.getInt32(start, true);
    const last = buf[start + 4]!;
    const slot = (Math.imul(word ^ (last << 3), 0x9e3779b1) >>> 24) & (FLAG_SLOTS - 1);
    const { words, lasts, values } = this;
    const known = values[slot]!;
    if (known >= 0 && words[slot] === word && lasts[slot] === last) return known;
    words[slot] = word;
    lasts[slot] = last;
    // Sixteen bits: never negative.
    values[slot] = packFlags(buf, start, end);
    return values[slot]!;
  }
}
