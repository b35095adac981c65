import { latin1 } from '../../timeline/batch.js';
import { cleanSymbol, type EventHead, type EventTable } from '../../timeline/events.js';
import { Interner } from '../../timeline/interner.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { internBody, isStackTitle, lostLine, otherLine, packFlags } from '../input/kernel-pieces.js';
import { NextCapture } from '../input/next-capture.js';
import { isRawBody, rewriteFields } from './field-bodies.js';
import { GraphColumns } from './function-graph-columns.js';
import { GraphText } from './function-graph-text.js';
import { entryFlags } from './latency-format.js';
import { LatencyPrefix, TIME } from './latency-prefix.js';
import { BODY_FORM, bodyForm, isReported } from './trace-cmd-form.js';
import { TraceCmdPrefix } from './trace-cmd-prefix.js';

/**
 * `trace-cmd report`, plain or with options that change the line: `-t` (ns), `-R` (raw fields), `-l` (latency
 * columns), `--ts-diff`, `--raw-ts` (counts, which fill their column); and recordings of the function_graph tracer:
 *
 *     ptw-munmap-3005  [001]   134.800343: function:             call_rcu <-- __dentry_kill
 *     ptw-munmap-3005  [001]   134.800365: (+22)    rcu_callback:         rcu_preempt rhp=0x… func=__d_free 1
 *     ptw-munm-3005    1d..1.   134.800365: rcu_callback:         rcu_preempt rhp=0x… func=__d_free 1
 *     ptw-munm-3005    1d..1.134800365123: rcu_callback:         rcu_preempt rhp=0x… func=__d_free 1
 *     ptw-munmap-3005  [001]   134.800343: function:              ip=call_rcu parent_ip=__dentry_kill
 *     ptw-munmap-3033  [000]   144.498143: funcgraph_entry:        3.350 us   |        preempt_count_add();
 *
 * Function lines become `function` rows (body: the parent, if printed), funcgraph lines the rows of
 * `function-graph.ts`; a bare `}` is named by the function its task entered at that depth. `-R` bodies stay the
 * `field=value` lists they are. Files that mix the forms lose nothing.
 * Source: trace-cmd tracecmd/trace-read.c, libtraceevent src/event-parse.c, plugins plugin_function.c and
 * lib/trace-cmd/trace-ftrace.c (funcgraph).
 */
export const TRACE_CMD_REPORT: DialectInfo = {
  id: 'trace-cmd-report',
  title: 'trace-cmd report text',
  score: scoreTraceCmdReport,
  open: () => new TraceCmdReportDialect(),
};

const BLANK = 32;
const EQUALS = 61;

