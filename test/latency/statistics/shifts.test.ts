import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binned, total } from '../../../src/latency/histogram/binned.js';
import { Distribution, nearestRank } from '../../../src/latency/histogram/distribution.js';
import { blocksOf } from '../../../src/latency/statistics/blocks.js';
import { bootstrapShifts } from '../../../src/latency/statistics/bootstrap-shifts.js';
import { seededRandom } from '../../../src/latency/statistics/resampling.js';
import {
  binnedShift,
  bodyOnly,
  quantileConfidence,
  sparseTailMerged,
} from '../../../src/latency/statistics/shifts.js';

const values = fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1, maxLength: 120 });

describe('bootstrap of everything at once', () => {
  test('its estimates are those of the plain definitions', () => {
    fc.assert(
      fc.property(values, values, fc.constantFrom(0.1, 0.5, 0.99), (a, b, q) => {
        const s = bootstrapShifts(Float64Array.from(a), Float64Array.from(b), [q], seededRandom(1))!;
        const quantile = (v: number[]) => Distribution.of(v).quantile(q);
        const mean = (v: number[]) => v.reduce((t, x) => t + x, 0) / v.length;
        expect(s.quantiles[0]!.ratio.value).toBeCloseTo(quantile(b) / quantile(a), 9);
        expect(s.quantiles[0]!.differenceNs.value).toBe(quantile(b) - quantile(a));
        expect(s.mean.ratio.value).toBeCloseTo(mean(b) / mean(a), 9);
        let u = 0;
        for (const x of a) for (const y of b) u += y > x ? 1 : y === x ? 0.5 : 0;
        expect(s.a12.value).toBeCloseTo(u / (a.length * b.length), 12);
        for (const e of [s.quantiles[0]!.ratio, s.mean.ratio, s.a12])
          expect(e.low).toBeLessThanOrEqual(e.high);
      }),
      { numRuns: 30 },
    );
  });

  test('the same seed, the same intervals; constant samples have none to speak of', () => {
    const a = Float64Array.from({ length: 50 }, (_, i) => 100 + ((i * 37) % 50));
    expect(bootstrapShifts(a, a, [0.5], seededRandom(3))).toEqual(
      bootstrapShifts(a, a, [0.5], seededRandom(3)),
    );
    const flat = new Float64Array(20).fill(7);
    expect(bootstrapShifts(flat, flat, [0.5], seededRandom(1))!.mean.ratio).toEqual({
      value: 1,
      low: 1,
      high: 1,
    });
    expect(bootstrapShifts(flat, new Float64Array(0), [0.5], seededRandom(1))).toBeNull();
  });
});

describe('block length', () => {
  test('short without correlation, longer than what is correlated, bounded', () => {
    const random = seededRandom(4);
    const free = Array.from({ length: 4000 }, () => random());
    expect(blocksOf(free).length).toBeLessThanOrEqual(32);
    const stretches = Array.from({ length: 200 }, () => random()).flatMap((v) =>
      new Array<number>(20).fill(v),
    );
    expect(blocksOf(stretches).length).toBeGreaterThan(40);
    expect(blocksOf(Array.from({ length: 900 }, (_, i) => i)).length).toBeLessThanOrEqual(90);
    expect(blocksOf([7, 7, 7]).length).toBe(2);
    expect(blocksOf([1]).length).toBe(1);
  });
});

describe('intervals from rows', () => {
  const bins = fc
    .array(fc.integer({ min: 0, max: 400 }), { minLength: 2, maxLength: 12 })
    .filter((c) => total(c) > 0)
    .map((c) => binned(c.map((count, i) => ({ low: 2 ** (i + 8), high: 2 ** (i + 9), count }))));

  test('they hold the quantile’s own row, and grow with the confidence', () => {
    fc.assert(
      fc.property(bins, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (h, q) => {
        const narrow = quantileConfidence(h, q, 0.5)!;
        const wide = quantileConfidence(h, q, 0.99)!;
        const rank = nearestRank(q, total(h.counts));
        let seen = 0;
        const row = h.counts.findIndex((c) => (seen += c) >= rank);
        for (const x of [narrow, wide]) {
          expect(x.lowNs).toBeLessThanOrEqual(h.edges[row]!);
          expect(x.highNs).toBeGreaterThanOrEqual(h.edges[row + 1]!);
        }
        expect(wide.lowNs).toBeLessThanOrEqual(narrow.lowNs);
        expect(wide.highNs).toBeGreaterThanOrEqual(narrow.highNs);
      }),
    );
  });

  test('a sample against itself holds 1 and 0', () => {
    fc.assert(
      fc.property(bins, fc.constantFrom(0.5, 0.99), (h, q) => {
        const s = binnedShift(h, h, q, 0.05)!;
        expect(s.ratio.low <= 1 && s.ratio.high >= 1).toBe(true);
        expect(s.differenceNs.low <= 0 && s.differenceNs.high >= 0).toBe(true);
      }),
    );
    expect(binnedShift(binned([]), binned([]), 0.5, 0.05)).toBeNull();
  });

  test('past the last rank there is no upper bound', () => {
    const h = binned([{ low: 1, high: 2, count: 10 }]);
    expect(quantileConfidence(h, 0.99, 0.95)).toEqual({ lowNs: 1, highNs: Number.POSITIVE_INFINITY });
  });
});

describe('which rows are tested', () => {
  const pair = (a: number[], b: number[]) => ({
    edges: [...a.map((_, i) => 2 ** i), 2 ** a.length],
    a,
    b,
  });
  test('a sparse tail becomes one row; a body is what holds 1 %', () => {
    const p = pair([0, 5000, 3000, 40, 3, 2, 1], [1, 5000, 3000, 60, 3, 4, 2]);
    const tail = sparseTailMerged(p)!;
    expect(tail.fromNs).toBe(16);
    expect(tail.pair.a).toEqual([0, 5000, 3000, 40, 6]);
    const body = bodyOnly(p)!;
    expect([body.fromNs, body.toNs, body.pair.a]).toEqual([2, 8, [5000, 3000]]);
    expect(sparseTailMerged(pair([100, 100], [100, 100]))).toBeNull();
    expect(bodyOnly(pair([100, 100], [100, 100]))).toBeNull();
    expect(bodyOnly(pair([0, 0], [0, 0]))).toBeNull();
  });
});
