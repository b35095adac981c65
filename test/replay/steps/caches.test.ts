import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../../src/kernel/ops.js';
import { MM } from '../support/drive.js';
import { FRAME, held, inv, kept, linked, PMD, PTE, pages, VA, walk } from '../support/linked-table.js';

// What walks put into the translation caches, and what invalidations take out.

describe('walks', () => {
  it('cache the tables on the way and the translation, once', () => {
    const d = linked();
    d.do(OP.LINK, { a0: MM, a1: VA, a2: PMD, a3: 2 });
    const ref = walk(d);
    expect(pages(d)).toEqual([`${PTE}`, `${FRAME} leaf`, `${PMD}`]);
    expect(held(d)[0]).toMatchObject({
      ref,
      seq: ref,
      cpu: 0,
      va: VA,
      user: false,
      halfDone: false,
      lazy: false,
      broadcast: false,
    });
    walk(d);
    expect(held(d)).toHaveLength(3);
    expect(d.state.mech.pages.get(PTE)!.holders).toHaveLength(1);
    // Under the user PCID is beside it.
    walk(d, { a3: 1 });
    expect(held(d)).toHaveLength(6);
    expect(held(d).filter((h) => h.user)).toHaveLength(3);
    walk(d, { cpu: 1 });
    expect(pages(d, 1)).toHaveLength(3);
  });

  it('a cached table is walked though its parent no longer points to it', () => {
    const d = linked();
    walk(d);
    d.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
    d.do(OP.SETE, { a0: PTE, a1: VA, a2: FRAME + 1 });
    walk(d);
    expect(pages(d)).toEqual([`${PTE}`, `${FRAME} leaf`, `${FRAME + 1} leaf`]);
    const other = linked();
    other.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
    walk(other);
    expect(pages(other)).toEqual([]);
  });

  it('of devices are theirs', () => {
    const d = linked();
    walk(d, { a2: 3 });
    expect(pages(d)).toEqual([]);
    expect(pages(d, 0, 3)).toEqual([`${PTE}`, `${FRAME} leaf`]);
    expect(held(d, 0, 3)[0]).toMatchObject({ cpu: -1, device: 3, lazy: false });
    inv(d);
    expect(pages(d, 0, 3)).toHaveLength(2);
    d.do(OP.IOTLB, { a0: MM, a1: 4 });
    expect(pages(d, 0, 3)).toHaveLength(2);
    d.do(OP.IOTLB, { a0: MM, a1: 3 });
    expect(pages(d, 0, 3)).toEqual([]);
  });
});

