import type { Decoder } from '../kernel/decoder.js';
import type { VariantDetector } from '../kernel/detect-variant.js';
import type { FuncTable } from '../kernel/func-table.js';
import { OP, OP_COUNT, Op } from '../kernel/ops.js';
import type { Release } from '../kernel/releases.js';
import type { VariantMask } from '../kernel/variants.js';
import type { EvidenceRef, RecordBatch } from '../timeline/batch.js';
import {
  IN_HANDLERS,
  LAST_RESERVED,
  MISPLACED,
  NEW_HEADER,
  OVERWRITTEN,
  RESERVED,
} from '../timeline/events.js';
import type { Filter } from '../timeline/filter.js';
import { CONTEXT } from '../timeline/flags.js';
import type { Interner } from '../timeline/interner.js';
import type { SkewBounds } from '../timeline/skew.js';
import type { TimeBase } from '../timeline/time-base.js';
import type { Coverage } from './coverage.js';
import type { Evidence } from './evidence.js';
import type { Ledger } from './ledger.js';
import { cpuOf } from './machine.js';
import { MissedHits } from './missed-hits.js';
import { MissingLines } from './missing-lines.js';
import type { Monitor } from './monitor.js';
import { listening, type RcuListener } from './rcu-listener.js';
import { Session } from './session.js';
import { subjectMm, subjectPid } from './subject.js';
import { THREAD, threadKind } from './thread-kinds.js';

export interface EngineOptions {
  readonly names: Interner;
  readonly time: TimeBase;
  readonly funcs: FuncTable;
  readonly decoder: Decoder;
  /** Variants the user says it can be; null: all. */
  readonly variants: VariantMask | null;
  readonly filter: Filter | null;
  readonly listener: RcuListener | null;
  /** Told of every operation before it is judged, and where nothing may be carried on. */
  readonly phases?: { step(op: Op): void; cut(): void } | undefined;
  /** Release of the recorded kernel as far as it is known by now; default: not. */
  readonly release?: () => Release | null;
  /** Whether its probes may have missed hits. */
  readonly mayMiss?: () => boolean;
  /** Whether the recording says that one clock stamped all of it. */
  readonly exactClock?: () => boolean;
  /** Told of everything after the rules, in each capture anew. */
  readonly watch?: ((evidence: Evidence) => readonly Monitor[]) | undefined;
  /** Findings kept per invariant. */
  readonly maxFindings: number;
}

/** Earlier stamps in one capture, in number and one in how many events, that mean that its lines are in no order. */
const MANY_BACK = 8;
const EXCERPT = 'another excerpt begins there';
const MANY_BACK_SHARE = 50;
export const DISORDER =
  'the events are not in the order of their time: what came before what is not known (sort the input by time first)';

/** Stamps that go back by more than this on every CPU begin a new capture. */
const SEGMENT_JUMP_NS = 1e9;

export interface CpuClock {
  lastNs: number;
  lastRef: EvidenceRef;
  /** Number of its last event, counted over all CPUs. */
  lastEvent: number;
  /** Events were lost since the last stamp: going back is then no clock fault. */
  gap: boolean;
  events: number;
  lost: number;
  lossIntervals: number;
}

/** Drives the machine and the invariants with a recorded timeline, batch by batch. */
export class ReplayEngine {
  readonly session: Session;
  readonly ledger: Ledger;
  readonly coverage: Coverage;
  readonly skew: SkewBounds;
  readonly cpus: CpuClock[] = [];
  readonly operations = new Float64Array(OP_COUNT);
  events = 0;
  /** Number of CPUs that the events speak of: one more than the highest IPI target. */
  cpusNamed = 0;
  segments = 1;
  firstNs = Number.NaN;
  lastNs = Number.NaN;
  /** Extent of the captures that have ended. */
  private past = { firstNs: Number.POSITIVE_INFINITY, lastNs: Number.NEGATIVE_INFINITY, coveredNs: 0 };
  private maxNs = Number.NEGATIVE_INFINITY;
  readonly options: EngineOptions;
  private readonly op = new Op();
  private orderedRows = 0;
  /** The last stamp that went back, until another CPU shows what it was. */
  private back: {
    cpu: number;
    tsNs: number;
    at: number;
    by: number;
    before: EvidenceRef;
    ref: EvidenceRef;
  } | null = null;
  private backs = 0;
  /** Captures that begin where the stamps of several CPUs go back together. */
  excerpts = 0;
  /** The events are in no order of time: nothing is judged. */
  disorder = false;
  /** Events before the current capture. */
  private segmentStart = 0;
  /** By comm: `THREAD`. */
  private readonly threads: (number | undefined)[] = [];
  readonly missed = new MissedHits();
  private readonly lines = new MissingLines(this);

