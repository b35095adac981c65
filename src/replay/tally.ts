import type { VariantMask } from '../kernel/variants.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { Doubtful, type Rests } from './doubts/doubtful.js';

/** How a verdict is known, from strongest to weakest. */
export const KNOWN = { observed: 0, inferred: 1, absence: 2, assumed: 3, order: 4 } as const;
export type Known = (typeof KNOWN)[keyof typeof KNOWN];

export interface Witness {
  readonly ref: EvidenceRef;
  readonly role: string;
}

export interface Violation {
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
  readonly words?: (candidates: VariantMask) => Partial<Pick<Violation, 'message' | 'held' | 'missing'>>;
}

interface UnknownTally {
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
  readonly violations: Violation[];
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
  readonly violations: Violation[];
  readonly doubtful: Doubtful;
  /** Passes that rest on what was not seen, by `KNOWN`. */
  readonly unseen: Map<Known, Doubtful>;
  readonly unknowns: Map<string, UnknownTally>;
  readonly masked: Map<string, MaskedTally>;
}

export const newTally = (): Tally => ({
  pass: new Float64Array(5),
  violated: 0,
  unknown: 0,
  censored: 0,
  outside: 0,
  violations: [],
  doubtful: new Doubtful(),
  unseen: new Map(),
  unknowns: new Map(),
  masked: new Map(),
});
