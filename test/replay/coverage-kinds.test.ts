import { describe, expect, it } from 'vitest';
import { Coverage } from '../../src/replay/coverage.js';

describe('Coverage', () => {
  it('a kind beyond its size is not taken for one of the next CPU', () => {
    const coverage = new Coverage(8);
    coverage.fired(8, 0, 1);
    coverage.fired(9, 0, 1);
    expect(coverage.firedOn(0, 1)).toBe(false);
    expect(coverage.firedOn(1, 1)).toBe(false);
    expect(coverage.firedOn(8, 0)).toBe(false);
  });

  it('forgets the first and the last kind of a CPU, and no kind of its neighbours', () => {
    const coverage = new Coverage(4);
    for (const cpu of [0, 1, 2]) for (const kind of [0, 3]) coverage.fired(kind, cpu, 5);
    coverage.lost(1);
    for (const kind of [0, 3]) {
      expect([0, 1, 2].map((cpu) => coverage.firedOn(kind, cpu))).toEqual([true, false, true]);
    }
    coverage.lost(-1);
    for (const kind of [0, 3]) {
      expect([0, 1, 2].map((cpu) => coverage.firedOn(kind, cpu))).toEqual([false, false, false]);
    }
  });

  it('knows nothing of kinds that fired at no CPU, but counts them', () => {
    const coverage = new Coverage(4);
    coverage.fired(2, -1, 5);
    expect(coverage.total(2)).toBe(1);
    expect(coverage.firedOn(2, 0)).toBe(false);
  });
});
