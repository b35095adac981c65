import { describe, expect, test } from 'vitest';
import { compareSamples } from '../../src/compare/compare.js';
import type { RunSample } from '../../src/compare/sides.js';
import { binned } from '../../src/latency/binned.js';
import { Distribution } from '../../src/latency/distribution.js';
import { seededRandom } from '../../src/latency/resampling.js';

/** A run as if read from a recording. */
function run(title: string, values: readonly number[]): RunSample {
  const durations = Distribution.of(values);
  return {
    argument: title,
    title,
    from: 'events',
    what: 'made up',
    bins: binned(
      durations.powerOfTwoBuckets().map((b) => ({ low: b.lowNs, high: b.highNs, count: b.count })),
    ),
    durations,
    ordered: Float64Array.from(values),
    windowNs: 1e9,
    windowHow: 'given',
    censored: 0,
    notes: [],
    inputs: [],
    partial: false,
  };
}

/** Calls in long stretches of one speed each: strongly correlated. */
function stretches(seed: number, stretch: number): number[] {
  const random = seededRandom(seed);
  const out: number[] = [];
  while (out.length < 2000) {
    const speed = 1000 + Math.floor(random() * 6000);
    for (let i = 0; i < stretch; i++) out.push(speed + Math.floor(random() * 50));
  }
  return out;
}

describe('compareSamples', () => {
  test('single durations see what rows cannot', () => {
    const random = seededRandom(5);
    const a = Array.from({ length: 2000 }, () => 2100 + Math.floor(random() * 800));
    const b = Array.from({ length: 2000 }, () => 2500 + Math.floor(random() * 800));
    const c = compareSamples([run('a', a)], [run('b', b)]);
    expect(c.rows.length).toBe(1);
    expect(c.verdict).toBe('slower');
    const p50 = c.quantiles.find((q) => q.q === 0.5)!;
    expect(p50.ratio!.low).toBeGreaterThan(1.1);
    expect(p50.exactB! - p50.exactA!).toBe(p50.differenceNs!.value);
    expect(c.distances!.totalVariation).toBe(0);
    expect(c.distances!.wasserstein1LowNs).toBeGreaterThan(350);
    expect(c.a.exactMeanNs).toBeCloseTo(a.reduce((s, v) => s + v, 0) / a.length, 9);
    // (1 s - sum) / n, exact because the sum is.
    expect(c.a.outside!.lowNs).toBe(c.a.outside!.highNs);
  });

  test('a difference that correlation alone can make is called so', () => {
    let warned = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const c = compareSamples([run('a', stretches(seed, 20))], [run('b', stretches(seed + 100, 20))]);
      if (c.verdict === 'no evidence' || c.verdict === 'equivalent') continue;
      if (c.sentence.includes('may not have moved at all')) warned++;
    }
    expect(warned).toBeGreaterThan(0);
    const moved = compareSamples(
      [run('a', stretches(1, 1))],
      [
        run(
          'b',
          stretches(2, 1).map((v) => v * 2),
        ),
      ],
    );
    expect(moved.sentence).not.toContain('may not have moved');
  });

  test('swapping the sides mirrors the answer', () => {
    const random = seededRandom(9);
    const a = Array.from({ length: 500 }, () => 1000 + Math.floor(random() * 5000));
    const b = Array.from({ length: 700 }, () => 1500 + Math.floor(random() * 7000));
    const there = compareSamples([run('a', a)], [run('b', b)]);
    const back = compareSamples([run('b', b)], [run('a', a)]);
    expect(back.superiority!.a12).toBeCloseTo(1 - there.superiority!.a12, 12);
    expect(back.kolmogorovSmirnov!.d).toBeCloseTo(there.kolmogorovSmirnov!.d, 12);
    expect(back.mannWhitney!.z).toBeCloseTo(-there.mannWhitney!.z, 9);
    expect([there.verdict, back.verdict]).toEqual(['slower', 'faster']);
    expect(back.rows.map((r) => [r.countA, r.countB])).toEqual(there.rows.map((r) => [r.countB, r.countA]));
  });

  test('empty sides, and sides that are equal', () => {
    const some = run('a', [1000, 2000, 3000]);
    expect(compareSamples([some], [run('b', [])]).verdict).toBe('no data');
    expect(compareSamples([run('b', [])], [run('b', [])]).verdict).toBe('no data');
    const same = compareSamples([some], [some]);
    expect(same.verdict).toBe('no evidence');
    expect([same.a.name, same.b.name]).toEqual(['before', 'after']);
  });

  test('the same seed gives the same bytes', () => {
    const sides = [[run('a', stretches(1, 5))], [run('b', stretches(2, 5))]] as const;
    expect(JSON.stringify(compareSamples(...sides))).toBe(JSON.stringify(compareSamples(...sides)));
    expect(compareSamples(...sides, { seed: 2 }).bootstrap).not.toEqual(compareSamples(...sides).bootstrap);
  });
});
