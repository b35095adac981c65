import { FlagsColumn } from './column-caches.js';
import { BLANK, CLOSE_PAREN, DASH, OPEN, PAREN } from './ftrace-shape.js';

const CLOSE = 93;

/** The columns between task name and stamp, `-PID [ (TGID)] [CPU] [FLAGS]`, of the line read last. */
export class FtraceColumns {
  pid = 0;
  /** -1: the column is not there, or dashes. */
  tgid = -1;
  cpu = 0;
  flags = 0;
  /** Where the stamp begins. */
  end = 0;
  private readonly flagWords = new FlagsColumn();

  /** Reads them from the dash on; false: they do not stand there. */
  read(buf: Uint8Array, view: DataView, dash: number, end: number): boolean {
    let p = dash + 1;
    let pid = 0;
    let c = p < end ? buf[p]! : 0;
    if (c < 48 || c > 57) return false;
    for (; p < end && (c = buf[p]!) >= 48 && c <= 57; p++) pid = pid * 10 + c - 48;
    while (p < end && buf[p] === BLANK) p++;
    let tgid = -1;
    if (p < end && buf[p] === PAREN) {
      for (p++; p < end && (c = buf[p]!) !== CLOSE_PAREN; p++) {
        if (c >= 48 && c <= 57) tgid = (tgid < 0 ? 0 : tgid * 10) + c - 48;
        else if (c !== BLANK && c !== DASH) return false;
      }
      p++;
      while (p < end && buf[p] === BLANK) p++;
    }
    if (p >= end || buf[p] !== OPEN) return false;
    let cpu = 0;
    const cpuStart = ++p;
    for (; p < end && (c = buf[p]!) >= 48 && c <= 57; p++) cpu = cpu * 10 + c - 48;
    const cpuDigits = p - cpuStart;
    if (cpuDigits < 3 || cpuDigits > 5 || p + 1 >= end || buf[p] !== CLOSE || buf[p + 1] !== BLANK) {
      return false;
    }
    p += 2;
    this.flags = 0;
    c = p < end ? buf[p]! : 0;
    // A flags column begins right behind the blank; a stamp without one is padded or starts with a digit.
    if (c === BLANK || (c >= 48 && c <= 57)) {
      while (p < end && buf[p] === BLANK) p++;
    } else {
      const flagsStart = p;
      while (p < end && buf[p] !== BLANK) p++;
      const width = p - flagsStart;
      if (width < 3 || width > 8) return false;
      this.flags = this.flagWords.pack(buf, view, flagsStart, p);
      while (p < end && buf[p] === BLANK) p++;
    }
    this.pid = pid;
    this.tgid = tgid;
    this.cpu = cpu;
    this.end = p;
    return true;
  }
}
