import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Binned, binned, binValues, total } from '../../../src/latency/histogram/binned.js';
import { readHistograms } from '../../../src/latency/printed/read-hist.js';
import { compareRuns, pool } from '../../../src/latency/statistics/compare-runs.js';
import { seededRandom } from '../../../src/latency/statistics/resampling.js';

/** Runs whose level wanders from run to run by `wander`, `shift` times slower on the whole. */
function runs(count: number, seed: number, wander: number, shift = 1): Binned[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const level = shift * (1 + wander * (random() - 0.5));
    return binValues(Array.from({ length: 3000 }, () => Math.floor(2000 * level * (1 + 3 * random()))));
  });
}

describe('compareRuns', () => {
  test('a difference no larger than that between runs is inside its interval', () => {
    const c = compareRuns(runs(5, 1, 0.8), runs(5, 2, 0.8), { names: ['n', 'y'] });
    expect(c.pooled.mannWhitney!.log10P).toBeLessThan(-5);
    const d = c.statistics[0]!.between!.difference;
    expect(d.low < 0 && d.high > 0).toBe(true);
  });

  test('a difference larger than that between runs is not', () => {
    const c = compareRuns(runs(5, 1, 0.02), runs(5, 2, 0.02, 1.5));
    expect(c.statistics[0]!.between!.difference.low).toBeGreaterThan(0);
  });

  test('one run on a side has no variance', () => {
    const c = compareRuns(runs(1, 1, 0.1), runs(3, 2, 0.1, 2));
    expect(c.statistics[0]!.between).toBeNull();
    expect([c.withinA, Number.isFinite(c.withinB)]).toEqual([Number.NaN, true]);
    expect(() => compareRuns([], runs(1, 1, 0.1))).toThrow(RangeError);
  });

  test('pooling keeps every call, in any order', () => {
    const values = fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 5 }), (list) => {
        const parts = list.map(binValues);
        const sum = pool(parts);
        expect(total(sum.counts)).toBe(list.flat().length);
        expect(pool([...parts].reverse())).toEqual(sum);
      }),
    );
  });

  const recording = new URL(
    '../../../../shared/recordings/6.12.117-lab-y/bpftrace-munmap-hist.txt',
    import.meta.url,
  );
  test.skipIf(!existsSync(recording))(
    'two runs of one kernel can differ past chance (recording absent)',
    () => {
      const found = readHistograms(readFileSync(recording, 'utf8')).histograms.map((h) => binned(h.bins));
      const c = compareRuns([found[0]!], [found[1]!]);
      expect(c.pooled.kolmogorovSmirnov!.log10P).toBeLessThan(-5);
    },
  );
});
