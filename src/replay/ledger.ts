import { ALL_VARIANTS, type VariantMask } from '../kernel/variants.js';
import type { EvidenceRef } from '../timeline/batch.js';

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
}

export interface UnknownTally {
  count: number;
  example: EvidenceRef;
}

/** Instances whose verdict depends on the kernel variant. */
export interface MaskedTally {
  readonly violatedUnder: VariantMask;
  readonly passUnder: VariantMask;
  count: number;
  readonly known: Known;
  readonly complaints: Complaint[];
}

export interface Tally {
  /** By `KNOWN`. */
  readonly pass: Float64Array;
  violated: number;
  unknown: number;
  censored: number;
  readonly complaints: Complaint[];
  readonly unknowns: Map<string, UnknownTally>;
  readonly masked: Map<string, MaskedTally>;
}

const HIDDEN = 'hidden by the filter';

/**
 * Book of verdicts: one tally per invariant number. Violations keep their witnesses (bounded), unknowns their
 * reasons; instances that depend on the variant are kept per (violated-under, pass-under) pair and resolved at
 * the end against the variants the whole trace allows.
 */
export class Ledger {
  readonly tallies = new Map<number, Tally>();
  /** Set by the engine while the current operation lies outside the user's filter. */
  hidden = false;
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
        complaints: [],
        unknowns: new Map(),
        masked: new Map(),
      };
      this.tallies.set(invariant, t);
    }
    return t;
  }

  pass(invariant: number, known: Known): void {
    if (this.hidden) this.unknown(invariant, HIDDEN, -1);
    else this.tally(invariant).pass[known]!++;
  }

  /** Take back a pass that a later event contradicts. */
  revoke(invariant: number, known: Known): void {
    const t = this.tally(invariant);
    if (t.pass[known]! > 0) t.pass[known]!--;
  }

  violated(invariant: number, complaint: Complaint): void {
    if (this.hidden) {
      this.unknown(invariant, HIDDEN, -1);
      return;
    }
    const t = this.tally(invariant);
    t.violated++;
    if (t.complaints.length < this.maxComplaints) t.complaints.push(complaint);
  }

  unknown(invariant: number, why: string, example: EvidenceRef): void {
    const t = this.tally(invariant);
    t.unknown++;
    const u = t.unknowns.get(why);
    if (u) u.count++;
    else t.unknowns.set(why, { count: 1, example });
  }

  /** Cut off by an edge of the recording: not an opportunity at all, but counted. */
  censored(invariant: number): void {
    this.tally(invariant).censored++;
  }

  /** An instance that is violated under some variants, passes under others and says nothing about the rest. */
  masked(
    invariant: number,
    violatedUnder: VariantMask,
    passUnder: VariantMask,
    known: Known,
    complaint: () => Complaint,
  ): void {
    if (this.hidden) {
      this.unknown(invariant, HIDDEN, -1);
      return;
    }
    const t = this.tally(invariant);
    const key = `${violatedUnder}/${passUnder}/${known}`;
    let m = t.masked.get(key);
    if (!m) {
      m = { violatedUnder, passUnder, count: 0, known, complaints: [] };
      t.masked.set(key, m);
    }
    m.count++;
    if (m.complaints.length < this.maxComplaints) m.complaints.push(complaint());
  }

  /** Not all CPUs were recorded: what might have happened on the others turns those violations into unknown. */
  blind(why: string): void {
    for (const [invariant, t] of this.tallies) {
      const certain = t.complaints.filter((c) => !c.assumesAllCpus);
      const doubtful = t.complaints.length - certain.length;
      for (const c of t.complaints)
        if (c.assumesAllCpus) this.unknown(invariant, why, c.events[0]?.ref ?? -1);
      t.violated -= doubtful;
      t.complaints.length = 0;
      t.complaints.push(...certain);
    }
  }

  /**
   * A loss on one CPU is printed with that CPU's next event, after what the others did meanwhile: violations found
   * since its last event at `since` that need every CPU's events turn out to be unknown.
   */
  lost(since: EvidenceRef, why: string): void {
    for (const [invariant, t] of this.tallies) {
      const doubted = t.complaints.filter((c) => c.assumesAllCpus && c.events.some((e) => e.ref > since));
      if (doubted.length === 0) continue;
      for (const c of doubted) this.unknown(invariant, why, c.events.at(-1)?.ref ?? -1);
      t.violated -= doubted.length;
      const sure = t.complaints.filter((c) => !doubted.includes(c));
      t.complaints.length = 0;
      t.complaints.push(...sure);
    }
  }

  /** Settle variant-dependent instances: violated only if violated under every candidate. */
  resolve(candidates: VariantMask): void {
    for (const [invariant, t] of this.tallies) {
      for (const m of t.masked.values()) {
        if (candidates !== 0 && (candidates & ~m.violatedUnder & ALL_VARIANTS) === 0) {
          t.violated += m.count;
          for (const c of m.complaints) if (t.complaints.length < this.maxComplaints) t.complaints.push(c);
        } else if (candidates !== 0 && (candidates & ~m.passUnder & ALL_VARIANTS) === 0) {
          t.pass[m.known]! += m.count;
        } else {
          const example = m.complaints[0]?.events[0]?.ref ?? -1;
          for (let i = 0; i < m.count; i++) {
            this.unknown(
              invariant,
              'the rule differs between the kernel variants this trace allows',
              example,
            );
          }
        }
      }
      t.masked.clear();
    }
  }
}