  constructor(options: EngineOptions) {
    this.options = options;
    const { listener } = options;
    this.session = new Session({
      variants: options.variants,
      resolutionNs: () => options.time.resolutionNs,
      nameOf: (id) => options.funcs.name(id),
      maxFindings: options.maxFindings,
      walks: listener?.walks ?? null,
      release: () => options.release?.() ?? null,
      exactClock: () => options.exactClock?.() ?? false,
      listeners: (evidence) => [
        ...(listener ? [listening(evidence, listener)] : []),
        ...(options.watch?.(evidence) ?? []),
        this.lines.monitor(evidence),
        ...(options.mayMiss?.() ? [this.missed.monitor(evidence)] : []),
      ],
    });
    this.ledger = this.session.ledger;
    this.coverage = this.session.coverage;
    this.skew = this.session.skew;
  }

  batch(batch: RecordBatch): void {
    const { decoder, filter } = this.options;
    const { op, session } = this;
    const { ledger } = session;
    const events = batch.event;
    const stamps = batch.tsNs;
    const cpus = batch.cpu;
    for (let row = 0; row < batch.length; row++) {
      const event = events[row]!;
      if (event <= LAST_RESERVED) {
        this.fact(event, batch, row);
        continue;
      }
      const ts = stamps[row]!;
      const cpu = cpus[row]!;
      if (ts < this.maxNs - SEGMENT_JUMP_NS && this.jumpsBack(ts, cpu)) this.newSegment(false);
      if (ts > this.maxNs) this.maxNs = ts;
      this.clock(batch, row, ts, cpu);
      if (this.disorder) continue;
      ledger.now = this.events;
      const thread = this.threadOf(batch.comm[row]!);
      if (thread === THREAD.sentinel && cpu >= 0) session.alive(cpu, ts);
      const decoded = decoder.decode(batch, row, op);
      if (cpu >= 0) this.lines.follow(batch, row, decoded ? op : null, this.events);
      if (!decoded) {
        if (decoder.unread) this.lost(batch, row, 1, this.events);
        continue;
      }
      if (op.kind === OP.MISSES) {
        this.missed.sample(this.countsOf(op), op);
        continue;
      }
      const context = op.context;
      if (context === CONTEXT.task && thread === THREAD.callbacks) op.context = CONTEXT.softirq;
      if (thread === THREAD.hotplug && cpu >= 0) cpuOf(session.state, cpu).hotplugged = true;
      if (filter) {
        const mm = subjectMm(session.state, op);
        ledger.hidden = !filter.shows(ts, cpu, subjectPid(session.state, op), batch.comm[row]!, mm);
      }
      this.operations[op.kind]!++;
      this.options.phases?.step(op);
      session.feed(op);
      if (op.kind === OP.IS && op.a0 >= this.cpusNamed) this.cpusNamed = op.a0 + 1;
    }
  }

  /** End of the timeline. Idempotent. */
  finish(): void {
    if (this.orderedRows < 0) return;
    const { session } = this;
    session.ledger.hidden = false;
    this.oneClockBack();
    if (this.disorder) {
      session.restart(false);
      session.coverage.end(DISORDER);
      session.ledger.disorder(DISORDER);
      this.orderedRows = -1;
      return;
    }
    this.lines.end();
    session.end('the trace ends before its probe fired again');
    const losslessCpus = this.cpus.filter((c) => c && c.events > 0 && c.lossIntervals === 0).length;
    session.recording.recordingEnded({ orderedEvents: this.orderedRows, losslessCpus });
    this.orderedRows = -1;
  }

  private fact(event: number, batch: RecordBatch, row: number): void {
    const cpu = batch.cpu[row]!;
    if (event === RESERVED.segment) {
      if (this.events > 0) this.newSegment(batch.aux[row] === NEW_HEADER);
      return;
    }
    if (event === RESERVED.silentLoss) {
      this.session.loseSomewhere(batch.aux[row] === IN_HANDLERS);
      if (batch.aux[row] === MISPLACED) this.nothingJudged();
      return;
    }
    if (event === RESERVED.bufferStart && batch.aux[row] === OVERWRITTEN) {
      // What the others did before it was recorded without this CPU.
      const first = cpu >= 0 && this.clockOf(cpu).events === 0;
      if (first && this.events > this.segmentStart) this.lost(batch, row, -1, this.segmentStart);
      return;
    }
    if (event !== RESERVED.lost) return;
    this.lost(batch, row, batch.aux[row]!, this.lastShown(cpu));
  }

  /** The row tells of so many events (-1: some), behind the event `since`, that they are not known. */
  private lost(batch: RecordBatch, row: number, count: number, since: number): void {
    const cpu = batch.cpu[row]!;
    this.options.phases?.cut();
    this.lines.forget(cpu);
    const op = this.op;
    op.kind = OP.lost;
    op.cpu = cpu;
    op.pid = -1;
    op.ref = batch.ref(row);
    op.context = CONTEXT.unknown;
    op.a0 = count;
    this.session.lose(op, since);
    if (cpu >= 0) {
      const clock = this.clockOf(cpu);
      clock.gap = true;
      clock.lossIntervals++;
      clock.lost = clock.lost < 0 || op.a0 < 0 ? -1 : clock.lost + op.a0;
    }
  }

  /** Number of the last event before a loss on `cpu`; of an unknown CPU, the earliest of all last events. */
  private lastShown(cpu: number): number {
    if (cpu >= 0) return this.clockOf(cpu).lastEvent;
    let first = this.events;
    for (const clock of this.cpus) if (clock.events > 0) first = Math.min(first, clock.lastEvent);
    return first;
  }

