import { TRACEPOINTS } from '../../kernel/tracepoints.js';
import { latin1 } from '../../timeline/batch.js';
import { type EventHead, RESERVED } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { isDigit } from '../input/line-bytes.js';
import { NextCapture } from '../input/next-capture.js';
import { sampleText } from '../input/sample-text.js';
import { headerShape, NOTICE, type Shape, shapeOf } from './printf-columns.js';

/**
 * Logs that a bpftrace program prints with `printf()`, one event a line, whatever the order of the columns:
 *
 *     # nsecs cpu pid tid comm probe args
 *     8140075272 1 103 105 ptw-spin1 tlb_flush reason=1 pages=-1
 *     8125444013 2 103 106 ptw-spin2 tlb_remove_table_rcu head=0xffff8880121bb000
 *
 * Columns come from a header line or from the shape of the lines (`printf-columns.ts`); what follows the event are its
 * fields. Task names may hold blanks: they end at the event, the last word before the fields. Events are named by their
 * author: `sys_enter_x`, tracepoints by name, all else taken as the function probed (with `_ret` or `_exit`: its
 * return), which is an inference. Not in time order: one buffer per CPU is read after the other.
 */
export const BPFTRACE_LOG: DialectInfo = {
  id: 'bpftrace-log',
  title: 'a printf log of bpftrace',
  unordered: true,
  silentLoss:
    'bpftrace tells of lost events on standard error, not in its log: what is absent here proves nothing',
  missedInHandlers:
    'bpftrace lost none of its lines, but probes that are hit while another is handled record nothing, untold: what is absent here proves nothing, but for what tasks do themselves',
  score,
  open: (sample) => new BpftraceLogDialect(sample ? shapeOf(sample) : null),
};

const BLANK = 32;
const TAB = 9;
const NOT_AN_EVENT = -1;

export class BpftraceLogDialect implements LineDialect {
  readonly id: string = 'bpftrace-log';
  private shape: Shape | null;
  private readonly word = new Int32Array(2);
  private readonly capture = new NextCapture();
  private wide = 0;
  private sec = 0;
  private ns = 0;

  constructor(shape: Shape | null = null) {
    this.shape = shape;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const p = skip(buf, start, end);
    if (p === end) return LINE.blank;
    const c = buf[p]!;
    if (c >= 48 && c <= 57) {
      const kind = this.shape ? this.event(buf, p, end, host, this.shape) : NOT_AN_EVENT;
      return kind === NOT_AN_EVENT ? LINE.foreign : kind;
    }
    return this.other(latin1(buf, start, Math.min(end, start + 200)), host);
  }

  /** What a run prints before its events. */
  begins(host: LineHost): void {
    this.capture.header(host);
  }

  private other(text: string, host: LineHost): LineKind {
    const lost = /^Lost (\d+) events/.exec(text);
    if (lost !== null) {
      host.fact(RESERVED.lost, -1, Number(lost[1]));
      return LINE.lost;
    }
    if (/^Attach(?:ing|ed) \d+ probes?/.test(text)) this.begins(host);
    const shape = headerShape(text);
    if (shape) {
      this.begins(host);
      this.shape = shape;
      return LINE.header;
    }
    return text.startsWith('#') || NOTICE.test(text) ? LINE.header : LINE.foreign;
  }

  private event(buf: Uint8Array, from: number, end: number, host: LineHost, shape: Shape): LineKind | -1 {
    const { columns } = shape;
    const b = host.batch;
    const i = b.length;
    let cpu = -1;
    let pid = -1;
    let tid = -1;
    let comm = -1;
    let p = from;
    let tail = end;
    for (let k = 0; k < columns.length; k++) {
      p = skip(buf, p, end);
      const column = columns[k]!;
      if (column === 'ts') {
        const next = this.stamp(buf, p, end, shape.unitNs);
        if (next < 0) return NOT_AN_EVENT;
        p = next;
      } else if (column === 'cpu' || column === 'pid' || column === 'tid') {
        const next = wordEnd(buf, p, end);
        const n = integer(buf, p, next);
        if (n < -1) return host.skip(`printf log: the ${column} column holds no number`);
        if (column === 'cpu') cpu = n;
        else if (column === 'pid') pid = n;
        else tid = n;
        p = next;
      } else if (column === 'comm') {
        const stop = this.commEnd(buf, p, end, columns[k + 1] === 'event');
        if (stop < 0) return host.skip('printf log: a line without an event');
        comm = host.names.intern(buf, p, stop);
        p = stop;
      } else {
        tail = wordEnd(buf, p, end);
        if (tail === p) return host.skip('printf log: a line without an event');
        b.event[i] = this.head(buf, p, tail, host);
        p = tail;
      }
    }
    if (this.wide === 1) host.time.resolutionNs = 1;
    b.tsNs[i] = host.time.relative(this.sec, this.ns);
    b.cpu[i] = cpu;
    b.pid[i] = tid >= 0 ? tid : pid;
    b.tgid[i] = tid >= 0 ? pid : -1;
    b.flags[i] = 0;
    b.comm[i] = comm >= 0 ? comm : host.names.internString('');
    b.bodyStart[i] = skip(buf, p, end);
    b.bodyEnd[i] = end;
    b.aux[i] = 0;
    this.capture.event();
    host.commit();
    return LINE.event;
  }

