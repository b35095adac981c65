import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deletePage,
  forEachPage,
  newPageIndex,
  nextPage,
  setPage,
} from '../../../src/replay/state/page-index.js';

// Few blocks, both sides of zero and of block borders, and far ones.
const page = fc.oneof(
  fc.integer({ min: -1100, max: 1100 }),
  fc.integer({ min: 2 ** 39 - 600, max: 2 ** 39 + 600 }),
);
const change = fc.record({ page, gone: fc.boolean() });

describe('pages by their index', () => {
  it('are those of the map', () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 200 }),
        fc.array(fc.tuple(page, fc.integer({ min: 0, max: 1500 }))),
        (changes, runs) => {
          const map = new Map<number, number>();
          const index = newPageIndex();
          for (const c of changes) {
            if (c.gone) deletePage(map, index, c.page);
            else setPage(map, index, c.page, c.page * 2);
          }
          for (const [from, count] of runs) {
            const there = [...map.keys()].filter((p) => p >= from && p < from + count).sort((a, b) => a - b);
            expect(nextPage(index, from, from + count)).toBe(there[0] ?? from + count);
            const visited: number[] = [];
            forEachPage(map, index, from, count, (value) => visited.push(value));
            expect(visited).toEqual(there.map((p) => p * 2));
          }
        },
      ),
    );
  });

  it('may be deleted while they are visited', () => {
    const map = new Map<number, number>();
    const index = newPageIndex();
    for (let p = 500; p < 530; p++) setPage(map, index, p, p);
    const visited: number[] = [];
    forEachPage(map, index, 510, 10, (p) => {
      visited.push(p);
      deletePage(map, index, p);
    });
    expect(visited).toEqual([510, 511, 512, 513, 514, 515, 516, 517, 518, 519]);
    expect(map.size).toBe(20);
    expect(nextPage(index, 510, 600)).toBe(520);
  });

  it('take no more room than there are at once', () => {
    const map = new Map<number, number>();
    const index = newPageIndex();
    for (let p = 0; p < 100_000; p += 100) {
      setPage(map, index, p, p);
      deletePage(map, index, p);
    }
    expect(index.slots.size).toBe(0);
    expect(index.made).toBe(1);
  });
});
