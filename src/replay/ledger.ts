import { ALL_VARIANTS, type VariantMask } from '../kernel/variants.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { Doubtful, joinedWindows, mayRestOn, type Rests, type Taken, type Window } from './doubtful.js';

/** How a verdict is known, from strongest to weakest. */
export const KNOWN = { observed: 0, inferred: 1, absence: 2, assumed: 3, order: 4 } as const;
export type Known = (typeof KNOWN)[keyof typeof KNOWN];

export interface Witness {
  readonly ref: EvidenceRef;
  readonly role: string;
}

export interface Complaint {
  readonly message: string;
  readonly known: Known;
  readonly events: readonly Witness[];
  /** Overrides the invariant's own severity. */
  readonly severity?: 'S1' | 'S2' | 'S3' | 'S4';
  /** Holds only if every CPU of the machine was recorded; unknown otherwise. */
  readonly assumesAllCpus?: boolean;
  /** Rests on the quoted events alone: no lost event could have made it right. */
  readonly certain?: boolean;
  /** Who still held what when it happened; default: what the rule is about (`witness.ts`). */
  readonly held?: readonly string[];
  /** The operation that should have come between; default as `held`. */
  readonly missing?: string;
  /** The event before which `missing` should have come; default the last. */
  readonly before?: EvidenceRef;
  /** Clock error, ns, beyond which the order it rests on would no longer be known; absent: no such order. */
  readonly flipNs?: number;
  /** What it rests on not having happened, where it is known. */
  readonly rests?: Rests;
  /** Number of the event at which it happened; set by the ledger. */
  readonly at?: number;
  /** What to say of it where the variants that the whole trace allows say it differently. */
  readonly words?: (candidates: VariantMask) => Partial<Pick<Complaint, 'message' | 'held' | 'missing'>>;
}

export interface UnknownTally {
  count: number;
  example: EvidenceRef;
}

/** Instances whose verdict depends on the kernel variant. */
export interface MaskedTally {
  readonly capture: number;
  readonly violatedUnder: VariantMask;
  readonly passUnder: VariantMask;
  count: number;
  readonly known: Known;
  readonly complaints: Complaint[];
  readonly doubtful: Doubtful;
}

export interface Tally {
  /** By `KNOWN`. */
  readonly pass: Float64Array;
  violated: number;
  unknown: number;
  censored: number;
  /** Opportunities that the user's filter leaves out: context, judged neither way. */
  outside: number;
  readonly complaints: Complaint[];
  readonly doubtful: Doubtful;
  /** Passes that rest on what was not seen, by `KNOWN`. */
  readonly quiet: Map<Known, Doubtful>;
  readonly unknowns: Map<string, UnknownTally>;
  readonly masked: Map<string, MaskedTally>;
}

/** I52 and I53 are about the recording itself, whatever part of it is looked at. */
const FIRST_OF_RECORDING = 52;

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
  /** Set by the engine while the current operation lies outside the user's filter. */
  hidden = false;
  /** Number of the capture being judged: each may be of another kernel. */
  capture = 0;
  /** Number of the event being judged, counted over the whole run; set by the engine. */
  now = 0;
  /** Why nothing is known of what came before what; null: it is. Rules without an instance are then not decided either. */
  disordered: string | null = null;
  private readonly gaps: Gap[] = [];
  private readonly maxComplaints: number;

  constructor(maxComplaints = 50) {
    this.maxComplaints = maxComplaints;
  }

  tally(invariant: number): Tally {
    let t = this.tallies.get(invariant);
    if (!t) {
      t = {
        pass: new Float64Array(5),
        violated: 0,
        unknown: 0,
        censored: 0,
        outside: 0,
        complaints: [],
        doubtful: new Doubtful(),
        quiet: new Map(),
        unknowns: new Map(),
        masked: new Map(),
      };
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
    const { quiet } = this.tally(invariant);
    let passes = quiet.get(known);
    if (!passes) {
      passes = new Doubtful();
      quiet.set(known, passes);
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
  violated(invariant: number, complaint: Complaint, at = this.now): void {
    if (this.hidden) {
      this.tally(invariant).outside++;
      return;
    }
    const t = this.tally(invariant);
    t.violated++;
    this.book(t, complaint, at);
  }

  private book(t: Tally | MaskedTally, complaint: Complaint, at: number): void {
    if (t.complaints.length < this.maxComplaints) t.complaints.push({ ...complaint, at });
    t.doubtful.add(complaint, at);
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
    complaint: () => Complaint,
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
        complaints: [],
        doubtful: new Doubtful(),
      };
      t.masked.set(key, m);
    }
    m.count++;
    this.book(m, complaint(), at);
  }

  /** Not all CPUs were recorded: what might have happened on the others turns those violations into unknown. */
  blind(why: string): void {
    this.retract(
      why,
      (d) => d.blind(),
      (c) => c.assumesAllCpus === true,
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

  /** Nothing is known of what came before what: all verdicts so far are withdrawn. */
  disorder(why: string): void {
    this.disordered = why;
    for (const [invariant, t] of [...this.tallies]) {
      let count = t.violated + t.pass.reduce((sum, n) => sum + n, 0);
      for (const m of t.masked.values()) count += m.count;
      this.tallies.delete(invariant);
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

  private retract(why: string, take: (d: Doubtful) => Taken, taken: (c: Complaint) => boolean): void {
    for (const [invariant, t] of this.tallies) this.doubt(invariant, t, why, take, taken);
  }

  private doubt(
    invariant: number,
    t: Tally,
    why: string,
    take: (d: Doubtful) => Taken,
    taken: (c: Complaint) => boolean,
    mayBeIdle = false,
  ): void {
    this.withdraw(invariant, why, take, mayBeIdle);
    const { count, ref } = take(t.doubtful);
    if (count > 0) {
      t.violated -= count;
      keep(t.complaints, (c) => !taken(c));
      this.undecided(invariant, why, ref, count);
    }
    for (const m of t.masked.values()) {
      const doubted = take(m.doubtful);
      if (doubted.count === 0) continue;
      m.count -= doubted.count;
      keep(m.complaints, (c) => !taken(c));
      this.undecided(invariant, why, doubted.ref, doubted.count);
    }
  }

  private withdraw(invariant: number, why: string, take: (d: Doubtful) => Taken, mayBeIdle = false): void {
    const t = this.tally(invariant);
    for (const [known, passes] of t.quiet) {
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
          for (const c of m.complaints) {
            if (t.complaints.length < this.maxComplaints)
              t.complaints.push({ ...c, ...c.words?.(candidates) });
          }
        } else if (candidates !== 0 && (candidates & ~m.passUnder & ALL_VARIANTS) === 0) {
          t.pass[m.known]! += m.count;
        } else {
          const example = m.complaints[0]?.events[0]?.ref ?? -1;
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

function keep(complaints: Complaint[], which: (c: Complaint) => boolean): void {
  const kept = complaints.filter(which);
  complaints.length = 0;
  for (const c of kept) complaints.push(c);
}
