import { describe, expect, it } from 'vitest';
import { FUNC, LOCK_TYPE, OP, type Op } from '../../src/kernel/ops.js';
import { PROMISE } from '../../src/replay/mech-hooks.js';
import { cacheKey, type Holder, linkKey } from '../../src/replay/state/mech.js';
import { LIFE } from '../../src/replay/state/table-life.js';
import { CONTEXT } from '../../src/timeline/flags.js';
import { Drive, MM } from './support/drive.js';

// Facts: links, walks, invalidations, CR3, locks, deposits. What the machine knows, and what it tells.

const [PTE, PMD, VA, FRAME] = [1, 2, 0x4000, 70];

/** A table with one entry, linked at VA. */
function linked(): Drive {
  const d = new Drive();
  d.do(OP.LINK, { a0: MM, a1: VA, a2: PTE, a3: 1 });
  d.do(OP.SETE, { a0: PTE, a1: VA, a2: FRAME });
  return d;
}

const walk = (d: Drive, over: Partial<Op> = {}): number =>
  d.do(OP.HW, { a0: MM, a1: VA, a2: Number.NaN, ...over });
const held = (d: Drive, cpu = 0, device = Number.NaN): readonly Holder[] =>
  (d.state.mech.holders.get(cacheKey(cpu, device, MM)) ?? []).filter((h) => h.hold !== 0);
const pages = (d: Drive, cpu = 0, device = Number.NaN): string[] =>
  held(d, cpu, device).map((h) => `${h.page}${h.leaf ? ' leaf' : ''}${h.hold === 2 ? ' ?' : ''}`);
const inv = (d: Drive, over: Partial<Op> = {}): number =>
  d.do(OP.INV, { a0: 0, a1: MM, a2: Number.NaN, a3: Number.NaN, a4: 5, a5: 0, ...over });

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
});

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
});

describe('CR3', () => {
  it('an unlink may be cached by every CPU that has or had the mm loaded', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM, cpu: 0 });
    d.do(OP.CR3, { a0: MM, cpu: 1 });
    d.do(OP.CR3, { a0: 0, cpu: 1 });
    d.do(OP.CR3, { a0: MM + 1, cpu: 2 });
    expect([...d.state.mech.cr3]).toEqual([
      [0, MM],
      [1, 0],
      [2, MM + 1],
    ]);
    d.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
    expect([pages(d, 0), pages(d, 1), pages(d, 2)]).toEqual([
      [`${PTE}`, `${FRAME} leaf`],
      [`${PTE}`, `${FRAME} leaf`],
      [],
    ]);
  });

  it('what an invalidation removed is not cached again by a CPU that has left the mm', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM, cpu: 1 });
    d.do(OP.CR3, { a0: 0, cpu: 1 });
    inv(d, { cpu: 1 });
    d.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
    expect(pages(d, 1)).toEqual([]);
    const e = linked();
    e.do(OP.CR3, { a0: MM, cpu: 1 });
    e.do(OP.CR3, { a0: 0, cpu: 1 });
    inv(e, { cpu: 1, a5: 1 });
    e.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
    expect(pages(e, 1)).toHaveLength(2);
  });

  it('unknown: nothing is known of that CPU any more', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    expect(d.state.mech.loaded.get(cacheKey(0, Number.NaN, MM))).toEqual({
      cpu: 0,
      mm: MM,
      now: true,
      ref: 3,
      ts: 30,
      seq: 3,
    });
    d.do(OP.CR3, { a0: Number.NaN });
    expect(d.state.mech.cr3.size).toBe(0);
    expect(d.state.mech.loaded.get(cacheKey(0, Number.NaN, MM))!.now).toBe(false);
  });

  it('a cleared entry may be cached by all that have the mm loaded', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM, cpu: 0 });
    d.do(OP.CR3, { a0: MM + 1, cpu: 1 });
    d.do(OP.CLRE, { a0: PTE, a1: VA + 1 });
    expect(pages(d)).toEqual([]);
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    expect([pages(d), pages(d, 1)]).toEqual([[`${FRAME} leaf`], []]);
    expect(d.state.mech.pages.get(PTE)!.entries.size).toBe(0);
    expect(d.state.mech.removed.get(linkKey(MM, VA))).toMatchObject({ flushed: false, seq: 6, ref: 6 });
  });

  it('a CPU that comes back with a way to a page given away meanwhile is told, unless it flushes first', () => {
    for (const first of [OP.SE, OP.HW, OP.INV, OP.TLBF] as const) {
      const d = linked();
      d.do(OP.CR3, { a0: MM, cpu: 1 });
      walk(d, { cpu: 1 });
      d.do(OP.CR3, { a0: MM + 1, cpu: 1 });
      d.do(OP.TR, { a0: 500, a1: MM, a2: PTE, a3: 1 });
      const ref = d.do(OP.FREE, { a0: PTE, a1: 0 });
      expect(
        held(d, 1)
          .filter((h) => !h.leaf)
          .map((h) => h.parkedRef),
      ).toEqual([ref]);
      d.do(OP.CR3, { a0: MM, cpu: 1 });
      expect(d.heard('cameBack')).toEqual([]);
      d.do(OP.SE, { a0: 1, cpu: 0 });
      expect(d.heard('cameBack')).toEqual([]);
      const flushes = first === OP.INV || first === OP.TLBF;
      d.do(first, { a0: MM, a1: first === OP.TLBF ? 1 : MM, a5: 0, cpu: 1 });
      expect(d.heard('cameBack'), String(first)).toHaveLength(flushes ? 0 : 1);
    }
  });

  it('what a CPU holds that is at the mm is gone with the page', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    walk(d);
    d.do(OP.FREE, { a0: PTE, a1: 0 });
    expect(pages(d)).toEqual([`${FRAME} leaf`]);
  });

  it('lazy CPUs keep the mm and are marked', () => {
    const d = linked();
    walk(d);
    d.do(OP.LZ, { a0: MM, a1: 1 });
    expect(held(d).every((h) => h.lazy)).toBe(true);
    expect(d.state.mech.lazy.get(0)).toEqual({ mm: MM, ref: 4 });
    d.do(OP.SETE, { a0: PTE, a1: VA, a2: FRAME + 1 });
    walk(d);
    expect(held(d).at(-1)).toMatchObject({ page: FRAME + 1, lazy: true });
    d.do(OP.LZ, { a0: MM, a1: 0 });
    expect(d.state.mech.lazy.size).toBe(0);
  });
});

