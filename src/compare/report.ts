import type { BootstrapShifts, Estimate } from '../latency/statistics/bootstrap-shifts.js';
import type { Comparison } from '../latency/statistics/compare.js';
import type { RunsComparison } from '../latency/statistics/compare-runs.js';
import type { Equivalence, Margins } from '../latency/statistics/equivalence.js';
import type { HomogeneityTest } from '../latency/statistics/hypothesis-tests.js';
import type { Clause, Decision, Measured } from './fail-if.js';
import type { HeadlineRow } from './headline.js';
import type { METHODS } from './methods.js';
import type { PlanRow } from './plan-report.js';
import type { CompareVerdict } from './sentence.js';
import type { Shift } from './shift.js';
import type { RunSample } from './sides.js';
import type { TablesOut } from './tables-out.js';

export const COMPARE_SCHEMA = 'pttrace/compare/1';

export interface RunReport {
  argument: string;
  title: string;
  from: 'events' | 'bins';
  what: string;
  count: number;
  censored: number;
  windowNs: number | null;
  windowHow: string;
  notes: readonly string[];
  inputs: RunSample['inputs'];
}

export interface CompareSide {
  name: string;
  runs: RunReport[];
  count: number;
  /** All runs together; null unless known for every run. */
  windowNs: number | null;
  perSecond: number | null;
  sumLowNs: number;
  sumHighNs: number;
  /** Exact mean; null where only bins are known. */
  exactMeanNs: number | null;
  dkwHalfWidth: number;
  outside: { lowNs: number; highNs: number } | null;
}

export interface CompareRow {
  lowNs: number;
  highNs: number;
  countA: number;
  countB: number;
  fractionA: number;
  fractionB: number;
  /** At the upper edge. */
  cdfA: number;
  cdfB: number;
  deltaCdf: number;
  sign: -1 | 0 | 1;
}

export interface QuantileShift {
  q: number;
  a: Comparison['a']['quantiles'][number];
  b: Comparison['a']['quantiles'][number];
  exactA: number | null;
  exactB: number | null;
  ratio: Estimate | null;
  differenceNs: Estimate | null;
  method: Shift['method'];
}

export interface NamedTest extends HomogeneityTest {
  cells: string;
  a: readonly number[];
  b: readonly number[];
}

/** The answer of `pttrace compare`. Numbers that do not exist are null in JSON. Its schema: compare.schema.json. */
export interface CompareReport {
  schema: typeof COMPARE_SCHEMA;
  version: string;
  verdict: CompareVerdict;
  sentence: string;
  /** What a reader sees first. */
  table: HeadlineRow[];
  /** Runs needed to show a change; empty where no side has two runs. */
  plan: PlanRow[];
  paired: boolean;
  /** Stated for one run a side (`--spread`); null: not stated, or not needed. */
  spread: number | null;
  a: CompareSide;
  b: CompareSide;
  alpha: number;
  margins: Margins;
  countRatio: number;
  /** Ratio of calls per second; without interval for one run a side. */
  rate: Estimate | null;
  /** P(a call of b is slower) + ties/2, with the spread of runs where there are several a side. */
  a12: Estimate | null;
  rows: CompareRow[];
  quantiles: QuantileShift[];
  means: Pick<Comparison, 'meanDifference'> & {
    a: Comparison['a']['mean'];
    b: Comparison['a']['mean'];
    shift: Shift | null;
  };
  homogeneity: NamedTest[];
  kolmogorovSmirnov: Comparison['kolmogorovSmirnov'];
  mannWhitney: Comparison['mannWhitney'];
  superiority: Comparison['superiority'];
  distances: Comparison['distances'];
  /** KS, Mann-Whitney, A12 and the Wasserstein distance are taken from single values, not from the printed rows. */
  fromSingleValues: boolean;
  dominance: Comparison['dominance'];
  tails: Comparison['tails'];
  equivalence: readonly Equivalence[];
  /** Of the calls inside the one run of each side; null with several. */
  bootstrap: BootstrapShifts | null;
  betweenRuns: Pick<RunsComparison, 'statistics' | 'withinA' | 'withinB'> | null;
  /** Readers and waiting memory, where every run is a recording on disk and all calls are compared; else null. */
  tables: { a: TablesOut; b: TablesOut } | null;
  failIf: FailIfReport[];
  methods: typeof METHODS;
  caveats: string[];
  /** Runs that could not be read, where others of their side could; absent where there are none. */
  leftOut?: { argument: string; code: string; message: string }[];
  partial: boolean;
}

export interface ClauseReport {
  text: string;
  /** What the threshold bounds: ratio after/before, difference in ns, or the value itself. */
  scale: Clause['scale'];
  threshold: number;
  interval: Measured | null;
  method: string;
  decision: Decision;
}

export interface FailIfReport {
  expression: string;
  decision: Decision;
  clauses: ClauseReport[];
}
