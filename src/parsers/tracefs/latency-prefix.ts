import { isDigit } from '../input/line-bytes.js';
import { FLAG_BYTE } from './flag-bytes.js';

/** What the number before the body of a latency line counts. */
export const TIME = {
  /** µs: since the start of the trace (tracefs), or of the clock (`ftrace_dump`). */
  us: 0,
  /** µs since the clock's zero, from the brackets of the verbose form. */
  absoluteUs: 1,
  /** `sec.frac` (trace-cmd report -l). */
  seconds: 2,
  /** A clock that is no time. */
  ticks: 3,
} as const;

const BLANK = 32;
const COLON = 58;
/** Least width of a stamp that is a count (`%12d`, libtraceevent src/event-parse.c `print_event_time()`). */
const STAMP_COLUMN = 12;

/** `comm-pid cpuFLAGS time: ` at the front of a latency-format line; refilled by `parse`. */
export class LatencyPrefix {
  commStart = 0;
  commEnd = 0;
  pid = -1;
  cpu = -1;
  /** -1: verbose form or `-R`, use `entryFlags` and `preemptCount`. */
  flagsStart = -1;
  flagsEnd = -1;
  entryFlags = 0;
  preemptCount = 0;
  /** See `TIME`. */
  time: number = TIME.us;
  /** Whole seconds (ticks: value div 1e9) and the rest in ns (ticks: value mod 1e9). */
  sec = 0;
  ns = 0;
  /** Digits behind the point (`TIME.seconds`). */
  decimals = 0;
  body = 0;
  /** Columns behind the context: preempt depth, and how deep migration is disabled. */
  private depths = 1;

  /** True when `buf[start, end)` begins with either form of the prefix. */
  parse(buf: Uint8Array, start: number, end: number): boolean {
    // %8.8s: the comm fills eight bytes, so the dash is nearly always the ninth; it need not be searched.
    if (this.short(buf, start, start + 8, end)) return true;
    return this.short(buf, start, -1, end) || this.verbose(buf, start, end);
  }

  /** Short form whose dash is at `dash`; -1: the first dash that fits (re-wrapped blanks). */
  short(buf: Uint8Array, start: number, dash: number, end: number): boolean {
    if (dash >= 0) return dash < end && buf[dash] === 45 && this.afterDash(buf, start, dash, end);
    const limit = Math.min(end, start + 64);
    for (let d = start; d < limit; d++) {
      if (buf[d] === 45 && this.afterDash(buf, start, d, end)) return true;
    }
    return false;
  }

  private afterDash(buf: Uint8Array, start: number, dash: number, end: number): boolean {
    let p = dash + 1;
    if (p >= end || !isDigit(buf[p]!)) return false;
    let pid = 0;
    while (p < end && isDigit(buf[p]!)) pid = pid * 10 + buf[p++]! - 48;
    if (p === end || buf[p] !== BLANK) return false;
    while (p < end && buf[p] === BLANK) p++;
    const cpuAt = p;
    let cpu = 0;
    while (p < end && isDigit(buf[p]!)) cpu = cpu * 10 + buf[p++]! - 48;
    if (p === cpuAt || p - cpuAt > 5) return false;
    let flags = p;
    if (p + 3 < end && buf[p] === 45 && buf[p + 1] === 48 && buf[p + 2] === 120) {
      flags = -1;
      p = this.hexFlags(buf, p + 3, end);
    } else while (p < end && FLAG_BYTE[buf[p]!] === 1) p++;
    if (p === end) return false;
    let flagsEnd = p;
    if (buf[p] === COLON && flags >= 0) {
      const stamp = this.glued(buf, flags, p);
      if (stamp < 0) return false;
      flagsEnd = p = stamp;
    } else if ((flags >= 0 && (p - flags < 3 || p - flags > 8)) || buf[p] !== BLANK) return false;
    while (p < end && buf[p] === BLANK) p++;
    if (!this.clock(buf, p, end)) return false;
    let a = start;
    while (a < dash && buf[a] === BLANK) a++;
    this.commStart = a;
    this.commEnd = dash;
    this.pid = pid;
    this.cpu = cpu;
    this.flagsStart = flags;
    this.flagsEnd = flagsEnd;
    return true;
  }

  /** `trace-cmd report -l -R`: `3-0x1`, the flags as the kernel recorded them; behind them. */
  private hexFlags(buf: Uint8Array, from: number, end: number): number {
    let p = from;
    let value = 0;
    for (; p < end && isHex(buf[p]!) && p - from < 8; p++) value = value * 16 + hexValue(buf[p]!);
    this.entryFlags = value;
    this.preemptCount = 0;
    return p;
  }

  /**
   * Where the stamp begins in flags that run into it, `d..1.134800342965:` up to `colon`; -1: nowhere. Twelve digits fill its
   * column (`trace-cmd report -l --raw-ts`). The depths in front of it are digits as well, so their number is learnt from
   * lines where the last of them is none: `migrate_disable` came with Linux 5.11.
   */
  private glued(buf: Uint8Array, flags: number, colon: number): number {
    if (colon - flags < 4 + STAMP_COLUMN || colon - flags > 5 + 20) return -1;
    for (let p = flags + 5; p < colon; p++) if (!isDigit(buf[p]!)) return -1;
    if (!isDigit(buf[flags + 4]!)) this.depths = 2;
    const stamp = flags + 3 + this.depths;
    return colon - stamp >= STAMP_COLUMN ? stamp : -1;
  }