describe('promises', () => {
  it('name who may still use the old translation', () => {
    for (const [kind, what] of [
      [OP.VMAUL, PROMISE.vma],
      [OP.GONE, PROMISE.return],
      [OP.HUGE, PROMISE.huge],
    ] as const) {
      const d = linked();
      walk(d, { cpu: 1 });
      d.do(OP.CLRE, { a0: PTE, a1: VA });
      d.do(kind, { a0: MM, a1: VA, a2: 99 });
      const [call] = d.heard('promised');
      expect([call![1], (call![2] as Holder[]).map((h) => [h.cpu, h.page])]).toEqual([what, [[1, FRAME]]]);
      d.do(kind, { a0: MM, a1: VA + 4096, a2: 99 });
      d.do(kind, { a0: MM + 1, a1: VA, a2: 99 });
      inv(d, { cpu: 1 });
      d.do(kind, { a0: MM, a1: VA, a2: 99 });
      expect(d.heard('promised').map((c) => c[2])).toEqual([[], [], []]);
    }
  });

  it('the current translation is not old, but small where a huge one is set', () => {
    const d = linked();
    walk(d);
    d.do(OP.GONE, { a0: MM, a1: VA });
    expect(d.heard('promised').map((c) => c[2])).toEqual([[]]);
    d.do(OP.HUGE, { a0: MM, a1: VA, a2: 99 });
    expect(d.heard('promised')[0]![2]).toHaveLength(1);
  });

  it('a CPU that is away cannot use it', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    walk(d);
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    d.do(OP.CR3, { a0: 0 });
    d.do(OP.GONE, { a0: MM, a1: VA });
    expect(d.heard('promised').map((c) => c[2])).toEqual([[]]);
  });

  it('a CPU that comes back to an address that was removed has caught up', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    walk(d);
    expect(d.heard('promised')).toEqual([]);
    d.do(OP.CR3, { a0: 0 });
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    walk(d);
    expect(d.heard('promised')).toEqual([]);
    d.do(OP.CR3, { a0: MM });
    walk(d, { a2: 3 });
    // The flush has not begun, or not returned: it may still be used.
    walk(d);
    const other = { cpu: 1, pid: 7 };
    d.do(OP.FR, { a0: MM, a1: 0, a2: 2 ** 53 - 1, a3: 12, a4: 0, ...other });
    walk(d);
    expect(d.heard('promised')).toEqual([]);
    d.do(OP.FD, other);
    walk(d);
    const [call] = d.heard('promised');
    expect([call![1], (call![2] as Holder[]).map((h) => h.page)]).toEqual([PROMISE.switchIn, [FRAME]]);
  });

  it.each([
    ['another range', { a1: VA + 0x1000, a2: 2 ** 53 - 1 }],
    ['another process', { a0: MM + 1 }],
  ])('a flush of %s leaves it in use', (_, over) => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    walk(d);
    d.do(OP.CR3, { a0: 0 });
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    const other = { cpu: 1, pid: 7 };
    d.do(OP.FR, { a0: MM, a1: 0, a2: 2 ** 53 - 1, a3: 12, a4: 0, ...over, ...other });
    d.do(OP.FD, other);
    d.do(OP.CR3, { a0: MM });
    walk(d);
    expect(d.heard('promised')).toEqual([]);
  });
});

