import type { Decoder } from '../kernel/decoder.js';
import type { VariantDetector } from '../kernel/detect-variant.js';
import type { FuncTable } from '../kernel/func-table.js';
import { OP, OP_COUNT, Op } from '../kernel/ops.js';
import type { Release } from '../kernel/releases.js';
import type { VariantMask } from '../kernel/variants.js';
import type { EvidenceRef, RecordBatch } from '../timeline/batch.js';
import {
  type EventTable,
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
import {
  CaptureClocks,
  type ClockListener,
  type CpuClock,
  DISORDER,
  OUT_OF_PLACE,
} from './doubts/capture-clocks.js';
import { MissedHits } from './doubts/missed-hits.js';
import { MissingLines } from './doubts/missing-lines.js';
import { RecordedCpus } from './doubts/recorded-cpus.js';
import { SORTED_OTHERWISE, SortedOtherwise } from './doubts/sorted-otherwise.js';
import { SwitchedProbes } from './doubts/switched-probes.js';
import { SORTED_BY_TEXT, Ties } from './doubts/ties.js';
import { UnseenNumbers } from './doubts/unseen-numbers.js';
import { UnseenReleases } from './doubts/unseen-releases.js';
import type { Evidence } from './evidence.js';
import type { Ledger } from './ledger.js';
import { cpuOf, goesOn } from './machine.js';
import type { Monitor } from './monitor.js';
import { listening, type RcuListener } from './rcu-listener.js';
import { Session } from './session.js';
import { subjectMm, subjectPid } from './subject.js';
import { THREAD, ThreadKinds } from './thread-kinds.js';

export interface EngineOptions {
  readonly names: Interner;
  readonly time: TimeBase;
  readonly funcs: FuncTable;
  readonly decoder: Decoder;
  /** Names of events; where they are not given, lines of one stamp are taken to be in their order. */
  readonly events?: EventTable;
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

const EXCERPT = 'another excerpt begins there';

/** Drives the machine and the invariants with a recorded timeline, batch by batch. */
export class ReplayEngine {
  readonly session: Session;
  readonly ledger: Ledger;
  readonly coverage: Coverage;
  readonly skew: SkewBounds;
  readonly operations = new Float64Array(OP_COUNT);
  readonly recorded = new RecordedCpus();
  segments = 1;
  private readonly options: EngineOptions;
  private readonly op = new Op();
  private readonly clocks: CaptureClocks;
  /** Why nothing is judged; null: it is. */
  disorder: string | null = null;
  private finished = false;
  private readonly threads: ThreadKinds;
  readonly missed = new MissedHits();
  private readonly lines = new MissingLines();
  private readonly ties: Ties | null;
  private readonly sorted: SortedOtherwise | null;
  private readonly loss = new Op();

  constructor(options: EngineOptions) {
    this.options = options;
    this.threads = new ThreadKinds(options.names);
    this.clocks = new CaptureClocks(options.time, this.listenToClocks());
    const { listener } = options;
    this.session = new Session({
      variants: options.variants,
      resolutionNs: () => options.time.resolutionNs,
      ticks: () => options.time.unit === 'ticks',
      nameOf: (id) => options.funcs.name(id),
      maxFindings: options.maxFindings,
      walks: listener?.walks ?? null,
      release: () => options.release?.() ?? null,
      exactClock: () => options.exactClock?.() ?? false,
      pausedNs: (fromNs, toNs) => this.clocks.pauses.between(fromNs, toNs),
      listeners: (evidence) => [
        ...(listener ? [listening(evidence, listener)] : []),
        ...(options.watch?.(evidence) ?? []),
        ...this.doubts(evidence),
        ...(options.mayMiss?.() ? [this.missed.monitor(evidence)] : []),
      ],
    });
    this.ledger = this.session.ledger;
    this.ties = options.events ? new Ties(options.events) : null;
    this.sorted = options.events ? new SortedOtherwise(options.events) : null;
    this.coverage = this.session.coverage;
    this.skew = this.session.skew;
  }

  /** What the recording itself shows to be missing in it. */
  private doubts(evidence: Evidence): Monitor[] {
    const unseen = new UnseenNumbers(evidence);
    const lines = this.lines.monitor(evidence, unseen);
    return [unseen, lines, new SwitchedProbes(evidence, unseen), new UnseenReleases(evidence)];
  }

  batch(batch: RecordBatch): void {
    const { decoder, filter } = this.options;
    const { op, session } = this;
    const { ledger } = session;
    const { clocks, threads, ties, sorted } = this;
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
      clocks.event(batch, row, ts, cpu);
      ties?.event(batch, row, ts, cpu);
      sorted?.event(event, batch.pid[row]!);
      if (this.disorder !== null) continue;
      ledger.now = clocks.events;
      const thread = threads.of(batch.comm[row]!);
      if (thread === THREAD.sentinel && cpu >= 0) session.alive(cpu, ts);
      const decoded = decoder.decode(batch, row, op);
      if (cpu >= 0) {
        const since = this.lines.follow(batch, row, decoded ? op : null, clocks.events, session.state.seq);
        if (since >= 0) this.lose(-1, batch.ref(row), -1, since);
      }
      if (!decoded) {
        if (decoder.unread) this.lost(batch, row, 1, clocks.events);
        else if (cpu >= 0) goesOn(session.state, cpu, batch.flags[row]!);
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
      if (op.kind === OP.IS) this.recorded.name(op.a0);
    }
  }

  /** End of the timeline. Idempotent. */
  finish(): void {
    if (this.finished) return;
    this.finished = true;
    const { session, clocks } = this;
    if (this.disorder === null && this.sorted?.found(clocks.wentBackEver))
      this.nothingJudged(SORTED_OTHERWISE);
    const { disorder } = this;
    session.ledger.hidden = false;
    if (disorder !== null) {
      session.restart(false);
      session.coverage.end(disorder);
      session.ledger.disorder(disorder);
      return;
    }
    clocks.settle();
    this.captureEnds();
    this.lines.end();
    session.end('the trace ends before its probe fired again');
    const { wentBackAt } = clocks;
    if (wentBackAt.size > 0)
      session.ledger.unordered((lines) => lines.some((ref) => wentBackAt.has(ref)), OUT_OF_PLACE);
    const { ties } = this;
    if (ties?.sorted) session.ledger.unordered((lines) => ties.any(lines), SORTED_BY_TEXT);
    const losslessCpus = this.cpus.filter((c) => c.events > 0 && c.lossIntervals === 0).length;
    session.recording.recordingEnded({ orderedEvents: clocks.ordered, losslessCpus });
  }

  get events(): number {
    return this.clocks.events;
  }

  get cpus(): readonly CpuClock[] {
    return this.clocks.cpus;
  }

  /** Captures that begin where the stamps of several CPUs go back together. */
  get excerpts(): number {
    return this.clocks.excerpts;
  }

  /** Time from the first to the last stamp of all captures, and the time that they cover together. */
  extent(): { firstNs: number; lastNs: number; coveredNs: number } {
    return this.clocks.extent();
  }

  /** One for each kernel that the captures may be of. */
  get detectors(): readonly VariantDetector[] {
    return this.session.detectors;
  }

  private listenToClocks(): ClockListener {
    return {
      captureBegins: () => this.newSegment(false),
      anotherExcerpt: (from) => {
        this.ledger.lost(from, EXCERPT);
        this.newSegment(false);
      },
      wentBack: (cpu, byNs, before, ref) =>
        this.session.recording.clockBack(cpu, byNs, this.options.time.unit, before, ref),
      noOrder: (why) => this.nothingJudged(why),
    };
  }

  private nothingJudged(why: string): void {
    this.disorder ??= why;
    this.ledger.disorder(this.disorder);
  }

  private fact(event: number, batch: RecordBatch, row: number): void {
    const cpu = batch.cpu[row]!;
    if (event === RESERVED.segment) {
      if (this.events > 0) this.newSegment(batch.aux[row] === NEW_HEADER);
      return;
    }
    if (event === RESERVED.silentLoss) {
      this.session.loseSomewhere(batch.aux[row] === IN_HANDLERS);
      if (batch.aux[row] === MISPLACED) this.nothingJudged(DISORDER);
      return;
    }
    if (event === RESERVED.bufferStart && batch.aux[row] === OVERWRITTEN) {
      // What the others did before it was recorded without this CPU.
      const { captureStart } = this.clocks;
      const first = cpu >= 0 && this.clocks.of(cpu).events === 0;
      if (first && this.events > captureStart) this.lost(batch, row, -1, captureStart);
      return;
    }
    if (event !== RESERVED.lost) return;
    this.lost(batch, row, batch.aux[row]!, this.clocks.lastShown(cpu));
  }

  /** The row tells of so many events (-1: some), behind the event `since`, that they are not known. */
  private lost(batch: RecordBatch, row: number, count: number, since: number): void {
    const cpu = batch.cpu[row]!;
    this.lines.forget(cpu);
    this.lose(cpu, batch.ref(row), count, since);
    if (cpu >= 0) this.clocks.lost(cpu, count);
  }

  private lose(cpu: number, ref: EvidenceRef, count: number, since: number): void {
    this.options.phases?.cut();
    const { loss } = this;
    loss.kind = OP.lost;
    loss.cpu = cpu;
    loss.pid = -1;
    loss.ref = ref;
    loss.context = CONTEXT.unknown;
    loss.a0 = count;
    this.session.lose(loss, since);
  }

  /** A new input begins. */
  boundary(): void {
    if (this.events > 0) this.newSegment(true);
    this.recorded.nextGroup();
  }

  private captureEnds(): void {
    const { captureStart, events, cpus } = this.clocks;
    this.recorded.captureEnds({ from: captureStart, to: events }, cpus);
  }

  private newSegment(otherKernel: boolean): void {
    const { clocks } = this;
    const { lastNs } = clocks;
    this.options.phases?.cut();
    clocks.settle();
    this.captureEnds();
    this.lines.end();
    this.session.end('the capture ends before its probe fired again');
    this.segments++;
    this.session.restart(otherKernel);
    this.options.decoder.restart();
    clocks.restart();
    this.options.listener?.segment(lastNs);
  }

  /** What a sample of missed hits tells, by event. */
  private *countsOf(op: Op): Iterable<readonly [string, number]> {
    for (let i = 0; i + 1 < op.nTables; i += 2) {
      yield [this.options.funcs.name(op.tables[i]!), op.tables[i + 1]!] as const;
    }
  }
}
