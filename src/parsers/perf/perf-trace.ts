import { latin1 } from '../../timeline/batch.js';
import { RESERVED } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { sampleText } from '../input/sample-text.js';
import { MAX_HEAD, PerfTraceColumns } from './perf-trace-columns.js';
import { PerfTraceHeads } from './perf-trace-heads.js';

/**
 * `perf trace`: a system call a line, printed when it ends, with the time it began and how long it took (ms):
 *
 *     0.336 ( 0.036 ms): sleep/32617 munmap(addr: 0x7fe5da67f000, len: 34859)       = 0
 *     2.863 (         ): node/302 futex(uaddr: 0x25d211b4, op: WAIT_BITSET) ...
 *     2.863 ( 0.044 ms): node/302  ... [continued]: futex())                        = 0
 *     0.458 (         ): node/302 sched:sched_switch(prev_comm: "node", prev_pid: 302 (node), …)
 *
 * A call becomes the two rows its entry and exit are elsewhere; its decimal arguments are rewritten in hex, as ftrace
 * prints them (`len: 34859` → `len: 0882b`), other events' fields as `name=value`. perf prints no CPU here.
 * Source: tools/perf/builtin-trace.c trace__sys_exit(), trace__fprintf_entry_head(), trace__event_handler().
 */
export const PERF_TRACE: DialectInfo = perfTrace(true);

/** `plain` false: the columns are read by regular expressions, which say what the reader by bytes must say too. */
export function perfTrace(plain: boolean): DialectInfo {
  return {
    id: 'perf-trace',
    title: 'perf trace text',
    unordered: true,
    score,
    open: () => new PerfTraceDialect(plain),
  };
}

