import type { VariantDetector } from '../../kernel/detect-variant.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import type { SkewBounds } from '../../timeline/skew.js';
import type { Coverage } from '../coverage.js';
import { type Complaint, KNOWN, type Known, type Ledger, type Witness } from '../ledger.js';
import type { MachineState } from '../state.js';

/** What every invariant family works with. */
export interface Court {
  state: MachineState;
  readonly ledger: Ledger;
  readonly coverage: Coverage;
  readonly detector: VariantDetector;
  readonly skew: SkewBounds;
  /** Error of cross-CPU order that the trace proves, or cannot rule out, ns: closer stamps are unordered. */
  readonly epsilonNs: number;
  /** Smallest step of the stamps, ns. */
  readonly resolutionNs: number;
}

/**
 * How well the order of two events is known: on one CPU by the file, across CPUs by stamps that lie further apart
 * than the clock error. Recorders merge by ns and then print µs, so file order holds among equal stamps unless
 * the clocks themselves are off: such an order counts, but is called order-dependent. Null: not known.
 */
export function order(court: Court, tsA: number, cpuA: number, tsB: number, cpuB: number): Known | null {
  if (cpuA === cpuB) return KNOWN.observed;
  const apart = Math.abs(tsB - tsA);
  if (apart < court.epsilonNs) return null;
  return apart <= court.resolutionNs ? KNOWN.order : KNOWN.observed;
}

/** The weaker of two orders; null if either is not known. */
export function bothOrders(a: Known | null, b: Known | null): Known | null {
  if (a === null || b === null) return null;
  return a === KNOWN.order || b === KNOWN.order ? KNOWN.order : KNOWN.observed;
}

export const CLOCK = 'the events that decide it lie within the clock error of each other';
export const LOSS = 'events were lost in between';

/** Whether any event was lost since step `seq`: then nothing absent since is evidence. */
export const lostSince = (court: Court, seq: number): boolean => court.state.lossSeq > seq;

/**
 * A violation that rests on the absence of `kind` on `cpu` since step `since`: certain only if its probe fires
 * on that CPU before and after without loss; unknown otherwise.
 */
export function absent(
  court: Court,
  invariant: number,
  kind: number,
  cpu: number,
  since: number,
  complaint: Omit<Complaint, 'known'>,
  probe: string,
  stillAbsent?: () => boolean,
): void {
  const example = complaint.events[complaint.events.length - 1]?.ref ?? -1;
  if (lostSince(court, since)) {
    court.ledger.unknown(invariant, LOSS, example);
    return;
  }
  // Captured now: the filter state of the deciding event counts, not that of the event that settles it.
  const hidden = court.ledger.hidden;
  court.coverage.ask({
    kind,
    cpu,
    proven: () => {
      if (stillAbsent && !stillAbsent()) return;
      const now = court.ledger.hidden;
      court.ledger.hidden = hidden;
      court.ledger.violated(invariant, { ...complaint, known: KNOWN.absence });
      court.ledger.hidden = now;
    },
    unproven: (why) => {
      if (stillAbsent && !stillAbsent()) return;
      court.ledger.unknown(invariant, `absence of ${probe} is not proven: ${why}`, example);
    },
  });
}

export const w = (ref: EvidenceRef, role: string): Witness => ({ ref, role });

/** Witnesses that exist, in file order. */
export function witnesses(...events: Witness[]): Witness[] {
  return events.filter((e) => e.ref >= 0).sort((a, b) => a.ref - b.ref);
}
