import { align, type BinnedPair, total } from '../latency/binned.js';
import { type BootstrapShifts, bootstrapShifts } from '../latency/bootstrap-shifts.js';
import { COMPARE_QUANTILES, type Comparison } from '../latency/compare.js';
import { compareRuns } from '../latency/compare-runs.js';
import type { Distribution } from '../latency/distribution.js';
import { DEFAULT_MARGINS, type Equivalence, judge, type Margins } from '../latency/equivalence.js';
import { homogeneity } from '../latency/hypothesis-tests.js';
import { timeOutside } from '../latency/intervals.js';
import { seededRandom } from '../latency/resampling.js';
import { bodyOnly, rateRatio, sparseTailMerged } from '../latency/shifts.js';
import { VERSION } from '../version.js';
import { failIf } from './conditions.js';
import { parseCondition } from './fail-if.js';
import { METHODS } from './methods.js';
import {
  COMPARE_SCHEMA,
  type CompareReport,
  type CompareRow,
  type CompareSide,
  type NamedTest,
  type QuantileShift,
} from './report.js';
import { type PooledSide, poolSide, quantileShift, resampled } from './shifts.js';
import { loadRun, type RunOptions, type RunSample } from './sides.js';

export interface CompareInputs extends Omit<RunOptions, 'windowNs'> {
  /** Runs of each side: recording, printed histogram, pttrace result; `file#title` names a block. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly names?: readonly [before: string | undefined, after: string | undefined] | undefined;
  readonly margins?: Margins | undefined;
  /** Level of every single test and 1 − confidence of every interval; default 0.05. */
  readonly alpha?: number | undefined;
  /** Measuring window of every run of a side, where the input does not say it or says it wrong. */
  readonly windowNs?: readonly [before: number | undefined, after: number | undefined] | undefined;
  /** See `fail-if.ts`. */
  readonly failIf?: readonly string[] | undefined;
  /** Seed of the bootstrap; default 1. */
  readonly seed?: number | undefined;
}

/**
 * Everything two sides say about each other. Throws TraceError for unreadable inputs, RangeError for ambiguous ones,
 * SyntaxError for a malformed condition.
 */
export async function compareInputs(options: CompareInputs): Promise<CompareReport> {
  const conditions = (options.failIf ?? []).map((text) => ({ text, condition: parseCondition(text) }));
  const sides: [RunSample[], RunSample[]] = [[], []];
  for (const [i, list] of [options.before, options.after].entries()) {
    if (list.length === 0) throw new RangeError('each side needs at least one run');
    for (const argument of list) {
      const windowNs = options.windowNs?.[i];
      sides[i]!.push(await loadRun(argument, { ...options, windowNs }));
    }
  }
  const moreQuantiles = conditions
    .flatMap((c) => c.condition.flat())
    .flatMap((c) => (c.metric.kind === 'quantile' ? [c.metric.q] : []));
  const report = compareSamples(sides[0], sides[1], { ...options, moreQuantiles });
  report.failIf = failIf(conditions, report, poolSide(sides[0]), poolSide(sides[1]));
  return report;
}

export interface CompareSamplesOptions extends Pick<CompareInputs, 'names' | 'margins' | 'alpha' | 'seed'> {
  /** Quantiles whose shift a condition asks for, besides `COMPARE_QUANTILES`. */
  readonly moreQuantiles?: readonly number[];
}

/** As `compareInputs`, from runs already read; at least one on each side. */
export function compareSamples(
  a: readonly RunSample[],
  b: readonly RunSample[],
  options: CompareSamplesOptions = {},
): CompareReport {
  const alpha = options.alpha ?? 0.05;
  const margins = options.margins ?? DEFAULT_MARGINS;
  const names = namesOf(a, b, options.names);
  const pooledA = poolSide(a);
  const pooledB = poolSide(b);
  const fine = pooledA.exact && pooledB.exact ? align(pooledA.fine, pooledB.fine) : null;
  const all = compareRuns(
    a.map((r) => r.bins),
    b.map((r) => r.bins),
    { names, margins, alpha, ...(fine ? { fine } : {}) },
  );
  const c = all.pooled;
  const bootstrap = bootstrapOf(pooledA, pooledB, options, alpha);
  const sideA = side(names[0], a, c.a, pooledA.exact);
  const sideB = side(names[1], b, c.b, pooledB.exact);
  const rate =
    sideA.windowNs !== null && sideB.windowNs !== null
      ? rateRatio(sideA.count, sideA.windowNs, sideB.count, sideB.windowNs, alpha)
      : null;
  return {
    schema: COMPARE_SCHEMA,
    version: VERSION,
    a: sideA,
    b: sideB,
    alpha,
    margins,
    countRatio: c.countRatio,
    rate,
    rows: rows(c),
    quantiles: shifts(pooledA, pooledB, c, bootstrap, alpha),
    means: { a: c.a.mean, b: c.b.mean, meanDifference: c.meanDifference },
    homogeneity: tests(c.pair),
    kolmogorovSmirnov: c.kolmogorovSmirnov,
    mannWhitney: c.mannWhitney,
    superiority: c.superiority,
    distances: c.distances,
    fromSingleValues: fine !== null,
    dominance: c.dominance,
    tails: c.tails,
    equivalence: [...c.equivalence, ...exactEquivalence(bootstrap, margins)],
    bootstrap,
    betweenRuns:
      a.length > 1 || b.length > 1
        ? { statistics: all.statistics, withinA: all.withinA, withinB: all.withinB }
        : null,
    failIf: [],
    methods: METHODS,
    verdict: c.verdict,
    sentence: `${all.sentence}${correlation(c, bootstrap)}`,
    caveats: caveats(c, a, b, sideA, sideB),
    partial: [...a, ...b].some((r) => r.partial),
  };
}

