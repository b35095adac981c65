import { VariantDetector } from '../kernel/detect-variant.js';
import { FUNC, OP, type Op } from '../kernel/ops.js';
import type { Release } from '../kernel/releases.js';
import { ALL_VARIANTS, type VariantMask } from '../kernel/variants.js';
import { isKnown } from '../timeline/is-known.js';
import { SkewBounds } from '../timeline/skew.js';
import { Coverage, FLUSH_SENT, NAMED_READER } from './coverage.js';
import { type Evidence, LOSS, type Shared, SYSCALL_KINDS, syscallKind } from './evidence.js';
import { Ledger } from './ledger.js';
import type { Installed } from './listeners.js';
import { step } from './machine.js';
import type { Monitor } from './monitor.js';
import { Monitors } from './monitors.js';
import { CATALOGUE } from './rules/catalogue.js';
import type { Rule } from './rules/rule.js';
import { type MachineState, newState } from './state/machine-state.js';
import { Verdicts } from './verdicts.js';
import type { WalkListener } from './walks/walk-monitors.js';

export interface SessionOptions {
  /** Variants it can be; null: what the operations allow. */
  readonly variants?: VariantMask | null;
  /** Smallest step of the stamps, ns; asked again and again where it is learnt on the way. Default 1. */
  readonly resolutionNs?: () => number;
  /** Whether stamps are ticks of a clock of unknown pace; asked again and again. Default: ns. */
  readonly ticks?: () => boolean;
  /** Release of the kernel, as far as it is known by now; default: not. */
  readonly release?: () => Release | null;
  /** Stamps of all CPUs come from one clock without error: programs, explorations. */
  readonly exactClock?: () => boolean;
  /** As `Evidence.pausedNs`; default: none. */
  readonly pausedNs?: (fromNs: number, toNs: number) => number;
  /** Name of a syscall, or of what else is named by an id. */
  readonly nameOf?: (id: number) => string;
  /** Findings kept per rule. */
  readonly maxFindings?: number;
  /** Default: the catalogue. */
  readonly rules?: readonly Rule[];
  /** Told of every page table that is released with its readers. */
  readonly walks?: WalkListener | null;
  /** Told of everything after the rules; made anew for each capture. */
  readonly listeners?: (evidence: Evidence) => readonly Monitor[];
}

/** An IPI arrives after it was sent, and is answered before the sender goes on: what clocks of two CPUs may be apart. */
const clocks = (skew: SkewBounds): Monitor => ({
  ipiArrived: ({ from, cpu, isTs, ieTs, ixTs }) => skew.add(from, cpu, (isKnown(ieTs) ? ieTs : ixTs) - isTs),
  flushDone(flush, _gather, _task, op) {
    for (const { ixRef, ixTs, cpu } of flush.targets) {
      if (ixRef >= 0) skew.bound(cpu, flush.cpu, op.tsNs - ixTs);
    }
  },
});

/** One for all captures: what is left of an old one must not keep the machine of that capture alive. */
class SessionEvidence implements Evidence {
  state = newState();
  readonly ledger: Ledger;
  readonly coverage: Coverage;
  readonly syscalls: Coverage;
  readonly skew: SkewBounds;
  readonly nameOf: (id: number) => string;
  /** What rules share, by what made it. */
  readonly made = new Map<Shared<Monitor>, Monitor>();
  private readonly resolution: () => number;
  private readonly session: Session;
  private readonly options: SessionOptions;

  constructor(session: Session, options: SessionOptions) {
    this.ledger = session.ledger;
    this.coverage = session.coverage;
    this.syscalls = session.syscalls;
    this.session = session;
    this.options = options;
    this.skew = session.skew;
    this.nameOf = options.nameOf ?? String;
    this.resolution = options.resolutionNs ?? (() => 1);
  }

  get detector(): VariantDetector {
    return this.session.detector;
  }

  get detectors(): readonly VariantDetector[] {
    return this.session.detectors;
  }

  get release(): Release | null {
    return this.options.release?.() ?? null;
  }

  get exactClock(): boolean {
    return this.options.exactClock?.() ?? false;
  }

  get resolutionNs(): number {
    return this.resolution();
  }

  get ticks(): boolean {
    return this.options.ticks?.() ?? false;
  }

  pausedNs(fromNs: number, toNs: number): number {
    return this.options.pausedNs?.(fromNs, toNs) ?? 0;
  }

  /** Pairs without an inversion show clocks that agree; without any pair a step of the stamp may lie. */
  get epsilonNs(): number {
    if (this.exactClock) return 0;
    return this.skew.pairs > 0 ? this.skew.worstInversionNs : this.resolution();
  }

  restart(): void {
    this.state = newState();
    this.made.clear();
  }

  shared<T extends Monitor>(of: Shared<T>): T {
    let one = this.made.get(of);
    if (!one) this.made.set(of, (one = new of(this)));
    return one as T;
  }
}

/**
 * The referee: the machine, the monitors of all rules, the book of verdicts and the upkeep between them. Recordings,
 * litmus programs, what-if re-runs and explorations feed it operations one by one and read the ledger.
 */
export class Session {
  readonly ledger: Ledger;
  readonly coverage = new Coverage();
  readonly syscalls = new Coverage(SYSCALL_KINDS);
  readonly skew = new SkewBounds();
  /** One for each capture that may be of another kernel than the one before. */
  readonly detectors: VariantDetector[];
  private readonly options: SessionOptions;
  private readonly evidence: SessionEvidence;
  private monitors: Monitors;

