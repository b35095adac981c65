import type { EventQuote, InputReport } from '../result/types.js';

/** What a recording must fulfil to pass the gate. JSON Schema: `src/schema/policy.schema.json`. */
export interface Policy {
  /** Format of the policy file. */
  readonly version: 1;
  /** Policies this one builds on: `default`, or files relative to this one. Later ones win, this one last. */
  readonly extends?: readonly string[];
  readonly variant?: {
    /** Kernel variants the recording may come from. */
    readonly oneOf: readonly string[];
    /** True: a recording that leaves room for other variants fails; default false. */
    readonly certain?: boolean;
  };
  readonly invariants?: {
    /** Must be decided and pass. */
    readonly required?: readonly string[];
    /** May stay unknown; default `all`. Required ones never may. */
    readonly mayBeUnknown?: 'all' | readonly string[];
    /** Reported but never a failure, each with the reason why. */
    readonly ignored?: readonly { readonly id: string; readonly reason: string }[];
    /** Whether a recording in which no page table is freed may pass; default false. */
    readonly mayJudgeNothing?: boolean;
  };
  readonly loss?: {
    /** Events the ring buffer may have lost; a loss of unknown size counts as more than any number. */
    readonly maxEvents?: number;
    /** Of all events, 0 … 1. */
    readonly maxFraction?: number;
  };
  readonly lines?: {
    /** Lines that looked like trace and could not be used. */
    readonly maxSkipped?: number;
  };
  readonly probes?: {
    /** Event names or probed kernel symbols that must occur. */
    readonly required?: readonly string[];
  };
  readonly latency?: readonly LatencyBudget[];
  readonly baseline?: {
    /** File written by `--update-baseline`, relative to the policy. */
    readonly file: string;
    /** Syscalls whose spans are compared; default munmap. */
    readonly syscalls?: readonly string[];
    /** Conditions on the change since then, e.g. `p99 > +5%`; decided on the confidence interval. */
    readonly failIf?: readonly string[];
    /** By how much runs of one kernel differ in speed (one standard deviation), e.g. `3%`; without it none is decided. */
    readonly spread?: string;
  };
}

export interface LatencyBudget {
  /** As in the report: `munmap`, `call_rcu→callback`; `->` may stand for the arrow. */
  readonly name: string;
  /** Grouping key; default overall. */
  readonly key?: string;
  /** e.g. `p99 <= 50us`, `max < 2ms`, `count >= 1000`. */
  readonly budgets: readonly string[];
}

export type Outcome = 'pass' | 'fail' | 'undecided' | 'ignored';

export interface GateFinding {
  readonly message: string;
  readonly basis: string;
  readonly events: readonly EventQuote[];
}

/** One thing the policy asks of one recording. */
export interface GateCheck {
  /** Stable id: `I09`, `variant`, `loss`, `lines`, `probe mm_page_free`, `latency munmap: p99 <= 50us`. */
  readonly id: string;
  readonly outcome: Outcome;
  readonly level: 'error' | 'warning' | 'note';
  /** One sentence: what was found against what was expected. */
  readonly message: string;
  /** Command or change that leads on; empty when there is nothing to do. */
  readonly next: string;
  readonly findings: readonly GateFinding[];
}

export interface GateTrace {
  readonly path: string;
  readonly inputs: readonly InputReport[];
  readonly checks: readonly GateCheck[];
  /** Seconds the recording spans; 0 without ns. */
  readonly spanSeconds: number;
}

export const GATE_SCHEMA = 'pttrace/gate/1';

/** Answer of `pttrace validate`. JSON Schema: `src/schema/gate.schema.json`. */
export interface GateReport {
  readonly schema: typeof GATE_SCHEMA;
  readonly version: string;
  /** Files the policy was put together from, in order; `default` is the built-in one. */
  readonly policy: readonly string[];
  readonly traces: readonly GateTrace[];
  readonly summary: {
    readonly passed: number;
    readonly failed: number;
    readonly undecided: number;
    readonly ignored: number;
    readonly partial: boolean;
  };
}
