import { startsWith } from './bytes.js';

/** The name or the stamp of another event stands there: its line has run into this one. */
export const ANOTHER_EVENT = -2;

/** Start of the value of `name=` at or after `p`; -1 if there is none, or `ANOTHER_EVENT`. */
export function seekValue(b: Uint8Array, p: number, end: number, name: Uint8Array): number {
  const length = name.length;
  while (p < end) {
    let c = b[p]!;
    if (c === 0x20 || c === 0x2c || c === 0x28 || c === 0x29 || c === 0x3a) {
      p++;
      continue;
    }
    const after = p + length;
    if (after < end && b[after] === 0x3d && startsWith(b, p, end, name)) return after + 1;
    while (p < end && (c = b[p]!) !== 0x20 && c !== 0x2c && c !== 0x3d) p++;
    if (p < end && c === 0x3d) p = endOfValue(b, p + 1, end);
    else if (b[p - 1] === 0x3a) return ANOTHER_EVENT;
  }
  return -1;
}

/** End of the value that begins at `p`: behind its bracket or quote, or at the next blank, comma or parenthesis. */
export function endOfValue(b: Uint8Array, p: number, end: number): number {
  const first = p < end ? b[p]! : 0;
  if (first === 0x7b || first === 0x22) {
    const close = first === 0x7b ? 0x7d : 0x22;
    for (p++; p < end && b[p] !== close; p++) if (first === 0x22 && b[p] === 0x5c) p++;
    return Math.min(p + 1, end);
  }
  for (; p < end; p++) {
    const c = b[p]!;
    if (c === 0x20 || c === 0x2c || c === 0x29) break;
  }
  return p;
}

/** Hexadecimal digits of `b[start, end)` without `0x` and leading zeros. */
export function significantDigits(b: Uint8Array, start: number, end: number): number {
  let p = start;
  if (end - p > 2 && b[p] === 0x30 && (b[p + 1]! | 0x20) === 0x78) p += 2;
  while (p < end && b[p] === 0x30) p++;
  return end - p;
}

/** Behind the last value that is read, another event's name or stamp stands: its line has run into this one. */
export function runsOn(b: Uint8Array, p: number, end: number): boolean {
  for (let i = p; i + 1 < end; i++) if (b[i] === 0x3a && b[i + 1] === 0x20) return true;
  return false;
}

/** `(fault)`, `(null)`, `ARRAY[]`: text in place of a number, not what is left of one. */
export function isWord(b: Uint8Array, at: number, end: number): boolean {
  const first = at < end ? b[at]! | 0x20 : 0;
  if (b[at] !== 0x28 && (first < 0x61 || first > 0x7a)) return false;
  for (let i = at; i < end; i++) if (b[i]! <= 0x20 || b[i]! >= 0x7f) return false;
  return true;
}
