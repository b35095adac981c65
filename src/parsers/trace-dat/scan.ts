import { type BatchSink, RecordBatch } from '../../timeline/batch.js';
import { cleanSymbol, RESERVED } from '../../timeline/events.js';
import type { TraceContext } from '../input/dialect.js';
import { graphHead } from '../tracefs/function-graph-text.js';
import type { ByteSource } from './byte-source.js';
import type { Codec } from './codec.js';
import type { CpuStream } from './cpu-stream.js';
import type { EventFormat } from './event-format.js';
import { flagsOf, functionHead, headOf, KIND, kindOf, tracepoint } from './event-heads.js';
import { learnTasks } from './handlers.js';
import { Printer } from './printer.js';
import { hiLo, type Knowledge, type Record } from './record.js';
import { knowledgeOf, openRecording, openStreams, type Recording } from './recording.js';
import type { TraceDatError } from './trace-dat-error.js';

export interface TraceDatOptions {
  readonly input: number;
  /** `text` (default): bodies as trace-cmd report prints them; `none`: empty bodies, several times faster. */
  readonly bodies?: 'text' | 'none';
  /** Decompressor for v7 files, see `nodeCodec`. */
  readonly codec?: Codec;
}

export interface TraceDatSummary {
  readonly recording: Recording;
  readonly records: number;
  /** Records of an event whose format is not in the file. */
  readonly unknown: number;
  readonly lostFacts: number;
  /** Damage met: first of the head, then of each CPU (at most 8 each). */
  readonly problems: readonly TraceDatError[];
  /** All damage, also what is not listed. */
  readonly problemCount: number;
}

interface Plan {
  readonly format: EventFormat;
  readonly kind: number;
  readonly head: number;
}

const ROWS = 4096;
/** Head of a record in the ring buffer, mostly. */
const RECORD_HEAD = 4;
const SCRATCH = 1 << 20;

/**
 * Opens a trace.dat and delivers all its records to `sink` in trace-cmd report's order. `line` is the record's
 * ordinal, `offset` where its data lies (v7 compressed: CPU data offset + bytes inflated before it). Throws
 * `TraceDatError` when the head is unusable; damage further on is in the summary and, at its place, a `lost` row.
 */
export function openTraceDat(
  source: ByteSource,
  context: TraceContext,
  sink: BatchSink,
  options: TraceDatOptions,
): TraceDatSummary {
  return scanRecording(openRecording(source, options.codec), context, sink, options);
}

