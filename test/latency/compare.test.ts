import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binned, binValues } from '../../src/latency/binned.js';
import { compare } from '../../src/latency/compare.js';

const munmap = JSON.parse(
  readFileSync(new URL('../../fixtures/bpftrace-hist/munmap-2024-11.json', import.meta.url), 'utf8'),
) as Record<'without' | 'with', [number, number][]>;
const side = (rows: [number, number][], scale = 1) =>
  binned(rows.map(([low, count]) => ({ low, high: 2 * low, count: Math.round(count * scale) })));
const without = side(munmap.without);
const withPatch = side(munmap.with);
const names = ['without', 'with'] as const;

describe('compare', () => {
  test('the munmap histograms: small in the body, visible from 8 µs, not the patch’s fault yet', () => {
    const c = compare(without, withPatch, { names, windowNs: 1e9 });
    expect(c.verdict).toBe('slower');
    expect(c.sentence).toBe(
      'with is slower than without as recorded: body slower by A12 0.518, at most 3.23 % of the calls moved across 2.05 µs (within the margin); calls of 8.19 µs or more are 2.36× as frequent (0.289 % → 0.682 %). With one run per side this cannot be laid at the patch’s door: how much two runs of one kernel differ is unknown.',
    );
    const [a, b] = [c.a.outside!, c.b.outside!];
    expect([a.lowNs, a.highNs, b.lowNs, b.highNs].map((x) => Math.round(x))).toEqual([566, 2658, 3867, 6015]);
    const verdict = (what: string) => c.equivalence.find((e) => e.what === what)!.verdict;
    expect([verdict('A12'), verdict('risk ratio at 8192 ns')]).toEqual(['equivalent', 'different']);
    expect(c.caveats.some((x) => x.includes('0.58×'))).toBe(true);
    expect(c.caveats.some((x) => x.includes('not even the sign'))).toBe(true);
    expect(c.dominance.faster).toBeNull();
  });

  test('the other way round it is faster', () => {
    const c = compare(withPatch, without, { names: ['with', 'without'] });
    expect(c.verdict).toBe('faster');
    expect(c.sentence).toContain('without is faster than with');
  });

  test('with several runs the sentence says nothing of one', () => {
    expect(compare(without, withPatch, { runs: [5, 5] }).sentence).not.toContain('one run per side');
  });

  test('the same histogram: no evidence, and no claim of equality', () => {
    const c = compare(without, without);
    expect(c.verdict).toBe('no evidence');
    expect(c.sentence).toMatch(/^No evidence of a difference .*not evidence of none/);
  });

  test('a difference too small to matter is equivalent', () => {
    const more = side(munmap.without.map(([low, n]) => [low, low === 2048 ? n + 4000 : n]));
    const c = compare(without, more, { margins: { a12: 0.05, riskRatio: 2.5, quantileRatio: 1.25 } });
    expect(c.kolmogorovSmirnov!.log10P).toBeLessThan(-2);
    expect(c.verdict).toBe('equivalent');
  });

  test('a lighter tail with a slower body is both', () => {
    const bins = (tail: number) =>
      binned([
        { low: 1024, high: 2048, count: 50_000 - tail },
        { low: 2048, high: 4096, count: tail === 100 ? 60_000 : 50_000 },
        { low: 8192, high: 16384, count: tail },
      ]);
    expect(compare(bins(1000), bins(100)).verdict).toBe('mixed');
  });

  test('nothing to compare', () => {
    expect(compare(binned([]), without, { names }).sentence).toBe(
      'Nothing to compare: without holds no calls.',
    );
    expect(compare(without, binned([]), { names }).verdict).toBe('no data');
  });

  test('two samples of one source are rarely told apart, two of different ones always', () => {
    const values = fc.array(fc.integer({ min: 1000, max: 9000 }), { minLength: 300, maxLength: 300 });
    let told = 0;
    fc.assert(
      fc.property(values, values, (a, b) => {
        if (compare(binValues(a), binValues(b)).verdict !== 'no evidence') told++;
        const slow = compare(binValues(a), binValues(b.map((v) => v * 16)));
        expect(slow.verdict).toBe('slower');
      }),
      { numRuns: 30, seed: 11 },
    );
    expect(told).toBeLessThan(12);
  });
});
