import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../../src/kernel/ops.js';
import { linkKey } from '../../../src/replay/state/mech.js';
import { LIFE } from '../../../src/replay/state/table-life.js';
import { Drive, MM } from '../support/drive.js';
import { FRAME, kept, linked, PMD, PTE, VA, walk } from '../support/linked-table.js';

// Which table is linked where: what the machine knows, and what it tells.

describe('links', () => {
  it('make a live table of the mm, at that level', () => {
    const d = linked();
    expect(d.table(PTE)).toMatchObject({ life: LIFE.live, mm: MM, level: 1, birthRef: 1, birthSeq: 1 });
    const page = d.state.mech.pages.get(PTE)!;
    expect(page).toMatchObject({ level: 1, everLinked: true, sharers: 1, links: [{ mm: MM, va: VA }] });
    d.do(OP.LINK, { a0: MM + 1, a1: VA, a2: PTE, a3: 0 });
    expect(page).toMatchObject({ level: 1, sharers: 2 });
    d.do(OP.LINK, { a0: MM, a1: VA, a2: Number.NaN, a3: 1 });
    expect(d.state.mech.links.get(linkKey(MM, VA))).toEqual([PTE]);
  });

  it('of a page that was released begin another life', () => {
    const d = linked();
    const old = d.table(PTE);
    d.do(OP.FREE, { a0: PTE, a1: 0 });
    expect(d.heard('released').map((c) => c[2])).toEqual([false]);
    expect(d.state.mech.pages.has(PTE)).toBe(false);
    expect(d.state.mech.links.size).toBe(0);
    d.do(OP.LINK, { a0: MM, a1: VA, a2: PTE, a3: 1 });
    expect(d.table(PTE)).not.toBe(old);
    expect(d.table(PTE).life).toBe(LIFE.live);
  });

  it('end at the hand-over, in the mm that hands over', () => {
    const d = linked();
    d.do(OP.LINK, { a0: MM + 1, a1: VA, a2: PTE, a3: 1 });
    const page = d.state.mech.pages.get(PTE)!;
    const ref = d.do(OP.TR, { a0: 500, a1: MM + 1, a2: PTE, a3: 1, cpu: 3 });
    expect(page.links).toEqual([{ mm: MM, va: VA }]);
    expect(page).toMatchObject({ sharers: 2, ul: { seq: ref, ref }, ulTs: ref * 10, ulCpu: 3 });
    expect(d.heard('handedOver').map((c) => c[1])).toEqual([page]);
    expect([...d.state.mech.links.keys()]).toEqual([linkKey(MM, VA)]);
  });

  it('end at an unlink that is seen, of that address', () => {
    const d = linked();
    d.do(OP.LINK, { a0: MM, a1: VA * 2, a2: PTE, a3: 1 });
    d.do(OP.UL, { a0: MM, a1: VA * 2, a2: PTE });
    expect(d.state.mech.pages.get(PTE)!.links).toEqual([{ mm: MM, va: VA }]);
    // One of another mm is not of this one, unless it is the only one left.
    d.do(OP.LINK, { a0: MM, a1: VA * 3, a2: PTE, a3: 1 });
    d.do(OP.UL, { a0: MM + 9, a1: VA, a2: PTE });
    expect(d.state.mech.pages.get(PTE)!.links).toHaveLength(2);
  });

  it('a hand-over of a page without facts is told only where top-level tables are known', () => {
    const d = new Drive();
    d.do(OP.TR, { a0: 500, a1: MM, a2: 9, a3: 1 });
    expect(d.heard('handedOver')).toEqual([]);
    d.do(OP.PGD, { a0: 8 });
    expect(d.state.mech.pages.get(8)!.pgd).toBe(true);
    d.do(OP.TR, { a0: 500, a1: MM, a2: 10, a3: 1 });
    expect(d.heard('handedOver').map((c) => c[1])).toEqual([null]);
  });

  it('of a page with entries only are walked as far as they go', () => {
    const d = new Drive();
    d.do(OP.LINK, { a0: MM, a1: VA, a2: PTE, a3: 1 });
    walk(d);
    expect(kept(d)!.map((h) => [h.page, h.leaf])).toEqual([[PTE, false]]);
    d.do(OP.LINK, { a0: MM, a1: VA, a2: PMD, a3: 2 });
    d.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
    expect(d.state.mech.links.get(linkKey(MM, VA))).toEqual([PMD]);
    d.do(OP.TR, { a0: 500, a1: MM, a2: PMD, a3: 2 });
    expect(d.state.mech.links.size).toBe(0);
  });

  it('an unlink of another mm is of the only link there is; of several, of none', () => {
    const d = linked();
    d.do(OP.UL, { a0: MM + 9, a1: VA, a2: PTE });
    expect(d.state.mech.pages.get(PTE)!.links).toEqual([]);
    const ref = d.state.mech.pages.get(PTE)!.ul.ref;
    d.do(OP.UL, { a0: MM, a1: VA, a2: PTE });
    expect(d.state.mech.pages.get(PTE)!.ul.ref).toBe(ref);
    const e = linked();
    e.do(OP.LINK, { a0: MM + 1, a1: VA, a2: PTE, a3: 1 });
    e.do(OP.UL, { a0: MM + 9, a1: VA, a2: PTE });
    expect(e.state.mech.pages.get(PTE)!.links).toHaveLength(2);
    expect(e.state.mech.pages.get(PTE)!.ul.ref).toBe(-1);
    // Another address of the mm: one of its links; without an mm: the first.
    e.do(OP.UL, { a0: MM + 1, a1: 5, a2: PTE });
    expect(e.state.mech.pages.get(PTE)!.links).toEqual([{ mm: MM, va: VA }]);
    const f = linked();
    f.do(OP.LINK, { a0: MM, a1: VA * 2, a2: PTE, a3: 1 });
    f.do(OP.UL, { a0: MM, a1: VA * 2, a2: PTE });
    f.do(OP.LINK, { a0: MM, a1: VA * 3, a2: PTE, a3: 1 });
    f.do(OP.UL, { a0: Number.NaN, a1: Number.NaN, a2: PTE });
    expect(f.state.mech.pages.get(PTE)!.links).toEqual([{ mm: MM, va: VA * 3 }]);
  });

  it('make live again what was handed over; a bound page that was not known is a live table', () => {
    const d = linked();
    d.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
    d.do(OP.LINK, { a0: MM, a1: VA, a2: PTE, a3: 1 });
    expect(d.table(PTE).life).toBe(LIFE.live);
    d.do(OP.BIND, { a0: 40, a2: 55 });
    expect(d.table(55)).toMatchObject({ life: LIFE.live, level: 0 });
    d.enqueue(40, FUNC.tlb_remove_table_rcu, 50, { pid: 99 });
    expect(d.state.headsByAddr.get(40)!.tablesKnown).toBe(false);
    d.do(OP.BIND, { a0: 40, a2: 55 });
    expect(d.state.headsByAddr.get(40)!.tablesKnown).toBe(true);
  });

  it('pages without a number are kept nowhere', () => {
    const d = new Drive();
    d.do(OP.PGD, { a0: Number.NaN });
    expect(d.state.mech.pages.size).toBe(0);
    // Nor is one that is withdrawn, but was not seen deposited.
    d.do(OP.WDR, { a0: 3 });
    expect(d.state.mech.pages.size).toBe(0);
    d.do(OP.DEP, { a0: 3, a1: 8 });
    expect(d.state.mech.pages.get(3)!.depositedOn).toBe(8);
    d.do(OP.WDR, { a0: 3 });
    expect(d.state.mech.pages.get(3)!.depositedOn).toBeNaN();
    expect(d.state.mech.pages.get(8)!.deposits).toEqual([]);
  });

  it('are forgotten by releases of any order of pages', () => {
    for (const [order, gone] of [
      [0, false],
      [1, true],
      [2, true],
      [-1, false],
      [20, false],
    ] as const) {
      const d = linked();
      d.do(OP.FREE, { a0: FRAME - 1, a1: order });
      expect(!d.state.mech.pages.has(FRAME), String(order)).toBe(gone);
    }
    const d = linked();
    d.do(OP.FREE, { a0: Number.NaN, a1: 0 });
    expect(d.heard('released')).toEqual([]);
    d.do(OP.FREE, { a0: FRAME - 3, a1: 1 });
    expect(d.state.mech.pages.has(FRAME)).toBe(true);
  });
});