export function scanRecording(
  recording: Recording,
  context: TraceContext,
  sink: BatchSink,
  options: TraceDatOptions,
): TraceDatSummary {
  const steps = scanSteps(recording, context, sink, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * The same, stopping after each batch for whoever has to do something between; yields about how many bytes of data
 * have been read. `return()` ends it; rows not delivered by then are lost.
 */
export function scanSteps(
  recording: Recording,
  context: TraceContext,
  sink: BatchSink,
  options: TraceDatOptions,
): Generator<number, TraceDatSummary, boolean> {
  return new Scan(recording, context, sink, options).steps();
}

class Scan {
  private readonly rec: Recording;
  private readonly context: TraceContext;
  private readonly sink: BatchSink;
  private readonly bodies: boolean;
  private readonly batch = new RecordBatch(ROWS);
  private readonly knowledge: Knowledge;
  private readonly plans = new Map<number, Plan>();
  private readonly functions = new Map<number, number>();
  private readonly probes = new Map<string, number>();
  private readonly comms = new Map<number, number>();
  private used = 0;
  private records = 0;
  /** Bytes of record data read. */
  private data = 0;
  private unknown = 0;
  private lostFacts = 0;

  constructor(rec: Recording, context: TraceContext, sink: BatchSink, options: TraceDatOptions) {
    this.rec = rec;
    this.context = context;
    this.sink = sink;
    this.bodies = options.bodies !== 'none';
    this.knowledge = knowledgeOf(rec);
    this.batch.input = options.input;
    this.batch.bytes = new Uint8Array(this.bodies ? SCRATCH : 0);
  }

  /** Takes true to end early, with a summary of what was read. */
  *steps(): Generator<number, TraceDatSummary, boolean> {
    const { streams, merge } = openStreams(this.rec, this.context.time);
    const printer = new Printer(this.rec, this.knowledge, merge, true);
    let stop = false;
    for (let s = merge.peek(); s !== null && !stop; s = merge.peek()) {
      if (this.batch.length + 2 > ROWS || this.used > SCRATCH - 65536) {
        this.flush();
        stop = (yield this.data) === true;
        if (stop) break;
      }
      this.records++;
      this.data += s.size + RECORD_HEAD;
      if (s.lost !== 0) this.lost(s);
      this.row(s, printer.load(s), printer);
      if (printer.pending) merge.advance();
    }
    // Damage behind a CPU's last record loses what would have followed.
    for (const s of streams) {
      if (!stop && s.lost === 0 && s.problemCount > 0 && s.cutAtEnd) {
        if (this.batch.length + 1 > ROWS) this.flush();
        s.lost = -1;
        this.lost(s);
      }
    }
    this.flush();
    return {
      recording: this.rec,
      records: this.records,
      unknown: this.unknown,
      lostFacts: this.lostFacts,
      problems: [...this.rec.head.problems, ...streams.flatMap((s) => s.problems)],
      problemCount: this.rec.head.problems.length + streams.reduce((n, s) => n + s.problemCount, 0),
    };
  }

  private flush(): void {
    if (this.batch.length > 0) this.sink(this.batch);
    this.batch.length = 0;
    this.used = 0;
  }

  private lost(s: CpuStream): void {
    const i = this.start(s);
    this.batch.pid[i] = -1;
    this.batch.flags[i] = 0;
    this.batch.comm[i] = this.context.names.internString('');
    this.batch.event[i] = RESERVED.lost;
    this.batch.aux[i] = s.lost;
    this.batch.length++;
    this.lostFacts++;
  }

  private start(s: CpuStream): number {
    const b = this.batch;
    const i = b.length;
    b.tsNs[i] = s.ts;
    b.offset[i] = s.offset;
    b.line[i] = this.records;
    b.cpu[i] = s.cpu;
    b.tgid[i] = -1;
    b.aux[i] = 0;
    b.bodyStart[i] = b.bodyEnd[i] = this.used;
    return i;
  }

  private row(s: CpuStream, r: Record, printer: Printer): void {
    const b = this.batch;
    const i = this.start(s);
    const c = this.rec.common;
    const type = Number(r.read(c.typeAt, c.typeSize));
    const pid = c.pidAt < 0 ? -1 : (r.read(c.pidAt, 4) as number) | 0;
    b.pid[i] = pid;
    if (c.tgidAt >= 0) b.tgid[i] = (r.read(c.tgidAt, 4) as number) | 0;
    b.flags[i] = c.flagsAt < 0 || c.preemptAt < 0 ? 0 : flagsOf(r, c.flagsAt, c.preemptAt);
    const plan = this.plan(type);
    b.comm[i] = this.comm(pid);
    if (plan === null) {
      this.unknown++;
      const name = `unknown-event-${type}`;
      b.event[i] = this.context.events.internHead(name, tracepoint(name));
      b.length++;
      return;
    }
    b.event[i] = plan.head;
    let text: string | null = null;
    if (plan.kind === KIND.func) text = this.functionRow(plan, r, i);
    else if (plan.kind === KIND.probe) b.event[i] = this.probeHead(plan, r);
    else if (plan.kind >= KIND.graphEntry) {
      text = this.graphRow(plan, r, i, printer);
    }
    if (this.bodies) {
      text ??= printer.text(plan.format);
      if (plan.kind === KIND.probe) text = text.replace(/^\([^)]*\) ?/, '');
      if (text.endsWith('\n')) text = text.slice(0, -1);
      this.body(text, i);
    }
    if (plan.kind === KIND.learn) {
      // Printing has learnt the names already; without it they are read here.
      if (!this.bodies) learnTasks(plan.format, r, this.knowledge);
      this.comms.clear();
    }
    b.length++;
  }

  private body(text: string, i: number): void {
    const b = this.batch;
    const room = Math.min(text.length, b.bytes.length - this.used);
    const bytes = b.bytes;
    let p = this.used;
    for (let n = 0; n < room; n++) bytes[p++] = text.charCodeAt(n);
    b.bodyStart[i] = this.used;
    b.bodyEnd[i] = this.used = p;
  }

  private comm(pid: number): number {
    let id = this.comms.get(pid);
    if (id === undefined) {
      id = this.context.names.internString(this.knowledge.tasks.name(pid));
      this.comms.set(pid, id);
    }
    return id;
  }

  private plan(type: number): Plan | null {
    const known = this.plans.get(type);
    if (known !== undefined) return known;
    const format = this.rec.formats.get(type);
    if (format === undefined) return null;
    const head = this.context.events.internHead(format.name, headOf(format.name));
    const plan: Plan = { format, kind: kindOf(format), head };
    this.plans.set(type, plan);
    return plan;
  }

  /** `FUNC <-PARENT`: the head is the function, the body its parent. */
  private functionRow(plan: Plan, r: Record, i: number): string {
    const { symbols } = this.rec;
    const ip = plan.format.byName.get('ip')!;
    const at = hiLo(r.field(ip));
    const fn = symbols.find(at.hi, at.lo);
    let head = fn < 0 ? undefined : this.functions.get(fn);
    if (head === undefined) {
      const name = fn < 0 ? `0x${r.field(ip).toString(16)}` : symbols.name(fn);
      head = functionHead(this.context.events, name);
      if (fn >= 0) this.functions.set(fn, head);
    }
    this.batch.event[i] = head;
    const parent = plan.format.byName.get('parent_ip');
    if (!this.bodies || parent === undefined) return '';
    const from = hiLo(r.field(parent));
    const p = symbols.find(from.hi, from.lo);
    return p < 0 ? `0x${r.field(parent).toString(16)}` : symbols.name(p);
  }

  /** Head of a k/u/retprobe by the address it stands at. */
  private probeHead(plan: Plan, r: Record): number {
    const f = plan.format.byName;
    const ret = f.get('__probe_func');
    const ip = ret ?? f.get('__probe_ip')!;
    const back = f.get('__probe_ret_ip');
    const key = `${plan.format.id} ${r.field(ip)} ${back === undefined ? '' : r.field(back)}`;
    let head = this.probes.get(key);
    if (head === undefined) {
      const symbol = this.place(r, ip);
      const caller = ret === undefined || back === undefined ? '' : this.place(r, back);
      const name = plan.format.name;
      const shown = caller === '' ? symbol : `${caller} <- ${symbol}`;
      head = this.context.events.internHead(`${name}: (${shown})`, {
        kind: ret === undefined ? 'probe' : 'retprobe',
        name,
        symbol: cleanSymbol(symbol),
        caller: cleanSymbol(caller),
      });
      if (this.probes.size < 1 << 20) this.probes.set(key, head);
    }
    return head;
  }

  /** `symbol+0xoff`; empty when no symbol holds the address. */
  private place(r: Record, f: { readonly offset: number; readonly size: number }): string {
    const v = hiLo(r.read(f.offset, f.size));
    const at = this.rec.symbols.find(v.hi, v.lo);
    if (at < 0) return '';
    return `${this.rec.symbols.name(at)}+0x${this.rec.symbols.offset(at, v.hi, v.lo).toString(16)}`;
  }

  /** A function_graph entry, a leaf (entry and return in one row) or a return. */
  private graphRow(plan: Plan, r: Record, i: number, printer: Printer): string {
    const func = plan.format.byName.get('func');
    const v = func === undefined ? { hi: 0, lo: 0 } : hiLo(r.field(func));
    const at = this.rec.symbols.find(v.hi, v.lo);
    const name = at < 0 ? `0x${(v.hi * 2 ** 32 + v.lo).toString(16)}` : this.rec.symbols.name(at);
    const exit = plan.kind === KIND.graphExit;
    const duration = exit ? printer.durationOf(plan.format) : printer.leafDuration(plan.format);
    this.batch.event[i] = graphHead(this.context.events, name, exit ? 2 : duration === null ? 0 : 1);
    if (duration !== null) this.batch.aux[i] = Number(duration);
    return '';
  }
}