describe('locks and other facts', () => {
  it('a lock is held by the task that took it, until it drops it', () => {
    const d = new Drive();
    d.do(OP.LK, { a0: 3, a1: LOCK_TYPE.spin, a2: PTE });
    d.do(OP.NEED, { a0: 3 });
    d.do(OP.NEED, { a0: 4 });
    d.do(OP.NEED, { a0: 3, pid: 11 });
    expect(d.heard('needed').map((c) => c[1])).toEqual([
      { lock: 3, task: 10, type: LOCK_TYPE.spin, ref: 1 },
      null,
      null,
    ]);
    d.do(OP.LK, { a0: 5, a1: LOCK_TYPE.sleeping });
    d.do(OP.LK, { a0: 6, a1: LOCK_TYPE.spin, pid: 11 });
    const ref = d.do(OP.SYNCR, { a0: 1 });
    expect((d.heard('sleeps')[0]![1] as { lock: number }[]).map((l) => l.lock)).toEqual([3]);
    expect(d.state.mech.gp.seq).toBe(0);
    const over = d.do(OP.SYNCR, { a0: 0 });
    expect([d.state.mech.gp, over - ref]).toEqual([{ seq: over, ref: over }, 1]);
    d.do(OP.UN, { a0: 3, a1: MM, a2: Number.NaN });
    d.do(OP.NEED, { a0: 3 });
    expect(d.heard('needed').map((c) => c[1])).toEqual([null]);
    expect([...d.state.mech.locks.values()].flat().map((l) => l.lock)).toEqual([5, 6]);
  });

  it('a broadcast is over at its return', () => {
    const d = new Drive();
    d.do(OP.SYNC1, { a0: 1 });
    expect(d.state.mech.sync).toEqual({ seq: 0, ref: -1 });
    d.do(OP.SYNC1, { a0: 0 });
    expect(d.state.mech.sync).toEqual({ seq: 2, ref: 2 });
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

  it('readers that are over are counted on their table', () => {
    const d = linked();
    d.do(OP.RB, { a0: 1, a1: PTE });
    expect(d.state.mech.pages.get(PTE)!.readsOver).toBe(0);
    d.do(OP.RE, { a0: 1, a1: PTE });
    expect(d.state.mech.pages.get(PTE)!.readsOver).toBe(1);
  });

  it('flushes, grace periods and the like are shown to the rules before the step', () => {
    const d = new Drive();
    for (const kind of [OP.INV, OP.FR, OP.RQ, OP.FMULTI, OP.GP, OP.PUB, OP.EXITMM, OP.BATCH, OP.BATCHE])
      d.do(kind);
    expect(d.heard('seen').map((c) => (c[1] as Op).kind)).toHaveLength(9);
    d.do(OP.SE);
    expect(d.heard('seen')).toEqual([]);
  });
});
