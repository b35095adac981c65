import { FUNC, isTableFunc, OP, type Op } from '../kernel/ops.js';
import { Distribution } from '../latency/histogram/distribution.js';
import { byName } from '../result/by-name.js';
import { CONTEXT } from '../timeline/flags.js';
import { isKnown } from '../timeline/is-known.js';

/**
 * Where the time of an unmap goes. A phase lasts from the event that begins it to the thread's next event; what no event
 * divides stays in the phase before it, so the phases of a span always add up to the span.
 */
const P = {
  'before zap': 0,
  zap: 1,
  unlink: 2,
  'batch page': 3,
  'flush: send': 4,
  'flush: own TLB': 5,
  'flush: wait': 6,
  'sync wait': 7,
  call_rcu: 8,
  free: 9,
  'after free': 10,
  'off CPU': 11,
} as const;
export type Phase = keyof typeof P;
export const PHASES = Object.keys(P) as readonly Phase[];

/** What opens and closes a span: a syscall by its `FUNC` id, or any mmu_gather of a thread. */
export type SpanKind = { readonly syscall: number } | { readonly gather: true };

interface OpenSpan {
  readonly times: Float64Array;
  begin: number;
  last: number;
  phase: number;
  /** Phase to return to after a flush, a wait or call_rcu. */
  back: number;
  /** Phase to return to when the thread runs again; -1 while it runs. */
  resume: number;
  inFlush: boolean;
  sent: boolean;
  /** The last event was one that queues a table: an allocation that follows is its batch page. */
  queued: boolean;
  tlb: number;
}

const newSpan = (): OpenSpan => ({
  times: new Float64Array(PHASES.length),
  begin: 0,
  last: 0,
  phase: 0,
  back: 0,
  resume: -1,
  inFlush: false,
  sent: false,
  queued: false,
  tlb: 0,
});

/** Time by phase of the spans of every thread, in ns; the state is one small object per thread inside a span. */
export class PhaseClock {
  readonly spans = new Distribution();
  readonly sums = new Float64Array(PHASES.length);
  readonly each = PHASES.map(() => new Distribution());
  /** Events that began a phase: a phase without any had no probe, or never happened. */
  readonly begins = new Float64Array(PHASES.length);
  censored = 0;
  private readonly open = new Map<number, OpenSpan>();
  /** The task asked for last, and its span: a task's events come in runs. */
  private lastPid = Number.NaN;
  private lastSpan: OpenSpan | undefined = undefined;
  /** Spans that have ended, to be used again. */
  private readonly spare: OpenSpan[] = [];

  /** `FUNC` id; -1: gathers are measured. */
  private readonly syscall: number;

  constructor(kind: SpanKind) {
    this.syscall = 'syscall' in kind ? kind.syscall : -1;
  }

  /** Nothing is carried over a loss or into a new capture. */
  cut(): void {
    this.censored += this.open.size;
    this.open.clear();
    this.lastPid = Number.NaN;
  }

  step(op: Op): void {
    if (op.kind === OP.SW) {
      this.switched(op);
      return;
    }
    if (op.context !== CONTEXT.task && op.context !== CONTEXT.unknown) return;
    const span = this.spanOf(op.pid);
    if (span === undefined) {
      if (this.opens(op)) this.begin(op);
      return;
    }
    if (this.syscall >= 0 && this.opens(op)) {
      this.censored++;
      this.begin(op);
      return;
    }
    this.advance(span, op);
    if (this.closes(op, span)) this.end(op.pid, span);
  }

  private spanOf(pid: number): OpenSpan | undefined {
    if (pid !== this.lastPid) {
      this.lastSpan = this.open.get(pid);
      this.lastPid = pid;
    }
    return this.lastSpan;
  }

  private opens(op: Op): boolean {
    return this.syscall >= 0 ? op.kind === OP.SE && op.a0 === this.syscall : op.kind === OP.GB;
  }

  private closes(op: Op, span: OpenSpan): boolean {
    return this.syscall >= 0
      ? op.kind === OP.SX && op.a0 === this.syscall
      : op.kind === OP.GEret && isKnown(span.tlb);
  }

