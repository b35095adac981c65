import { isDigit } from '../input/line-bytes.js';
import { FLAG_BYTE } from './flag-bytes.js';

/**
 * The columns left of the text on a function_graph line. Which of them are on is an option of the recorder
 * (`funcgraph-abstime`, `-cpu`, `-proc`, `-duration`, `latency-format`), so they are told apart by what stands
 * in them and every line may have its own set.
 *
 *     [ABS |] [REL us |] [CPU)] [COMM-PID |] [FLAGS |] [MARK DURATION us |] INDENT TEXT
 *
 * Source: kernel/trace/trace_functions_graph.c `print_graph_prologue()`, `print_graph_duration()`.
 */
const BLANK = 32;
const BAR = 124;
const DASH = 45;
const DOT = 46;

/** What the part left of the text says; refilled by `parse` for every line. */
export class GraphColumns {
  /** Whole seconds and ns of `funcgraph-abstime`; -1 when the column is off. */
  absSec = -1;
  absNs = 0;
  /** µs since the start of a latency trace; -1 when the column is off. */
  relUs = -1;
  /** -1 when the column is off. */
  cpu = -1;
  /** `[commStart, commEnd)` and pid of `funcgraph-proc`; `commStart` -1 when the column is off. */
  commStart = -1;
  commEnd = -1;
  pid = -1;
  /** `[flagsStart, flagsEnd)` of latency-format; `flagsStart` -1 when the column is off. */
  flagsStart = -1;
  flagsEnd = -1;
  /** ns; -1 column empty (entry lines, comments), NaN column off. */
  durationNs = -1;
  /** `==========> |` or `<========== |`: the line is an interrupt arrow and has no text. */
  arrow = false;
  /** First byte after the columns: the indentation starts here. */
  text = 0;

  /** Fills the fields from `buf[start, end)`; `relExpected`: the header announced a REL TIME column. */
  parse(buf: Uint8Array, start: number, end: number, relExpected: boolean): void {
    this.absSec = -1;
    this.relUs = -1;
    this.cpu = -1;
    this.commStart = -1;
    this.pid = -1;
    this.flagsStart = -1;
    this.durationNs = Number.NaN;
    this.arrow = false;
    let p = this.leading(buf, start, end, relExpected);
    for (;;) {
      let bar = nextBar(buf, p, end);
      if (bar === end) break;
      if (!this.segment(buf, p, bar)) {
        // A bar inside a comm: the task column ends at a later one.
        if (this.commStart >= 0 || bar - p > 16) break;
        bar = nextBar(buf, bar + 1, end);
        if (bar === end || bar - p > 32 || !this.segment(buf, p, bar) || this.commStart < 0) break;
      }
      // After the bar the kernel prints two blanks behind the duration, one behind the others.
      const done = this.arrow || !Number.isNaN(this.durationNs);
      p = bar + 1;
      if (done) {
        if (p < end && buf[p] === BLANK) p++;
        if (p < end && buf[p] === BLANK) p++;
        break;
      }
    }
    this.text = p;
  }

  /** ABS, REL and CPU; returns where the next column starts. */
  private leading(buf: Uint8Array, start: number, end: number, relExpected: boolean): number {
    let p = start;
    for (;;) {
      let q = p;
      while (q < end && buf[q] === BLANK) q++;
      const first = q;
      let n = 0;
      while (q < end && isDigit(buf[q]!)) n = n * 10 + buf[q++]! - 48;
      if (q === first || q === end) return p;
      const c = buf[q]!;
      if (c === 41 /* ) */ && this.cpu < 0 && n < 65536) {
        this.cpu = n;
        return q + 1;
      }
      if (c === DOT && this.absSec < 0) {
        let ns = 0;
        let scale = 1e9;
        for (q++; q < end && isDigit(buf[q]!); q++) {
          ns = ns * 10 + buf[q]! - 48;
          scale /= 10;
        }
        while (q < end && buf[q] === BLANK) q++;
        // Anything but a bar makes it a duration of a recording without a CPU column.
        if (q === end || buf[q] !== BAR) return p;
        this.absSec = n;
        this.absNs = Math.round(ns * scale);
        p = q + 1;
        continue;
      }
      if (q + 3 < end && c === BLANK && buf[q + 1] === 117 && buf[q + 2] === 115 && this.relUs < 0) {
        let r = q + 3;
        while (r < end && buf[r] === BLANK) r++;
        if (r < end && buf[r] === BAR && (relExpected || cpuFollows(buf, r + 1, end))) {
          this.relUs = n;
          p = r + 1;
          continue;
        }
      }
      return p;
    }
  }