/** The tests take calls as independent; the block bootstrap does not. */
function correlation(c: Comparison, bootstrap: BootstrapShifts | null): string {
  if (bootstrap === null || !['slower', 'faster', 'mixed'].includes(c.verdict)) return '';
  const { low, high } = bootstrap.a12;
  return low <= 0.5 && high >= 0.5
    ? ' Allowing for the correlation of neighbouring calls (block bootstrap), the body may not have moved at all.'
    : '';
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

function side(
  name: string,
  runs: readonly RunSample[],
  c: Comparison['a'],
  exact: Distribution | null,
): CompareSide {
  const windows = runs.map((r) => r.windowNs);
  const windowNs = windows.every((w) => w !== null) ? windows.reduce<number>((s, w) => s + w!, 0) : null;
  const sum = exact === null ? null : Number(exact.sumNs);
  const mean = sum === null ? c.mean : { ...c.mean, sumLowNs: sum, sumHighNs: sum };
  return {
    name,
    runs: runs.map((r) => ({
      argument: r.argument,
      title: r.title,
      from: r.from,
      what: r.what,
      count: total(r.bins.counts),
      censored: r.censored,
      windowNs: r.windowNs,
      windowHow: r.windowHow,
      notes: r.notes,
      inputs: r.inputs,
    })),
    count: c.count,
    windowNs,
    perSecond: windowNs === null ? null : (c.count / windowNs) * 1e9,
    sumLowNs: mean.sumLowNs,
    sumHighNs: mean.sumHighNs,
    exactMeanNs: exact === null ? null : exact.meanNs,
    dkwHalfWidth: c.dkwHalfWidth,
    outside: windowNs === null ? null : timeOutside(mean, windowNs),
  };
}

function rows(c: Comparison): CompareRow[] {
  const { pair } = c;
  const na = total(pair.a);
  const nb = total(pair.b);
  let seenA = 0;
  let seenB = 0;
  return pair.a.map((countA, i) => {
    const countB = pair.b[i]!;
    seenA += countA;
    seenB += countB;
    const edge = c.dominance.edges[i]!;
    return {
      lowNs: pair.edges[i]!,
      highNs: pair.edges[i + 1]!,
      countA,
      countB,
      fractionA: countA / na,
      fractionB: countB / nb,
      cdfA: seenA / na,
      cdfB: seenB / nb,
      deltaCdf: edge.delta,
      sign: edge.sign,
    };
  });
}

function bootstrapOf(
  a: PooledSide,
  b: PooledSide,
  options: CompareSamplesOptions,
  alpha: number,
): BootstrapShifts | null {
  if (!a.ordered || !b.ordered) return null;
  const least = Math.min(a.ordered.length, b.ordered.length);
  const quantiles = resampled([...new Set([...COMPARE_QUANTILES, ...(options.moreQuantiles ?? [])])], least);
  return bootstrapShifts(a.ordered, b.ordered, quantiles, seededRandom(options.seed ?? 1), alpha);
}

function shifts(
  a: PooledSide,
  b: PooledSide,
  c: Comparison,
  bootstrap: BootstrapShifts | null,
  alpha: number,
): QuantileShift[] {
  return c.a.quantiles.flatMap((qa, i) => {
    const qb = c.b.quantiles[i];
    if (qb === undefined) return [];
    const exact = (side: PooledSide): number | null => side.exact?.quantile(qa.q) ?? null;
    const shift = quantileShift(a, b, qa.q, bootstrap, alpha);
    return [{ q: qa.q, a: qa, b: qb, exactA: exact(a), exactB: exact(b), ...shift }];
  });
}

function tests(pair: BinnedPair): NamedTest[] {
  const named: [string, BinnedPair][] = [['all rows', pair]];
  const tail = sparseTailMerged(pair);
  if (tail) named.push([`rows from ${tail.fromNs} ns up as one`, tail.pair]);
  const body = bodyOnly(pair);
  if (body) named.push([`body, ${body.fromNs} to ${body.toNs} ns`, body.pair]);
  return named.flatMap(([cells, p]) => {
    const test = homogeneity(p);
    return test === null ? [] : [{ cells, a: p.a, b: p.b, ...test }];
  });
}

function exactEquivalence(bootstrap: BootstrapShifts | null, margins: Margins): Equivalence[] {
  if (!bootstrap) return [];
  return bootstrap.quantiles
    .filter((x) => x.q === 0.5 || x.q === 0.99)
    .map((x) =>
      judge(
        `ratio of quantile ${x.q}, block bootstrap`,
        x.ratioNarrow,
        1 / margins.quantileRatio,
        margins.quantileRatio,
      ),
    );
}

function caveats(
  c: Comparison,
  a: readonly RunSample[],
  b: readonly RunSample[],
  sideA: CompareSide,
  sideB: CompareSide,
): string[] {
  const out = [...c.caveats];
  if (sideA.outside && sideB.outside) {
    out.push('time outside the call holds only if one thread called back to back for the whole window');
  }
  for (const r of [...a, ...b]) {
    const n = total(r.bins.counts);
    if (r.censored > 0.01 * (n + r.censored)) {
      out.push(
        `${r.argument}: ${r.censored} of ${n + r.censored} spans are censored: long ones are missing most`,
      );
    }
    for (const note of r.notes) out.push(`${r.argument}: ${note}`);
  }
  return out;
}
