import { Distribution, nearestRank } from '../latency/histogram/distribution.js';
import { seededRandom } from '../latency/statistics/resampling.js';
import type { HistogramBucket } from '../result/types.js';
import type { CostModel } from './costs.js';
import { type Job, pool, realise, resampled, SEED, type Series } from './predict.js';
import type { Interval, WhatIfSeries, WhatIfStats } from './report.js';

const ROUNDS = 200;
/** Calls that the intervals are drawn from; of more, evenly spaced ones. */
const MOST_CALLS = 4_000;
const QUANTILES = [0.5, 0.9, 0.99] as const;

export function statsOf(values: Float64Array, runs: number): WhatIfStats {
  const d = new Distribution();
  for (const v of values) d.add(Math.round(v));
  const count = values.length / runs;
  const q = (p: number): number => (d.count === 0 ? 0 : d.quantile(p));
  return {
    count,
    mean: d.count === 0 ? 0 : d.meanNs,
    quantiles: { p50: q(0.5), p90: q(0.9), p99: q(0.99), max: d.count === 0 ? 0 : d.maxNs },
    histogram: shared(d.powerOfTwoBuckets(), runs, count),
  };
}

/** Counts of several possible runs → counts of one, by largest remainder: the total stays. */
function shared(buckets: readonly HistogramBucket[], runs: number, count: number): HistogramBucket[] {
  const parts = buckets.map((b) => ({ ...b, whole: Math.floor(b.count / runs), rest: (b.count / runs) % 1 }));
  let left = count - parts.reduce((s, p) => s + p.whole, 0);
  for (const p of [...parts].sort((a, b) => b.rest - a.rest || a.lowNs - b.lowNs)) {
    if (left-- <= 0) break;
    p.whole++;
  }
  const out = parts.map((p) => ({ lowNs: p.lowNs, highNs: p.highNs, count: p.whole }));
  while (out.length > 0 && out[0]!.count === 0) out.shift();
  while (out.length > 0 && out.at(-1)!.count === 0) out.pop();
  return out;
}

/** Mean, then the quantiles asked for, of ns values. */
function summary(values: Float64Array): number[] {
  const sorted = values.slice().sort();
  const n = sorted.length;
  const mean = n === 0 ? 0 : sorted.reduce((s, v) => s + v, 0) / n;
  return [mean, ...QUANTILES.map((q) => (n === 0 ? 0 : sorted[nearestRank(q, n) - 1]!))];
}

/** `known`: false where part of the changes is a guess that no interval holds. Where no call is changed there is none either. */
export function seriesReport(series: Series, model: CostModel, known = true): WhatIfSeries {
  const { jobs } = series;
  const old = Float64Array.from(jobs, (j) => j.oldNs);
  const after = pool(jobs, model);
  const runs = jobs.length === 0 ? 1 : after.length / jobs.length;
  const before = summary(old);
  const now = summary(after);
  const changed = jobs.filter((j) => j.terms.length > 0 || j.keepNs !== j.oldNs).length;
  const drawn = known && changed > 0;
  const rounds = drawn ? bootstrap(jobs, model) : [];
  const interval = (k: number): Interval => {
    if (!drawn) return { value: now[k]! - before[k]!, low: null, high: null };
    const values = rounds.map((r) => r[k]!).sort((a, b) => a - b);
    const at = (q: number): number =>
      values[Math.min(values.length - 1, Math.max(0, Math.ceil(q * values.length) - 1))] ?? 0;
    return { value: now[k]! - before[k]!, low: at(0.025), high: at(0.975) };
  };
  return {
    name: series.name,
    what: series.what,
    before: statsOf(old, 1),
    after: statsOf(after, runs),
    shift: { mean: interval(0), p50: interval(1), p90: interval(2), p99: interval(3) },
    changed,
  };
}

/** Shifts of mean and quantiles, one row per round; before and after are of the same calls. */
function bootstrap(jobs: readonly Job[], model: CostModel): number[][] {
  const random = seededRandom(SEED + 1);
  const stride = Math.max(1, Math.ceil(jobs.length / MOST_CALLS));
  const some = stride === 1 ? jobs : jobs.filter((_, i) => i % stride === 0);
  const n = some.length;
  if (n === 0) return [];
  const block = Math.ceil(n ** (1 / 3));
  const out: number[][] = [];
  for (let r = 0; r < ROUNDS; r++) {
    const drawn: Job[] = [];
    while (drawn.length < n) {
      const at = Math.floor(random() * n);
      for (let k = 0; k < block && drawn.length < n; k++) drawn.push(some[(at + k) % n]!);
    }
    const a = summary(realise(drawn, model, random, resampled(random)));
    const b = summary(Float64Array.from(drawn, (j) => j.oldNs));
    out.push(a.map((v, k) => v - b[k]!));
  }
  return out;
}