  /** One bar-terminated column `buf[from, bar)`; false when it is no column but text. */
  private segment(buf: Uint8Array, from: number, bar: number): boolean {
    let a = from;
    let b = bar;
    while (a < b && buf[a] === BLANK) a++;
    while (b > a && buf[b - 1] === BLANK) b--;
    if (a === b) {
      this.durationNs = -1;
      return true;
    }
    const last = buf[b - 1]!;
    if (last === 115 /* s */ && b - a >= 4 && buf[b - 2] === 117 /* u */ && buf[b - 3] === BLANK) {
      return this.duration(buf, a, b - 3);
    }
    if (isDigit(last)) {
      let d = b - 1;
      let pid = 0;
      let unit = 1;
      while (d >= a && isDigit(buf[d]!)) {
        pid += (buf[d--]! - 48) * unit;
        unit *= 10;
      }
      // A text that happens to hold `-12 |` (an event comment) begins with `/*`, a comm practically never.
      if (d >= a && buf[d] === DASH && !(buf[a] === 47 && a + 1 < b && buf[a + 1] === 42)) {
        if (this.commStart >= 0) return false;
        this.commStart = a;
        this.commEnd = d;
        this.pid = pid;
        return true;
      }
    }
    if (b - a >= 3 && b - a <= 8 && this.flagsStart < 0) {
      let i = a;
      while (i < b && FLAG_BYTE[buf[i]!] === 1) i++;
      if (i === b) {
        this.flagsStart = a;
        this.flagsEnd = b;
        return true;
      }
    }
    if (b - a >= 8 && (isArrow(buf, a, b) || isArrow(buf, a + 1, b))) {
      this.arrow = true;
      return true;
    }
    return false;
  }

  /** `[mark] digits[.digits]` in `buf[a, b)`. µs with as many decimals as fit into seven characters. */
  private duration(buf: Uint8Array, a: number, b: number): boolean {
    let p = a;
    if (!isDigit(buf[p]!)) p++;
    while (p < b && buf[p] === BLANK) p++;
    if (p === b || !isDigit(buf[p]!)) return false;
    let us = 0;
    while (p < b && isDigit(buf[p]!)) us = us * 10 + buf[p++]! - 48;
    let ns = 0;
    let unit = 100;
    if (p < b && buf[p] === DOT) {
      for (p++; p < b && isDigit(buf[p]!); p++) {
        ns += (buf[p]! - 48) * unit;
        unit = unit >= 10 ? unit / 10 : 0;
      }
    }
    if (p !== b) return false;
    this.durationNs = us * 1000 + ns;
    return true;
  }
}

function nextBar(buf: Uint8Array, from: number, end: number): number {
  let p = from;
  while (p < end && buf[p] !== BAR) p++;
  return p;
}

function cpuFollows(buf: Uint8Array, from: number, end: number): boolean {
  let p = from;
  while (p < end && buf[p] === BLANK) p++;
  const first = p;
  while (p < end && isDigit(buf[p]!)) p++;
  return p > first && p < end && buf[p] === 41;
}

/** `==========>` and `<==========`, less the tip at the front. */
function isArrow(buf: Uint8Array, a: number, b: number): boolean {
  let n = 0;
  while (a + n < b && buf[a + n] === 61) n++;
  return n >= 8;
}
