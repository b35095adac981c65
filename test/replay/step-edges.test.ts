import { describe, expect, it } from 'vitest';
import { FUNC, OP, type Op } from '../../src/kernel/ops.js';
import { PROMISE } from '../../src/replay/mech-hooks.js';
import { cacheKey, type Holder, linkKey } from '../../src/replay/state/mech.js';
import { LIFE } from '../../src/replay/state/table-life.js';
import { CONTEXT } from '../../src/timeline/flags.js';
import { Drive, MM } from './support/drive.js';

// Edges of flushes, IPIs, links and caches.

const [PTE, PMD, VA, FRAME, CSD] = [1, 2, 0x4000, 70, 900];

function linked(): Drive {
  const d = new Drive();
  d.do(OP.LINK, { a0: MM, a1: VA, a2: PTE, a3: 1 });
  d.do(OP.SETE, { a0: PTE, a1: VA, a2: FRAME });
  return d;
}

const walk = (d: Drive, over: Partial<Op> = {}): number =>
  d.do(OP.HW, { a0: MM, a1: VA, a2: Number.NaN, ...over });
const kept = (d: Drive, cpu = 0): readonly Holder[] | undefined =>
  d.state.mech.holders.get(cacheKey(cpu, Number.NaN, MM));
const inv = (d: Drive, over: Partial<Op> = {}): number =>
  d.do(OP.INV, { a0: 0, a1: MM, a2: Number.NaN, a3: Number.NaN, a4: 5, a5: 0, ...over });

describe('flushes', () => {
  it('tell when they are done, with the gather and its state', () => {
    const d = new Drive();
    d.gather(1);
    d.do(OP.FREE, { a0: 9, a1: 0 });
    d.heard('flushDone');
    d.do(OP.FR, { a0: MM, a4: 1 });
    const flush = d.task().flush!;
    expect(flush).toMatchObject({ lateTargets: 0, waited: false, multi: false });
    expect(d.task().gather!.freesSinceFlush).toBe(1);
    d.do(OP.FD);
    expect(d.heard('flushDone').map((c) => c.slice(1, 4))).toEqual([[flush, d.task().gather, d.task()]]);
    expect(d.task().gather!.freesSinceFlush).toBe(0);
    // Without a table there is nothing to cover, and what was open elsewhere stays open.
    d.do(OP.FR, { a0: MM, a4: 1, pid: 11 });
    d.do(OP.FR, { a0: MM, a4: 1, pid: 12 });
    const other = d.task(12).flush;
    d.do(OP.FD, { pid: 11 });
    expect(d.state.openFlushes).toEqual([other]);
    d.do(OP.FR, { a0: Number.NaN, a4: 1, pid: 12 });
    expect(d.task(12).mm).toBe(MM);
  });

  it('whose returns are never seen are forgotten, the oldest first', () => {
    const d = new Drive();
    for (let i = 0; i < 4097; i++) d.do(OP.FR, { a0: MM, a1: i, a4: 1, pid: i + 1 });
    expect(d.state.openFlushes.length).toBe(4096);
    expect(d.state.openFlushes[0]!.start).toBe(1);
    d.do(OP.FD, { pid: 4097 });
    expect(d.state.openFlushes.length).toBe(4095);
  });

  it('a handler that runs is shown to invalidate by its own function', () => {
    const d = new Drive();
    d.do(OP.FR, { a0: MM, a4: 1 });
    d.do(OP.IS, { a0: 1, a1: FUNC.flush_tlb_func, a2: CSD });
    d.do(OP.IE, { cpu: 1, a1: FUNC.flush_tlb_func, a2: CSD });
    const [target] = d.task().flush!.targets;
    const ref = inv(d, { cpu: 1, a1: MM + 5 });
    expect(target!.invRef).toBe(ref);
    d.do(OP.IX, { cpu: 1, a1: FUNC.flush_tlb_func, a2: CSD });
    expect(target!.invRef).toBe(ref);
  });

  it('a request without a csd pairs with nothing', () => {
    for (const csd of [0, Number.NaN]) {
      const d = new Drive();
      d.do(OP.FR, { a0: MM, a4: 1 });
      d.do(OP.IS, { a0: 1, a1: FUNC.flush_tlb_func, a2: csd });
      expect(d.state.csds.size).toBe(0);
      d.do(OP.IE, { cpu: 1, a1: FUNC.flush_tlb_func, a2: csd });
      d.do(OP.IX, { cpu: 1, a1: FUNC.flush_tlb_func, a2: csd });
      expect(d.task().flush!.targets[0]).toMatchObject({ ixRef: -1, invRef: -1 });
    }
    const one = new Drive();
    one.do(OP.FR, { a0: MM, a4: 1 });
    one.do(OP.IS, { a0: 1, a1: FUNC.flush_tlb_func, a2: 1 });
    one.do(OP.IX, { cpu: 1, a1: FUNC.flush_tlb_func, a2: 1 });
    expect(one.task().flush!.targets[0]!.ixRef).toBe(3);
  });

  it('of no CPU are handled all the same', () => {
    const d = new Drive();
    for (const kind of [OP.IE, OP.IX, OP.TLBF, OP.INV]) d.do(kind, { cpu: -1, a1: 1, a2: CSD });
    expect(d.state.cpus).toEqual([]);
  });

  it('a broadcast covers what is flushed and still in the batch, not what is unflushed', () => {
    const d = new Drive();
    d.gather(1);
    d.flush();
    d.do(OP.TR, { a0: 500, a1: MM, a2: 3, a3: 1 });
    d.do(OP.IS, { a0: 1, a1: FUNC.tlb_remove_table_smp_sync, a2: CSD });
    expect([d.table(1).sync, d.table(3).sync]).toEqual([d.task().sync, null]);
  });
});

