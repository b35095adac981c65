import type { Distribution } from '../latency/histogram/distribution.js';
import {
  contrastOfPairs,
  contrastOfRuns,
  logarithms,
  type RunValues,
  ratioOfMeans,
} from '../latency/statistics/between-runs.js';
import type { BootstrapShifts, Estimate } from '../latency/statistics/bootstrap-shifts.js';
import { meanBounds } from '../latency/statistics/intervals.js';
import { binnedShift } from '../latency/statistics/shifts.js';
import { normalQuantile } from '../latency/statistics/special-functions.js';
import { widened, widenedSuperiority } from './assumed-spread.js';
import { type NoInterval, whyNoInterval } from './interval-limits.js';
import type { PooledSide } from './pooled-side.js';
import { aboveRow, BEYOND, calls, placements, type Statistic, valuesOf } from './run-values.js';
import type { Basis, Shift } from './shift.js';

/** Two sides and how their runs belong together. */
export interface Design {
  readonly a: PooledSide;
  readonly b: PooledSide;
  readonly alpha: number;
  readonly paired: boolean;
  /** Of the calls inside the one run of each side; null where there are more or only rows are known. */
  readonly within: BootstrapShifts | null;
  /** Spread of runs of one kernel that the asker states for one run a side; null: unknown. */
  readonly spread: number | null;
}

export const severalRuns = (d: Pick<Design, 'a' | 'b'>): boolean =>
  d.a.runs.length > 1 && d.b.runs.length > 1;

/** Null where a run does not have the statistic. */
export function shiftOf(design: Design, of: Statistic, alpha = design.alpha): Shift | null {
  const a = valuesOf(design.a.runs, of);
  const b = valuesOf(design.b.runs, of);
  const single = design.a.runs.length === 1 && design.b.runs.length === 1;
  if (single) return oneRun(design, of);
  if (a === null || b === null) return null;
  const none = severalRuns(design) ? whyNoInterval(design, of) : null;
  if (none !== null) return withoutInterval(a, b, of, none);
  if (of.kind === 'share' && severalRuns(design)) {
    const contrast = design.paired ? contrastOfPairs : contrastOfRuns;
    const ratio = ratioOfMeans(a, b, alpha, design.paired);
    const method = design.paired ? 'pairs' : 'betweenRuns';
    const difference = contrast(a, b, alpha);
    return { before: arithmetic(a), after: arithmetic(b), ratio, difference, basis: 'runs', method };
  }
  const positive = [...a.values, ...b.values].every((v) => v > 0);
  const [before, after] = middles(a, b, of);
  if (severalRuns(design)) {
    const contrast = design.paired ? contrastOfPairs : contrastOfRuns;
    const logs = positive ? contrast(logarithms(a), logarithms(b), alpha) : null;
    const ratio = logs && { value: Math.exp(logs.value), low: Math.exp(logs.low), high: Math.exp(logs.high) };
    return {
      before,
      after,
      ratio,
      difference: agreed(ratio, contrast(a, b, alpha), before),
      basis: 'runs',
      method: design.paired ? 'pairs' : 'betweenRuns',
    };
  }
  const seen = point(after / before);
  return { before, after, ratio: seen, difference: point(after - before), basis: 'none', method: 'seen' };
}

/** Means over the runs; of what a ratio is asked for, geometric, but for parts of the calls, which may be 0. */
function middles(a: RunValues, b: RunValues, of: Statistic): [before: number, after: number] {
  const logs = of.kind !== 'share' && [...a.values, ...b.values].every((v) => v > 0);
  return logs ? [geometric(a), geometric(b)] : [arithmetic(a), arithmetic(b)];
}

function withoutInterval(a: RunValues, b: RunValues, of: Statistic, method: NoInterval): Shift {
  const [before, after] = middles(a, b, of);
  return {
    before,
    after,
    ratio: point(after / before),
    difference: point(after - before),
    basis: 'runs',
    method,
  };
}

const point = (value: number): Estimate => ({ value, low: Number.NaN, high: Number.NaN });

