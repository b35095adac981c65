import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SkewBounds } from '../../src/timeline/skew.js';

describe('SkewBounds', () => {
  it('knows nothing without pairs, and nothing of one direction alone', () => {
    const skew = new SkewBounds();
    expect(skew.widestNs()).toBeNull();
    skew.add(0, 1, 500);
    skew.add(2, 1, 500);
    expect(skew.widestNs()).toBeNull();
    expect(skew).toMatchObject({ pairs: 2, inversions: 0, worstInversionNs: 0 });
  });

  it('bounds the offset of two CPUs by the least latency each way', () => {
    const skew = new SkewBounds();
    for (const ns of [900, 300, 700]) skew.add(0, 1, ns);
    for (const ns of [800, 400]) skew.add(1, 0, ns);
    expect(skew.widestNs()).toBe(700);
    skew.add(3, 2, 1000);
    skew.add(2, 3, 5000);
    expect(skew.widestNs()).toBe(6000);
  });

  it('counts effects stamped before their cause', () => {
    const skew = new SkewBounds();
    skew.add(0, 1, -250);
    skew.add(1, 0, -40);
    skew.add(1, 0, 0);
    expect(skew).toMatchObject({ pairs: 3, inversions: 2, worstInversionNs: 250 });
  });

  it('bounds CPUs by way of a third one, and counts what it saw', () => {
    const skew = new SkewBounds();
    skew.add(0, 1, 300);
    skew.add(0, 1, 500);
    skew.add(1, 2, 40);
    expect([skew.aheadNs(0, 2), skew.aheadByWayNs(0, 2)]).toEqual([Number.POSITIVE_INFINITY, 340]);
    expect([skew.aheadByWayNs(0, 1), skew.aheadByWayNs(2, 0)]).toEqual([300, Number.POSITIVE_INFINITY]);
    expect([skew.seenFrom(0, 1), skew.seenFrom(1, 0), skew.seenFrom(0, 9)]).toEqual([2, 0, 0]);
    skew.add(5, 0, 7);
    expect([skew.seenFrom(0, 1), skew.aheadByWayNs(5, 1)]).toEqual([2, 307]);
  });

  it('takes no notice of a CPU that is unknown or itself', () => {
    const skew = new SkewBounds();
    skew.add(-1, 1, -5);
    skew.add(1, -1, -5);
    skew.add(1, 1, -5);
    skew.add(5000, 1, -5);
    expect(skew).toMatchObject({ pairs: 0, inversions: 0 });
  });

  it('keeps the worst inversion, and never rules out every offset, whatever order CPUs appear in', () => {
    const offsets = fc.array(fc.integer({ min: -5000, max: 5000 }), { minLength: 2, maxLength: 6 });
    const sends = fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.integer({ min: 1, max: 4000 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(offsets, sends, (offset, list) => {
        const skew = new SkewBounds();
        let worst = 0;
        for (const [a, b, latency] of list) {
          const [from, to] = [a % offset.length, b % offset.length];
          const seen = latency + offset[to]! - offset[from]!;
          skew.add(from, to, seen);
          if (from !== to) worst = Math.max(worst, -seen);
        }
        expect(skew.worstInversionNs).toBe(Math.max(worst, 0));
        // Latencies are positive, so the sum of the two directions is too: the interval is never empty.
        const widest = skew.widestNs();
        if (widest !== null) expect(widest).toBeGreaterThan(0);
      }),
    );
  });
});