describe('invalidations', () => {
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

describe('links', () => {
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

describe('CR3', () => {
  /** CPU 1 comes back to the mm with a way to a page given away meanwhile. */
  function back(): Drive {
    const d = linked();
    d.do(OP.CR3, { a0: MM, cpu: 1 });
    walk(d, { cpu: 1 });
    d.do(OP.CR3, { a0: MM + 1, cpu: 1 });
    d.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
    d.do(OP.FREE, { a0: PTE, a1: 0 });
    d.do(OP.CR3, { a0: MM, cpu: 1 });
    return d;
  }

  it('another load or laziness is no sight of the CPU', () => {
    const d = back();
    d.do(OP.CR3, { a0: MM, cpu: 1 });
    d.do(OP.LZ, { a0: MM, a1: 1, cpu: 1 });
    expect(d.heard('cameBack')).toEqual([]);
    d.do(OP.NEED, { a0: 1, cpu: 1 });
    expect(d.heard('cameBack')).toHaveLength(1);
    d.do(OP.NEED, { a0: 1, cpu: 1 });
    expect(d.heard('cameBack')).toEqual([]);
  });

  it('a flush that catches up is in time', () => {
    const d = back();
    inv(d, { cpu: 1 });
    d.do(OP.SE, { a0: 1, cpu: 1 });
    expect(d.heard('cameBack')).toEqual([]);
  });

  it('loads of one CPU say nothing of another; init_mm is no process', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM, cpu: 0 });
    d.do(OP.CR3, { a0: MM + 1, cpu: 1 });
    expect([...d.state.mech.loaded.values()].map((l) => [l.cpu, l.now])).toEqual([
      [0, true],
      [1, true],
    ]);
    d.do(OP.CR3, { a0: 0, cpu: 1 });
    expect(d.state.mech.loaded.size).toBe(2);
    expect([...d.state.mech.arrived.keys()]).toEqual([0, 1]);
    d.do(OP.CR3, { a0: 1, cpu: 2 });
    expect(d.state.mech.loaded.size).toBe(3);
  });

  it('an address removed at the very load is caught up with; one removed later is not', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    walk(d);
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    walk(d);
    expect(d.heard('promised')).toEqual([]);
    d.do(OP.CR3, { a0: MM });
    walk(d);
    // Its flush has not returned: it may still interrupt this CPU.
    expect(d.heard('promised').flatMap((c) => c[2] as Holder[])).toEqual([]);
    const elsewhere = { cpu: 1, pid: 77 };
    d.do(OP.FR, { ...elsewhere, a0: MM, a1: 0, a2: 2 ** 53 - 1, a3: 12, a4: 0 });
    d.do(OP.FD, elsewhere);
    d.do(OP.CR3, { a0: MM });
    walk(d);
    expect(d.heard('promised').map((c) => c[1])).toContain(PROMISE.switchIn);
  });
});

describe('locks', () => {
  it('drops promise that an old translation is gone, where they name one', () => {
    const d = linked();
    walk(d);
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    d.do(OP.LK, { a0: 3, a1: 1 });
    d.do(OP.UN, { a0: 3, a1: MM, a2: Number.NaN });
    expect(d.heard('promised')).toEqual([]);
    d.do(OP.LK, { a0: 4, a1: 1 });
    d.do(OP.UN, { a0: 9, a1: MM, a2: VA });
    expect(d.heard('promised').map((c) => [c[1], (c[2] as Holder[]).length])).toEqual([[PROMISE.unlock, 1]]);
    expect([...d.state.mech.locks.values()].flat().map((l) => l.lock)).toEqual([4]);
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

describe('heads', () => {
  it('that are forgotten leave to others what is theirs by now', () => {
    const d = new Drive();
    const BATCH = FUNC.tlb_remove_table_rcu;
    d.enqueue(40, BATCH, 50);
    d.do(OP.RQ, { a0: 900, a1: BATCH });
    d.enqueue(41, BATCH, 51);
    d.do(OP.RQ, { a0: 900, a1: BATCH });
    const second = d.state.headsByAddr.get(41);
    expect(d.state.headsByRhp.get(900)).toBe(second);
    d.do(OP.ALLOC, { a0: 50, a1: 0, a2: 0 });
    expect(d.state.headsByRhp.get(900)).toBe(second);
    expect([...d.state.headsByAddr.keys()]).toEqual([41]);
    expect(d.state.cpus[0]!.fifo).toEqual([second]);
  });
});
