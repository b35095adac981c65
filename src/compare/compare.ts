import {
  type BootstrapShifts,
  bootstrapShifts,
  type Estimate,
} from '../latency/statistics/bootstrap-shifts.js';
import { COMPARE_QUANTILES } from '../latency/statistics/compare.js';
import { compareRuns, type RunsComparison } from '../latency/statistics/compare-runs.js';
import { DEFAULT_MARGINS, type Equivalence, judge, type Margins } from '../latency/statistics/equivalence.js';
import { seededRandom } from '../latency/statistics/resampling.js';
import { UsageError } from '../result/usage-error.js';
import { VERSION } from '../version.js';
import { caveatsOf } from './caveats.js';
import { failIf } from './conditions.js';
import { parseCondition } from './fail-if.js';
import { type HeadlineRow, headline, marginOf, tailStart } from './headline.js';
import { type Design, severalRuns, shiftOf, superiorityOf } from './inference.js';
import { METHODS } from './methods.js';
import { planOf } from './plan-report.js';
import { finePair, type PooledSide, poolSide } from './pooled-side.js';
import { type CompareInputs, phasesOf, readRuns, readSide, tablesOfSides } from './read-sides.js';
import { COMPARE_SCHEMA, type CompareReport } from './report.js';
import { rowsOf, shifts, tests } from './report-rows.js';
import { BEYOND } from './run-values.js';
import { conclude } from './sentence.js';
import { side } from './side.js';
import type { RunSample } from './sides.js';

export type { CompareInputs } from './read-sides.js';

/** What `planInputs` answers: rows as in a report. */
export type Plan = Pick<CompareReport, 'plan' | 'alpha' | 'paired'>;

/** Runs needed to see a change, from the spread between runs of one kernel. Throws as `compareInputs`. */
export async function planInputs(options: Omit<CompareInputs, 'after'>): Promise<Plan> {
  const runs = await readRuns(options, options.before, options.windowNs?.[0]);
  if (runs.length === 0) throw new UsageError('a plan needs at least one run');
  const alpha = options.alpha ?? 0.05;
  const [a, b] = [poolSide(runs), poolSide([])];
  const tail = { what: 'tail', fromNs: tailStart(a, a), ratio: null } as const;
  const design: Design = { a, b, alpha, paired: false, within: null, spread: null };
  return { plan: planOf(design, [tail]), alpha, paired: false };
}

/**
 * Everything two sides say about each other. Of several runs a side those that cannot be read are left out and listed.
 * Throws TraceError where none of a side can be read, or one of a pair; UsageError for ambiguous ones and a malformed
 * condition.
 */
export async function compareInputs(options: CompareInputs): Promise<CompareReport> {
  const conditions = (options.failIf ?? []).map((text) => ({ text, condition: parseCondition(text) }));
  const a = await readSide(options.before, 0, options);
  const b = await readSide(options.after, 1, options);
  const phases = await phasesOf([a, b], options);
  const clauses = conditions.flatMap((c) => c.condition.flat());
  const { report, design } = compared(a.runs, b.runs, {
    ...options,
    phases,
    moreQuantiles: clauses.flatMap((c) => (c.metric.kind === 'quantile' ? [c.metric.q] : [])),
    moreTailsNs: clauses.flatMap((c) => (c.metric.kind === 'tail' ? [c.metric.fromNs] : [])),
  });
  report.failIf = failIf(conditions, design);
  report.tables = await tablesOfSides([a, b], options);
  const leftOut = [...a.leftOut, ...b.leftOut];
  if (leftOut.length > 0) {
    report.leftOut = leftOut.map(({ argument, error }) => ({
      argument,
      code: error.code,
      message: error.message,
    }));
    report.caveats.push(
      ...report.leftOut.map((l) => `${l.argument}: left out, as it cannot be read: ${l.message}`),
    );
  }
  return report;
}

