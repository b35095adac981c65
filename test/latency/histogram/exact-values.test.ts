import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExactValues } from '../../../src/latency/histogram/exact-values.js';

const of = (values: readonly number[]): ExactValues => {
  const all = new ExactValues();
  for (const v of values) all.add(v);
  return all;
};

/** Enough values, of a few kinds or of many, that some are joined. */
const many = fc
  .tuple(
    fc.integer({ min: 1, max: 4000 }),
    fc.integer({ min: 0, max: 5000 }),
    fc.integer({ min: 1, max: 999 }),
  )
  .map(([kinds, n, step]) => Array.from({ length: n }, (_, i) => ((i * step) % kinds) * 3));

describe('ExactValues', () => {
  test('knows every value, joined or not', () => {
    fc.assert(
      fc.property(many, (values) => {
        const sorted = [...values].sort((a, b) => a - b);
        const all = of(values);
        expect(all.count).toBe(values.length);
        for (const rank of [1, values.length >> 1, values.length])
          if (rank >= 1 && rank <= values.length) expect(all.at(rank)).toBe(sorted[rank - 1]);
        const runs: number[] = [];
        all.forEachRun((value, times) => {
          expect(times).toBeGreaterThan(0);
          for (let i = 0; i < times; i++) runs.push(value);
        });
        expect(runs).toEqual(sorted);
        expect([...all.ascending()]).toEqual(sorted);
        all.add(7);
        expect([...all.ascending()]).toEqual([...sorted, 7].sort((a, b) => a - b));
      }),
      { numRuns: 60 },
    );
  });

  test('of two is that of all their values', () => {
    fc.assert(
      fc.property(many, many, (a, b) => {
        const both = of(a);
        both.addAll(of(b));
        expect(both.count).toBe(a.length + b.length);
        expect([...both.ascending()]).toEqual([...a, ...b].sort((x, y) => x - y));
      }),
      { numRuns: 30 },
    );
  });

  test('few distinct values take little room, however many there are', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held = async (): Promise<number> => {
      // Buffers are given back in the background.
      collect();
      await setTimeout(50);
      collect();
      return process.memoryUsage().arrayBuffers;
    };
    const before = await held();
    const parts = Array.from({ length: 20 }, (_, k) => {
      const all = new ExactValues();
      for (let i = 0; i < 500_000; i++) all.add((i * k) % 100);
      return all;
    });
    // 80 MB one by one.
    expect((await held()) - before).toBeLessThan(1e6);
    expect(parts.reduce((sum, p) => sum + p.count, 0)).toBe(10_000_000);
  });
});
