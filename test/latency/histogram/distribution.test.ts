import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Distribution, nearestRank } from '../../../src/latency/histogram/distribution.js';
import {
  floorLog2,
  LOG_LINEAR_BINS,
  LOG_LINEAR_RELATIVE_ERROR,
  logLinearHigh,
  logLinearIndex,
  logLinearLow,
} from '../../../src/latency/histogram/log-linear.js';

const value = fc.oneof(
  fc.integer({ min: 0, max: 5000 }),
  fc.integer({ min: 0, max: 2 ** 31 }),
  fc.maxSafeInteger().map((v) => Math.abs(v) % 2 ** 52),
);
const values = fc.array(value, { maxLength: 60 });
const limit = fc.constantFrom(0, 5, 20, 1000);

/** Everything that can be asked of a distribution. */
function facts(d: Distribution) {
  return {
    count: d.count,
    sum: d.sumNs,
    min: d.minNs,
    max: d.maxNs,
    exact: d.exact,
    q: [0, 0.1, 0.5, 0.9, 0.99, 0.999, 1].map((q) => d.quantile(q)),
    octaves: d.powerOfTwoBuckets(),
    bins: d.occupiedBins(),
  };
}

describe('log-linear bins', () => {
  test('a value lies in its bin, and the bin is narrow', () => {
    fc.assert(
      fc.property(value, (v) => {
        const i = logLinearIndex(v);
        expect(i).toBeLessThan(LOG_LINEAR_BINS);
        expect(logLinearLow(i)).toBeLessThanOrEqual(v);
        expect(logLinearHigh(i)).toBeGreaterThanOrEqual(v);
        expect(logLinearHigh(i) - v).toBeLessThanOrEqual(v * LOG_LINEAR_RELATIVE_ERROR);
        if (v > 0) expect(2 ** floorLog2(v) <= v && v < 2 ** (floorLog2(v) + 1)).toBe(true);
      }),
    );
  });
});

describe('Distribution', () => {
  test('quantiles are those of a sort while exact', () => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (vs, q) => {
          const sorted = [...vs].sort((a, b) => a - b);
          const d = Distribution.of(vs);
          expect(d.quantile(q)).toBe(sorted[nearestRank(q, vs.length) - 1]);
          expect(d.quantile(1)).toBe(sorted.at(-1));
          expect(d.sumNs).toBe(vs.reduce((a, b) => a + BigInt(b), 0n));
        },
      ),
    );
  });

  test('nearest rank is ⌈q·N⌉ in exact arithmetic', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ min: 1, max: 1000 }),
        (n, permille) => {
          const exact = Number((BigInt(permille) * BigInt(n) + 999n) / 1000n);
          expect(nearestRank(permille / 1000, n)).toBe(exact);
        },
      ),
    );
    expect(nearestRank(0.07, 100)).toBe(7);
  });

  test('binned quantiles keep the stated error; the rest stays exact', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 100 }), (vs) => {
        const exact = Distribution.of(vs);
        const binned = Distribution.of(vs, 0);
        expect(binned.exact).toBe(false);
        for (const q of [0.01, 0.5, 0.9, 1]) {
          const want = exact.quantile(q);
          expect(binned.quantile(q)).toBeGreaterThanOrEqual(want);
          expect(binned.quantile(q)).toBeLessThanOrEqual(want * (1 + binned.relativeError));
        }
        expect(binned.powerOfTwoBuckets()).toEqual(exact.powerOfTwoBuckets());
        expect([binned.sumNs, binned.minNs, binned.maxNs]).toEqual([exact.sumNs, exact.minNs, exact.maxNs]);
      }),
    );
  });

  test('merge is a commutative monoid and agrees with adding one by one', () => {
    fc.assert(
      fc.property(values, values, values, limit, limit, (a, b, c, la, lb) => {
        const A = () => Distribution.of(a, la);
        const B = () => Distribution.of(b, lb);
        const C = () => Distribution.of(c, 20);
        expect(facts(A().merge(B()))).toEqual(facts(B().merge(A())));
        expect(facts(A().merge(B()).merge(C()))).toEqual(facts(A().merge(B().merge(C()))));
        expect(facts(A().merge(new Distribution()))).toEqual(facts(A()));
        expect(facts(new Distribution().merge(A()))).toEqual(facts(A()));
        expect(facts(Distribution.of([...a, ...b], Math.min(la, lb)))).toEqual(facts(A().merge(B())));
      }),
      { numRuns: 25 },
    );
  });

  test('power-of-two buckets hold every value once, within bounds', () => {
    const d = Distribution.of([0, 1, 2, 3, 4, 1023, 1024]);
    expect(d.powerOfTwoBuckets().filter((b) => b.count > 0)).toEqual([
      { lowNs: 0, highNs: 1, count: 1 },
      { lowNs: 1, highNs: 2, count: 1 },
      { lowNs: 2, highNs: 4, count: 2 },
      { lowNs: 4, highNs: 8, count: 1 },
      { lowNs: 512, highNs: 1024, count: 1 },
      { lowNs: 1024, highNs: 2048, count: 1 },
    ]);
  });

  test('an empty distribution has no numbers, and bad durations are refused', () => {
    const d = new Distribution();
    expect([d.quantile(0.5), d.maxNs, d.meanNs]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(d.powerOfTwoBuckets()).toEqual([]);
    for (const bad of [-1, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(() => d.add(bad)).toThrow(RangeError);
    }
  });

  test('sums beyond 2^53 stay exact', () => {
    const d = new Distribution();
    for (let i = 0; i < 9; i++) d.add(2 ** 52 - 1);
    expect(d.sumNs).toBe(9n * (2n ** 52n - 1n));
  });
});