class TraceCmdReportDialect implements LineDialect {
  readonly id = 'trace-cmd-report';
  readonly wholeLines = true;
  private readonly normal = new TraceCmdPrefix();
  private readonly latency = new LatencyPrefix();
  private readonly columns = new GraphColumns();
  private readonly graph = new GraphText();
  private readonly functions = new Interner();
  private functionHeads = new Int32Array(256);
  private functionId = -1;
  private entryId = -1;
  private exitId = -1;
  private readonly capture = new NextCapture();
  private sawEvent = false;

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    if (start === end) return LINE.blank;
    const n = this.normal;
    if (n.parse(buf, start, end)) {
      const flags = n.flagsStart < 0 ? 0 : packFlags(buf, n.flagsStart, n.flagsEnd);
      return this.event(buf, n, flags, end, host);
    }
    const l = this.latency;
    if (l.parse(buf, start, end) && (l.time === TIME.seconds || l.time === TIME.ticks)) {
      return this.event(buf, l, latencyFlags(buf, l), end, host);
    }
    if (buf[start] === 67 /* C */) {
      const lost = lostLine(buf, start, end, host);
      if (lost >= 0) return lost as LineKind;
    }
    // `cpus=4`
    if (buf[start] === 99 && buf[start + 4] === EQUALS) this.capture.header(host);
    return isNotice(buf, start, end) ? LINE.header : otherLine(buf, start, end, this.sawEvent);
  }

  private event(
    buf: Uint8Array,
    at: TraceCmdPrefix | LatencyPrefix,
    flags: number,
    end: number,
    host: LineHost,
  ): LineKind {
    this.sawEvent = true;
    this.capture.event();
    const b = host.batch;
    const i = b.length;
    const ticks = at.time === TIME.ticks;
    if (ticks) host.time.unit = 'ticks';
    if (ticks || at.decimals === 9) host.time.resolutionNs = 1;
    b.tsNs[i] = host.time.relative(at.sec, at.ns);
    b.cpu[i] = at.cpu;
    b.pid[i] = at.pid;
    b.tgid[i] = -1;
    b.flags[i] = flags;
    b.comm[i] = host.names.intern(buf, at.commStart, at.commEnd);
    b.aux[i] = 0;
    if (isStackEvent(buf, at.body, end)) return LINE.stack;
    if (!this.body(buf, at.body, end, at.pid > 0 ? at.pid : -1 - at.cpu, host)) {
      return host.skip('trace-cmd event without a name');
    }
    host.commit();
    return LINE.event;
  }

  /** `[(+diff)] NAME: fields`. */
  private body(buf: Uint8Array, from: number, end: number, task: number, host: LineHost): boolean {
    let p = from;
    while (p < end && buf[p] === BLANK) p++;
    if (p + 1 < end && buf[p] === 40 && buf[p + 1] === 43) {
      while (p < end && buf[p] !== 41) p++;
      p++;
      while (p < end && buf[p] === BLANK) p++;
    }
    let h = 0x811c9dc5 | 0;
    let q = p;
    while (q < end && !(buf[q] === 58 && (q + 1 === end || buf[q + 1] === BLANK))) {
      h = Math.imul(h ^ buf[q++]!, 0x01000193);
    }
    if (q >= end || q === p) return false;
    const b = host.batch;
    const i = b.length;
    if (this.functionId < 0) this.resolve(host.events);
    const id = host.events.intern(buf, p, q, h, traceCmdHead);
    let f = Math.min(q + 1, end);
    if (id === this.entryId || id === this.exitId) {
      if (this.graphRow(buf, f, end, task, host)) return true;
    }
    while (f < end && buf[f] === BLANK) f++;
    if (f < end && buf[f] === 40) {
      // Probes: their head takes in the place.
      internBody(buf, p, end, host);
      return true;
    }
    b.event[i] = id;
    b.bodyStart[i] = f;
    b.bodyEnd[i] = end;
    if (id === this.functionId) this.functionRow(buf, f, end, host);
    else if (startsWithField(buf, f, end)) this.rawFields(buf, p, q, f, end, host);
    return true;
  }

  /** `-R`: the fields in the print format's order, written over the line's own padding and fields. */
  private rawFields(
    buf: Uint8Array,
    name: number,
    colon: number,
    from: number,
    end: number,
    host: LineHost,
  ): void {
    const fields = latin1(buf, from, end);
    const event = latin1(buf, name, colon);
    if (!isRawBody(event, fields)) return;
    const body = rewriteFields(event, fields, false).slice(event.length + 2);
    const start = end - body.length;
    if (start <= colon) return;
    for (let k = 0; k < body.length; k++) buf[start + k] = body.charCodeAt(k);
    host.batch.bodyStart[host.batch.length] = start;
  }

  private resolve(events: EventTable): void {
    this.functionId = events.internHead('function', traceCmdHead('function'));
    this.entryId = events.internHead('funcgraph_entry', traceCmdHead('funcgraph_entry'));
    this.exitId = events.internHead('funcgraph_exit', traceCmdHead('funcgraph_exit'));
  }

  /** `      +  21.680 us  |      }`: a function_graph line less its left columns. */
  private graphRow(buf: Uint8Array, from: number, end: number, task: number, host: LineHost): boolean {
    const col = this.columns;
    col.parse(buf, from, end, false);
    if (Number.isNaN(col.durationNs) || !this.graph.parse(buf, col.text, end, task, host.events))
      return false;
    const b = host.batch;
    const i = b.length;
    b.event[i] = this.graph.event;
    b.bodyStart[i] = this.graph.bodyStart;
    b.bodyEnd[i] = this.graph.bodyEnd;
    if (this.graph.span) b.aux[i] = col.durationNs < 0 ? Number.NaN : col.durationNs;
    return true;
  }

  /** `FUNC`, `FUNC <-- PARENT` or `ip=FUNC parent_ip=PARENT`. */
  private functionRow(buf: Uint8Array, from: number, end: number, host: LineHost): void {
    const b = host.batch;
    const i = b.length;
    let a = from;
    if (a + 3 < end && buf[a] === 105 && buf[a + 1] === 112 && buf[a + 2] === 61) a += 3;
    let q = a;
    while (q < end && buf[q] !== BLANK) q++;
    if (q === a) return;
    const fn = this.functions.intern(buf, a, q);
    if (fn >= this.functionHeads.length) {
      const bigger = new Int32Array(Math.max(fn + 1, this.functionHeads.length * 2));
      bigger.set(this.functionHeads);
      this.functionHeads = bigger;
    }
    if (this.functionHeads[fn] === 0) {
      const printed = this.functions.text(fn);
      const symbol = cleanSymbol(printed);
      // The same head as `FUNC <-PARENT` of the kernel's own text.
      const head: EventHead = { kind: 'function', name: symbol, symbol, caller: '' };
      this.functionHeads[fn] = host.events.internHead(`${printed} <-`, head);
    }
    b.event[i] = this.functionHeads[fn]!;
    let parent = q;
    while (parent < end && (buf[parent] === BLANK || buf[parent] === 60 || buf[parent] === 45)) parent++;
    for (let k = parent; k < Math.min(end, parent + 11); k++) if (buf[k] === 61) parent = k + 1;
    b.bodyStart[i] = parent;
    b.bodyEnd[i] = end;
  }
}

