import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binned, binValues } from '../../../src/latency/histogram/binned.js';
import { compare } from '../../../src/latency/statistics/compare.js';

const munmap = JSON.parse(
  readFileSync(new URL('../../../fixtures/bpftrace-hist/munmap-2024-11.json', import.meta.url), 'utf8'),
) as Record<'without' | 'with', [number, number][]>;
const side = (rows: [number, number][], scale = 1) =>
  binned(rows.map(([low, count]) => ({ low, high: 2 * low, count: Math.round(count * scale) })));
const without = side(munmap.without);
const withPatch = side(munmap.with);
const names = ['without', 'with'] as const;

describe('compare', () => {
  test('the munmap histograms: small in the body, visible from 8 µs', () => {
    const c = compare(without, withPatch, { names, windowNs: 1e9 });
    const [a, b] = [c.a.outside!, c.b.outside!];
    expect([a.lowNs, a.highNs, b.lowNs, b.highNs].map((x) => Math.round(x))).toEqual([566, 2658, 3867, 6015]);
    const verdict = (what: string) => c.equivalence.find((e) => e.what === what)!.verdict;
    expect([verdict('A12'), verdict('risk ratio at 8192 ns')]).toEqual(['equivalent', 'different']);
    expect(c.countRatio).toBeCloseTo(0.58, 2);
    expect(c.meanDifference.lowNs < 0 && c.meanDifference.highNs > 0).toBe(true);
    expect(c.dominance.faster).toBeNull();
  });

  test('the same histogram: no distance of any kind', () => {
    const c = compare(without, without);
    expect([c.superiority!.a12, c.kolmogorovSmirnov!.d, c.distances!.totalVariation]).toEqual([0.5, 0, 0]);
  });

  test('a difference too small to matter is seen and is inside the margin', () => {
    const more = side(munmap.without.map(([low, n]) => [low, low === 2048 ? n + 4000 : n]));
    const c = compare(without, more, { margins: { a12: 0.05, riskRatio: 2.5, quantileRatio: 1.25 } });
    expect(c.kolmogorovSmirnov!.log10P).toBeLessThan(-2);
    expect(c.equivalence.find((e) => e.what === 'A12')!.verdict).toBe('equivalent');
  });

  test('nothing to compare', () => {
    const c = compare(binned([]), without, { names });
    expect([c.kolmogorovSmirnov, c.superiority, c.distances, c.tails]).toEqual([null, null, null, []]);
  });

  test('two samples of one source are rarely told apart, two of different ones always', () => {
    const values = fc.array(fc.integer({ min: 1000, max: 9000 }), { minLength: 300, maxLength: 300 });
    let told = 0;
    fc.assert(
      fc.property(values, values, (a, b) => {
        if (compare(binValues(a), binValues(b)).mannWhitney!.log10P < -2) told++;
        const slow = compare(binValues(a), binValues(b.map((v) => v * 16)));
        expect(slow.mannWhitney!.log10P).toBeLessThan(-20);
        expect(slow.superiority!.a12).toBeGreaterThan(0.9);
      }),
      { numRuns: 30, seed: 11 },
    );
    expect(told).toBeLessThan(12);
  });
});
