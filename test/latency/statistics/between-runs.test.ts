import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  contrastOfPairs,
  contrastOfRuns,
  criticalT,
  logarithms,
  type RunValues,
  ratioOfMeans,
} from '../../../src/latency/statistics/between-runs.js';
import { UsageError } from '../../../src/result/usage-error.js';

const exact = (values: readonly number[]): RunValues => ({ values, resolution: values.map(() => 0) });
// Student's sleep data (Biometrika 6, 1908); intervals as R's t.test gives them.
const A = exact([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2]);
const B = exact([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]);

describe('contrasts of runs', () => {
  test('Welch and paired as tabled', () => {
    const c = contrastOfRuns(A, B, 0.05)!;
    expect(c.value).toBeCloseTo(1.58, 10);
    expect(c.low).toBeCloseTo(-0.2054832, 6);
    expect(c.high).toBeCloseTo(3.3654832, 6);
    const paired = contrastOfPairs(A, B, 0.05)!;
    expect([paired.value, paired.low, paired.high].map((v) => Number(v.toFixed(6)))).toEqual([
      1.58, 0.700114, 2.459886,
    ]);
  });

  test('one run on a side has no spread, and what is not finite no contrast', () => {
    expect(contrastOfRuns(exact([1]), exact([2, 3]), 0.05)).toBeNull();
    expect(contrastOfRuns(exact([1, 2]), exact([Number.NaN, 3]), 0.05)).toBeNull();
    expect(contrastOfPairs(exact([1]), exact([2]), 0.05)).toBeNull();
    expect(() => contrastOfPairs(exact([1, 2]), exact([2]), 0.05)).toThrow(UsageError);
  });

  test('runs that agree to the last step of the clock are not certain to less than that step', () => {
    const step = (v: number): RunValues => ({ values: [v, v], resolution: [10, 10] });
    const c = contrastOfRuns(step(1000), step(1001), 0.05)!;
    expect(c.low).toBeLessThan(0);
    expect(contrastOfRuns(step(1000), step(1200), 0.05)!.low).toBeGreaterThan(0);
  });

  test('swapping mirrors; the scale of ratios does not matter', () => {
    const runs = fc.array(fc.integer({ min: 500, max: 2000 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(runs, runs, (x, y) => {
        const [a, b] = [exact(x), exact(y)];
        const c = contrastOfRuns(a, b, 0.05)!;
        const back = contrastOfRuns(b, a, 0.05)!;
        expect(back.low).toBeCloseTo(-c.high, 8);
        const logs = contrastOfRuns(logarithms(a), logarithms(b), 0.05)!;
        const scaled = contrastOfRuns(
          logarithms(exact(x.map((v) => v * 7))),
          logarithms(exact(y.map((v) => v * 7))),
          0.05,
        )!;
        expect(scaled.low).toBeCloseTo(logs.low, 8);
        expect(contrastOfRuns(a, b, 0.01)!.low).toBeLessThanOrEqual(c.low);
      }),
      { numRuns: 60 },
    );
  });
});

describe('ratio of means', () => {
  const runs = (...values: number[]) => ({ values, resolution: values.map(() => 0) });

  test('every ratio that fits lies in the interval, and its ends do', () => {
    const number = fc.double({ min: 0.001, max: 1, noNaN: true });
    const side = fc.array(number, { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(side, side, (a, b) => {
        const { value, low, high } = ratioOfMeans(runs(...a), runs(...b), 0.05, false)!;
        const fits = (ratio: number): boolean => {
          const c = contrastOfRuns(runs(...a.map((v) => v * ratio)), runs(...b), 0.05)!;
          return c.low <= 0 && c.high >= 0;
        };
        const inside = (ratio: number): boolean => low <= ratio && ratio <= high;
        for (const ratio of [1, value / 3, value * 3]) {
          if ([low / ratio - 1, high / ratio - 1].some((x) => Math.abs(x) < 1e-6)) continue;
          // One in a hundred thousand has a gap, over which the interval reaches.
          if (fits(ratio)) expect(inside(ratio)).toBe(true);
        }
        expect(fits(value)).toBe(true);
        expect(fits(low > 0 ? low * (1 + 1e-9) : value * 1e-6)).toBe(true);
        if (Number.isFinite(high)) {
          expect(fits(high * (1 - 1e-9))).toBe(true);
          expect(fits(high * (1 + 1e-6))).toBe(false);
        }
      }),
      {
        examples: [
          [
            [0.001, 0.0014500340266520905],
            [0.42167794179975726, 0.4836937371348673, 0.010950101780273974, 0.41557295676713246],
          ],
        ],
      },
    );
  });

  test('Fieller 1940 with one variance: the roots of a quadratic', () => {
    // Equal n and equal spreads at R = 1 only; paired, the interval is that of the quadratic exactly.
    const [a, b] = [runs(10, 12, 11, 13), runs(20, 25, 21, 28)];
    const t = criticalT(0.05, 3);
    const n = 4;
    const mean = (x: readonly number[]) => x.reduce((s, v) => s + v, 0) / n;
    const cov = (x: readonly number[], y: readonly number[]) =>
      x.reduce((s, v, i) => s + (v - mean(x)) * (y[i]! - mean(y)), 0) / (n - 1) / n;
    const [A, B, C] = [
      mean(a.values) ** 2 - t * t * cov(a.values, a.values),
      -2 * (mean(a.values) * mean(b.values) - t * t * cov(a.values, b.values)),
      mean(b.values) ** 2 - t * t * cov(b.values, b.values),
    ];
    const root = Math.sqrt(B * B - 4 * A * C);
    const got = ratioOfMeans(a, b, 0.05, true)!;
    expect(got.low).toBeCloseTo((-B - root) / (2 * A), 6);
    expect(got.high).toBeCloseTo((-B + root) / (2 * A), 6);
  });

  test('has no upper bound where the mean below may be 0', () => {
    expect(ratioOfMeans(runs(0, 0, 0.02), runs(0.01, 0.012, 0.011), 0.05, false)).toMatchObject({
      high: Number.POSITIVE_INFINITY,
    });
    expect(ratioOfMeans(runs(0, 0), runs(1, 2), 0.05, false)).toBeNull();
  });
});