  /** `14us#: `, `14us : `, `134.800343: `, `123456: ` at `p`. */
  private clock(buf: Uint8Array, from: number, end: number): boolean {
    let p = from;
    while (p < end && isDigit(buf[p]!)) p++;
    const digits = p - from;
    if (digits === 0 || digits > 20 || p === end) return false;
    // Two halves: a TSC can have more digits than a double holds.
    let hi = 0;
    let lo = 0;
    for (let i = from; i < p - 9; i++) hi = hi * 10 + buf[i]! - 48;
    for (let i = Math.max(from, p - 9); i < p; i++) lo = lo * 10 + buf[i]! - 48;
    const value = hi * 1e9 + lo;
    if (buf[p] === 46) {
      let ns = 0;
      let unit = 1e8;
      const first = ++p;
      for (; p < end && isDigit(buf[p]!); p++) {
        ns += (buf[p]! - 48) * unit;
        unit = unit >= 10 ? unit / 10 : 0;
      }
      if (p === first || p === end || buf[p] !== 58) return false;
      this.time = TIME.seconds;
      this.decimals = p - first;
      this.sec = value;
      this.ns = ns;
    } else if (buf[p] === 117 && p + 3 < end && buf[p + 1] === 115 && buf[p + 3] === 58) {
      p += 3;
      this.time = TIME.us;
      this.sec = Math.floor(value / 1e6);
      this.ns = (value - this.sec * 1e6) * 1000;
    } else if (buf[p] === 58) {
      this.time = TIME.ticks;
      this.sec = hi;
      this.ns = lo;
    } else return false;
    this.body = p + 1 < end && buf[p + 1] === BLANK ? p + 2 : p + 1;
    return true;
  }

  /** `comm pid cpu flags preempt index [abs] rel (+delta): `, numbers hex but pid, cpu and flags. */
  private verbose(buf: Uint8Array, start: number, end: number): boolean {
    for (let p = start + 20; p < end; p++) {
      if (buf[p] !== 91 || buf[p - 1] !== BLANK) continue;
      let q = p + 1;
      while (q < end && isHex(buf[q]!)) q++;
      if (q - p - 1 < 8 || q + 1 >= end || buf[q] !== 93 || buf[q + 1] !== BLANK) continue;
      if (this.verboseTail(buf, p + 1, q, end) && this.verboseHead(buf, start, p - 1)) return true;
    }
    return false;
  }

  private verboseTail(buf: Uint8Array, abs: number, absEnd: number, end: number): boolean {
    let p = absEnd + 2;
    const first = p;
    while (p < end && (isDigit(buf[p]!) || buf[p] === 46)) p++;
    if (p === first) return false;
    const ms = p + 1 < end && buf[p] === 109 && buf[p + 1] === 115;
    if (ms) p += 2;
    if (p + 2 >= end || buf[p] !== BLANK || buf[p + 1] !== 40) return false;
    while (p < end && buf[p] !== 41) p++;
    if (p + 1 >= end || buf[p + 1] !== 58) return false;
    let value = 0n;
    for (let i = abs; i < absEnd; i++) value = value * 16n + BigInt(hexValue(buf[i]!));
    const unit = ms ? 1_000_000n : 1_000_000_000n;
    this.time = ms ? TIME.absoluteUs : TIME.ticks;
    this.sec = Number(value / unit);
    this.ns = Number(value % unit) * (ms ? 1000 : 1);
    this.body = p + 2 < end && buf[p + 2] === BLANK ? p + 3 : p + 2;
    return true;
  }

  /** Reads the five numbers before the bracket from right to left: the comm may hold anything. */
  private verboseHead(buf: Uint8Array, start: number, end: number): boolean {
    let p = end;
    for (let column = 0; column < 5; column++) {
      while (p > start && buf[p - 1] === BLANK) p--;
      const last = p;
      let value = 0;
      let unit = 1;
      const base = column < 2 ? 16 : 10;
      while (p > start && (base === 16 ? isHex(buf[p - 1]!) : isDigit(buf[p - 1]!))) {
        value += hexValue(buf[--p]!) * unit;
        unit *= base;
      }
      if (p === last || p === start || buf[p - 1] !== BLANK || (column < 2 && last - p < 8)) return false;
      if (column === 1) this.preemptCount = value % 4294967296;
      else if (column === 2) this.entryFlags = value;
      else if (column === 3) this.cpu = value;
      else if (column === 4) this.pid = value;
    }
    let a = start;
    let b = p;
    while (a < b && buf[a] === BLANK) a++;
    while (b > a && buf[b - 1] === BLANK) b--;
    this.commStart = a;
    this.commEnd = b;
    this.flagsStart = -1;
    return b > a;
  }
}

const isHex = (c: number): boolean => isDigit(c) || (c >= 97 && c <= 102);
const hexValue = (c: number): number => (c <= 57 ? c - 48 : c - 87);
