import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { align, binned, binValues, cdf, total } from '../../src/latency/histogram/binned.js';
import {
  distances,
  dominance,
  superiority,
  tailExceedance,
} from '../../src/latency/statistics/effect-sizes.js';
import {
  a12Equivalence,
  judge,
  quantileEquivalence,
  tailEquivalence,
} from '../../src/latency/statistics/equivalence.js';
import {
  homogeneity,
  kolmogorovSmirnov,
  mannWhitney,
} from '../../src/latency/statistics/hypothesis-tests.js';
import { meanBounds, quantileInterval, timeOutside } from '../../src/latency/statistics/intervals.js';
import { blockBootstrap, seededRandom } from '../../src/latency/statistics/resampling.js';

const sample = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 1e6 })), {
  minLength: 1,
  maxLength: 40,
});

/** Sup and integral of |F_b − F_a| of raw samples, the slow obvious way. */
function rawDistances(a: number[], b: number[]) {
  const points = [...new Set([...a, ...b])].sort((x, y) => x - y);
  const f = (s: number[], x: number) => s.filter((v) => v <= x).length / s.length;
  let d = 0;
  let w = 0;
  points.forEach((x, i) => {
    const gap = Math.abs(f(a, x) - f(b, x));
    d = Math.max(d, gap);
    if (i + 1 < points.length) w += gap * (points[i + 1]! - x);
  });
  let above = 0;
  for (const x of a) for (const y of b) above += y > x ? 1 : y === x ? 0.5 : 0;
  return { d, w, a12: above / (a.length * b.length) };
}

describe('bins against the values that went into them', () => {
  test('every bound holds, every count is kept', () => {
    fc.assert(
      fc.property(sample, sample, fc.constantFrom(0.1, 0.5, 0.9, 0.99, 1), (a, b, q) => {
        const [ha, hb] = [binValues(a), binValues(b)];
        const pair = align(ha, hb);
        expect([total(pair.a), total(pair.b)]).toEqual([a.length, b.length]);
        const raw = rawDistances(a, b);
        const ks = kolmogorovSmirnov(pair)!;
        expect(ks.d).toBeLessThanOrEqual(raw.d + 1e-12);
        expect(ks.dUpper).toBeGreaterThanOrEqual(raw.d - 1e-12);
        const s = superiority(pair)!;
        expect(s.a12Low).toBeLessThanOrEqual(raw.a12 + 1e-12);
        expect(s.a12High).toBeGreaterThanOrEqual(raw.a12 - 1e-12);
        const w = distances(pair)!;
        expect(w.wasserstein1LowNs).toBeLessThanOrEqual(raw.w + 1e-6);
        expect(w.wasserstein1HighNs).toBeGreaterThanOrEqual(raw.w - 1e-6);
        const sorted = [...a].sort((x, y) => x - y);
        const exact = sorted[Math.max(1, Math.ceil(q * a.length)) - 1]!;
        const interval = quantileInterval(ha, q)!;
        expect(interval.lowNs <= exact && exact < interval.highNs).toBe(true);
        const m = meanBounds(ha);
        const sum = a.reduce((x, y) => x + y, 0);
        expect(m.sumLowNs <= sum && sum <= m.sumHighNs).toBe(true);
      }),
    );
  });

  test('a sample against itself differs in nothing; swapping the sides mirrors', () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const self = align(binValues(a), binValues(a));
        expect(superiority(self)!.a12).toBe(0.5);
        expect(kolmogorovSmirnov(self)!.d).toBe(0);
        expect(distances(self)!.totalVariation).toBe(0);
        expect(dominance(self).faster).toBeNull();
        expect(homogeneity(self)?.chi2 ?? 0).toBeCloseTo(0, 9);
        const ab = align(binValues(a), binValues(b));
        const ba = align(binValues(b), binValues(a));
        expect(superiority(ab)!.a12).toBeCloseTo(1 - superiority(ba)!.a12, 12);
        expect(mannWhitney(ab)!.z).toBeCloseTo(-mannWhitney(ba)!.z, 9);
        expect(distances(ab)!.jensenShannonBits).toBeCloseTo(distances(ba)!.jensenShannonBits, 12);
        const faster = dominance(ab).faster;
        expect(dominance(ba).faster).toBe(faster === null ? null : faster === 'a' ? 'b' : 'a');
      }),
    );
  });

  test('bins cut differently are joined until their edges meet', () => {
    const a = binned([
      { low: 0, high: 4, count: 3 },
      { low: 4, high: 16, count: 5 },
    ]);
    const b = binned([
      { low: 0, high: 8, count: 2 },
      { low: 8, high: 16, count: 7 },
      { low: 64, high: 128, count: 1 },
    ]);
    expect(align(a, b)).toEqual({ edges: [0, 16, 64, 128], a: [8, 0, 0], b: [9, 0, 1] });
    expect(() =>
      binned([
        { low: 0, high: 4, count: 1 },
        { low: 2, high: 5, count: 1 },
      ]),
    ).toThrow(RangeError);
    expect(cdf([1, 3])).toEqual([0, 0.25, 1]);
  });
});

