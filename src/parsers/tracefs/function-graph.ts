import type { EventHead } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { internBody, isStackTitle, lostLine, packFlags } from '../input/kernel-pieces.js';
import { sampleText } from '../input/sample-text.js';
import { GraphColumns } from './function-graph-columns.js';
import { GraphText } from './function-graph-text.js';
import { LatencyHeader } from './latency-header.js';

/**
 * tracefs text of the function_graph tracer (also latency tracers with `display-graph`, `perf ftrace -G`).
 * Source: kernel/trace/trace_functions_graph.c.
 *
 * Rows
 * - `f() {`  → `function` row at the entry of `f`; body: arguments and return address, if recorded.
 * - `f();`   → `span` row, `stamp: 'start'`: the kernel prints a leaf with the time of its entry.
 * - `}`      → `span` row, `stamp: 'end'`: printed with the time of the return; body: return value.
 * - an event in comment marks → the row that the plain ftrace text would give.
 * `aux` of a span is its duration in ns, exact below 10 ms, above cut (not rounded) to the decimals printed;
 * NaN when the recording has no duration column.
 *
 * Times. `funcgraph-abstime`: as printed. Latency tracers: µs since the start of the trace, base 0, note
 * `relative-times`. Neither: durations say nothing about the gaps between calls, so no clock can be rebuilt;
 * `tsNs` is then the number of the row (file order is the kernel's merged order), `time.unit` is `ticks` and the
 * note is `no-times`. Durations stay exact in all three.
 *
 * A bare `}` is named as the kernel does it: by the function last entered on that CPU at that depth
 * (`enter_funcs[]`); a function entered before the recording is `UNNAMED`.
 */

export const FUNCTION_GRAPH: DialectInfo = {
  id: 'function-graph',
  title: 'tracefs text of the function_graph tracer',
  score: scoreFunctionGraph,
  open: () => new FunctionGraphDialect(),
};

const BLANK = 32;
const HASH = 35;

const PRINT: EventHead = { kind: 'print', name: 'print', symbol: '', caller: '' };

/** States of a context switch block: rule, `cpu) a => b`, rule, empty line. */
const BLOCK = { none: 0, rule: 1, tasks: 2 } as const;

