import { isDigit } from '../input/line-bytes.js';
import { FLAG_BYTE } from './flag-bytes.js';
import { TIME } from './latency-prefix.js';

const BLANK = 32;

/** `comm-pid [cpu] [FLAGS] time:` at the front of a trace-cmd report line; refilled by `parse`. */
export class TraceCmdPrefix {
  commStart = 0;
  commEnd = 0;
  pid = -1;
  cpu = -1;
  /** -1: no flags column (trace-cmd up to 3.1). */
  flagsStart = -1;
  flagsEnd = -1;
  /** `TIME.seconds` or `TIME.ticks`. */
  time: number = TIME.seconds;
  sec = 0;
  ns = 0;
  /** Digits behind the point. */
  decimals = 0;
  body = 0;

  /** True when `buf[start, end)` begins with the prefix. A comm may hold anything, so the first bracket that fits. */
  parse(buf: Uint8Array, start: number, end: number): boolean {
    const limit = Math.min(end, start + 96);
    for (let p = start + 3; p < limit; p++) {
      if (buf[p] === 91 && this.task(buf, start, p) && this.afterTask(buf, p, end)) return true;
    }
    return false;
  }

  private task(buf: Uint8Array, start: number, bracket: number): boolean {
    let p = bracket;
    while (p > start && buf[p - 1] === BLANK) p--;
    if (p === bracket) return false;
    // TGID column of tracefs text: `(  3127)` or `(-------)`.
    if (p > start && buf[p - 1] === 41) {
      while (p > start && buf[p - 1] !== 40) p--;
      p = Math.max(start, p - 1);
      while (p > start && buf[p - 1] === BLANK) p--;
    }
    let pid = 0;
    let unit = 1;
    const last = p;
    while (p > start && isDigit(buf[p - 1]!)) {
      pid += (buf[--p]! - 48) * unit;
      unit *= 10;
    }
    if (p === last || p - 1 < start || buf[p - 1] !== 45) return false;
    let a = start;
    while (a < p - 1 && buf[a] === BLANK) a++;
    this.commStart = a;
    this.commEnd = p - 1;
    this.pid = pid;
    return true;
  }

  private afterTask(buf: Uint8Array, bracket: number, end: number): boolean {
    let p = bracket + 1;
    let cpu = 0;
    while (p < end && isDigit(buf[p]!)) cpu = cpu * 10 + buf[p++]! - 48;
    if (p === bracket + 1 || p + 1 >= end || buf[p] !== 93) return false;
    // `[001]134800342965:`: twelve digits fill the column (`--raw-ts`, clocks that count).
    if (buf[p + 1] !== BLANK && !isDigit(buf[p + 1]!)) return false;
    this.cpu = cpu;
    p++;
    while (p < end && buf[p] === BLANK) p++;
    this.flagsStart = -1;
    let q = p;
    while (q < end && FLAG_BYTE[buf[q]!] === 1) q++;
    // A stamp's digits are flag bytes too, but it goes on with a colon or, past its point, with digits.
    if (q < end && buf[q] === BLANK && q - p >= 3 && q - p <= 8) {
      this.flagsStart = p;
      this.flagsEnd = q;
      p = q;
      while (p < end && buf[p] === BLANK) p++;
    }
    return this.clock(buf, p, end);
  }

  private clock(buf: Uint8Array, from: number, end: number): boolean {
    let p = from;
    while (p < end && isDigit(buf[p]!)) p++;
    if (p === from || p === end || p - from > 20) return false;
    let hi = 0;
    let lo = 0;
    for (let i = from; i < p - 9; i++) hi = hi * 10 + buf[i]! - 48;
    for (let i = Math.max(from, p - 9); i < p; i++) lo = lo * 10 + buf[i]! - 48;
    if (buf[p] === 46) {
      const first = ++p;
      let ns = 0;
      let unit = 1e8;
      for (; p < end && isDigit(buf[p]!); p++) {
        ns += (buf[p]! - 48) * unit;
        unit = unit >= 10 ? unit / 10 : 0;
      }
      this.decimals = p - first;
      if (p === first) return false;
      this.time = TIME.seconds;
      this.sec = hi * 1e9 + lo;
      this.ns = ns;
    } else {
      this.time = TIME.ticks;
      this.sec = hi;
      this.ns = lo;
      this.decimals = 0;
    }
    if (p === end || buf[p] !== 58) return false;
    this.body = p + 1;
    return true;
  }
}
