import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeBase } from '../../src/timeline/time-base.js';

describe('TimeBase', () => {
  it('is exact to the ns for 100 days around its first stamp, at epoch size', () => {
    const second = fc.integer({ min: -8_000_000, max: 8_000_000 });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4_000_000_000 }),
        second,
        fc.nat(999_999_999),
        (base, away, ns) => {
          const time = new TimeBase();
          time.relative(base, 0);
          const sec = base + away;
          const relative = time.relative(sec, ns);
          expect(time.absolute(relative)).toBe((BigInt(sec) * 1_000_000_000n + BigInt(ns)).toString());
        },
      ),
    );
  });

  it('takes the first stamp as base and keeps it', () => {
    const time = new TimeBase();
    expect(time.baseSec).toBeNull();
    expect(time.relative(89, 361_872_000)).toBe(361_872_000);
    expect(time.relative(88, 0)).toBe(-1e9);
    expect(time.baseSec).toBe(89);
    expect(time.absolute(-1e9)).toBe('88000000000');
  });

  it('without a stamp counts from 0', () => {
    expect(new TimeBase().absolute(5)).toBe('5');
  });
});
