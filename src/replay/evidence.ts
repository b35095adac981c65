import type { VariantDetector } from '../kernel/detect-variant.js';
import type { Op } from '../kernel/ops.js';
import { hasChange, type KernelChangeName, type Release } from '../kernel/releases.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { isKnown } from '../timeline/is-known.js';
import type { SkewBounds } from '../timeline/skew.js';
import type { Coverage } from './coverage.js';
import type { Ledger } from './ledger.js';
import type { Monitor } from './monitor.js';
import type { MachineState } from './state/machine-state.js';
import { KNOWN, type Known, type Violation, type Witness } from './tally.js';
import type { Verdicts } from './verdicts.js';

/** Syscall events are counted per call: another call's events prove nothing about this one's. */
export const SYSCALL_KINDS = 4096;
export const syscallKind = (id: number, exit: boolean): number => id * 2 + (exit ? 1 : 0);

const INFINITE = Number.POSITIVE_INFINITY;

/** Builds what several rules of a session share: made once, told of everything before they are. */
export type Shared<T extends Monitor> = new (evidence: Evidence) => T;

/** What verdicts rest on: the machine's state, which probes demonstrably fire, how far the clocks can be trusted. */
export interface Evidence {
  readonly state: MachineState;
  readonly ledger: Ledger;
  readonly coverage: Coverage;
  /** The same per syscall: kinds are `syscallKind`. */
  readonly syscalls: Coverage;
  /** That of the capture being read. */
  readonly detector: VariantDetector;
  readonly detectors: readonly VariantDetector[];
  readonly skew: SkewBounds;
  /** Error of cross-CPU order that the trace proves, or cannot rule out, ns: closer stamps are unordered. */
  readonly epsilonNs: number;
  /** One clock stamps all CPUs: a program's, or that of a log made from one. */
  readonly exactClock: boolean;
  /** Smallest step of the stamps, ns. */
  readonly resolutionNs: number;
  /** Stamps are counts of the recorder's clock: how long anything took is not known. */
  readonly ticks: boolean;
  /** How much of the time between two stamps, ns, the recording shows nothing at all of the machine (`Pauses`). */
  pausedNs(fromNs: number, toNs: number): number;
  /** Name of a syscall, or of what else the recording names by an id. */
  nameOf(id: number): string;
  /** The one of this session. */
  shared<T extends Monitor>(of: Shared<T>): T;
  /** Release of the kernel that was recorded; null where nothing says it. */
  readonly release: Release | null;
}

/**
 * Whether the recorded kernel has a change, by its release, else by what the recording itself shows; null: not known, so
 * what differs with it is not either.
 */
export function kernelHas(evidence: Evidence, change: KernelChangeName): boolean | null {
  return hasChange(change, evidence.release) ?? evidence.detector.has(change);
}

/**
 * How well the order of two events is known: on one CPU by the file, across CPUs by stamps that lie further apart
 * than the clock error. Recorders merge by ns and then print µs, so file order holds among equal stamps unless
 * the clocks themselves are off: such an order counts, but is called order-dependent. Null: not known.
 */
export function order(
  evidence: Evidence,
  tsA: number,
  cpuA: number,
  tsB: number,
  cpuB: number,
): Known | null {
  if (cpuA === cpuB) return KNOWN.observed;
  const apart = Math.abs(tsB - tsA);
  if (apart < evidence.epsilonNs) return null;
  return apart <= evidence.resolutionNs ? KNOWN.order : KNOWN.observed;
}

/** As `order`, of what accuses: an offset of the clocks that the recording suggests must not explain it. */
export function surelyBefore(
  evidence: Evidence,
  tsA: number,
  cpuA: number,
  tsB: number,
  cpuB: number,
): Known | null {
  return suspectSkew(evidence, tsA, cpuA, tsB, cpuB) ? null : order(evidence, tsA, cpuA, tsB, cpuB);
}