class FunctionGraphDialect implements LineDialect {
  readonly id = 'function-graph';
  private readonly header = new LatencyHeader();
  private readonly columns = new GraphColumns();
  private readonly text = new GraphText();
  private block: number = BLOCK.none;
  /** Inside an event comment whose text holds newlines. */
  private inComment = false;
  /** Task last switched to, per CPU; pid -1 before the first switch block. */
  private comms = new Int32Array(64).fill(-1);
  private pids = new Int32Array(64).fill(-1);
  private rows = 0;
  private saidTimes = false;

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    if (this.inComment) return this.insideComment(buf, start, end);
    let p = start;
    while (p < end && buf[p] === BLANK) p++;
    if (p === end) return LINE.blank;
    const c = buf[p]!;
    if (c === HASH && p === start && !isMark(buf, p, end)) {
      this.header.line(buf, start, end, host);
      return LINE.header;
    }
    if (c === 45 && isRule(buf, p, end)) {
      this.block = this.block === BLOCK.none ? BLOCK.rule : BLOCK.none;
      return LINE.header;
    }
    if (this.block === BLOCK.rule) {
      this.block = BLOCK.tasks;
      if (this.switchLine(buf, p, end, host)) return LINE.header;
    }
    if (c === 67 && p === start) {
      const lost = lostLine(buf, start, end, host);
      if (lost >= 0) return lost as LineKind;
    }
    if (c === 61 && p + 1 < end && buf[p + 1] === 62) return LINE.stack;
    if (c === 40 && startsWith(buf, p, end, '(Overruns: ')) return this.overruns(buf, p, end, host);
    return this.row(buf, start, end, host);
  }

  private row(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const col = this.columns;
    col.parse(buf, start, end, this.header.relTime);
    if (col.arrow) return LINE.header;
    const timed = col.absSec >= 0 || col.relUs >= 0;
    const bare = !timed && col.cpu < 0 && col.commStart < 0 && Number.isNaN(col.durationNs);
    let t = col.text;
    while (t < end && buf[t] === BLANK) t++;
    const b = host.batch;
    const i = b.length;
    b.aux[i] = 0;
    if (t + 1 < end && buf[t] === 47 && buf[t + 1] === 42) {
      if (bare) return LINE.foreign;
      if (!this.comment(buf, t, end, host)) return LINE.stack;
    } else {
      const key = col.cpu >= 0 ? col.cpu : col.commStart >= 0 ? 65536 + col.pid : -1;
      if ((bare && host.header.tracer !== 'function_graph') || t === end) return LINE.foreign;
      if (!this.text.parse(buf, col.text, end, key, host.events)) {
        return bare ? LINE.foreign : host.skip('function_graph line without a complete call');
      }
      b.event[i] = this.text.event;
      b.bodyStart[i] = this.text.bodyStart;
      b.bodyEnd[i] = this.text.bodyEnd;
      if (this.text.span) b.aux[i] = col.durationNs === -1 ? Number.NaN : col.durationNs;
    }
    b.tsNs[i] = timed ? this.stamp(host) : this.ordinal(host);
    b.cpu[i] = col.cpu;
    b.tgid[i] = -1;
    b.flags[i] = col.flagsStart < 0 ? 0 : packFlags(buf, col.flagsStart, col.flagsEnd);
    if (col.commStart >= 0) {
      b.pid[i] = col.pid;
      b.comm[i] = host.names.intern(buf, col.commStart, col.commEnd);
    } else {
      const known = col.cpu >= 0 && col.cpu < this.pids.length;
      b.pid[i] = known ? this.pids[col.cpu]! : -1;
      const comm = known ? this.comms[col.cpu]! : -1;
      b.comm[i] = comm >= 0 ? comm : host.names.internString('');
    }
    host.commit();
    return LINE.event;
  }

  /** Event comment: the text between the marks is a body of the plain format. False: a stack's title. */
  private comment(buf: Uint8Array, t: number, end: number, host: LineHost): boolean {
    let a = t + 2;
    while (a < end && buf[a] === BLANK) a++;
    let b = end;
    while (b > a && buf[b - 1] === BLANK) b--;
    if (b - a >= 2 && buf[b - 1] === 47 && buf[b - 2] === 42) b -= 2;
    else this.inComment = true;
    while (b > a && buf[b - 1] === BLANK) b--;
    if (isStackTitle(buf, a, b)) return false;
    let p = a;
    while (p < b && buf[p] !== BLANK) p++;
    if ((p > a && buf[p - 1] === 58) || startsWith(buf, a, b, 'sys_')) {
      internBody(buf, a, b, host);
      return true;
    }
    // trace_printk prints its message only: no caller, no name.
    const i = host.batch.length;
    host.batch.event[i] = host.events.internHead('print', PRINT);
    host.batch.bodyStart[i] = a;
    host.batch.bodyEnd[i] = b;
    return true;
  }

  private insideComment(buf: Uint8Array, start: number, end: number): LineKind {
    let b = end;
    while (b > start && buf[b - 1] === BLANK) b--;
    if (b - start >= 2 && buf[b - 1] === 47 && buf[b - 2] === 42) this.inComment = false;
    let a = start;
    while (a < end && buf[a] === BLANK) a++;
    if (a === b) return LINE.blank;
    return a + 1 < b && buf[a] === 61 && buf[a + 1] === 62 ? LINE.stack : LINE.continuation;
  }

  /** `1)  migrati-12  =>   sshd-1755`: from now on the CPU runs the right one. */
  private switchLine(buf: Uint8Array, from: number, end: number, host: LineHost): boolean {
    let p = from;
    let cpu = 0;
    while (p < end && buf[p]! >= 48 && buf[p]! <= 57) cpu = cpu * 10 + buf[p++]! - 48;
    if (p === from || p === end || buf[p] !== 41 || cpu > 65535) return false;
    let arrow = end - 4;
    while (arrow > p && !startsWith(buf, arrow, end, ' => ')) arrow--;
    if (arrow <= p) return false;
    let a = arrow + 4;
    while (a < end && buf[a] === BLANK) a++;
    let b = end;
    while (b > a && buf[b - 1] === BLANK) b--;
    let d = b - 1;
    while (d > a && buf[d]! >= 48 && buf[d]! <= 57) d--;
    if (d < a || buf[d] !== 45 || d === b - 1) return false;
    if (cpu >= this.pids.length) {
      this.pids = grow(this.pids, cpu + 1);
      this.comms = grow(this.comms, cpu + 1);
    }
    let pid = 0;
    for (let i = d + 1; i < b; i++) pid = pid * 10 + buf[i]! - 48;
    this.pids[cpu] = pid;
    this.comms[cpu] = host.names.intern(buf, a, d);
    return true;
  }

  /** `(Overruns: n)`: n calls were too deep for the tracer since it started. */
  private overruns(buf: Uint8Array, p: number, end: number, host: LineHost): LineKind {
    if (p + 11 < end && buf[p + 11] !== 48) {
      host.note(
        'graph-overrun',
        'calls nested deeper than the tracer follows are missing (Overruns above 0)',
      );
    }
    return LINE.continuation;
  }

  private stamp(host: LineHost): number {
    const col = this.columns;
    if (col.absSec >= 0) return host.time.relative(col.absSec, col.absNs);
    if (!this.saidTimes) {
      this.saidTimes = true;
      host.note('relative-times', 'times count from the start of the latency trace, not from boot');
    }
    const sec = Math.floor(col.relUs / 1e6);
    return host.time.relative(sec, (col.relUs - sec * 1e6) * 1000);
  }

  private ordinal(host: LineHost): number {
    if (!this.saidTimes) {
      this.saidTimes = true;
      host.time.unit = 'ticks';
      host.note(
        'no-times',
        'function_graph without funcgraph-abstime: durations are exact, the order is that of the lines, ' +
          'distances between lines are unknown',
      );
    }
    return host.time.relative(0, this.rows++);
  }
}