  /** Whole units, or seconds with a fraction; where it ends, -1 if it is none. */
  private stamp(buf: Uint8Array, p: number, end: number, unitNs: number): number {
    let q = p;
    let hi = 0;
    let lo = 0;
    for (; q < end && isDigit(buf[q]!); q++) {
      // ns since the epoch have 19 digits: more than a double holds.
      if (q - p >= 20) return -1;
      lo = lo * 10 + buf[q]! - 48;
      if (lo >= 1e9 && unitNs === 1) {
        hi = hi * 10 + Math.floor(lo / 1e9);
        lo %= 1e9;
      } else hi *= unitNs === 1 ? 10 : 1;
    }
    if (q === p) return -1;
    if (q < end && buf[q] === 46) return this.fraction(buf, p, q, end);
    if (q < end && buf[q] !== BLANK && buf[q] !== TAB) return -1;
    this.wide = unitNs;
    if (unitNs === 1) {
      this.sec = hi;
      this.ns = lo;
    } else {
      const perSecond = 1e9 / unitNs;
      this.sec = Math.floor(lo / perSecond);
      this.ns = (lo % perSecond) * unitNs;
    }
    return q;
  }

  private fraction(buf: Uint8Array, p: number, dot: number, end: number): number {
    let sec = 0;
    for (let k = p; k < dot; k++) sec = sec * 10 + buf[k]! - 48;
    let ns = 0;
    let q = dot + 1;
    for (; q < end && isDigit(buf[q]!) && q - dot <= 9; q++) ns = ns * 10 + buf[q]! - 48;
    if (q === dot + 1 || (q < end && buf[q] !== BLANK && buf[q] !== TAB)) return -1;
    this.wide = q - dot > 7 ? 1 : 1e3;
    this.sec = sec;
    this.ns = ns * 10 ** (10 - (q - dot));
    return q;
  }

  /** Where the task name ends: before the last word that no `=` follows in. */
  private commEnd(buf: Uint8Array, p: number, end: number, thenEvent: boolean): number {
    if (!thenEvent) return wordEnd(buf, p, end);
    const { word } = this;
    let q = p;
    let found = -1;
    word[0] = p;
    for (let words = 0; q < end; words++) {
      const from = skip(buf, q, end);
      const to = wordEnd(buf, from, end);
      if (to === from) break;
      // The first word is the name's own, whatever it holds.
      if (words > 0) {
        if (holds(buf, from, to, 61)) break;
        found = word[1]!;
      }
      word[1] = to;
      q = to;
    }
    return found;
  }

  private head(buf: Uint8Array, a: number, b: number, host: LineHost): number {
    let h = 0x811c9dc5 | 0;
    for (let k = a; k < b; k++) h = Math.imul(h ^ buf[k]!, 0x01000193);
    return host.events.intern(buf, a, b, h, printfHead);
  }
}

/** What an author's event name stands for. `:` and `%` forms: `kprobe:f`, `kretprobe:f`, `f%return`. */
export function printfHead(text: string): EventHead {
  const parts = text.replace(/:$/, '').split(':');
  const name = parts.at(-1)!.replace(/%return$/, '');
  const provider = parts[0]!;
  const ret = /^(?:kretprobe|kr|fexit|kretfunc|uretprobe)$/.test(provider) || text.includes('%return');
  const sys = /^sys_(enter|exit)_(\w+)$/.exec(name);
  if (sys !== null) {
    return { kind: `syscall-${sys[1] as 'enter' | 'exit'}`, name: sys[2]!, symbol: '', caller: '' };
  }
  if (parts.length > 1 && /^(?:kprobe|k|kretprobe|kr|fentry|fexit|kfunc|kretfunc)$/.test(provider)) {
    return { kind: ret ? 'retprobe' : 'probe', name, symbol: name, caller: '' };
  }
  if (Object.hasOwn(TRACEPOINTS, name) || /^(?:tracepoint|t|rawtracepoint|rt)$/.test(provider)) {
    return { kind: 'tracepoint', name, symbol: '', caller: '' };
  }
  return { kind: ret ? 'retprobe' : 'probe', name, symbol: '', caller: '' };
}

function skip(buf: Uint8Array, p: number, end: number): number {
  while (p < end && (buf[p] === BLANK || buf[p] === TAB)) p++;
  return p;
}

function wordEnd(buf: Uint8Array, p: number, end: number): number {
  while (p < end && buf[p] !== BLANK && buf[p] !== TAB) p++;
  return p;
}

function holds(buf: Uint8Array, a: number, b: number, c: number): boolean {
  for (let k = a; k < b; k++) if (buf[k] === c) return true;
  return false;
}

/** -2 when it is no whole number. */
function integer(buf: Uint8Array, a: number, b: number): number {
  if (b === a || b - a > 10) return -2;
  if (b - a === 2 && buf[a] === 45 && buf[a + 1] === 49) return -1;
  let n = 0;
  for (let k = a; k < b; k++) {
    if (!isDigit(buf[k]!)) return -2;
    n = n * 10 + buf[k]! - 48;
  }
  return n;
}

/** A log has a shape, and most of its lines keep it. */
function score(sample: Uint8Array): number {
  const shape = shapeOf(sample);
  if (!shape) return 0;
  let hits = 0;
  let other = 0;
  for (const line of sampleText(sample, 1 << 15)
    .split('\n', 300)
    .slice(0, -1)) {
    if (/^\s*\d{1,20}(?:\.\d{1,9})?\s+\S/.test(line)) hits++;
    else if (line.trim() !== '' && !line.startsWith('#') && !NOTICE.test(line)) other++;
  }
  return hits === 0 ? 0.3 : (hits / (hits + other)) * 0.8;
}
