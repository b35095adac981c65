/**
 * Numbers straight from bytes: no strings, no BigInt, exact to the low 53 bits.
 * `parseHex53` and `parseDec53` stop at the first byte that is not part of the number.
 */

/** Value of a hex digit by its byte; -1 for every other byte. */
export const DIGIT = new Int8Array(256).fill(-1);
for (let i = 0; i < 10; i++) DIGIT[0x30 + i] = i;
for (let i = 0; i < 6; i++) {
  DIGIT[0x61 + i] = 10 + i;
  DIGIT[0x41 + i] = 10 + i;
}

const TWO_32 = 2 ** 32;
const TWO_53 = 2 ** 53;
const SIGN_53 = 2 ** 52;

/** Low 53 bits of the hex number in `bytes[start, end)`, with or without `0x`; NaN if there is no digit. */
export function parseHex53(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  if (i + 1 < end && bytes[i] === 0x30 && (bytes[i + 1]! | 0x20) === 0x78) i += 2;
  const first = i;
  let hi = 0;
  let lo = 0;
  for (; i < end; i++) {
    const d = DIGIT[bytes[i]!]!;
    if (d < 0) break;
    hi = ((hi << 4) | (lo >>> 28)) & 0x1fffff;
    lo = (lo << 4) | d;
  }
  return i === first ? Number.NaN : hi * TWO_32 + (lo >>> 0);
}

/** Low 53 bits of the decimal number at `start`, two's complement if negative; NaN if there is no digit. */
export function parseDec53(bytes: Uint8Array, start: number, end: number): number {
  const negative = start < end && bytes[start] === 0x2d;
  let i = negative ? start + 1 : start;
  const first = i;
  let hi = 0;
  let lo = 0;
  for (; i < end; i++) {
    const d = bytes[i]! - 0x30;
    if (d < 0 || d > 9) break;
    const low = lo * 10 + d;
    const carry = Math.floor(low / TWO_32);
    lo = low - carry * TWO_32;
    hi = (hi * 10 + carry) & 0x1fffff;
  }
  if (i === first) return Number.NaN;
  const value = hi * TWO_32 + lo;
  return negative && value !== 0 ? TWO_53 - value : value;
}

/** A decimal number of at most nine digits, which need no carry; -1 if it is none. */
function shortDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > 9 || start >= end) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const d = bytes[i]! - 0x30;
    if (d < 0 || d > 9) return -1;
    value = value * 10 + d;
  }
  return value;
}

/**
 * Low 53 bits of an argument as a probe prints it: `0x…` is hex, digits are decimal (`:u64`), anything with a
 * hex letter or 16 digits (`%p`) is hex without prefix. NaN for `(fault)`, `(null)`, text, and where not all is number.
 */
export function parseValue53(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= 2 && bytes[start] === 0x30 && (bytes[start + 1]! | 0x20) === 0x78) {
    for (let i = start + 2; i < end; i++) if (DIGIT[bytes[i]!]! < 0) return Number.NaN;
    return parseHex53(bytes, start, end);
  }
  const short = shortDecimal(bytes, start, end);
  if (short >= 0) return short;
  let digits = 0;
  let letters = false;
  for (let i = start; i < end; i++) {
    const d = DIGIT[bytes[i]!]!;
    if (d < 0 && !(i === start && bytes[i] === 0x2d)) return Number.NaN;
    if (d > 9) letters = true;
    digits++;
  }
  if (letters || (digits === 16 && bytes[start] === 0x30)) return parseHex53(bytes, start, end);
  return parseDec53(bytes, start, end);
}

/** A 53-bit value read as a signed number: `0xfffffffffffffff5`, `18446744073709551605` and `-11` are all -11. */
export const signed53 = (value: number): number => (value >= SIGN_53 ? value - TWO_53 : value);

/** First address that no process has: 47 bits are its own with 4-level paging, and with 5-level unless it asks for more. */
const USER_LIMIT = 2 ** 47;
/**
 * Can these low 53 bits belong to a kernel address? With 4-level paging bits 47 and up are ones, with 5-level bits 56 and up
 * (Documentation/arch/x86/x86_64/mm.rst): of those below, which KASLR sets as it likes, it is enough that one is set.
 */
export const isKernelAddr = (value: number): boolean => value >= USER_LIMIT;

/** Is it a pointer as it stands? Of one that `%p` has hashed the upper half is zero (lib/vsprintf.c `ptr_to_hashval()`). */
export const isRawPointer = (value: number): boolean => value >= TWO_32;

/** How far the low 53 bits of one pointer lie behind those of another, as the kept bits run over. */
export function distance53(from: number, to: number): number {
  const d = to - from;
  return d < 0 ? d + TWO_53 : d;
}

/** Does `bytes[at, end)` begin with `word`? */
export function startsWith(bytes: Uint8Array, at: number, end: number, word: Uint8Array): boolean {
  if (end - at < word.length) return false;
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false;
  return true;
}

/** First place of `word` in `bytes[start, end)`, -1 if absent. */
export function find(bytes: Uint8Array, start: number, end: number, word: Uint8Array): number {
  const first = word[0]!;
  for (let i = start; i <= end - word.length; i++) {
    if (bytes[i] === first && startsWith(bytes, i, end, word)) return i;
  }
  return -1;
}

/** Last place of `word` in `bytes[start, end)`, -1 if absent. */
export function findLast(bytes: Uint8Array, start: number, end: number, word: Uint8Array): number {
  const first = word[0]!;
  for (let i = end - word.length; i >= start; i--) {
    if (bytes[i] === first && startsWith(bytes, i, end, word)) return i;
  }
  return -1;
}

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