  private begin(op: Op): void {
    const span = this.spare.pop() ?? newSpan();
    span.times.fill(0);
    span.begin = span.last = op.tsNs;
    span.phase = span.back = P['before zap'];
    span.resume = -1;
    span.inFlush = span.sent = span.queued = false;
    span.tlb = op.a0;
    this.open.set(op.pid, span);
    this.lastPid = op.pid;
    this.lastSpan = span;
  }

  private end(pid: number, span: OpenSpan): void {
    this.open.delete(pid);
    this.lastPid = Number.NaN;
    this.spare.push(span);
    const length = span.last - span.begin;
    if (!(length >= 0)) {
      this.censored++;
      return;
    }
    this.spans.add(length);
    for (let i = 0; i < PHASES.length; i++) {
      this.sums[i]! += span.times[i]!;
      this.each[i]!.add(Math.max(0, span.times[i]!));
    }
  }

  /** Time up to here goes to the phase it was in; the event says which comes next. */
  private advance(span: OpenSpan, op: Op): void {
    const { kind } = op;
    const sends = span.inFlush && (kind === OP.IS || kind === OP.FMULTI || (kind === OP.TLBF && op.a1 === 4));
    const batchPage = span.queued && kind === OP.ALLOC;
    const credited = sends ? P['flush: send'] : batchPage ? P['batch page'] : span.phase;
    if (batchPage) this.begins[P['batch page']]!++;
    span.times[credited]! += op.tsNs - span.last;
    span.last = op.tsNs;
    span.queued = kind === OP.APP || kind === OP.PVOP;
    // call_rcu is over with the thread's next event, but for the tracepoint inside it.
    if (span.phase === P.call_rcu && kind !== OP.RQ) span.phase = span.back;
    const next = this.next(span, op);
    if (next < 0 || next === span.phase) return;
    this.begins[next]!++;
    span.phase = next;
  }

  /** The phase an event begins; -1: it begins none. */
  private next(span: OpenSpan, op: Op): number {
    switch (op.kind) {
      case OP.UVMA:
        return P.zap;
      case OP.FPGT:
      case OP.FPGD:
      case OP.UL:
        return P.unlink;
      case OP.GE:
        return P.free;
      case OP.GEret:
        return P['after free'];
      case OP.FR:
        return this.enter(span, P['flush: own TLB'], true);
      case OP.IS:
      case OP.FMULTI:
        if (!span.inFlush) return -1;
        span.sent = true;
        return P['flush: wait'];
      case OP.IE:
      case OP.INV:
        return span.inFlush ? P['flush: own TLB'] : -1;
      case OP.IX:
        return span.inFlush && span.sent ? P['flush: wait'] : -1;
      case OP.FD:
        return this.leave(span);
      case OP.SYNC1:
        return op.a0 === 1 ? this.enter(span, P['sync wait'], false) : this.leave(span);
      case OP.SYNCR:
        return op.a0 === 1 ? this.enter(span, P['sync wait'], false) : this.leave(span);
      case OP.CR:
        return isTableFunc(op.a1) ? this.enter(span, P.call_rcu, false) : -1;
      default:
        return -1;
    }
  }

  private enter(span: OpenSpan, phase: number, flush: boolean): number {
    if (!span.inFlush && span.phase !== P.call_rcu) span.back = span.phase;
    if (flush) {
      span.inFlush = true;
      span.sent = false;
    }
    return phase;
  }

  private leave(span: OpenSpan): number {
    span.inFlush = false;
    return span.back;
  }

  private switched(op: Op): void {
    const out = this.open.get(op.a0);
    if (out !== undefined && out.resume < 0) {
      out.times[out.phase]! += op.tsNs - out.last;
      out.last = op.tsNs;
      out.resume = out.phase;
      out.phase = P['off CPU'];
      this.begins[P['off CPU']]!++;
    }
    const back = this.open.get(op.a1);
    if (back !== undefined && back.resume >= 0) {
      back.times[P['off CPU']]! += op.tsNs - back.last;
      back.last = op.tsNs;
      back.phase = back.resume;
      back.resume = -1;
    }
  }

  finish(): void {
    this.cut();
  }
}

/** The syscalls that unmap, by name. */
export const SYSCALLS: Readonly<Record<string, number>> = byName({
  munmap: FUNC.munmap,
  madvise: FUNC.madvise,
});
