import type { DeferredReport, EventQuote, HistogramBucket, InputReport } from '../result/types.js';
import type { CostBasis, CostId } from './costs.js';
import type { Refusal } from './policy.js';

export const WHAT_IF_SCHEMA = 'pttrace/what-if/1';

export interface Interval {
  value: number;
  /** 95 % bootstrap interval; null where none can be given (the notes say why). */
  low: number | null;
  high: number | null;
}

export interface WhatIfStats {
  count: number;
  /** ns. */
  mean: number;
  quantiles: { p50: number; p90: number; p99: number; max: number };
  histogram: HistogramBucket[];
}

export interface WhatIfSeries {
  name: string;
  what: string;
  before: WhatIfStats;
  after: WhatIfStats;
  /** after − before in ns, with what the bootstrap says of it. */
  shift: { mean: Interval; p50: Interval; p90: Interval; p99: Interval };
  /** Durations with at least one step drawn from the cost model. */
  changed: number;
}

/** One count over the whole recording, as recorded and under the other variant; null: not recorded. */
export interface WhatIfCount {
  name: string;
  what: string;
  before: number | null;
  after: number | null;
}

export interface WhatIfCost {
  id: CostId;
  basis: CostBasis;
  from: string;
  /** Times it was seen. */
  count: number;
  /** ns; of a prior: the range. */
  low: number;
  median: number | null;
  high: number;
  /** The prediction needs it. */
  used: boolean;
}

export interface WhatIfVerdict {
  id: string;
  name: string;
  verdict: 'pass' | 'violated' | 'unknown';
  pass: number;
  violated: number;
  unknown: number;
  /** Violations of the sequence as it was recorded. */
  recordedViolated: number;
  example: string;
  /** Why some of it is unknown; empty where the rules themselves say so. */
  reason: string;
  /** The recorded events behind the example, for `show --line`. */
  events: EventQuote[];
}

export interface WhatIfReport {
  schema: typeof WHAT_IF_SCHEMA;
  version: string;
  inputs: InputReport[];
  source: { candidates: string[]; how: 'detected' | 'given'; leaf: 'sync' | 'rcu' | null };
  target: { id: string; title: string; kernels: string };
  /** Why there is no answer; everything below is then empty. */
  refused: Refusal | null;
  gathers: {
    total: number;
    withTables: number;
    /** The model of the recorded kernel gives the recorded counts. */
    reproduced: number;
    /** Cut by lost events or an end of the recording. */
    cut: number;
    /** A table met a failing allocation. */
    starved: number;
  };
  counts: WhatIfCount[];
  series: WhatIfSeries[];
  deferred: {
    before: DeferredReport;
    after: DeferredReport;
    /** Where the times of callbacks come from. */
    clock: { neighbour: number; delay: number; prior: number };
  } | null;
  costs: WhatIfCost[];
  /** The changed sequence of operations on the machine, judged by the rules of the target. */
  order: { checked: boolean; reason: string; operations: number; verdicts: WhatIfVerdict[] };
  method: string;
  limits: string[];
  notes: string[];
  partial: boolean;
}

/** Kernel-semantics §6.5: what the model leaves out. */
export const LIMITS: readonly string[] = [
  'no effects on caches and TLB refills',
  'no change in lock contention',
  'no feedback of the scheduler or the workload: the next call is taken to come when it did',
  'no change in the state of the page allocator: tables held for a grace period are memory that is missing elsewhere',
  'callbacks are charged to the syscall that runs on their CPU when they start; one that lands in a wait for an IPI costs nothing',
  'an added step is taken to be traced as its like is in the recording, and a removed one takes its probes along',
  'one recording: how much runs differ from each other is unknown and in no interval',
  'probe overhead is in every measured cost: traced latencies predict traced latencies',
];

export const METHOD =
  'old duration - recorded time of steps the target does not have + costs drawn for steps it adds; 95 % intervals: ' +
  'circular block bootstrap over calls, with the samples of every cost drawn again, 200 rounds, fixed seed';

/** The comparisons are those of docs/accuracy.md. */
export const NO_BETTER =
  'both kernels flush and interrupt equally often here, so only the steps of the free path itself are changed: between recordings of such kernels the rest of the call differed by more, and a prediction was hardly ever better than "no change" (docs/accuracy.md)';

export const NO_CHANGE =
  'no call is changed: the answer is "no change" itself, without an interval; recordings of kernels of which that was said differed all the same (docs/accuracy.md)';
