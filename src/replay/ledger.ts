import { ALL_VARIANTS, type VariantMask } from '../kernel/variants.js';
import type { EvidenceRef } from '../timeline/batch.js';
import {
  Doubtful,
  joinedWindows,
  mayRestOn,
  type Rests,
  type Taken,
  type Window,
} from './doubts/doubtful.js';
import type { Extent } from './doubts/recorded-cpus.js';
import { KNOWN, type Known, type MaskedTally, newTally, type Tally, type Violation } from './tally.js';

/** I52 and I53 are about the recording itself, whatever part of it is looked at. */
const FIRST_OF_RECORDING = 52;

const EVERYWHERE: readonly Extent[] = [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];

/** Losses remembered one by one; older ones are joined into one wide gap. */
const MAX_GAPS = 4096;

/** Events lost on a CPU between its event number `from` and event number `told`. */
interface Gap {
  told: number;
  from: number;
}

/**
 * Book of verdicts: one tally per invariant number. Violations keep their witnesses (bounded) and the moment they
 * happened (all of them, compactly), unknowns their reasons; instances that depend on the variant are kept per
 * (violated-under, pass-under) pair and resolved at the end against the variants the whole trace allows.
 */
export class Ledger {
  readonly tallies = new Map<number, Tally>();
  /** The same by number: one is asked for with every verdict. */
  private readonly byNumber: (Tally | undefined)[] = [];
  /** Set by the engine while the current operation lies outside the user's filter. */
  hidden = false;
  /** Number of the capture being judged: each may be of another kernel. */
  capture = 0;
  /** Number of the event being judged, counted over the whole run; set by the engine. */
  now = 0;
  /** Why nothing is known of what came before what; null: it is. Rules without an instance are then not decided either. */
  disordered: string | null = null;
  private readonly gaps: Gap[] = [];
  private readonly maxViolations: number;

  constructor(maxViolations = 50) {
    this.maxViolations = maxViolations;
  }

  tally(invariant: number): Tally {
    let t = this.byNumber[invariant];
    if (t === undefined) {
      t = newTally();
      this.byNumber[invariant] = t;
      this.tallies.set(invariant, t);
    }
    return t;
  }

  pass(invariant: number, known: Known): void {
    if (this.hidden) this.tally(invariant).outside++;
    else this.tally(invariant).pass[known]!++;
  }

  /** A pass because something was not seen: taken back if events were lost, as is told later, or CPUs not recorded. */
  passUnseen(invariant: number, known: Known, ref: EvidenceRef, rests: Rests = {}): void {
    this.pass(invariant, known);
    if (this.hidden) return;
    const { unseen } = this.tally(invariant);
    let passes = unseen.get(known);
    if (!passes) {
      passes = new Doubtful();
      unseen.set(known, passes);
    }
    passes.add({ assumesAllCpus: true, events: [{ ref }], rests }, this.now);
  }

  /** What was not seen has turned out to have been there: such passes since event number `from` mean nothing. */
  seenAfterAll(invariant: number, from: number, why: string): void {
    this.withdraw(invariant, why, (d) => d.lost(from));
  }

  /** Take back a pass that a later event contradicts. */
  revoke(invariant: number, known: Known): void {
    if (this.hidden) return;
    const t = this.tally(invariant);
    if (t.pass[known]! > 0) t.pass[known]!--;
  }

  /** `at`: number of the event at which it happened, where that is not the one being judged. */
  violated(invariant: number, violation: Violation, at = this.now): void {
    if (this.hidden) {
      this.tally(invariant).outside++;
      return;
    }
    const t = this.tally(invariant);
    t.violated++;
    this.book(t, violation, at);
  }

  private book(t: Tally | MaskedTally, violation: Violation, at: number): void {
    if (t.violations.length < this.maxViolations) t.violations.push({ ...violation, at });
    t.doubtful.add(violation, at, linesOf(violation));
  }

  unknown(invariant: number, why: string, example: EvidenceRef, count = 1): void {
    if (this.hidden && invariant < FIRST_OF_RECORDING) this.tally(invariant).outside += count;
    else this.undecided(invariant, why, example, count);
  }

  private undecided(invariant: number, why: string, example: EvidenceRef, count = 1): void {
    const t = this.tally(invariant);
    t.unknown += count;
    const u = t.unknowns.get(why);
    if (u) u.count += count;
    else t.unknowns.set(why, { count, example });
  }

  /** Cut off by an edge of the recording: not an opportunity at all, but counted. */
  censored(invariant: number): void {
    if (this.hidden) this.tally(invariant).outside++;
    else this.tally(invariant).censored++;
  }

  /** An instance that is violated under some variants, passes under others and says nothing about the rest. */
  masked(
    invariant: number,
    violatedUnder: VariantMask,
    passUnder: VariantMask,
    known: Known,
    violation: () => Violation,
    at = this.now,
  ): void {
    if (this.hidden) {
      this.tally(invariant).outside++;
      return;
    }
    const t = this.tally(invariant);
    const key = `${this.capture}/${violatedUnder}/${passUnder}/${known}`;
    let m = t.masked.get(key);
    if (!m) {
      m = {
        capture: this.capture,
        violatedUnder,
        passUnder,
        count: 0,
        known,
        violations: [],
        doubtful: new Doubtful(),
      };
      t.masked.set(key, m);
    }
    m.count++;
    this.book(m, violation(), at);
  }

  /** Not all CPUs were recorded in these captures: what might have happened on the others turns those violations into unknown. */
  blind(why: string, captures: readonly Extent[] = EVERYWHERE): void {
    this.retract(
      why,
      (d) => d.blind(captures),
      (c) => c.assumesAllCpus === true && captures.some(({ from, to }) => c.at! > from && c.at! <= to),
    );
  }

