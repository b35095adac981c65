import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../../src/kernel/ops.js';
import { LIFE } from '../../../src/replay/state/table-life.js';
import { CONTEXT } from '../../../src/timeline/flags.js';
import { Drive, MM } from '../support/drive.js';
import { FRAME, linked, PMD, PTE, pages, VA, walk } from '../support/linked-table.js';

// A page table as a page: queued, deposited, pinned, moved, reused.

describe('tables', () => {
  it('a table bound to a head goes with it, once', () => {
    const d = linked();
    d.do(OP.BIND, { a0: 40, a2: PTE });
    d.enqueue(40, FUNC.tlb_remove_table_rcu, 50, { pid: 99 });
    d.heard('bound');
    d.do(OP.BIND, { a0: 40, a2: Number.NaN });
    const head = d.state.headsByAddr.get(40)!;
    expect(head.tables).toEqual([]);
    d.do(OP.BIND, { a0: 40, a2: PTE });
    d.do(OP.BIND, { a0: 40, a2: PTE });
    expect(head).toMatchObject({ tables: [d.table(PTE)], tablesKnown: true });
    expect(d.heard('bound')).toHaveLength(1);
    expect(d.table(PTE)).toMatchObject({ head, life: LIFE.rcu });
  });

  it('deposits are kept on their parent until withdrawn', () => {
    const d = new Drive();
    d.do(OP.DEP, { a0: PTE, a1: PMD });
    d.do(OP.DEP, { a0: PTE + 8, a1: PMD });
    const parent = d.state.mech.pages.get(PMD)!;
    expect(parent).toMatchObject({ deposits: [PTE, PTE + 8], everDeposits: true });
    expect(d.state.mech.pages.get(PTE)!.depositedOn).toBe(PMD);
    expect(d.heard('deposited').map((c) => c[2])).toEqual([PMD, PMD]);
    d.do(OP.WDR, { a0: PTE });
    expect(parent).toMatchObject({ deposits: [PTE + 8], everDeposits: true });
    expect(d.state.mech.pages.get(PTE)!.depositedOn).toBeNaN();
  });

  it('split locks, emptiness, pins and moves are told with what is known', () => {
    const d = linked();
    d.do(OP.PTL, { a0: PTE, a1: 1 });
    expect(d.state.mech.pages.get(PTE)!.ptlFreed).toBe(-1);
    const freed = d.do(OP.PTL, { a0: PTE, a1: 0 });
    expect(d.state.mech.pages.get(PTE)!.ptlFreed).toBe(freed);
    expect(d.heard('splitLock').map((c) => c[2])).toEqual([false, true]);
    const empty = d.do(OP.EMPTY, { a0: PTE });
    expect(d.state.mech.pages.get(PTE)!.emptied).toBe(empty);
    d.do(OP.PIN, { a0: PTE, a1: 0 });
    d.do(OP.MOVE, { a0: MM, a1: VA, a2: PTE });
    d.do(OP.SETE, { a0: PTE, a1: VA + 1, a2: 71 });
    d.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
    d.do(OP.PIN, { a0: PTE, a1: 1 });
    d.do(OP.MOVE, { a0: MM, a1: VA, a2: PTE });
    d.do(OP.SETE, { a0: PTE, a1: VA + 2, a2: 72 });
    expect(d.heard('pinned').map((c) => c.slice(2, 4))).toEqual([
      [false, false],
      [true, true],
    ]);
    expect(d.heard('moved').map((c) => c[1])).toEqual([d.state.mech.pages.get(PTE), null]);
    expect(d.heard('entrySet').map((c) => c[2])).toEqual([false, false, true]);
    d.do(OP.PIN, { a0: 98, a1: 0 });
    expect(d.heard('pinned').map((c) => c[2])).toEqual([false]);
  });

  it('a page that is used for something else is told as one, and nothing is held of it any more', () => {
    const d = linked();
    walk(d);
    d.do(OP.REUSE, { a0: PTE });
    expect(d.heard('released').map((c) => c[2])).toEqual([true]);
    expect(pages(d)).toEqual([`${FRAME} leaf`]);
    expect(d.state.mech.pages.get(PTE)).toMatchObject({ holders: [], entries: new Map() });
    const e = linked();
    e.do(OP.ALLOC, { a0: PTE, a1: 0, a2: 0, context: CONTEXT.softirq });
    expect(e.heard('released')).toEqual([]);
    expect(e.state.mech.pages.has(PTE)).toBe(false);
    const order = linked();
    order.do(OP.FREE, { a0: FRAME - 1, a1: 1 });
    expect(order.state.mech.pages.has(FRAME)).toBe(false);
    expect(order.state.mech.pages.has(PTE)).toBe(true);
  });

  it('emptiness is told with the page as it was', () => {
    const d = linked();
    d.do(OP.EMPTY, { a0: PTE });
    expect(d.heard('declaredEmpty').map((c) => c[1])).toEqual([d.state.mech.pages.get(PTE)]);
    d.do(OP.MOVE, { a0: MM, a1: VA, a2: 98 });
    expect(d.heard('moved').map((c) => c[1])).toEqual([null]);
    d.do(OP.LINK, { a0: MM, a1: VA, a2: 98, a3: 1 });
    d.state.tables.delete(98);
    d.do(OP.MOVE, { a0: MM, a1: VA, a2: 98, context: CONTEXT.task });
    expect(d.heard('moved').map((c) => c[1])).toEqual([null]);
  });
});