/**
 * The logarithm's interval and that of the difference are two readings of the same runs; near the edge they may
 * disagree about no change at all. The ratio decides, and the near end of the difference follows it.
 */
function agreed(ratio: Estimate | null, difference: Estimate | null, before: number): Estimate | null {
  if (ratio === null || difference === null) return difference;
  const { value, low, high } = difference;
  if (ratio.low > 1) return { value, low: low > 0 ? low : before * (ratio.low - 1), high };
  if (ratio.high < 1) return { value, low, high: high < 0 ? high : before * (ratio.high - 1) };
  return { value, low: Math.min(low, 0), high: Math.max(high, 0) };
}

const arithmetic = (x: RunValues): number => x.values.reduce((s, v) => s + v, 0) / x.values.length;
const geometric = (x: RunValues): number => Math.exp(arithmetic(logarithms(x)));

function oneRun(design: Design, of: Statistic): Shift | null {
  const shift = alone(design, of);
  if (shift === null || design.spread === null) return shift;
  return widened(shift, of, [design.a.runs[0]!, design.b.runs[0]!], design.spread, design.alpha);
}

/** One run a side: what the calls of these two runs say about these two runs. */
function alone(design: Design, of: Statistic): Shift | null {
  const [ra, rb] = [design.a.runs[0]!, design.b.runs[0]!];
  if (calls(ra) === 0 || calls(rb) === 0) return null;
  const boot = design.within;
  switch (of.kind) {
    case 'count':
    case 'rate': {
      const a = valuesOf([ra], of);
      const b = valuesOf([rb], of);
      if (a === null || b === null) return null;
      // Calls of one run come in spells: no interval from their number alone holds its level.
      return seen(a.values[0]!, b.values[0]!);
    }
    case 'mean': {
      // Of a handful of calls neither resampling nor the central limit says how far their mean may be off.
      if (design.a.exact && design.b.exact && Math.min(calls(ra), calls(rb)) < BEYOND)
        return seen(design.a.exact.meanNs, design.b.exact.meanNs);
      if (boot) {
        const { ratio, differenceNs, longest } = boot.mean;
        const values = { before: design.a.exact!.meanNs, after: design.b.exact!.meanNs };
        if (longest > LONGEST) return seen(values.before, values.after);
        return { ...values, ratio, difference: differenceNs, basis: 'within', method: 'shiftBootstrap' };
      }
      if (design.a.exact && design.b.exact) return meansOfMany(design.a.exact, design.b.exact, design.alpha);
      return boundedMeans(design);
    }
    case 'quantile': {
      const shift = boot?.quantiles.find((x) => x.q === of.q);
      const before = design.a.exact?.quantile(of.q);
      const after = design.b.exact?.quantile(of.q);
      // Of calls in their order the ranks alone do not say how far they are correlated.
      if (boot && before !== undefined && after !== undefined) {
        if (shift === undefined || shift.blocksBeyond < BLOCKS_BEYOND) return seen(before, after);
        const { ratio, differenceNs } = shift;
        return { before, after, ratio, difference: differenceNs, basis: 'within', method: 'shiftBootstrap' };
      }
      const rows = binnedShift(design.a.fine, design.b.fine, of.q, design.alpha);
      if (rows === null) return null;
      return {
        before: before ?? rows.pointA,
        after: after ?? rows.pointB,
        ratio: rows.ratio,
        difference: rows.differenceNs,
        basis: 'within',
        method: 'shiftBins',
      };
    }
    case 'share':
      return shares(design, of.fromNs);
  }
}

function seen(before: number, after: number): Shift {
  return {
    before,
    after,
    ratio: point(after / before),
    difference: point(after - before),
    basis: 'none',
    method: 'seen',
  };
}

/** Single values whose order is not kept: the central limit, calls as independent. */
function meansOfMany(a: Distribution, b: Distribution, alpha: number): Shift {
  const z = normalQuantile(1 - alpha / 2);
  const [before, after] = [a.meanNs, b.meanNs];
  const [ea, eb] = [errorOfMean(a), errorOfMean(b)];
  const log = z * Math.hypot(ea / before, eb / after);
  const ns = z * Math.hypot(ea, eb);
  const ratio = after / before;
  const difference = after - before;
  return {
    before,
    after,
    ratio: { value: ratio, low: ratio * Math.exp(-log), high: ratio * Math.exp(log) },
    difference: { value: difference, low: difference - ns, high: difference + ns },
    basis: 'within',
    method: 'meanNormal',
  };
}

