import { isDigit } from '../input/line-bytes.js';

/** Bytes of a line that are looked at for its columns. */
export const MAX_HEAD = 200;
/** More digits of whole milliseconds would not be whole microseconds in a double. */
const MAX_DIGITS = 11;
const BLANK = 32;
const CONTINUED = Buffer.from('... [continued]: ');

/** The columns of a `perf trace` line: `MS ( MS ms): COMM/TID NAME`, or `MS (         ): COMM/TID  ... [continued]: NAME`. */
export class PerfTraceColumns {
  us = 0;
  /** NaN: the call had not ended. */
  tookUs = Number.NaN;
  commStart = 0;
  commEnd = 0;
  tid = 0;
  /** The name of the call or event; -1 there is none. */
  name = -1;
  nameEnd = -1;
  /** The call began on an earlier line. */
  continued = false;
  private p = 0;

  /** False, and nothing is said of the line: it is for the regular expressions to judge. */
  parse(buf: Uint8Array, start: number, end: number): boolean {
    const stop = Math.min(end, start + MAX_HEAD);
    let p = start;
    while (p < stop && buf[p] === BLANK) p++;
    this.us = this.milliseconds(buf, p, stop);
    p = this.p;
    if (this.us < 0 || p + 1 >= stop || buf[p] !== BLANK || buf[p + 1] !== 40) return false;
    p += 2;
    while (p < stop && buf[p] === BLANK) p++;
    this.tookUs = Number.NaN;
    if (p < stop && buf[p] !== 41) {
      this.tookUs = this.milliseconds(buf, p, stop);
      p = this.p;
      if (this.tookUs < 0 || p + 3 > stop || buf[p] !== BLANK || buf[p + 1] !== 109 || buf[p + 2] !== 115)
        return false;
      p += 3;
      while (p < stop && buf[p] === BLANK) p++;
    }
    if (p + 3 > stop || buf[p] !== 41 || buf[p + 1] !== 58 || buf[p + 2] !== BLANK) return false;
    return this.task(buf, p + 3, stop);
  }

  /** `12.345` as 12345; -1 for anything else. Sets `p` behind it. */
  private milliseconds(buf: Uint8Array, from: number, stop: number): number {
    let n = 0;
    let p = from;
    for (; p < stop && isDigit(buf[p]!); p++) n = n * 10 + buf[p]! - 48;
    if (p === from || p - from > MAX_DIGITS || p + 4 > stop || buf[p] !== 46) return -1;
    for (const last = p + 4; ++p < last; ) {
      if (!isDigit(buf[p]!)) return -1;
      n = n * 10 + buf[p]! - 48;
    }
    this.p = p;
    return n;
  }

  /** The first slash with a number, blanks and a name behind it ends the task's name, which may hold others. */
  private task(buf: Uint8Array, from: number, stop: number): boolean {
    for (let slash = from; slash < stop; slash++) {
      if (buf[slash] !== 47) continue;
      let p = slash + 1;
      let tid = 0;
      for (; p < stop && isDigit(buf[p]!); p++) tid = tid * 10 + buf[p]! - 48;
      if (p === slash + 1 || p - slash > 11 || p >= stop || buf[p] !== BLANK) continue;
      while (p < stop && buf[p] === BLANK) p++;
      this.continued = p < stop && buf[p] === CONTINUED[0];
      if (this.continued) {
        if (p + CONTINUED.length >= stop) return false;
        for (let k = 0; k < CONTINUED.length; k++) if (buf[p + k] !== CONTINUED[k]) return false;
        p += CONTINUED.length;
      }
      const end = behindName(buf, p, stop);
      // What ends at the edge of the part looked at may go on there.
      if (end >= stop) return false;
      if (end === p || (!this.continued && buf[end] !== 40 && buf[end] !== BLANK)) {
        if (this.continued) return false;
        continue;
      }
      this.commStart = from;
      this.commEnd = slash;
      this.tid = tid;
      this.name = p;
      this.nameEnd = end;
      return true;
    }
    return false;
  }
}

const NAME = new Uint8Array(256);
for (const c of '0123456789:.-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
  NAME[c.charCodeAt(0)] = 1;

/** Where the name that begins at `p` ends; `p` if none does. */
function behindName(buf: Uint8Array, p: number, stop: number): number {
  const c = p < stop ? buf[p]! : 0;
  if (NAME[c] === 0 || isDigit(c) || c === 58 || c === 46 || c === 45) return p;
  let q = p;
  while (q < stop && NAME[buf[q]!] === 1) q++;
  return q;
}
