import { total } from '../latency/histogram/binned.js';
import type { Estimate } from '../latency/statistics/bootstrap-shifts.js';
import { riskRatioInterval } from '../latency/statistics/effect-sizes.js';
import { normalQuantile } from '../latency/statistics/special-functions.js';
import { superioritySorted } from '../latency/statistics/two-samples.js';
import { above, calls, type Statistic } from './run-values.js';
import type { Shift } from './shift.js';
import type { RunSample } from './sides.js';

/**
 * What one run a side would say if runs of one kernel are known to differ in speed by a factor whose logarithm has the
 * standard deviation `spread`: the asker's knowledge, not the recording's, so what rests on it is called assumed. The
 * interval inside the runs and that of the two factors add up as errors do.
 */
export function widened(
  shift: Shift,
  of: Statistic,
  runs: readonly [RunSample, RunSample],
  spread: number,
  alpha: number,
): Shift {
  const reach = normalQuantile(1 - alpha / 2) * Math.SQRT2 * spread;
  const { before, after } = shift;
  const value = shift.ratio?.value ?? after / before;
  if (!(value > 0) || !Number.isFinite(value)) return shift;
  const [down, up] = of.kind === 'share' ? ofTail(runs[1], of.fromNs, reach) : [reach, reach];
  const inside = insideRuns(shift, of, runs, alpha);
  const ratio = {
    value,
    low: value * Math.exp(-Math.hypot(inside[0], down)),
    high: value * Math.exp(Math.hypot(inside[1], up)),
  };
  return { ...shift, ratio, difference: inNs(ratio, before, after), basis: 'assumed' };
}

/** The change of the baseline by that ratio: the same claim in ns. */
const inNs = (ratio: Estimate, before: number, after: number): Estimate => ({
  value: after - before,
  low: before * (ratio.low - 1),
  high: before * (ratio.high - 1),
});

/** Half widths of the logarithm inside the runs; of numbers of calls without an interval, those of independent calls. */
function insideRuns(
  shift: Shift,
  of: Statistic,
  runs: readonly [RunSample, RunSample],
  alpha: number,
): [number, number] {
  const { ratio } = shift;
  if (ratio && ratio.low > 0 && Number.isFinite(ratio.high)) {
    return [Math.log(ratio.value / ratio.low), Math.log(ratio.high / ratio.value)];
  }
  if (of.kind === 'rate' || of.kind === 'count') {
    const half = normalQuantile(1 - alpha / 2) * Math.sqrt(1 / calls(runs[0]) + 1 / calls(runs[1]));
    return [half, half];
  }
  if (of.kind === 'share') {
    const [n, m] = [calls(runs[0]), calls(runs[1])];
    const limits = riskRatioInterval(
      Math.round(shift.before * n),
      n,
      Math.round(shift.after * m),
      m,
      1 - alpha,
    );
    const seen = shift.after / shift.before;
    if (limits) return [Math.log(seen / limits.low), Math.log(limits.high / seen)];
  }
  return [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
}

/** How much a tail's share moves, in logarithms, when all of the run is slower or faster by exp(±reach). */
function ofTail(run: RunSample, fromNs: number, reach: number): [down: number, up: number] {
  const share = (ns: number): number => Math.max(shareFrom(run, ns), 0.5 / calls(run));
  const now = share(fromNs);
  return [Math.log(now / share(fromNs * Math.exp(reach))), Math.log(share(fromNs * Math.exp(-reach)) / now)];
}

/** Part of the calls of at least `ns`; inside a printed row as if its calls lay evenly by the logarithm. */
function shareFrom(run: RunSample, ns: number): number {
  if (run.durations) return above(run.durations, ns) / run.durations.count;
  let beyond = 0;
  run.bins.counts.forEach((c, i) => {
    const low = run.bins.edges[i]!;
    const high = run.bins.edges[i + 1]!;
    if (low >= ns) beyond += c;
    else if (high > ns)
      beyond += low > 0 && Number.isFinite(high) ? (c * Math.log(high / ns)) / Math.log(high / low) : c / 2;
  });
  return beyond / total(run.bins.counts);
}

/** A12 with the second run slower or faster by what two runs may differ. Null where only rows are known. */
export function widenedSuperiority(
  inside: Estimate,
  runs: readonly [RunSample, RunSample],
  spread: number,
  alpha: number,
): Estimate | null {
  const a = runs[0].durations?.sortedValues();
  const b = runs[1].durations?.sortedValues();
  if (!a || !b) return null;
  const reach = normalQuantile(1 - alpha / 2) * Math.SQRT2 * spread;
  const moved = (factor: number): number =>
    superioritySorted(
      a,
      b.map((v) => Math.round(v * factor)),
    );
  const { value } = inside;
  return {
    value,
    low: Math.max(0, value - Math.hypot(value - inside.low, value - moved(Math.exp(-reach)))),
    high: Math.min(1, value + Math.hypot(inside.high - value, moved(Math.exp(reach)) - value)),
  };
}