function errorOfMean(d: Distribution): number {
  let sum = 0;
  d.forEachRun((value, times) => {
    sum += times * (value - d.meanNs) ** 2;
  });
  return Math.sqrt(sum / Math.max(1, d.count - 1) / d.count);
}

/** From rows: certain bounds, whatever the calls inside the rows are. */
function boundedMeans(design: Design): Shift {
  const a = meanBounds(design.a.printed);
  const b = meanBounds(design.b.printed);
  return {
    before: a.arithmeticNs,
    after: b.arithmeticNs,
    ratio: {
      value: b.arithmeticNs / a.arithmeticNs,
      low: b.meanLowNs / a.meanHighNs,
      high: b.meanHighNs / a.meanLowNs,
    },
    difference: {
      value: b.arithmeticNs - a.arithmeticNs,
      low: b.meanLowNs - a.meanHighNs,
      high: b.meanHighNs - a.meanLowNs,
    },
    basis: 'within',
    method: 'meanBounds',
  };
}

function shares(design: Design, fromNs: number): Shift {
  const boot = design.within?.shares.find((s) => s.fromNs === fromNs);
  const values = [design.a, design.b].map((side) => {
    const run = side.runs[0]!;
    const n = calls(run);
    return [valuesOf([run], { kind: 'share', fromNs })!.values[0]! * n, n] as const;
  });
  const counts = [design.a, design.b].map((side) => {
    const run = side.runs[0]!;
    return run.durations ? null : aboveRow(run, fromNs);
  });
  const [x, n] = [counts[0] ?? Math.round(values[0]![0]), values[0]![1]];
  const [y, m] = [counts[1] ?? Math.round(values[1]![0]), values[1]![1]];
  const [before, after] = [x / n, y / m];
  // Slow calls come in spells: neither few of them nor their number alone say how far their part may be off.
  if (!boot || boot.blocksBeyond < BLOCKS_BEYOND) return seen(before, after);
  const difference = point(after - before);
  return { before, after, ratio: boot.ratio, difference, basis: 'within', method: 'shiftBootstrap' };
}

/** Blocks of neighbouring calls with one beyond a quantile or in the tail, below which resampling them says too little. */
const BLOCKS_BEYOND = 25;
/** Part of a single call in the spread of the calls, from which on the mean's error is not that of many. */
const LONGEST = 0.05;

/** P(a call of after is slower than one of before) + ties/2, with the runs' spread where there are several. */
export function superiorityOf(design: Design): { estimate: Estimate; basis: Basis } | null {
  const { a, b, alpha } = design;
  if (severalRuns(design)) {
    const p = placements(a.runs, b.runs);
    if (p === null) return null;
    if (design.paired) {
      const half = { values: p.paired.map(() => 0.5), resolution: p.paired.map(() => 0) };
      const c = contrastOfPairs(half, { values: p.paired, resolution: p.b.resolution }, alpha);
      return c && { estimate: clipped(0.5 + c.value, c.high - c.value), basis: 'runs' };
    }
    const c = contrastOfRuns(p.a, p.b, alpha);
    // Both placements shift by A12 − ½ against their own ½, so their contrast is twice the shift; its error is not.
    return c && { estimate: clipped(0.5 + c.value / 2, c.high - c.value), basis: 'runs' };
  }
  if (!design.within) return null;
  const inside = design.within.a12;
  if (design.spread === null) return { estimate: inside, basis: 'within' };
  const wide = widenedSuperiority(inside, [a.runs[0]!, b.runs[0]!], design.spread, alpha);
  return wide && { estimate: wide, basis: 'assumed' };
}

const clipped = (value: number, reach: number): Estimate => ({
  value,
  low: Math.max(0, value - reach),
  high: Math.min(1, value + reach),
});
