import { studentCritical, studentTwoSided } from './special-functions.js';

/** Uniform numbers in [0, 1). Passed in, so that the same seed gives the same answer everywhere. */
export type Random = () => number;

/** mulberry32 (Tommy Ettinger, public domain): small, seeded, good enough to resample with. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface BootstrapInterval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly standardError: number;
  readonly rounds: number;
  readonly blockLength: number;
}

export interface BootstrapOptions {
  readonly random: Random;
  /** Calls per block; default ⌈n^(1/3)⌉ (Hall, Horowitz & Jing 1995). */
  readonly blockLength?: number;
  /** Default 1000. */
  readonly rounds?: number;
  /** Default 0.95. */
  readonly confidence?: number;
}

/**
 * Circular block bootstrap (Politis & Romano 1992) of `statistic(a, b)`: calls in the order they happened are drawn
 * in runs of `blockLength`, which keeps the correlation between neighbours that single draws would destroy.
 * Percentile interval. Null when a sample is empty.
 */
export function blockBootstrap(
  a: Float64Array,
  b: Float64Array,
  statistic: (a: Float64Array, b: Float64Array) => number,
  options: BootstrapOptions,
): BootstrapInterval | null {
  if (a.length === 0 || b.length === 0) return null;
  const rounds = options.rounds ?? 1000;
  const confidence = options.confidence ?? 0.95;
  const blockLength = options.blockLength ?? Math.ceil(Math.min(a.length, b.length) ** (1 / 3));
  if (!(blockLength >= 1 && rounds >= 1)) throw new RangeError('block length and rounds must be at least 1');
  const drawA = new Float64Array(a.length);
  const drawB = new Float64Array(b.length);
  const values = new Float64Array(rounds);
  let sum = 0;
  for (let r = 0; r < rounds; r++) {
    draw(a, drawA, blockLength, options.random);
    draw(b, drawB, blockLength, options.random);
    values[r] = statistic(drawA, drawB);
    sum += values[r]!;
  }
  const mean = sum / rounds;
  let square = 0;
  for (const v of values) square += (v - mean) ** 2;
  values.sort();
  const at = (q: number): number => values[Math.min(rounds - 1, Math.max(0, Math.ceil(q * rounds) - 1))]!;
  return {
    estimate: statistic(a, b),
    low: at((1 - confidence) / 2),
    high: at((1 + confidence) / 2),
    standardError: Math.sqrt(square / Math.max(1, rounds - 1)),
    rounds,
    blockLength,
  };
}

function draw(from: Float64Array, to: Float64Array, blockLength: number, random: Random): void {
  const n = from.length;
  for (let i = 0; i < n; ) {
    let at = Math.floor(random() * n);
    for (let k = 0; k < blockLength && i < n; k++) {
      to[i++] = from[at]!;
      at = at + 1 === n ? 0 : at + 1;
    }
  }
}

/** What repeated runs per side say about one number per run (a median, a mean, a tail fraction). */
export interface BetweenRuns {
  readonly runsA: number;
  readonly runsB: number;
  readonly meanA: number;
  readonly meanB: number;
  readonly standardDeviationA: number;
  readonly standardDeviationB: number;
  readonly difference: number;
  /** Welch's t with Welch–Satterthwaite degrees of freedom. */
  readonly t: number;
  readonly df: number;
  readonly p: number;
  /** 1 − α interval of the difference. */
  readonly low: number;
  readonly high: number;
}

/** Null with fewer than two runs on a side: then the variance between runs is unknown. */
export function betweenRuns(a: readonly number[], b: readonly number[], alpha = 0.05): BetweenRuns | null {
  if (a.length < 2 || b.length < 2) return null;
  const [meanA, varA] = moments(a);
  const [meanB, varB] = moments(b);
  const ea = varA / a.length;
  const eb = varB / b.length;
  const se = Math.sqrt(ea + eb);
  const difference = meanB - meanA;
  const same = se === 0;
  const df = same
    ? a.length + b.length - 2
    : (ea + eb) ** 2 / (ea ** 2 / (a.length - 1) + eb ** 2 / (b.length - 1));
  const t = same
    ? difference === 0
      ? 0
      : Math.sign(difference) * Number.POSITIVE_INFINITY
    : difference / se;
  const reach = se * studentCritical(alpha, df);
  return {
    runsA: a.length,
    runsB: b.length,
    meanA,
    meanB,
    standardDeviationA: Math.sqrt(varA),
    standardDeviationB: Math.sqrt(varB),
    difference,
    t,
    df,
    p: Number.isFinite(t) ? studentTwoSided(t, df) : 0,
    low: difference - reach,
    high: difference + reach,
  };
}

function moments(values: readonly number[]): [mean: number, variance: number] {
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  return [mean, values.reduce((s, v) => s + (v - mean) ** 2, 0) / (values.length - 1)];
}
