import { describe, expect, test } from 'vitest';
import { simulate } from '../../src/simulate/simulate.js';
import { STALLS, Stalls } from '../../src/simulate/stalls.js';
import { completeWorkload } from '../../src/simulate/workload.js';

describe('stalls', () => {
  test('come as often and last as long as in the histogram they are from', () => {
    const stalls = new Stalls(3);
    const stepNs = 400;
    const steps = 2_000_000;
    const seen = STALLS.map(() => 0);
    for (let i = 0; i < steps; i++) {
      const ns = stalls.within(stepNs);
      if (ns === 0) continue;
      const k = STALLS.findIndex((s) => ns >= s.lowNs && ns <= s.highNs);
      expect(k).toBeGreaterThanOrEqual(0);
      seen[k]!++;
    }
    STALLS.forEach(({ perSecond }, k) => {
      const want = (perSecond * steps * stepNs) / 1e9;
      expect(Math.abs(seen[k]! - want), `${want} of class ${k}`).toBeLessThan(5 * Math.sqrt(want) + 2);
    });
  });

  test('are the same for the same seed, and there are none in no time', () => {
    const draw = (seed: number) => {
      const s = new Stalls(seed);
      return Array.from({ length: 5000 }, () => s.within(1000));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(new Stalls(7).within(0)).toBe(0);
  });
});

function summary(seed: number, munmaps: number) {
  const log = simulate(completeWorkload({}, { seed, munmaps }), null);
  for (;;) {
    const step = log.next();
    if (step.done) return step.value;
  }
}

test('simulated latencies have a tail like those of recordings (max 2 to 959 times the median)', () => {
  for (const seed of [1, 2, 3]) {
    const { p50, p90, max } = summary(seed, 1500).munmapNs;
    expect(max! / p50!).toBeGreaterThan(5);
    expect(max! / p50!).toBeLessThan(959);
    // The body is what it was.
    expect(p90! / p50!).toBeLessThan(2);
  }
  expect(summary(5, 200)).toEqual(summary(5, 200));
});
