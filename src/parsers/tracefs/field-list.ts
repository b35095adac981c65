import { isDigit } from '../input/line-bytes.js';

const BLANK = 32;
const EQUALS = 61;
/** A body with more is for `rewriteFields`. */
const MAX_FIELDS = 64;

/** The fields of one body, as places in its bytes. The columns are read in place: `[nameFrom[k], nameTo[k])`, `k` < `count`. */
export class FieldList {
  readonly nameFrom = new Int32Array(MAX_FIELDS);
  readonly nameTo = new Int32Array(MAX_FIELDS);
  /** The value less its decimal twin. */
  readonly valueFrom = new Int32Array(MAX_FIELDS);
  readonly valueTo = new Int32Array(MAX_FIELDS);
  /** The decimal twin where a small number is printed so, else the value again. */
  readonly plainFrom = new Int32Array(MAX_FIELDS);
  readonly plainTo = new Int32Array(MAX_FIELDS);
  count = 0;

  /** Cuts at every ` name=`, as `fieldsOf` does. False: not a list (`count` 0), or too long a one. */
  split(buf: Uint8Array, list: number, stop: number): boolean {
    this.count = 0;
    let p = list;
    /** Where the value begins of the last field that is not taken yet. */
    let open = -1;
    /** Where the value begins of the last field that is. */
    let taken = -1;
    for (;;) {
      let behind = behindWord(buf, p, stop);
      if (behind > p && behind < stop && buf[behind] === EQUALS) {
        if (open >= 0) this.value(buf, open, p - 1);
        if (this.count === MAX_FIELDS) return false;
        this.nameFrom[this.count] = p;
        this.nameTo[this.count] = behind;
        open = taken = behind + 1;
        behind = this.number(buf, open, stop);
        if (behind > 0) {
          open = -1;
          if (behind >= stop) return true;
          p = behind + 1;
          continue;
        }
        behind = open;
      } else if (taken < 0) return false;
      else if (open < 0) {
        // What was taken for a number goes on.
        open = taken;
        this.count--;
      }
      p = behind;
      while (p < stop && buf[p] !== BLANK) p++;
      if (p >= stop) break;
      p++;
    }
    this.value(buf, open, stop);
    return true;
  }

  /** Takes `0x… (DECIMAL)`, what nearly all values are. Its end, before a blank or the list's own end; 0 for anything else. */
  private number(buf: Uint8Array, from: number, stop: number): number {
    if (from + 6 > stop || buf[from] !== 48 || buf[from + 1] !== 120) return 0;
    let p = from + 2;
    while (p < stop && HEX[buf[p]!] === 1) p++;
    const to = p;
    if (p + 3 >= stop || buf[p] !== BLANK || buf[p + 1] !== 40) return 0;
    p += 2;
    const first = p;
    const negative = buf[p] === 45;
    if (negative) p++;
    const digits = p;
    let n = 0;
    for (let c = 0; p < stop && (c = buf[p]! - 48) >= 0 && c <= 9; p++) n = n * 10 + c;
    if (p === digits || p >= stop || buf[p] !== 41 || (p + 1 < stop && buf[p + 1] !== BLANK)) return 0;
    const small = negative ? n <= 65536 : n < 2 ** 31;
    const k = this.count++;
    this.valueFrom[k] = from;
    this.valueTo[k] = to;
    this.plainFrom[k] = small ? first : from;
    this.plainTo[k] = small ? p : to;
    return p + 1;
  }

  /** Takes the value of the field `count`: `(0x…:TEXT)`, `WORD (DECIMAL)`, or anything. */
  private value(buf: Uint8Array, start: number, end: number): void {
    let from = start;
    let to = end;
    while (to > from && isSpace(buf[to - 1]!)) to--;
    const k = this.count++;
    this.plainFrom[k] = this.plainTo[k] = -1;
    if (to > from && buf[to - 1] === 41) {
      const text = behindPointer(buf, from, to);
      if (text > 0) {
        from = text;
        to--;
      } else to = this.twin(buf, from, to, k);
    }
    this.valueFrom[k] = from;
    this.valueTo[k] = to;
    if (this.plainFrom[k]! < 0) {
      this.plainFrom[k] = from;
      this.plainTo[k] = to;
    }
  }

  /** Where the value ends whose decimal twin stands behind it, `to` if none does. A small number is printed as its twin. */
  private twin(buf: Uint8Array, from: number, to: number, k: number): number {
    let p = to - 1;
    while (p > from && isDigit(buf[p - 1]!)) p--;
    const digits = p;
    const negative = p > from && buf[p - 1] === 45;
    if (negative) p--;
    const first = p;
    if (digits === to - 1 || p - 2 <= from || buf[p - 1] !== 40 || buf[p - 2] !== BLANK) return to;
    const end = p - 2;
    for (let q = from; q < end; q++) if (isSpace(buf[q]!)) return to;
    if (buf[from] === 48 && end - from >= 2 && buf[from + 1] === 120) {
      let n = 0;
      for (let q = digits; q < to - 1; q++) n = n * 10 + buf[q]! - 48;
      if (negative ? n <= 65536 : n < 2 ** 31) {
        this.plainFrom[k] = first;
        this.plainTo[k] = to - 1;
      }
    }
    return end;
  }

  /** True when field `k` has this name. */
  isNamed(buf: Uint8Array, k: number, name: Uint8Array): boolean {
    const from = this.nameFrom[k]!;
    return this.nameTo[k]! - from === name.length && beginsWith(buf, from, this.nameTo[k]!, name);
  }

  /** The first field of this name; -1 if none has it. */
  first(buf: Uint8Array, name: Uint8Array): number {
    for (let k = 0; k < this.count; k++) if (this.isNamed(buf, k, name)) return k;
    return -1;
  }

  /** The last field of this name; -1 if none has it. */
  last(buf: Uint8Array, name: Uint8Array): number {
    let k = this.count - 1;
    while (k >= 0 && !this.isNamed(buf, k, name)) k--;
    return k;
  }
}

/** What `\s` and `trim` take for one, of the characters that are a byte. */
export const isSpace = (c: number): boolean => c === BLANK || (c >= 9 && c <= 13) || c === 0xa0;

const WORD = new Uint8Array(256);
for (const c of '0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') WORD[c.charCodeAt(0)] = 1;

/** Where the name that begins at `p` ends; `p` if none does. */
export function behindWord(buf: Uint8Array, p: number, end: number): number {
  if (p >= end || isDigit(buf[p]!)) return p;
  let q = p;
  while (q < end && WORD[buf[q]!] === 1) q++;
  return q;
}

/** Where the text of `(0x…:TEXT)` begins; 0 for anything else. The closing parenthesis is there. */
function behindPointer(buf: Uint8Array, from: number, to: number): number {
  if (to - from < 6 || buf[from] !== 40 || buf[from + 1] !== 48 || buf[from + 2] !== 120) return 0;
  let p = from + 3;
  while (p < to && isHex(buf[p]!)) p++;
  return p > from + 3 && p < to - 1 && buf[p] === 58 ? p + 1 : 0;
}

const HEX = new Uint8Array(256);
for (const c of '0123456789abcdef') HEX[c.charCodeAt(0)] = 1;
export const isHex = (c: number): boolean => HEX[c] === 1;

export function beginsWith(buf: Uint8Array, from: number, to: number, text: Uint8Array): boolean {
  if (to - from < text.length) return false;
  for (let k = 0; k < text.length; k++) if (buf[from + k] !== text[k]) return false;
  return true;
}