  constructor(options: SessionOptions = {}) {
    this.options = options;
    this.ledger = new Ledger(options.maxFindings);
    this.detectors = [new VariantDetector(options.variants ?? null)];
    this.evidence = new SessionEvidence(this, options);
    this.monitors = this.install();
  }

  /** That of the capture being read. */
  get detector(): VariantDetector {
    return this.detectors[this.detectors.length - 1]!;
  }

  get state(): MachineState {
    return this.evidence.state;
  }

  /** Whom facts about the recording itself are told. */
  get recording(): Pick<Monitors, 'clockBack' | 'eventsLost' | 'recordingEnded'> {
    return this.monitors;
  }

  /** One operation: the machine's step, the verdicts on it, and what it proves of the probes and the kernel. */
  feed(op: Op): void {
    const { coverage } = this;
    const { state } = this.evidence;
    state.event = this.ledger.now;
    step(state, op, this.monitors);
    coverage.fired(op.kind, op.cpu, state.seq);
    if (op.kind === OP.RB && isKnown(op.a1)) coverage.fired(NAMED_READER, op.cpu, state.seq);
    if (op.kind === OP.IS && !(isKnown(op.a1) && op.a1 !== FUNC.flush_tlb_func))
      coverage.fired(FLUSH_SENT, op.cpu, state.seq);
    if (op.kind === OP.GE && isKnown(op.a6)) coverage.fired(OP.NSUB, op.cpu, state.seq);
    if (op.kind === OP.TR && isKnown(op.a4)) coverage.fired(OP.PTES, op.cpu, state.seq);
    if (op.kind === OP.SE || op.kind === OP.SX) {
      this.syscalls.fired(syscallKind(op.a0, op.kind === OP.SX), op.cpu, state.seq);
    }
    this.detector.observe(op);
  }

  /** The recording is about to end on this CPU, and goes on until here. */
  alive(cpu: number, tsNs: number): void {
    this.coverage.alive(cpu);
    this.syscalls.alive(cpu);
    this.monitors.alive(cpu, tsNs);
  }

  /** Events were lost (`OP.lost`); `since`: number of the last event shown before the loss. */
  lose(op: Op, since: number): void {
    step(this.state, op, this.monitors);
    this.ledger.lost(since, LOSS);
    this.coverage.lost(op.cpu);
    this.syscalls.lost(op.cpu);
    this.monitors.eventsLost(op.ref);
  }

  /**
   * Events were lost, nobody knows where: nothing absent is evidence any more. `inHandlers`: but for what tasks do
   * themselves.
   */
  loseSomewhere(inHandlers = false): void {
    this.state.lossSeq = Number.POSITIVE_INFINITY;
    if (!inHandlers) this.state.taskLossSeq = Number.POSITIVE_INFINITY;
    this.ledger.lost(Number.NEGATIVE_INFINITY, LOSS);
    this.monitors.eventsLost(-1);
  }

  /** The capture ends, for the reason given: what is still open can no longer be decided. */
  end(why: string): void {
    // First: what is still pending is judged by the probes that work up to here.
    this.monitors.end();
    this.coverage.end(why);
    this.syscalls.end(why);
  }

  /** A new capture begins after `end`: the machine starts anew; what was learnt of the kernel stays unless it may be another. */
  restart(otherKernel = false): void {
    const { lossSeq } = this.state;
    this.evidence.restart();
    this.monitors = this.install();
    // Of the next capture nobody has said that its losses are in handlers only.
    if (lossSeq === Number.POSITIVE_INFINITY) this.state.lossSeq = this.state.taskLossSeq = lossSeq;
    this.detector.segment();
    if (!otherKernel) return;
    this.coverage.otherRecorder();
    this.detectors.push(new VariantDetector(this.options.variants ?? null));
    this.ledger.capture = this.detectors.length - 1;
  }

  /**
   * Settles what depends on the kernel variant, once everything was fed. Returns the variants that remain: after a
   * contradiction those that the operations had allowed until then.
   */
  settle(byRelease: VariantMask = ALL_VARIANTS): VariantMask {
    const given = this.options.variants ?? null;
    const masks = this.detectors.map((d) => {
      const mask = d.contradiction ? (given ?? d.consistent) : d.mask;
      // A kernel that carries what its number does not tell is judged by what it shows.
      return given === null && (mask & byRelease) !== 0 ? mask & byRelease : mask;
    });
    // Captures that can be of one kernel are taken to be.
    const common = masks.reduce((all, mask) => all & mask);
    this.ledger.resolve((capture) => (common !== 0 ? common : masks[capture]!));
    return common !== 0 ? common : masks.reduce((all, mask) => all | mask);
  }

  /** The monitors of a capture: facts that rules share first, then the rules, then who measures. */
  private install(): Monitors {
    const { options, skew, evidence } = this;
    const rules: Installed[] = (options.rules ?? CATALOGUE).map((rule) => ({
      by: rule,
      monitor: rule.monitor(evidence, new Verdicts(this.ledger, rule.number)),
    }));
    const installed: Installed[] = [{ by: clocks, monitor: clocks(skew) }];
    for (const [by, monitor] of evidence.made) installed.push({ by, monitor });
    installed.push(...rules);
    for (const monitor of options.listeners?.(evidence) ?? []) installed.push({ by: monitor, monitor });
    return new Monitors(installed, evidence, options.walks ?? null);
  }
}