function grow(old: Int32Array<ArrayBuffer>, need: number): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(Math.max(old.length * 2, need)).fill(-1);
  bigger.set(old);
  return bigger;
}

/** A duration mark `# 1234.567 us` in column 0 of a recording without CPU column, not a comment line. */
function isMark(buf: Uint8Array, p: number, end: number): boolean {
  if (p + 2 >= end || buf[p + 1] !== BLANK || buf[p + 2]! < 48 || buf[p + 2]! > 57) return false;
  let q = p + 2;
  while (q < end && ((buf[q]! >= 48 && buf[q]! <= 57) || buf[q] === 46)) q++;
  return startsWith(buf, q, end, ' us');
}

/** Ten dashes or more and nothing else. */
function isRule(buf: Uint8Array, p: number, end: number): boolean {
  let q = p;
  while (q < end && buf[q] === 45) q++;
  const n = q - p;
  while (q < end && buf[q] === BLANK) q++;
  return n >= 10 && q === end;
}

function startsWith(buf: Uint8Array, p: number, end: number, text: string): boolean {
  if (end - p < text.length) return false;
  for (let i = 0; i < text.length; i++) if (buf[p + i] !== text.charCodeAt(i)) return false;
  return true;
}

const GRAPH_LINE =
  /^(?: *\d+\.\d{6} \| +)?(?: *\d+ us \| +)? *(?:\d+\) )?(?: *.{1,16}-\d+ +\| )?(?: *[.a-zA-Z\d]{3,8} \|)? *(?:[$@*#!+] +)?(?:\d+(?:\.\d+)? us +)?\| +(?:\}|\/\* |[^ |]+(?: \[\w+\])?\(.*\)(?:;| \{))/;

/** Share of lines in the sample that have the shape of a call; the tracer's name alone is a hint only. */
function scoreFunctionGraph(sample: Uint8Array): number {
  let graph = 0;
  let other = 0;
  let named = false;
  for (const line of sampleText(sample, 65536).split(/\r?\n/)) {
    if (/^\s*$|^#|^ ?-{10,}|=>/.test(line)) {
      if (/^# tracer: function_graph|^#.*FUNCTION CALLS/.test(line)) named = true;
    } else if (line.includes('|') && GRAPH_LINE.test(line)) graph++;
    else other++;
  }
  if (graph === 0) return named && other === 0 ? 0.9 : 0;
  const share = graph / (graph + other);
  return named ? Math.max(0.9, share) : share * 0.97;
}