/** An IPI takes no less, ns, on bare metal (kernel-semantics §6.5); guests are slower. */
const FASTEST_IPI_NS = 2000;
/** A busy guest answers late by milliseconds, which is no offset: no larger one is suspected of few IPIs, or of none. */
const SUSPECTED_NS = 20_000;
/** With so many IPIs each way the shortest of them were not late: what they differ by is an offset, however large. */
const MANY_IPIS = 32;

/**
 * As `explainedBySkew`, where the recording also suggests such an offset. What a constant offset adds to IPIs one way it
 * takes from those the other way, so it is no larger than the difference of the shortest of both; where the other way
 * is not seen, than what the shortest took beyond what the fastest of all pairs did. Of CPUs that no IPIs bound, not even
 * by way of a third one, while others are, a small offset cannot be ruled out either. Where no IPI is shown at all, nothing
 * suggests an offset: the clocks of x86 are synchronised, and a step of the stamp is all that is doubted.
 */
function suspectSkew(evidence: Evidence, tsA: number, cpuA: number, tsB: number, cpuB: number): boolean {
  if (cpuA === cpuB || evidence.exactClock) return false;
  const { skew } = evidence;
  if (!Number.isFinite(skew.leastNs())) return false;
  const apart = tsB - tsA;
  const ahead = skew.aheadByWayNs(cpuA, cpuB);
  if (apart >= ahead) return false;
  const back = skew.aheadByWayNs(cpuB, cpuA);
  const fastest = back < Number.POSITIVE_INFINITY ? back : Math.min(FASTEST_IPI_NS, skew.leastNs());
  const many = Math.min(skew.seenFrom(cpuA, cpuB), skew.seenFrom(cpuB, cpuA)) >= MANY_IPIS;
  const differ = ahead - fastest;
  return apart < (many ? differ : Math.min(SUSPECTED_NS, differ));
}

/**
 * An effect that is stamped after what it should have come before: what the clocks of the two CPUs may be apart,
 * as far as the shortest IPIs between them tell, explains it as well. Nothing is known of CPUs without IPIs.
 */
export function explainedBySkew(
  evidence: Evidence,
  tsA: number,
  cpuA: number,
  tsB: number,
  cpuB: number,
): boolean {
  if (cpuA === cpuB || evidence.exactClock) return false;
  const ahead = evidence.skew.aheadNs(cpuA, cpuB);
  return ahead < Number.POSITIVE_INFINITY && tsB - tsA < ahead;
}

/** The weaker of two orders; null if either is not known. */
export function bothOrders(a: Known | null, b: Known | null): Known | null {
  if (a === null || b === null) return null;
  return a === KNOWN.order || b === KNOWN.order ? KNOWN.order : KNOWN.observed;
}

/**
 * Clock error, ns, beyond what the trace already shows, at which the order of two events would no longer be known;
 * infinite on one CPU. The order holds while stamps lie at least `epsilonNs` apart.
 */
export function margin(evidence: Evidence, tsA: number, cpuA: number, tsB: number, cpuB: number): number {
  if (cpuA === cpuB || !isKnown(tsA) || !isKnown(tsB)) return Number.POSITIVE_INFINITY;
  return Math.max(0, Math.abs(tsB - tsA) - evidence.epsilonNs);
}

/** `{ flipNs }` of the narrowest of these margins; nothing where no order of two CPUs matters. */
export function flips(...margins: number[]): { flipNs?: number } {
  const flipNs = Math.min(...margins);
  return flipNs < Number.POSITIVE_INFINITY ? { flipNs } : {};
}

export const CLOCK = 'the events that decide it lie within the clock error of each other';
export const LOSS = 'events were lost, or may have been, in between';

/** Whether any event was lost since step `seq`: then nothing absent since is evidence. */
export const lostSince = (evidence: Evidence, seq: number): boolean => evidence.state.lossSeq > seq;

/** What is absent: operations whose probes must all work on `cpu`, and since which step they did not fire. */
export interface Absence {
  readonly kinds: readonly number[];
  readonly cpu: number;
  readonly since: number;
  /** Where the kinds are counted; default the operations. */
  readonly coverage?: Coverage;
  /** The probe, in words. */
  readonly probe: string;
  /** Asked again when the probes have proved to work: false withdraws the case silently. */
  readonly still?: () => boolean;
  /** Asked then as well: why it cannot be told although the probes work. */
  readonly doubt?: () => string | null;
  /** The event that came without it, where that is on another CPU: what proves the probe must come surely later. */
  readonly instance?: { readonly tsNs: number; readonly cpu: number };
}