export interface CompareSamplesOptions
  extends Pick<CompareInputs, 'names' | 'margins' | 'alpha' | 'seed' | 'paired' | 'spread'> {
  /** Quantiles and tails whose shift a condition asks for, besides those of the report. */
  readonly moreQuantiles?: readonly number[];
  readonly moreTailsNs?: readonly number[];
  /** What is said of the phases of the call, in the sentence. */
  readonly phases?: string;
}

/** As `compareInputs`, from runs already read; at least one on each side. Throws UsageError for uneven pairs. */
export function compareSamples(
  a: readonly RunSample[],
  b: readonly RunSample[],
  options: CompareSamplesOptions = {},
): CompareReport {
  return compared(a, b, options).report;
}

/** The report, and the design that conditions are judged on. */
export function compared(
  a: readonly RunSample[],
  b: readonly RunSample[],
  options: CompareSamplesOptions = {},
): { report: CompareReport; design: Design } {
  const margins = options.margins ?? DEFAULT_MARGINS;
  const names = namesOf(a, b, options.names);
  const counted = countedOf(a, b, names, margins, options);
  const { design, all, tailFromNs } = counted;
  const c = all.pooled;
  const rows = headline(design, margins, tailFromNs);
  const plan = planOf(design, rows);
  const a12 = superiorityOf(design)?.estimate ?? null;
  const a12Rule = a12
    ? judge('A12', a12, 0.5 - margins.a12, 0.5 + margins.a12)
    : c.equivalence.find((e) => e.what === 'A12');
  const sideA = side(names[0], a, c.a, design.a.exact);
  const sideB = side(names[1], b, c.b, design.b.exact);
  const { alpha, paired, spread } = design;
  const said = conclude({
    names,
    runs: [a.length, b.length],
    paired,
    rows,
    alpha,
    margins,
    marginGiven: options.margins !== undefined,
    spread,
    a12Inside: a12Rule ? a12Rule.verdict === 'equivalent' : null,
    plan,
    phases: options.phases ?? '',
  });
  const report: CompareReport = {
    schema: COMPARE_SCHEMA,
    version: VERSION,
    verdict: said.verdict,
    sentence: said.sentence,
    table: rows,
    plan,
    paired,
    spread,
    a: sideA,
    b: sideB,
    alpha,
    margins,
    ...distributionsOf(counted, a12),
    equivalence: equivalences(rows, a12Rule ?? null, margins),
    bootstrap: design.within,
    betweenRuns:
      a.length > 1 || b.length > 1
        ? { statistics: all.statistics, withinA: all.withinA, withinB: all.withinB }
        : null,
    tables: null,
    failIf: [],
    methods: METHODS,
    caveats: caveatsOf(c, a, b, [sideA, sideB]),
    partial: [...a, ...b].some((r) => r.partial),
  };
  return { report, design };
}

/** Both sides counted: the design that conditions are judged on, and what the pooled bins say. */
interface Counted {
  readonly design: Design;
  readonly all: RunsComparison;
  readonly tailFromNs: number | null;
  /** Rows came with their single values. */
  readonly exact: boolean;
}

/** Throws UsageError for uneven pairs. */
function countedOf(
  a: readonly RunSample[],
  b: readonly RunSample[],
  names: readonly [string, string],
  margins: Margins,
  options: CompareSamplesOptions,
): Counted {
  const alpha = options.alpha ?? 0.05;
  const paired = options.paired ?? false;
  if (paired && (a.length !== b.length || a.length < 2)) {
    throw new UsageError(
      `--paired wants as many runs before as after, two or more: got ${a.length} and ${b.length}`,
    );
  }
  const pooledA = poolSide(a);
  const pooledB = poolSide(b);
  const fine = finePair(pooledA, pooledB);
  const all = compareRuns(
    a.map((r) => r.bins),
    b.map((r) => r.bins),
    { names, margins, alpha, ...(fine ? { fine: fine.pair } : {}) },
  );
  const tailFromNs = tailStart(pooledA, pooledB);
  const within = withinRuns(pooledA, pooledB, options, alpha, [
    ...(tailFromNs === null ? [] : [tailFromNs]),
    ...all.pooled.tails.map((t) => t.fromNs),
    ...(options.moreTailsNs ?? []),
  ]);
  const alone = a.length === 1 && b.length === 1;
  const spread = alone ? (options.spread ?? null) : null;
  const design: Design = { a: pooledA, b: pooledB, alpha, paired, within, spread };
  return { design, all, tailFromNs, exact: fine?.exact ?? false };
}

