import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { studentCritical, studentTwoSided } from '../../../src/latency/statistics/special-functions.js';
import { type CriticalValue, criticalOfTwo } from '../../../src/latency/statistics/two-variances.js';

/**
 * How often difference ± t(r)·error holds the truth where the true standard deviations are as `ratio` to 1: by an
 * integral of its own, six times as fine as that of the code, over the same two independent variables.
 */
function held(na: number, nb: number, t: CriticalValue, ratio: number): number {
  const [va, vb] = [na - 1, nb - 1];
  const share = (ratio * ratio) / na / ((ratio * ratio) / na + 1 / nb);
  let [sum, total] = [0, 0];
  for (let i = 0; i < 600; i++) {
    const angle = ((i + 0.5) / 600) * (Math.PI / 2);
    const weight = Math.sin(angle) ** (va - 1) * Math.cos(angle) ** (vb - 1);
    const ea = (share * Math.sin(angle) ** 2) / va;
    const eb = ((1 - share) * Math.cos(angle) ** 2) / vb;
    const x = t(ea / (ea + eb)) * Math.sqrt((ea + eb) * (va + vb));
    sum += weight * (1 - studentTwoSided(x, va + vb));
    total += weight;
  }
  return sum / total;
}

const SIDES = [2, 3, 4, 5, 7, 10].flatMap((a) => [2, 3, 4, 5, 7, 10].map((b) => [a, b] as const));

describe('the critical value for two variances', () => {
  test.each(SIDES)('%d against %d: within 2 points of 95 % up to a threefold spread', (a, b) => {
    const t = criticalOfTwo(a, b, 0.05);
    for (const ratio of [1 / 3, 1 / 2, 1 / 1.5, 1, 1.5, 2, 3]) {
      const part = held(a, b, t, ratio);
      expect([ratio, Math.abs(part - 0.95) <= 0.02]).toEqual([ratio, true]);
    }
  });

  test('Welch alone would not be: 2 against 2, and 2 against 10', () => {
    const welch =
      (a: number, b: number): CriticalValue =>
      (r) =>
        studentCritical(0.05, 1 / (r ** 2 / (a - 1) + (1 - r) ** 2 / (b - 1)));
    expect(held(2, 2, welch(2, 2), 1)).toBeCloseTo(0.977, 3);
    expect(held(2, 10, welch(2, 10), 2)).toBeLessThan(0.885);
  });

  test.each([0.1, 0.05 / 2, 0.05 / 3, 0.01])(
    'at the level %d never more often wrong than by half again',
    (alpha) => {
      for (const [a, b] of SIDES) {
        const t = criticalOfTwo(a, b, alpha);
        for (const ratio of [1 / 2, 1, 2]) expect(1 - held(a, b, t, ratio)).toBeLessThanOrEqual(1.8 * alpha);
        expect(1 - held(a, b, t, 1)).toBeLessThanOrEqual(1.5 * alpha);
      }
    },
  );

  test('lies between the bounds of Mickey & Brown, mirrors, and grows as the level narrows', () => {
    const n = fc.integer({ min: 2, max: 9 });
    fc.assert(
      fc.property(n, n, fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), (a, b, r) => {
        const t = criticalOfTwo(a, b, 0.05)(r);
        expect(t).toBeGreaterThanOrEqual(studentCritical(0.05, a + b - 2) - 1e-9);
        expect(t).toBeLessThanOrEqual(studentCritical(0.05, Math.min(a, b) - 1) + 1e-9);
        expect(criticalOfTwo(b, a, 0.05)(1 - r)).toBeCloseTo(t, 6);
        expect(criticalOfTwo(a, b, 0.01)(r)).toBeGreaterThan(t);
      }),
      { numRuns: 200 },
    );
  });

  test('where one side has no spread at all it is Student’s for the other', () => {
    expect(criticalOfTwo(2, 5, 0.05)(1)).toBeCloseTo(studentCritical(0.05, 1), 6);
    expect(criticalOfTwo(2, 5, 0.05)(0)).toBeCloseTo(studentCritical(0.05, 4), 2);
    expect(criticalOfTwo(3, 3, 0.05)(0)).toBeCloseTo(studentCritical(0.05, 2), 6);
  });
});