const PREFIX = /^ *(\?|\d+\.\d{3}) \( *(?:(\d+\.\d{3}) ms)? *\): /;
/** Behind the task: the call or event, or the end of one begun on an earlier line. */
const CALL = /^(?:\.\.\. \[continued\]: )?([A-Za-z_][\w:.-]*)/;
const ACCEPTED = -1;
/** A caller, of `--call-graph`: far in, and the object it is in (tools/perf/util/evsel_fprintf.c sample__fprintf_callchain()). */
const CALLER = /^ {16,}\S.* \(\S.*\)\s*$/;
/** `--no-comm`: the number alone. */
const NUMBER = /^(\d{1,10}) +(?=\.\.\. \[continued\]|[A-Za-z_][\w:.-]*[( ])/;

class PerfTraceDialect implements LineDialect {
  readonly id = 'perf-trace';
  readonly amongOthers = true;
  private saidRelative = false;
  private readonly at = new PerfTraceColumns();
  private readonly heads = new PerfTraceHeads();
  private readonly readsPlain: boolean;

  constructor(readsPlain: boolean) {
    this.readsPlain = readsPlain;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const { at } = this;
    if (!this.readsPlain || !at.parse(buf, start, end)) {
      const kind = this.columns(buf, start, end, host);
      if (kind !== ACCEPTED) return kind;
    }
    if (!this.saidRelative) {
      this.saidRelative = true;
      host.note('relative-times', 'perf trace counts from its own start unless run with -T');
    }
    if (at.name < 0) return host.skip('perf trace line without a call');
    const comm = host.names.intern(buf, at.commStart, at.commEnd);
    host.batch.comm[host.batch.length] = comm;
    const { nameEnd } = at;
    const head = this.heads.of(buf, at.name, nameEnd);
    if (this.heads.grouped || buf[nameEnd] !== 40) {
      this.event(buf, nameEnd, end, head, host);
      return LINE.event;
    }
    const result = resultOf(buf, nameEnd, end);
    if (!at.continued) this.enter(buf, nameEnd, result < 0 ? end : result, head, host);
    else if (result < 0) return host.skip('perf trace line that continues nothing');
    if (result >= 0) {
      if (Number.isNaN(at.tookUs)) {
        return at.continued ? host.skip('perf trace exit without a duration') : LINE.event;
      }
      host.batch.comm[host.batch.length] = comm;
      let p = result;
      while (p < end && buf[p] === 32) p++;
      this.row(at.us + at.tookUs, this.heads.exit(head, host), p, end, host);
      host.commit();
    }
    return LINE.event;
  }

  /** Fills the columns; ACCEPTED, or what a line is that has not all of them. */
  private columns(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind | -1 {
    const { at } = this;
    const text = latin1(buf, start, Math.min(end, start + MAX_HEAD));
    if (text.trim() === '') return LINE.blank;
    const prefix = PREFIX.exec(text);
    if (prefix === null) return this.other(text, host);
    const task = taskOf(text, prefix[0].length);
    if (task === null) return host.skip('perf trace line without a task');
    if (prefix[1] === '?')
      return host.skip('perf trace line without a time: the call began before the trace');
    at.us = milliseconds(prefix[1]!);
    at.tookUs = prefix[2] === undefined ? Number.NaN : milliseconds(prefix[2]);
    at.commStart = start + task.start;
    at.commEnd = start + task.slash;
    at.tid = task.tid;
    const call = CALL.exec(text.slice(task.end));
    at.name = call === null ? -1 : start + task.end + call[0].length - call[1]!.length;
    at.nameEnd = call === null ? -1 : start + task.end + call[0].length;
    at.continued = call !== null && call[0].length > call[1]!.length;
    return ACCEPTED;
  }

  private enter(buf: Uint8Array, open: number, end: number, head: number, host: LineHost): void {
    const close = hexArguments(buf, open, end);
    this.row(this.at.us, this.heads.enter(head, host), open + 1, close, host);
    host.commit();
  }

  private event(buf: Uint8Array, nameEnd: number, end: number, head: number, host: LineHost): void {
    const from = buf[nameEnd] === 40 ? nameEnd + 1 : nameEnd;
    const to = buf[nameEnd] === 40 ? closing(buf, nameEnd, end) : end;
    this.row(this.at.us, this.heads.event(head, host), from, asFields(buf, from, to), host);
    host.commit();
  }

  private row(us: number, event: number, body: number, end: number, host: LineHost): void {
    const b = host.batch;
    const i = b.length;
    b.tsNs[i] = host.time.relative(Math.floor(us / 1e6), (us % 1e6) * 1000);
    b.cpu[i] = -1;
    b.pid[i] = this.at.tid;
    b.tgid[i] = -1;
    b.flags[i] = 0;
    b.event[i] = event;
    b.bodyStart[i] = Math.min(body, end);
    b.bodyEnd[i] = end;
    b.aux[i] = 0;
  }

  private other(text: string, host: LineHost): LineKind {
    const lost = /^LOST (\d+) events!/.exec(text);
    if (lost === null) return CALLER.test(text) ? LINE.stack : LINE.foreign;
    host.fact(RESERVED.lost, -1, Number(lost[1]));
    return LINE.lost;
  }
}

/** `12.345` → 12345 µs. */
const milliseconds = (text: string): number => Math.round(Number(text) * 1000);

/** `COMM/TID` followed by a blank and a call; names may hold slashes and blanks. */
function taskOf(
  text: string,
  from: number,
): { start: number; slash: number; tid: number; end: number } | null {
  const pattern = /\/(\d{1,10}) +(?=\.\.\. \[continued\]|[A-Za-z_][\w:.-]*[( ])/g;
  pattern.lastIndex = from;
  const m = pattern.exec(text);
  if (m === null) {
    const alone = NUMBER.exec(text.slice(from));
    return alone && { start: from, slash: from, tid: Number(alone[1]), end: from + alone[0].length };
  }
  return { start: from, slash: m.index, tid: Number(m[1]), end: m.index + m[0].length };
}

/** Where the result behind `) … = ` begins; -1 when the call has not ended on this line. */
function resultOf(buf: Uint8Array, from: number, end: number): number {
  for (let p = end - 3; p > from; p--) {
    if (buf[p] !== 61 || buf[p - 1] !== 32 || buf[p + 1] !== 32) continue;
    let q = p - 1;
    while (q > from && buf[q] === 32) q--;
    if (buf[q] === 41) return p + 2;
  }
  return -1;
}

/** Index of the parenthesis that closes the one at `open`; strings are skipped. */
function closing(buf: Uint8Array, open: number, end: number): number {
  let depth = 0;
  for (let p = open; p < end; p++) {
    const c = buf[p]!;
    if (c === 34) {
      for (p++; p < end && buf[p] !== 34; p++) if (buf[p] === 92) p++;
    } else if (c === 40) depth++;
    else if (c === 41 && --depth === 0) return p;
  }
  return end;
}

/**
 * Decimal values behind the parenthesis at `open` become hex of the same width: `34859` → `0882b`. Returns the index of
 * the one that closes it, as `closing` does.
 */
export function hexArguments(buf: Uint8Array, open: number, end: number): number {
  let depth = 0;
  let quoted = false;
  let escaped = false;
  for (let p = open; p < end; p++) {
    const c = buf[p]!;
    if (SPECIAL[c] === 0) {
      escaped = false;
      continue;
    }
    if (quoted) {
      if (c === 34 && !escaped) quoted = false;
      escaped = c === 92 && !escaped;
    } else if (c === 34) quoted = true;
    else if (c === 40) depth++;
    else if (c === 41 && --depth === 0) return p;
    if (c === 58 && p > open && buf[p + 1] === 32) p = hexValue(buf, p + 2, end) - 1;
  }
  return end;
}

/** Rewrites the value at `a`, if it is a number that ends there; returns where to go on. */
function hexValue(buf: Uint8Array, a: number, end: number): number {
  let b = a;
  let n = 0;
  while (b < end && buf[b]! >= 48 && buf[b]! <= 57) n = n * 10 + buf[b++]! - 48;
  if (b === a || b - a > 15 || (b < end && buf[b] !== 44 && buf[b] !== 41)) return a - 1;
  for (let k = b - 1; k >= a; k--) {
    const rest = Math.floor(n / 16);
    buf[k] = HEX[n - rest * 16]!;
    n = rest;
  }
  return b;
}

/** A quote, a backslash, parentheses, a colon. */
const SPECIAL = new Uint8Array(256);
for (const c of '"\\():') SPECIAL[c.charCodeAt(0)] = 1;

const HEX = Buffer.from('0123456789abcdef');

/** `name: value, name: value` → `name=value name=value` in place; returns the new end. */
function asFields(buf: Uint8Array, from: number, end: number): number {
  let to = from;
  let quoted = false;
  let depth = 0;
  for (let p = from; p < end; p++) {
    const c = buf[p]!;
    if (c === 34) quoted = !quoted;
    else if (!quoted && (c === 40 || c === 123)) depth++;
    else if (!quoted && (c === 41 || c === 125)) depth--;
    if (!quoted && depth === 0 && c === 58 && buf[p + 1] === 32) {
      buf[to++] = 61;
      p++;
    } else if (!quoted && depth === 0 && c === 44 && buf[p + 1] === 32) continue;
    else buf[to++] = c;
  }
  return to;
}

function score(sample: Uint8Array): number {
  const lines = sampleText(sample, 1 << 16).split('\n', 300);
  if (lines.length > 1) lines.pop();
  let hits = 0;
  let other = 0;
  for (const line of lines) {
    if (PREFIX.test(line)) hits++;
    else if (line.trim() !== '') other++;
  }
  return hits === 0 ? 0 : (hits / (hits + other)) * 0.98;
}