/** What the two distributions say, in the order of the report. */
function distributionsOf({ design, all, exact }: Counted, a12: Estimate | null) {
  const several = severalRuns(design);
  const c = all.pooled;
  return {
    countRatio: c.countRatio,
    rate: shiftOf(design, { kind: 'rate' })?.ratio ?? null,
    a12,
    rows: rowsOf(c),
    quantiles: shifts(design, c),
    means: {
      a: c.a.mean,
      b: c.b.mean,
      meanDifference: c.meanDifference,
      shift: shiftOf(design, { kind: 'mean' }),
    },
    homogeneity: several ? [] : tests(c.pair),
    kolmogorovSmirnov: c.kolmogorovSmirnov,
    mannWhitney: c.mannWhitney,
    superiority: c.superiority,
    distances: c.distances,
    fromSingleValues: exact,
    dominance: c.dominance,
    // Of one run a side they are those of independent calls: nominal, as p-values are.
    tails: several ? c.tails.map((t) => ({ ...t, interval: tailInterval(design, t.fromNs) })) : c.tails,
  } satisfies Partial<CompareReport>;
}

function tailInterval(design: Design, fromNs: number): { low: number; high: number } | null {
  const ratio = shiftOf(design, { kind: 'share', fromNs })?.ratio;
  return ratio && Number.isFinite(ratio.low + ratio.high) ? { low: ratio.low, high: ratio.high } : null;
}

/** The intervals of the table and of A12 against what does not matter. */
function equivalences(
  rows: readonly HeadlineRow[],
  a12: Equivalence | null,
  margins: Margins,
): Equivalence[] {
  const out = a12 ? [a12] : [];
  for (const r of rows) {
    if (r.ratio === null || r.basis === 'none' || !['p50', 'p99', 'mean', 'tail', 'rate'].includes(r.what))
      continue;
    if (!Number.isFinite(r.ratio.low + r.ratio.high)) continue;
    const what = r.what === 'tail' ? `risk ratio at ${r.fromNs} ns` : `ratio of ${r.what}`;
    const margin = marginOf(r, margins);
    out.push(judge(what, r.ratio, 1 / margin, margin));
  }
  return out;
}

/** Titles where they tell the sides apart; files and blocks may be called alike. */
function namesOf(
  a: readonly RunSample[],
  b: readonly RunSample[],
  given: CompareInputs['names'],
): [string, string] {
  const of = (runs: readonly RunSample[], otherwise: string): string =>
    runs.length === 1 ? runs[0]!.title : otherwise;
  const na = given?.[0] ?? of(a, 'before');
  const nb = given?.[1] ?? of(b, 'after');
  return na === nb ? ['before', 'after'] : [na, nb];
}

/** The block bootstrap inside the one run of each side; null with several, or where the order of calls is not known. */
function withinRuns(
  a: PooledSide,
  b: PooledSide,
  options: CompareSamplesOptions,
  alpha: number,
  tailsNs: readonly number[],
): BootstrapShifts | null {
  if (a.runs.length > 1 || b.runs.length > 1) return null;
  const [va, vb] = [a.runs[0]!.ordered, b.runs[0]!.ordered];
  if (!va || !vb) return null;
  const least = Math.min(va.length, vb.length);
  const quantiles = [...new Set([...COMPARE_QUANTILES, ...(options.moreQuantiles ?? [])])].filter(
    (q) => Math.min(q, 1 - q) * least >= BEYOND,
  );
  return bootstrapShifts(va, vb, quantiles, seededRandom(options.seed ?? 1), alpha, [...new Set(tailsNs)]);
}