/** Stamp and CPU of an operation, kept beyond it. */
export const instanceOf = (op: Op): { tsNs: number; cpu: number } => ({ tsNs: op.tsNs, cpu: op.cpu });

/**
 * A violation that rests on an absence: certain only if every probe concerned fires on that CPU before and after
 * without loss; unknown otherwise.
 */
export function absent(
  evidence: Evidence,
  verdicts: Verdicts,
  absence: Absence,
  finding: Omit<Violation, 'known'>,
): void {
  const example = finding.events[finding.events.length - 1]?.ref ?? -1;
  const at = evidence.ledger.now;
  // A task that was elsewhere for a while may have done there what is absent here.
  const rests = { since: absence.since };
  const whole: Violation = { assumesAllCpus: true, rests, ...finding, known: KNOWN.absence };
  provenAbsent(
    evidence,
    absence,
    (flip) => verdicts.violated({ ...whole, ...flips(flip, whole.flipNs ?? INFINITE) }, at),
    (why) => verdicts.unknown(why, example),
  );
}

/** As `absent`, with what to do in either case. The filter state of now counts, not that of the proving event. */
export function provenAbsent(
  evidence: Evidence,
  { kinds, cpu, since, probe, still, doubt, instance, coverage = evidence.coverage }: Absence,
  proven: (flipNs: number) => void,
  unproven: (why: string) => void,
): void {
  if (lostSince(evidence, since)) {
    unproven(LOSS);
    return;
  }
  const { ledger } = evidence;
  const { hidden } = ledger;
  const say = unproven;
  unproven = (why) => {
    const now = ledger.hidden;
    ledger.hidden = hidden;
    say(why);
    ledger.hidden = now;
  };
  const missing = (why: string): void => {
    if (!still || still()) unproven(`absence of ${probe} is not proven: ${why}`);
  };
  if (!kinds.every((kind) => coverage.firedOn(kind, cpu))) {
    missing('it was not seen to fire on this CPU before');
    return;
  }
  const at = ledger.now;
  let flipNs = INFINITE;
  const next = (i: number): void => {
    // A loss is told late: with the next event of its CPU.
    if (ledger.gapAround(at)) {
      if (!still || still()) unproven(LOSS);
      return;
    }
    if (i === 1 && instance && instance.cpu !== cpu) {
      const proofTs = evidence.state.cpus[cpu]?.lastTs ?? Number.NaN;
      const skewed = explainedBySkew(evidence, instance.tsNs, instance.cpu, proofTs, cpu);
      if (skewed || order(evidence, instance.tsNs, instance.cpu, proofTs, cpu) === null) {
        if (!still || still()) unproven(CLOCK);
        return;
      }
      flipNs = margin(evidence, instance.tsNs, instance.cpu, proofTs, cpu);
    }
    if (i < kinds.length) {
      coverage.ask({ kind: kinds[i]!, cpu, proven: () => next(i + 1), unproven: missing });
      return;
    }
    if (still && !still()) return;
    const doubted = doubt?.() ?? null;
    if (doubted !== null) {
      unproven(doubted);
      return;
    }
    const now = ledger.hidden;
    ledger.hidden = hidden;
    proven(flipNs);
    ledger.hidden = now;
  };
  next(0);
}

export const w = (ref: EvidenceRef, role: string): Witness => ({ ref, role });

/** Witnesses that exist, in file order. */
export function witnesses(...events: Witness[]): Witness[] {
  return events.filter((e) => e.ref >= 0).sort((a, b) => a.ref - b.ref);
}

/** A violation that one operation shows by itself; `before`: what belongs to it. */
export const shownBy = (op: Op, role: string, message: string, ...before: Witness[]): Violation => ({
  message,
  known: KNOWN.observed,
  events: witnesses(...before, w(op.ref, role)),
});