  /**
   * A loss on one CPU is printed with that CPU's next event, after what the others did meanwhile: what was found
   * since its last event, number `from`, may be made right by what was lost.
   */
  lost(from: number, why: string): void {
    this.gaps.push({ told: this.now, from });
    if (this.gaps.length > MAX_GAPS) {
      const [oldest, next] = this.gaps as [Gap, Gap];
      next.from = Math.min(oldest.from, next.from);
      this.gaps.shift();
    }
    this.retract(
      why,
      (d) => d.lost(from),
      (c) => c.certain !== true && c.at! > from,
    );
  }

  /**
   * Operations of these kinds were not all recorded: what rests on their absence is not known, within the windows in which
   * it was, or anywhere (null).
   */
  missed(
    invariant: number,
    why: string,
    kinds: ReadonlySet<number>,
    windows: readonly Window[] | null = null,
  ): void {
    const within = windows && joinedWindows(windows);
    this.doubt(
      invariant,
      this.tally(invariant),
      why,
      (d) => d.unseen(kinds, within),
      (c) => c.certain !== true && mayRestOn(c, kinds, within),
      true,
    );
  }

  /** Anything may have happened unseen within these windows. */
  unseenIn(windows: readonly Window[], why: string): void {
    const within = joinedWindows(windows);
    this.retract(
      why,
      (d) => d.unseen(null, within),
      (c) => c.certain !== true && mayRestOn(c, null, within),
    );
  }

  /** The order of some lines is not known: nor is what rests on it. */
  unordered(some: (lines: readonly EvidenceRef[]) => boolean, why: string): void {
    this.retract(
      why,
      (d) => d.unordered(some),
      (c) => c.certain !== true && some(linesOf(c)),
    );
  }

  /** Nothing is known of what came before what: all verdicts so far are withdrawn. */
  disorder(why: string): void {
    this.disordered = why;
    for (const [invariant, t] of [...this.tallies]) {
      let count = t.violated + t.pass.reduce((sum, n) => sum + n, 0);
      for (const m of t.masked.values()) count += m.count;
      this.tallies.delete(invariant);
      this.byNumber[invariant] = undefined;
      if (count > 0) this.unknown(invariant, why, -1, count);
    }
    if (!this.tallies.get(52)?.unknown) this.unknown(52, why, -1);
  }

  /** Whether a loss told of since event number `at` reaches back beyond it. */
  gapAround(at: number): boolean {
    for (let i = this.gaps.length - 1; i >= 0; i--) {
      const gap = this.gaps[i]!;
      if (gap.told < at) return false;
      if (gap.from < at) return true;
    }
    return false;
  }

  private retract(why: string, take: (d: Doubtful) => Taken, taken: (c: Violation) => boolean): void {
    for (const [invariant, t] of this.tallies) this.doubt(invariant, t, why, take, taken);
  }

  private doubt(
    invariant: number,
    t: Tally,
    why: string,
    take: (d: Doubtful) => Taken,
    taken: (c: Violation) => boolean,
    mayBeIdle = false,
  ): void {
    this.withdraw(invariant, why, take, mayBeIdle);
    const { count, ref } = take(t.doubtful);
    if (count > 0) {
      t.violated -= count;
      keep(t.violations, (c) => !taken(c));
      this.undecided(invariant, why, ref, count);
    }
    for (const m of t.masked.values()) {
      const doubted = take(m.doubtful);
      if (doubted.count === 0) continue;
      m.count -= doubted.count;
      keep(m.violations, (c) => !taken(c));
      this.undecided(invariant, why, doubted.ref, doubted.count);
    }
  }

  private withdraw(invariant: number, why: string, take: (d: Doubtful) => Taken, mayBeIdle = false): void {
    const t = this.tally(invariant);
    for (const [known, passes] of t.unseen) {
      const { count, idle, ref } = take(passes);
      if (count === 0) continue;
      t.pass[known]! -= count;
      const nothing = mayBeIdle && t.pass[KNOWN.observed]! > 0 ? idle : 0;
      t.censored += nothing;
      if (count > nothing) this.undecided(invariant, why, ref, count - nothing);
    }
  }

  /**
   * Settle variant-dependent instances: violated only if violated under every candidate of its capture.
   */
  resolve(of: VariantMask | ((capture: number) => VariantMask)): void {
    for (const [invariant, t] of this.tallies) {
      for (const m of t.masked.values()) {
        if (m.count === 0) continue;
        const candidates = typeof of === 'number' ? of : of(m.capture);
        if (candidates !== 0 && (candidates & ~m.violatedUnder & ALL_VARIANTS) === 0) {
          t.violated += m.count;
          for (const c of m.violations) {
            if (t.violations.length < this.maxViolations)
              t.violations.push({ ...c, ...c.words?.(candidates) });
          }
        } else if (candidates !== 0 && (candidates & ~m.passUnder & ALL_VARIANTS) === 0) {
          t.pass[m.known]! += m.count;
        } else {
          const example = m.violations[0]?.events[0]?.ref ?? -1;
          this.undecided(
            invariant,
            'the rule differs between the kernel variants this trace allows',
            example,
            m.count,
          );
        }
      }
      t.masked.clear();
    }
  }
}

const linesOf = ({ events }: Violation): EvidenceRef[] => events.map(({ ref }) => ref);

function keep(violations: Violation[], which: (c: Violation) => boolean): void {
  const kept = violations.filter(which);
  violations.length = 0;
  for (const c of kept) violations.push(c);
}
