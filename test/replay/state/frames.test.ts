import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holdFrames, newFrames, ownerOf, releaseFrames } from '../../../src/replay/state/frames.js';

// Runs as the allocator hands them out, and unaligned ones as damage gives them.
const run = fc.record({
  at: fc.integer({ min: 0, max: 2600 }),
  order: fc.constantFrom(0, 0, 1, 3, 9, 9, 10),
  aligned: fc.boolean(),
  mm: fc.integer({ min: 1, max: 3 }),
  free: fc.boolean(),
});

describe('user frames', () => {
  it('belong to who allocated them last, however large the pages were', () => {
    fc.assert(
      fc.property(fc.array(run, { maxLength: 40 }), (runs) => {
        const frames = newFrames();
        const model = new Map<number, number>();
        for (const r of runs) {
          const pages = 2 ** r.order;
          const pfn = r.aligned ? r.at - (r.at % pages) : r.at;
          if (r.free) releaseFrames(frames, pfn, pages);
          else holdFrames(frames, pfn, pages, r.mm);
          for (let p = pfn; p < pfn + pages; p++) {
            if (r.free) model.delete(p);
            else model.set(p, r.mm);
          }
          for (let p = 0; p < 4096; p++) if (ownerOf(frames, p) !== model.get(p)) return false;
        }
        return true;
      }),
      {
        // The first of two frames is the last that was left of its huge page, the second had gone before.
        examples: [
          [
            [
              [2048, 10],
              [2049, 10],
              [1538, 9],
              [2048, 10],
            ].map(([at, order]) => ({ at: at!, order: order!, aligned: false, mm: 1, free: false })),
          ],
        ],
      },
    );
  });

  it('of a huge page are one entry, whatever is released of it', () => {
    const frames = newFrames();
    holdFrames(frames, 1024, 1024, 7);
    releaseFrames(frames, 1030, 1);
    expect([frames.huge.size, frames.single.size]).toEqual([2, 0]);
    expect(ownerOf(frames, 1030)).toBeUndefined();
    expect(ownerOf(frames, 1031)).toBe(7);
    holdFrames(frames, 1030, 1, 8);
    expect(ownerOf(frames, 1030)).toBe(8);
    for (let pfn = 1024; pfn < 1536; pfn++) releaseFrames(frames, pfn, 1);
    expect([frames.huge.size, frames.single.size, frames.gone.slots.size]).toEqual([1, 0, 0]);
  });

  it('that are not named change nothing', () => {
    const frames = newFrames();
    holdFrames(frames, Number.NaN, 0, 7);
    releaseFrames(frames, Number.NaN, 0);
    expect([frames.huge.size, frames.single.size]).toEqual([0, 0]);
  });
});
