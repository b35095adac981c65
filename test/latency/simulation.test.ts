import { describe, expect, test } from 'vitest';
import { simulate } from '../../scripts/statistics/simulation.mjs';
import * as binned from '../../src/latency/histogram/binned.js';
import * as distribution from '../../src/latency/histogram/distribution.js';
import * as logLinear from '../../src/latency/histogram/log-linear.js';
import * as bootstrap from '../../src/latency/statistics/bootstrap-shifts.js';
import * as compare from '../../src/latency/statistics/compare.js';
import * as compareRuns from '../../src/latency/statistics/compare-runs.js';
import * as equivalence from '../../src/latency/statistics/equivalence.js';
import * as tests from '../../src/latency/statistics/hypothesis-tests.js';
import * as intervals from '../../src/latency/statistics/intervals.js';
import * as resampling from '../../src/latency/statistics/resampling.js';
import * as shifts from '../../src/latency/statistics/shifts.js';
import { partOf } from '../support/part.js';

const lib = {
  ...binned,
  ...bootstrap,
  ...compare,
  ...compareRuns,
  ...distribution,
  ...equivalence,
  ...tests,
  ...intervals,
  ...logLinear,
  ...resampling,
  ...shifts,
  bodyTest: (pair: binned.BinnedPair) => {
    const body = shifts.bodyOnly(pair);
    return body === null ? null : tests.homogeneity(body.pair);
  },
};

describe('simulation', () => {
  // The full table (2,000 pairs) is in docs/statistics.md; here the bounds are wider by the fewer pairs.
  test('false positives and interval coverage stay within the stated bounds', () => {
    const rates = simulate(lib, {
      pairs: partOf(150, 80),
      bootstrapPairs: partOf(40, 20),
      seed: 7,
    });
    expect(rates.length).toBeGreaterThan(20);
    expect(rates.filter((r) => !r.within)).toEqual([]);
  });

  test('a test that cries wolf is noticed', () => {
    const loud = {
      ...lib,
      mannWhitney: () => ({ above: 0, below: 0, tied: 0, z: 9, log10P: -9 }),
      compare: (...args: Parameters<typeof compare.compare>) => {
        const c = compare.compare(...args);
        return { ...c, mannWhitney: { ...c.mannWhitney, log10P: -9 } };
      },
    };
    const rates = simulate(loud, { pairs: 30, bootstrapPairs: 0 });
    expect(rates.find((r) => r.what.includes('Mann-Whitney'))!.within).toBe(false);
  });
});
