import { criticalT } from '../latency/statistics/between-runs.js';
import { logGamma } from '../latency/statistics/special-functions.js';

/** Chance of seeing the change that the number of runs is worked out for. */
export const POWER = 0.8;
const MOST_RUNS = 1000;

/**
 * Runs needed on each side so that a change of `shift` (of the logarithm) is decided with probability `power`, if runs
 * of one kernel spread by the standard deviation `spread` (of the logarithm): the noncentral t of the difference of two
 * means of `k` runs, or with `paired` of the mean of `k` differences, whose spread is then meant. Infinity above 1000.
 */
export function runsNeeded(
  spread: number,
  shift: number,
  alpha: number,
  options: { paired?: boolean; power?: number } = {},
): number {
  const size = Math.abs(shift);
  if (!(size > 0)) return Number.POSITIVE_INFINITY;
  if (spread === 0) return 2;
  const enough = (k: number): boolean =>
    powerOf(k, spread, size, alpha, options.paired ?? false) >= (options.power ?? POWER);
  let high = 2;
  while (!enough(high)) {
    if (high >= MOST_RUNS) return Number.POSITIVE_INFINITY;
    high = Math.min(MOST_RUNS, high * 2);
  }
  // The chance grows with the number of runs.
  let low = Math.max(1, Math.ceil(high / 2));
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Chance that Student's test of `k` runs a side decides for the change that is there. */
export function powerOf(k: number, spread: number, shift: number, alpha: number, paired: boolean): number {
  const df = paired ? k - 1 : 2 * k - 2;
  const error = spread * Math.sqrt((paired ? 1 : 2) / k);
  return noncentralT(criticalT(alpha, df), df, shift / error);
}

/** P(T > t) of the noncentral t: the normal tail averaged over χ/√df, by Simpson's rule. */
export function noncentralT(t: number, df: number, delta: number): number {
  const { at, weight } = nodesOf(df);
  let sum = 0;
  for (let i = 0; i < at.length; i++) sum += weight[i]! * upperNormal(t * at[i]! - delta);
  return Math.min(1, sum);
}

interface Nodes {
  readonly at: Float64Array;
  /** Simpson's weight times the density of χ/√df there. */
  readonly weight: Float64Array;
}

const nodes = new Map<number, Nodes>();

function nodesOf(df: number): Nodes {
  const known = nodes.get(df);
  if (known !== undefined) return known;
  // With few degrees of freedom the density reaches far, and down to 0.
  const steps = df < 4 ? 1000 : 200;
  const reach = 8 / Math.sqrt(2 * df);
  const low = Math.max(0, 1 - reach);
  const high = 1 + reach + 2 / df;
  const log = Math.log(2) + (df / 2) * Math.log(df / 2) - logGamma(df / 2);
  const at = new Float64Array(steps + 1);
  const weight = new Float64Array(steps + 1);
  for (let i = 0; i <= steps; i++) {
    const u = low + ((high - low) * i) / steps;
    // u^0 is 1 at 0, too.
    const power = df === 1 ? 0 : (df - 1) * Math.log(u);
    const simpson = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    at[i] = u;
    weight[i] = (simpson * Math.exp(log + power - (df * u * u) / 2) * (high - low)) / steps / 3;
  }
  if (nodes.size > 200) nodes.clear();
  const made = { at, weight };
  nodes.set(df, made);
  return made;
}

/** 1 − Φ(z), Abramowitz & Stegun 7.1.26 (error below 2·10⁻⁷), which is plenty for a plan. */
function upperNormal(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const k = 1 / (1 + 0.3275911 * x);
  const tail =
    0.5 *
    Math.exp(-x * x) *
    k *
    (0.254829592 + k * (-0.284496736 + k * (1.421413741 + k * (-1.453152027 + k * 1.061405429))));
  return z >= 0 ? tail : 1 - tail;
}
