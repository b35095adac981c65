import { align, type Binned, total } from '../latency/histogram/binned.js';
import type { Distribution } from '../latency/histogram/distribution.js';
import type { RunValues } from '../latency/statistics/between-runs.js';
import { firstAtLeast } from '../latency/statistics/bootstrap-shifts.js';
import { superiority } from '../latency/statistics/effect-sizes.js';
import { quantileInterval } from '../latency/statistics/intervals.js';
import { superioritySorted } from '../latency/statistics/two-samples.js';
import { UsageError } from '../result/usage-error.js';
import type { RunSample } from './sides.js';

/** A number every run has one of. */
export type Statistic =
  | { readonly kind: 'rate' | 'count' | 'mean' }
  | { readonly kind: 'quantile'; readonly q: number }
  /** Part of the calls that took `fromNs` or longer. */
  | { readonly kind: 'share'; readonly fromNs: number };

/** Calls beyond a quantile, on either side of it, below which a run says nothing about it. */
export const BEYOND = 5;

export const calls = (r: RunSample): number => r.durations?.count ?? total(r.bins.counts);

/**
 * The statistic of every run; null where a run does not have it: no window for a rate, fewer than 5 calls beyond a
 * quantile, an open row. From rows a quantile and a mean are points inside the rows, by the same convention on both
 * sides. Throws UsageError for a share that would cut a row.
 */
export function valuesOf(runs: readonly RunSample[], of: Statistic): RunValues | null {
  const each = runs.map((r) => numberOf(r, of));
  if (each.some((v) => v === null || !Number.isFinite(v[0]))) return null;
  const values = each.map((v) => v![0]);
  // No ratio has 0 below: half a call more everywhere (Haldane 1956; Anscombe 1956).
  if (of.kind === 'share' && values.every((v) => v === 0)) {
    return {
      values: values.map((v, i) => (v * calls(runs[i]!) + 0.5) / (calls(runs[i]!) + 1)),
      resolution: each.map((v) => v![1]),
    };
  }
  return { values, resolution: each.map((v) => v![1]) };
}

function numberOf(r: RunSample, of: Statistic): readonly [value: number, resolution: number] | null {
  const n = calls(r);
  if (n === 0) return null;
  switch (of.kind) {
    case 'count':
      return [n, 1];
    case 'rate':
      return r.windowNs === null ? null : [(n / r.windowNs) * 1e9, 1e9 / r.windowNs];
    case 'mean':
      return [meanOf(r), 0];
    case 'quantile':
      if (Math.min(of.q, 1 - of.q) * n < BEYOND) return null;
      return r.durations ? exactQuantile(r.durations, of.q) : rowQuantile(r.bins, of.q);
    case 'share':
      return [(r.durations ? above(r.durations, of.fromNs) : aboveRow(r, of.fromNs)) / n, 1 / n];
  }
}

function meanOf(r: RunSample): number {
  if (r.durations) return r.durations.meanNs;
  let sum = 0;
  r.bins.counts.forEach((c, i) => {
    if (c > 0) sum += (c * (r.bins.edges[i]! + r.bins.edges[i + 1]!)) / 2;
  });
  return sum / calls(r);
}

/** The step is half the distance of the next values that occur below and above: the clock's, not the quantile's. */
function exactQuantile(d: Distribution, q: number): [number, number] {
  const value = d.quantile(q);
  const sorted = d.sortedValues();
  if (sorted === null) return [value, value * d.relativeError];
  const first = firstAtLeast(sorted, value);
  const after = firstAtLeast(sorted, value + 1);
  const below = first > 0 ? sorted[first - 1]! : value;
  const next = after < sorted.length ? sorted[after]! : value;
  return [value, (next - below) / 2];
}

function rowQuantile(bins: Binned, q: number): [number, number] {
  return [quantileInterval(bins, q)?.pointNs ?? Number.NaN, 0];
}

/** Calls of at least `fromNs`. */
export function above(d: Distribution, fromNs: number): number {
  const sorted = d.sortedValues();
  if (sorted !== null) return sorted.length - firstAtLeast(sorted, fromNs);
  let n = 0;
  d.forEachRun((value, times) => {
    if (value >= fromNs) n += times;
  });
  return n;
}

export function aboveRow(r: Pick<RunSample, 'bins' | 'argument'>, fromNs: number): number {
  let n = 0;
  r.bins.counts.forEach((c, i) => {
    const low = r.bins.edges[i]!;
    const high = r.bins.edges[i + 1]!;
    if (low < fromNs && high > fromNs && c > 0) {
      throw new UsageError(
        `tail(${fromNs}ns): the row ${low} to ${high} ns of ${r.argument} cannot be cut there`,
      );
    }
    if (low >= fromNs) n += c;
  });
  return n;
}

/**
 * How each run fares against all of the other side, as P(a call of after is slower): the placements of DeLong (1988)
 * with runs in the place of calls (Obuchowski 1997, clustered data). Both means are A12. Null where a run is empty.
 */
export function placements(
  a: readonly RunSample[],
  b: readonly RunSample[],
): { a: RunValues; b: RunValues; paired: number[] } | null {
  const grid = a.map((x) => b.map((y) => superior(x, y)));
  if (grid.some((row) => row.some((v) => v === null))) return null;
  const step = (x: RunSample, others: readonly RunSample[]): number =>
    1 / (calls(x) * Math.min(...others.map(calls)));
  const mean = (list: readonly (number | null)[]): number =>
    list.reduce<number>((s, v) => s + v!, 0) / list.length;
  return {
    a: { values: grid.map((row) => 1 - mean(row)), resolution: a.map((x) => step(x, b)) },
    b: { values: b.map((_, k) => mean(grid.map((row) => row[k]!))), resolution: b.map((y) => step(y, a)) },
    paired: a.length === b.length ? grid.map((row, i) => row[i]!) : [],
  };
}

function superior(a: RunSample, b: RunSample): number | null {
  const va = a.durations?.sortedValues();
  const vb = b.durations?.sortedValues();
  if (va && vb) return va.length === 0 || vb.length === 0 ? null : superioritySorted(va, vb);
  return superiority(align(a.bins, b.bins))?.a12 ?? null;
}