describe('edges of what can be said', () => {
  test('empty samples give no numbers', () => {
    const pair = align(binned([]), binValues([5]));
    for (const f of [homogeneity, kolmogorovSmirnov, mannWhitney, superiority, distances, a12Equivalence]) {
      expect(f(pair)).toBeNull();
    }
    expect(quantileInterval(binned([]), 0.5)).toBeNull();
    expect(
      blockBootstrap(new Float64Array(0), new Float64Array(1), () => 0, { random: Math.random }),
    ).toBeNull();
  });

  test('no ratio without calls on both sides', () => {
    const pair = align(binValues([1, 1, 1]), binValues([1, 1, 64]));
    const t = tailExceedance(pair, 64);
    expect([t.riskRatio, t.interval, tailEquivalence(pair, 64)]).toEqual([
      Number.POSITIVE_INFINITY,
      null,
      null,
    ]);
  });

  test('open bins make bounds infinite, not wrong', () => {
    const h = binned([{ low: 4, high: Number.POSITIVE_INFINITY, count: 2 }]);
    expect(meanBounds(h)).toMatchObject({ sumLowNs: 8, sumHighNs: Number.POSITIVE_INFINITY });
    expect(quantileInterval(h, 0.5)!.pointNs).toBeNaN();
    expect(timeOutside(meanBounds(h), 1e9)).toBeNull();
  });

  test('equivalence goes by the interval', () => {
    expect(judge('x', { low: 0.9, high: 1.1 }, 0.8, 1.25).verdict).toBe('equivalent');
    expect(judge('x', { low: 1.3, high: 1.4 }, 0.8, 1.25).verdict).toBe('different');
    expect(judge('x', { low: 1.1, high: 1.3 }, 0.8, 1.25).verdict).toBe('undecided');
  });
});

describe('resampling', () => {
  const mean = (v: Float64Array) => v.reduce((s, x) => s + x, 0) / v.length;
  const difference = (a: Float64Array, b: Float64Array) => mean(b) - mean(a);

  test('the same seed gives the same interval; it covers the truth', () => {
    const random = seededRandom(7);
    const a = Float64Array.from({ length: 400 }, () => random() * 100);
    const b = Float64Array.from({ length: 400 }, () => random() * 100 + 30);
    const run = () => blockBootstrap(a, b, difference, { random: seededRandom(3), rounds: 400 })!;
    expect(run()).toEqual(run());
    const r = run();
    expect(r.low < 30 && 30 < r.high && r.blockLength === 8).toBe(true);
    // Independent calls: near the textbook error √(2·(100²/12)/400).
    expect(r.standardError).toBeGreaterThan(1.4);
    expect(r.standardError).toBeLessThan(2.7);
  });

  test('correlated calls widen the interval, single draws do not see it', () => {
    const random = seededRandom(1);
    const walk = () => {
      let v = 0;
      return Float64Array.from({ length: 1000 }, () => (v = 0.95 * v + random() - 0.5));
    };
    const [a, b] = [walk(), walk()];
    const error = (blockLength: number) =>
      blockBootstrap(a, b, difference, { random: seededRandom(3), rounds: 300, blockLength })!.standardError;
    expect(error(60)).toBeGreaterThan(2 * error(1));
  });

  test('uniform: all of [0, 1), evenly', () => {
    const random = seededRandom(42);
    const cells = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) cells[Math.floor(random() * 10)]!++;
    for (const c of cells) expect(Math.abs(c - 1000)).toBeLessThan(150);
  });
});

describe('equivalence of a quantile', () => {
  /** Bins of single values, as recordings have them: no bin is wide enough to hide a small sample. */
  const single = (values: readonly number[]) =>
    binned(
      [...new Set(values)]
        .sort((a, b) => a - b)
        .map((v) => ({ low: v, high: v + 1, count: values.filter((x) => x === v).length })),
    );

  test('a handful of calls cannot make a median different', () => {
    const few = align(
      single([4548, 5281, 6090, 8311, 15632]),
      single([5128, 6046, 8197, 9000, 15764, 19687]),
    );
    for (const q of [0.5, 0.99]) expect(quantileEquivalence(few, q)!.verdict).toBe('undecided');
  });

  test('many can, and can make it equivalent', () => {
    const many = Array.from({ length: 4000 }, (_, i) => 1000 + (i % 400));
    const near = align(single(many), single(many.map((v) => v + 3)));
    expect(quantileEquivalence(near, 0.5)!.verdict).toBe('equivalent');
    const far = align(single(many), single(many.map((v) => 2 * v)));
    expect(quantileEquivalence(far, 0.5)!.verdict).toBe('different');
  });

  test('two samples of one distribution are rarely different', () => {
    const random = seededRandom(7);
    let different = 0;
    for (let round = 0; round < 200; round++) {
      const draw = () => Array.from({ length: 20 }, () => Math.round(1000 * Math.exp(random())));
      if (quantileEquivalence(align(single(draw()), single(draw())), 0.5)!.verdict === 'different')
        different++;
    }
    expect(different).toBeLessThanOrEqual(10);
  });
});