  private clock(batch: RecordBatch, row: number, ts: number, cpu: number): void {
    this.events++;
    if (this.events === this.segmentStart + 1) this.firstNs = ts;
    this.lastNs = this.maxNs;
    if (cpu < 0) return;
    const clock = cpu < this.cpus.length ? this.cpus[cpu]! : this.clockOf(cpu);
    clock.events++;
    if (ts < clock.lastNs && !clock.gap) this.wentBack(clock, batch, row, ts, cpu);
    else {
      this.orderedRows++;
      if (this.back !== null && this.back.cpu !== cpu && clock.events > 1) this.oneClockBack();
    }
    clock.gap = false;
    clock.lastNs = ts;
    clock.lastEvent = this.events;
    clock.lastRef = batch.input * 2 ** 45 + batch.offset[row]!;
  }

  private nothingJudged(): void {
    this.disorder = true;
    this.back = null;
    this.ledger.disorder(DISORDER);
  }

  /**
   * An earlier stamp than the last of its CPU: one clock that goes back, if the others go on; another excerpt, if
   * theirs go back as well; no order at all, if it goes on so.
   */
  private wentBack(clock: CpuClock, batch: RecordBatch, row: number, ts: number, cpu: number): void {
    this.backs++;
    if (this.backs > MANY_BACK && this.backs * MANY_BACK_SHARE > this.events - this.segmentStart) {
      this.nothingJudged();
      return;
    }
    const { back } = this;
    if (back && back.cpu !== cpu) {
      this.back = null;
      this.excerpts++;
      // Until this CPU went back as well, the other's new events were held against the old ones.
      this.ledger.lost(back.at - 1, EXCERPT);
      this.newSegment(false);
      // What was read of it already is of it: those CPUs have begun.
      const first = this.clockOf(back.cpu);
      first.lastNs = back.tsNs;
      return;
    }
    if (back) this.oneClockBack();
    this.back = {
      cpu,
      tsNs: ts,
      at: this.events,
      by: clock.lastNs - ts,
      before: clock.lastRef,
      ref: batch.ref(row),
    };
  }

  /** One for each kernel that the captures may be of. */
  get detectors(): readonly VariantDetector[] {
    return this.session.detectors;
  }

  private oneClockBack(): void {
    const { back } = this;
    this.back = null;
    if (!back) return;
    const { unit } = this.options.time;
    this.session.recording.clockBack(back.cpu, back.by, unit, back.before, back.ref);
  }

  private clockOf(cpu: number): CpuClock {
    while (this.cpus.length <= cpu) {
      this.cpus.push({
        lastNs: Number.NEGATIVE_INFINITY,
        lastRef: -1,
        lastEvent: this.segmentStart,
        gap: false,
        events: 0,
        lost: 0,
        lossIntervals: 0,
      });
    }
    return this.cpus[cpu]!;
  }

  /** A new capture, not a late line: this CPU too has gone back by more than the limit. */
  private jumpsBack(ts: number, cpu: number): boolean {
    return cpu < 0 || ts < this.clockOf(cpu).lastNs - SEGMENT_JUMP_NS;
  }

  /** A new input begins. */
  boundary(): void {
    if (this.events > 0) this.newSegment(true);
  }

  /** Time from the first to the last stamp of all captures, and the time that they cover together. */
  extent(): { firstNs: number; lastNs: number; coveredNs: number } {
    const { past, firstNs, lastNs } = this;
    const open = this.events > this.segmentStart && Number.isFinite(lastNs);
    return {
      firstNs: open ? Math.min(past.firstNs, firstNs) : past.firstNs,
      lastNs: open ? Math.max(past.lastNs, lastNs) : past.lastNs,
      coveredNs: past.coveredNs + (open ? Math.max(0, lastNs - firstNs) : 0),
    };
  }

  private newSegment(otherKernel: boolean): void {
    this.options.phases?.cut();
    this.oneClockBack();
    this.backs = 0;
    this.past = this.extent();
    this.lines.end();
    this.session.end('the capture ends before its probe fired again');
    this.segments++;
    this.session.restart(otherKernel);
    this.options.decoder.restart();
    this.maxNs = Number.NEGATIVE_INFINITY;
    this.segmentStart = this.events;
    for (const clock of this.cpus) {
      clock.lastNs = Number.NEGATIVE_INFINITY;
      clock.lastEvent = this.events;
    }
    this.options.listener?.segment(this.lastNs);
  }

  /** What a sample of missed hits tells, by event. */
  private *countsOf(op: Op): Iterable<readonly [string, number]> {
    for (let i = 0; i + 1 < op.nTables; i += 2) {
      yield [this.options.funcs.name(op.tables[i]!), op.tables[i + 1]!] as const;
    }
  }

  private threadOf(comm: number): number {
    let kind = this.threads[comm];
    if (kind === undefined) {
      kind = threadKind(this.options.names.text(comm));
      this.threads[comm] = kind;
    }
    return kind;
  }
}
