import { isDigit } from '../input/line-bytes.js';

const BLANK = 32;
const TAB = 9;

/** perf's `-F +misc` letters: kernel, user, hypervisor, guest, mmap, exec, switch … */
const MISC = new Set([...'KUHGgMESp'].map((c) => c.charCodeAt(0)));
const MAX_TASK_COLUMNS = 96;

/**
 * The columns before the event of a `perf script` line, read from the stamp to the left, so that task names may hold
 * blanks, digits and brackets:
 *
 *     COMM  TID | PID/TID  [CPU]?  MISC?  SEC.{6|9 digits}:
 *     COMM TAB TID [CPU] SEC.{1 to 6 digits}:                   simpleperf
 *
 * Source: tools/perf/builtin-script.c perf_sample__fprintf_start().
 */
export class PerfPrefix {
  commStart = 0;
  commEnd = 0;
  /** -1 not printed. */
  tgid = -1;
  tid = -1;
  /** -1 not printed. */
  cpu = -1;
  sec = 0;
  ns = 0;
  decimals = 0;
  /** What follows the stamp's colon. */
  body = 0;

  /** False: not such a line; the fields are then meaningless. */
  parse(buf: Uint8Array, start: number, end: number): boolean {
    const limit = Math.min(end, start + MAX_TASK_COLUMNS);
    for (let p = start + 8; p < limit; p++) {
      if (buf[p] !== 58 || !isDigit(buf[p - 1]!)) continue;
      if (p + 1 < end && buf[p + 1] !== BLANK && buf[p + 1] !== TAB) continue;
      const from = this.stamp(buf, start, p);
      if (from > 0 && this.task(buf, start, from)) {
        this.body = p + 1;
        return true;
      }
    }
    return false;
  }

  /** Where the stamp that ends before `colon` begins; 0 when there is none. */
  private stamp(buf: Uint8Array, start: number, colon: number): number {
    let p = colon;
    while (p > start && isDigit(buf[p - 1]!)) p--;
    const decimals = colon - p;
    if ((decimals > 6 && decimals !== 9) || buf[p - 1] !== 46) return 0;
    const dot = p - 1;
    p = dot;
    while (p > start && isDigit(buf[p - 1]!)) p--;
    if (p === dot || dot - p > 12 || p === start || (buf[p - 1] !== BLANK && buf[p - 1] !== TAB)) return 0;
    let sec = 0;
    for (let k = p; k < dot; k++) sec = sec * 10 + buf[k]! - 48;
    let frac = 0;
    for (let k = dot + 1; k < colon; k++) frac = frac * 10 + buf[k]! - 48;
    this.sec = sec;
    this.ns = decimals === 9 ? frac : frac * 1000;
    this.decimals = decimals;
    return p;
  }

  /** `COMM TID [CPU] MISC` in `buf[start, to)`. */
  private task(buf: Uint8Array, start: number, to: number): boolean {
    let p = back(buf, start, to);
    this.cpu = -1;
    this.tgid = -1;
    let q = p;
    while (q > start && MISC.has(buf[q - 1]!)) q--;
    if (q < p && p - q <= 6 && q > start && isGap(buf[q - 1]!)) {
      const before = back(buf, start, q);
      // Letters are MISC only behind a CPU or a thread id.
      if (before > start && (buf[before - 1] === 93 || isDigit(buf[before - 1]!))) p = before;
    }
    if (p > start && buf[p - 1] === 93) {
      let cpu = 0;
      let scale = 1;
      let k = p - 2;
      for (; k > start && isDigit(buf[k]!); k--, scale *= 10) cpu += (buf[k]! - 48) * scale;
      if (buf[k] !== 91 || scale < 1000 || scale > 100_000) return false;
      this.cpu = cpu;
      p = back(buf, start, k);
    }
    const tidEnd = p;
    while (p > start && isDigit(buf[p - 1]!)) p--;
    if (p === tidEnd || tidEnd - p > 10) return false;
    this.tid = number(buf, p, tidEnd);
    if (p > start && buf[p - 1] === 45) {
      p--;
      this.tid = -1;
    }
    if (p > start && buf[p - 1] === 47) {
      const pidEnd = p - 1;
      p = pidEnd;
      while (p > start && isDigit(buf[p - 1]!)) p--;
      if (p === pidEnd) return false;
      this.tgid = number(buf, p, pidEnd);
      if (p > start && buf[p - 1] === 45) {
        p--;
        this.tgid = -1;
      }
    }
    if (p === start || !isGap(buf[p - 1]!)) return false;
    this.commEnd = back(buf, start, p);
    this.commStart = start;
    while (this.commStart < this.commEnd && isGap(buf[this.commStart]!)) this.commStart++;
    // simpleperf puts a TAB here and does not pad the microseconds: 12.345 is 12 s and 345 us.
    return this.commStart < this.commEnd && (this.decimals >= 6 || buf[this.commEnd] === TAB);
  }
}

const isGap = (c: number): boolean => c === BLANK || c === TAB;

function back(buf: Uint8Array, start: number, p: number): number {
  while (p > start && isGap(buf[p - 1]!)) p--;
  return p;
}

function number(buf: Uint8Array, a: number, b: number): number {
  let n = 0;
  for (let k = a; k < b; k++) n = n * 10 + buf[k]! - 48;
  return n;
}