describe('invalidations', () => {
  it('of all remove all of the mm on that CPU', () => {
    const d = linked();
    walk(d);
    walk(d, { cpu: 1 });
    inv(d, { cpu: 2 });
    inv(d, { a1: MM + 1 });
    inv(d, { cpu: -1 });
    expect([pages(d).length, pages(d, 1).length]).toEqual([2, 2]);
    inv(d);
    expect([pages(d).length, pages(d, 1).length]).toEqual([0, 2]);
  });

  it('of a range remove every table, and translations within it', () => {
    for (const [start, end, left] of [
      [VA, VA + 4096, []],
      [VA - 4096, VA, [`${FRAME} leaf`]],
      [VA + 1, VA + 4096, [`${FRAME} leaf`]],
      [0, 2 ** 53 - 1, []],
      [Number.NaN, VA, []],
      [VA + 8192, Number.NaN, []],
      [VA + 8192, -1, []],
    ] as const) {
      const d = linked();
      walk(d);
      inv(d, { a2: start, a3: end });
      expect(pages(d), `${start}-${end}`).toEqual(left);
    }
  });

  it('of leaves keep the tables', () => {
    const d = linked();
    walk(d);
    inv(d, { a5: 1 });
    expect(pages(d)).toEqual([`${PTE}`]);
  });

  it('of the kernel PCID keep what the user PCID holds, half done', () => {
    const d = linked();
    walk(d, { a3: 1 });
    walk(d);
    inv(d, { a5: 2 });
    expect(held(d).map((h) => [h.user, h.halfDone])).toEqual([
      [true, true],
      [true, true],
    ]);
  });

  it('where tlb_flush is seen, only that shows that a handler invalidated', () => {
    const d = linked();
    d.do(OP.TLBF, { a0: -1, a1: 1 });
    walk(d);
    inv(d);
    expect(pages(d)).toHaveLength(2);
    d.do(OP.TLBF, { a0: -1, a1: 5 });
    expect(pages(d)).toHaveLength(2);
    inv(d);
    d.do(OP.TLBF, { a0: -1, a1: 1 });
    expect(pages(d)).toEqual([]);
    // A handler that is over cannot any more: what another flush did cannot be told.
    walk(d);
    inv(d);
    d.do(OP.IX, { a1: FUNC.flush_tlb_func, a2: 0 });
    d.do(OP.TLBF, { a0: -1, a1: 1 });
    expect(pages(d)).toEqual([`${PTE} ?`, `${FRAME} leaf ?`]);
  });

  it('a flush of no known handler or mm makes doubtful what that CPU holds', () => {
    const d = linked();
    walk(d);
    walk(d, { cpu: 1 });
    d.do(OP.TLBF, { a0: -1, a1: 5 });
    expect(pages(d)).toEqual([`${PTE}`, `${FRAME} leaf`]);
    d.do(OP.TLBF, { a0: -1, a1: 1 });
    expect(pages(d)).toEqual([`${PTE} ?`, `${FRAME} leaf ?`]);
    expect(pages(d, 1)).toEqual([`${PTE}`, `${FRAME} leaf`]);
    const e = linked();
    walk(e);
    inv(e, { a1: Number.NaN });
    expect(pages(e)).toEqual([`${PTE} ?`, `${FRAME} leaf ?`]);
  });

  it('a batched flush is for the mm the CPU has loaded', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    walk(d);
    walk(d, { cpu: 1 });
    inv(d, { a1: 0 });
    expect(pages(d)).toEqual([]);
    inv(d, { a1: 0, cpu: 1 });
    expect(pages(d, 1)).toEqual([`${PTE} ?`, `${FRAME} leaf ?`]);
  });

  it('INVLPGB takes effect at the TLBSYNC of its CPU, everywhere', () => {
    const d = linked();
    walk(d, { cpu: 1 });
    walk(d, { cpu: 2 });
    d.do(OP.BCAST, { a0: MM, cpu: 0 });
    expect(d.state.mech.broadcasts).toEqual([{ cpu: 0, mm: MM, ref: 5, seq: 5 }]);
    d.do(OP.TLBSYNC, { cpu: 1 });
    expect([pages(d, 1).length, pages(d, 2).length]).toEqual([2, 2]);
    const holders = held(d, 1);
    d.do(OP.TLBSYNC, { cpu: 0 });
    expect([pages(d, 1), pages(d, 2)]).toEqual([[], []]);
    expect(holders.every((h) => h.broadcast)).toBe(true);
    expect(d.state.mech.broadcasts).toEqual([]);
  });

  it('leave no list where nothing is left, and what is left otherwise', () => {
    const d = linked();
    walk(d);
    inv(d, { a5: 1 });
    expect(kept(d)!.map((h) => h.page)).toEqual([PTE]);
    inv(d);
    expect(kept(d)).toBeUndefined();
  });

  it('what is gone stays gone', () => {
    const d = linked();
    walk(d, { a3: 1 });
    const holders = [...kept(d)!];
    inv(d, { a5: 1 });
    inv(d, { a5: 2 });
    expect(holders.map((h) => [h.leaf, h.hold, h.halfDone])).toEqual([
      [false, 1, true],
      [true, 0, false],
    ]);
    walk(d, { a3: 1 });
    expect(kept(d)!.filter((h) => h.leaf)).toHaveLength(1);
  });

  it('of a range that begins at 0 or ends at it', () => {
    for (const [start, end, left] of [
      [0, 0, 1],
      [VA + 1, 0, 1],
      [0, 1, 1],
    ] as const) {
      const d = linked();
      walk(d);
      inv(d, { a2: start, a3: end });
      expect(kept(d)?.length ?? 0, `${start} ${end}`).toBe(left);
    }
  });

  it('after tlb_flush was seen: the next one alone ends a handler, whatever it was for', () => {
    const d = linked();
    d.do(OP.TLBF, { a0: -1, a1: 1 });
    walk(d);
    inv(d);
    d.do(OP.TLBF, { a0: -1, a1: 5 });
    // The handler came to nothing: the flush after it is of something unknown.
    d.do(OP.TLBF, { a0: -1, a1: 1 });
    expect(kept(d)!.map((h) => h.hold)).toEqual([2, 2]);
    const e = linked();
    e.do(OP.TLBF, { a0: -1, a1: 1 });
    walk(e);
    inv(e, { a1: Number.NaN });
    e.do(OP.TLBF, { a0: -1, a1: 1 });
    expect(kept(e)!.map((h) => h.hold)).toEqual([2, 2]);
    const none = linked();
    none.do(OP.TLBF, { a0: -1, a1: 1 });
    walk(none);
    inv(none, { a1: Number.NaN });
    none.do(OP.TLBF, { a0: -1, a1: 5 });
    expect(kept(none)!.map((h) => h.hold)).toEqual([1, 1]);
  });

  it('by INVLPGB reach CPU 0 as any other', () => {
    const d = linked();
    walk(d);
    d.do(OP.BCAST, { a0: MM, cpu: 1 });
    d.do(OP.TLBSYNC, { cpu: 1 });
    expect(kept(d)).toBeUndefined();
  });
});
