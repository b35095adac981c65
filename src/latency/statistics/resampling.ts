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
