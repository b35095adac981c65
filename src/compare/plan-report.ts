import { logarithms, momentsOf, type RunValues } from '../latency/statistics/between-runs.js';
import { DECIDING, type HeadlineRow } from './headline.js';
import type { Design } from './inference.js';
import { runsNeeded } from './plan.js';
import { type Statistic, valuesOf } from './run-values.js';

/** Changes that a plan is made for: as ratios. */
export const PLANNED = [1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2] as const;

export interface PlanRow {
  readonly what: HeadlineRow['what'];
  readonly fromNs: number | null;
  /** Standard deviation of the logarithm between runs of one side (of the pairs' ratios if paired). */
  readonly spread: number;
  /** Degrees of freedom the spread is known from; 0: only supposed. */
  readonly degrees: number;
  /** after / before as seen; null where there is only one side. */
  readonly seen: number | null;
  /** Runs a side (pairs) that would decide a change as large as seen; null: more than 1000. */
  readonly runsForSeen: number | null;
  readonly runs: readonly { readonly ratio: number; readonly runs: number | null }[];
}

const finite = (n: number): number | null => (Number.isFinite(n) ? n : null);

/**
 * From the variance seen: runs a side that decide a given change with probability 0.8, at the level the sentence may
 * need (α divided by its three looks). Where no side has two runs, for spreads that are common.
 */
export function planOf(
  design: Design,
  rows: readonly Pick<HeadlineRow, 'what' | 'fromNs' | 'ratio'>[],
): PlanRow[] {
  const statistics: [HeadlineRow['what'], Statistic][] = [
    ['rate', { kind: 'rate' }],
    ['mean', { kind: 'mean' }],
    ['p50', { kind: 'quantile', q: 0.5 }],
    ['p90', { kind: 'quantile', q: 0.9 }],
    ['p99', { kind: 'quantile', q: 0.99 }],
  ];
  const tail = rows.find((r) => r.what === 'tail')?.fromNs ?? null;
  if (tail !== null) statistics.push(['tail', { kind: 'share', fromNs: tail }]);
  const seenOf = (what: string): number => rows.find((r) => r.what === what)?.ratio?.value ?? Number.NaN;
  const known = statistics.flatMap(([what, of]) => {
    const a = valuesOf(design.a.runs, of);
    const b = valuesOf(design.b.runs, of);
    const spread = spreadOf(a, b, design.paired);
    if (spread === null) return [];
    return [planRow(what, of.kind === 'share' ? of.fromNs : null, spread, seenOf(what), design)];
  });
  if (known.length > 0) return known;
  return SUPPOSED.map((value) => planRow('p50', null, { value, degrees: 0 }, seenOf('p50'), design));
}

/** Spreads between runs of one kernel that are common, for want of a known one. */
const SUPPOSED = [0.01, 0.03, 0.1] as const;

function planRow(
  what: HeadlineRow['what'],
  fromNs: number | null,
  spread: { readonly value: number; readonly degrees: number },
  seen: number,
  design: Pick<Design, 'alpha' | 'paired'>,
): PlanRow {
  const alpha = design.alpha / DECIDING.length;
  const runs = (ratio: number): number | null =>
    finite(runsNeeded(spread.value, Math.log(ratio), alpha, { paired: design.paired }));
  return {
    what,
    fromNs,
    spread: spread.value,
    degrees: spread.degrees,
    seen: finite(seen),
    runsForSeen: Number.isFinite(seen) && seen > 0 ? runs(seen) : null,
    runs: PLANNED.map((ratio) => ({ ratio, runs: runs(ratio) })),
  };
}

function spreadOf(
  a: RunValues | null,
  b: RunValues | null,
  paired: boolean,
): { value: number; degrees: number } | null {
  const usable = (x: RunValues | null): x is RunValues => x?.values.every((v) => v > 0) ?? false;
  if (paired && usable(a) && usable(b)) {
    const [la, lb] = [logarithms(a), logarithms(b)];
    if (la.values.length < 2) return null;
    const m = momentsOf({ values: la.values.map((v, i) => lb.values[i]! - v), resolution: la.resolution });
    return { value: Math.sqrt(m.variance), degrees: m.n - 1 };
  }
  const sides = [a, b].filter(usable).filter((x) => x.values.length > 1);
  if (sides.length === 0) return null;
  let sum = 0;
  let degrees = 0;
  for (const side of sides) {
    const m = momentsOf(logarithms(side));
    sum += (m.n - 1) * m.variance;
    degrees += m.n - 1;
  }
  return { value: Math.sqrt(sum / degrees), degrees };
}
