import { describe, expect, test } from 'vitest';
import { alone, coverage, nothing, something } from '../../scripts/statistics/runs.mjs';
import * as compare from '../../src/compare/compare.js';
import * as conditions from '../../src/compare/conditions.js';
import * as failIf from '../../src/compare/fail-if.js';
import * as inference from '../../src/compare/inference.js';
import * as runValues from '../../src/compare/run-values.js';
import * as binned from '../../src/latency/histogram/binned.js';
import * as distribution from '../../src/latency/histogram/distribution.js';
import * as resampling from '../../src/latency/statistics/resampling.js';
import { partOf } from '../support/part.js';

const lib = {
  ...compare,
  ...conditions,
  ...failIf,
  ...inference,
  ...runValues,
  ...binned,
  ...distribution,
  ...resampling,
};

// The tables of docs/statistics.md, shorter: bounds are four standard errors of the simulation further off.
describe('several runs of one kernel, whose calls are correlated and have a heavy tail', () => {
  test.each([
    [2, 2],
    [5, 5],
    [2, 5],
  ] as const)('%d against %d: what is not there is seldom said', (a, b) => {
    const pairs = 40;
    const said = nothing(lib, { runs: [a, b], sd: 0.1, n: 400, pairs, seed: 11 });
    for (const [what, { hits, of }] of said) {
      const level = what.startsWith('fail-if') ? 0.025 : 0.05;
      expect([what, hits / of <= level + 4 * Math.sqrt((level * (1 - level)) / of)]).toEqual([what, true]);
    }
  });

  test.each([
    { runs: [2, 2], sd: 0.03 },
    { runs: [3, 3], sd: 0.03 },
    { runs: [10, 10], sd: 0.03 },
    { runs: [2, 5], sd: [0.1, 0.03] },
    { runs: [2, 5], sd: [0.03, 0.1] },
    { runs: [3, 10], sd: 0.03 },
    { runs: [5, 5], sd: 0.03, slow: 0.2 },
    { runs: [5, 5], sd: 0.03, paired: true },
  ] as const)('$runs runs that spread by $sd: intervals hold the truth as often as they say', (sides) => {
    const held = coverage(lib, { ...sides, n: 1000, pairs: partOf(600, 200), pool: 200, seed: 12 });
    for (const [what, { hits, of }] of held) {
      const room = 0.02 + 4 * Math.sqrt((0.95 * 0.05) / of);
      expect([what, hits / of, Math.abs(hits / of - 0.95) <= room]).toEqual([what, hits / of, true]);
    }
  });

  test('a fifth slower is seen with five runs a side that spread by 3 %', () => {
    const { slower, faster, of } = something(lib, {
      runs: [5, 5],
      sd: 0.03,
      n: 400,
      pairs: 20,
      change: { scale: 1.2 },
      seed: 13,
    });
    expect(slower / of).toBeGreaterThan(0.8);
    expect(faster).toBe(0);
  });

  test.each([{ n: 400 }, { n: 1000 }, { n: 1000, slow: 0.2 }])(
    'one run a side, %o: intervals are given where they hold, and none of rate and tail',
    (data) => {
      const held = alone(lib, { ...data, pairs: partOf(120, 24) });
      expect([...held.keys()]).toEqual(expect.arrayContaining(['p50', 'A12']));
      expect(held.get('rate')).toBeUndefined();
      for (const [what, { hits, of }] of held) {
        const room = 0.02 + 4 * Math.sqrt((0.95 * 0.05) / of);
        expect([what, hits / of, Math.abs(hits / of - 0.95) <= room]).toEqual([what, hits / of, true]);
      }
    },
  );
});
