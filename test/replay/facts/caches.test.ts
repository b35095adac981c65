import { describe, expect, it } from 'vitest';
import { OP } from '../../../src/kernel/ops.js';
import { PROMISE } from '../../../src/replay/mech-hooks.js';
import { cacheKey, type Holder, linkKey } from '../../../src/replay/state/mech.js';
import { type Drive, MM } from '../support/drive.js';
import { FRAME, held, inv, linked, PTE, pages, VA, walk } from '../support/linked-table.js';

// Which mm a CPU has loaded, and what it may hold for that.

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
