import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fisherExact } from '../../../src/latency/statistics/hypothesis-tests.js';
import {
  betaI,
  log10ChiSquareTail,
  log10NormalTwoSided,
  logChoose,
  logGamma,
  logGammaQ,
  normalCdf,
  normalQuantile,
  studentCritical,
  studentTwoSided,
} from '../../../src/latency/statistics/special-functions.js';

function near(got: number, want: number): void {
  expect(Math.abs(got - want)).toBeLessThanOrEqual(1e-10 * (1 + Math.abs(want)));
}

describe('special functions', () => {
  test('tabled values', () => {
    near(logGamma(0.5), Math.log(Math.sqrt(Math.PI)));
    near(logGamma(100), 359.1342053695754);
    near(logChoose(52, 5), Math.log(2598960));
    near(10 ** log10ChiSquareTail(3.841458820694124, 1), 0.05);
    near(10 ** log10ChiSquareTail(18.307038053275146, 10), 0.05);
    near(10 ** log10NormalTwoSided(1.959963984540054), 0.05);
    near(normalQuantile(0.975), 1.959963984540054);
    near(studentCritical(0.05, 10), 2.2281388519649385);
    near(studentTwoSided(12.706204736432095, 1), 0.05);
    near(betaI(2, 3, 0.4), 0.5248);
  });

  test('Γ and Q against what defines them', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 300, noNaN: true }), (x) => {
        near(logGamma(x + 1), logGamma(x) + Math.log(x));
      }),
    );
    // For an even number of degrees of freedom Q is a finite Poisson sum.
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.double({ min: 0, max: 500, noNaN: true }), (a, x) => {
        let sum = 0;
        let term = 1;
        for (let k = 0; k < a; k++) {
          sum += term;
          term *= x / (k + 1);
        }
        const want = Math.log(sum) - x;
        expect(Math.abs(logGammaQ(a, x) - want)).toBeLessThan(1e-9 * (1 + Math.abs(want)));
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: -8, max: 8, noNaN: true }), (z) => near(normalCdf(z) + normalCdf(-z), 1)),
    );
  });

  test('Fisher: the lady tasting tea, and a brute force', () => {
    near(10 ** fisherExact(3, 4, 1, 4), 34 / 70);
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
    const size = fc.integer({ min: 1, max: 14 });
    fc.assert(
      fc.property(size, size, fc.nat(14), fc.nat(14), (n, m, x0, y0) => {
        const x = Math.min(n, x0);
        const y = Math.min(m, y0);
        const k = x + y;
        const weight = (i: number) =>
          i < 0 || i > n || k - i < 0 || k - i > m ? 0 : choose(n, i) * choose(m, k - i);
        let all = 0;
        let tail = 0;
        for (let i = 0; i <= k; i++) {
          all += weight(i);
          if (weight(i) <= weight(x) * (1 + 1e-9)) tail += weight(i);
        }
        expect(Math.abs(10 ** fisherExact(x, n, y, m) - tail / all)).toBeLessThan(1e-6);
      }),
    );
  });
});