const latencyFlags = (buf: Uint8Array, l: LatencyPrefix): number =>
  l.flagsStart < 0 ? entryFlags(l.entryFlags, l.preemptCount) : packFlags(buf, l.flagsStart, l.flagsEnd);

function traceCmdHead(text: string): EventHead {
  const sys = /^(?:.*\/)?sys_(enter|exit)_(\w+)$/.exec(text);
  if (sys !== null) {
    return { kind: `syscall-${sys[1] as 'enter' | 'exit'}`, name: sys[2]!, symbol: '', caller: '' };
  }
  if (/^(?:b?print|bputs|raw_data)$/.test(text)) return { kind: 'print', name: text, symbol: '', caller: '' };
  return { kind: 'tracepoint', name: text, symbol: '', caller: '' };
}

/** `kernel_stack:         <stack trace >`: frames of the event before follow. */
function isStackEvent(buf: Uint8Array, from: number, end: number): boolean {
  let p = end;
  while (p > from && buf[p - 1] === BLANK) p--;
  if (p === from || buf[p - 1] !== 62) return false;
  while (p > from && buf[p - 1] !== 60) p--;
  return p > from && isStackTitle(buf, p - 1, end);
}

/** `name=` at `from`. */
function startsWithField(buf: Uint8Array, from: number, end: number): boolean {
  let p = from;
  while (p < end && (buf[p] === 95 || (buf[p]! >= 97 && buf[p]! <= 122))) p++;
  return p > from && p < end && buf[p] === 61;
}

/** `version = 6`, `cpus=4`, `CPU 1 is empty`, `CPU:1 [SUBBUFFER START]` and trace-cmd's other remarks. */
function isNotice(buf: Uint8Array, start: number, end: number): boolean {
  const text = new TextDecoder('latin1').decode(buf.subarray(start, Math.min(end, start + 60)));
  return /^(?:version = \d+|cpus=\d+|CPU \d+ is empty|CPU:\d+ \[SUBBUFFER START\]|trace-cmd: |\[? *\w+ *\]? plugin|overriding event )/.test(
    text,
  );
}

/** The share of lines that only a report has. Lines that kernel text would show the same way count for neither. */
function scoreTraceCmdReport(sample: Uint8Array): number {
  const normal = new TraceCmdPrefix();
  const latency = new LatencyPrefix();
  let hits = 0;
  let same = 0;
  let other = 0;
  let noticed = false;
  let start = 0;
  const limit = Math.min(sample.length, 65536);
  while (start < limit) {
    let end = sample.indexOf(10, start);
    if (end < 0) end = limit;
    if (end > start && sample[end - 1] === 13) end--;
    if (normal.parse(sample, start, end)) {
      const form = bodyForm(latin1(sample, normal.body, Math.min(end, normal.body + 200)));
      if (form === BODY_FORM.report) hits++;
      else if (form === BODY_FORM.either) same++;
      else other++;
    } else if (latency.parse(sample, start, end) && isReported(sample, latency, end)) hits++;
    else if (isNotice(sample, start, end)) noticed = true;
    else if (end > start && sample[start] !== 35 && hits + same === 0) other++;
    start = sample.indexOf(10, start);
    if (start < 0) break;
    start++;
  }
  if (hits === 0) return noticed && same > 0 && other === 0 ? 0.9 : 0;
  return (hits / (hits + other)) * 0.99;
}
