import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../../src/kernel/ops.js';
import { LIFE } from '../../../src/replay/state/table-life.js';
import { CONTEXT } from '../../../src/timeline/flags.js';
import { Drive, MM } from '../support/drive.js';

// Pages released and allocated, step by step: what the machine knows, and what it tells.

const BATCH = FUNC.tlb_remove_table_rcu;
const SINGLE = FUNC.__tlb_remove_table_one_rcu;
const SOFTIRQ = { context: CONTEXT.softirq } as const;
const tr = (d: Drive, key: number, over = {}): number =>
  d.do(OP.TR, { a0: 500, a1: MM, a2: key, a3: 1, ...over });
const names = (d: Drive): string[] => d.calls.splice(0).map((c) => c[0]);

describe('releases', () => {
  it('say when, where and by whom', () => {
    const d = new Drive();
    d.gather(1, 2);
    const ref = d.do(OP.FREE, { a0: 1, a1: 0, cpu: 2 });
    expect(d.table(1)).toMatchObject({
      life: LIFE.freed,
      freeRef: ref,
      freeSeq: ref,
      freeTs: ref * 10,
      freeCpu: 2,
      freedByTask: true,
    });
    const gather = d.task().gather!;
    expect([[...gather.batch].map((t) => t.key), gather.released.map((t) => t.key)]).toEqual([[2], [1]]);
    expect(gather).toMatchObject({ freesSinceFlush: 1, firstFreeRef: ref, firstFreeKnown: true });
    d.do(OP.FREE, { a0: 2, a1: 0, ...SOFTIRQ });
    expect(d.table(2).freedByTask).toBe(false);
    expect(gather.freesSinceFlush).toBe(1);
    expect(d.state.freedTables).toBe(2);
    d.do(OP.FREE, { a0: 2, a1: 0 });
    expect(d.heard('tableFreed')).toHaveLength(2);
    expect(d.heard('tableFreedTwice')).toHaveLength(1);
    expect(gather.freesSinceFlush).toBe(2);
    expect(d.heard('cycleFreed')).toHaveLength(1);
  });

  it('of an order are of every page of it', () => {
    for (const [order, freed] of [
      [0, [8]],
      [1, [8, 9]],
      [2, [8, 9, 10, 11]],
      [-1, [8]],
      [Number.NaN, [8]],
      [20, [8]],
    ] as const) {
      const d = new Drive();
      const keys = [7, 8, 9, 10, 11, 12];
      d.gather(...keys);
      d.do(OP.FREE, { a0: 8, a1: order });
      expect(keys.filter((k) => d.table(k).life === LIFE.freed)).toEqual(freed);
      const e = new Drive();
      e.gather(...keys);
      e.do(OP.ALLOC, { a0: 8, a1: order, a2: 1 });
      expect([...e.state.frames.single.keys()]).toEqual(freed);
      expect(keys.filter((k) => !e.state.tables.has(k))).toEqual(freed);
    }
  });

  it('of frames are known by their allocation', () => {
    const d = new Drive();
    d.gather();
    d.do(OP.GEret);
    d.do(OP.ALLOC, { a0: 8, a1: 0, a2: 1 });
    d.do(OP.ALLOC, { a0: 9, a1: 0, a2: 1 });
    d.do(OP.ALLOC, { a0: 9, a1: 0, a2: 0 });
    d.do(OP.ALLOC, { a0: Number.NaN, a1: 0, a2: 1 });
    expect([...d.state.frames.single.keys()]).toEqual([8]);
    d.do(OP.FREE, { a0: 8, a1: 0 });
    expect(d.heard('pageFreed')).toEqual([]);
    d.do(OP.ALLOC, { a0: 8, a1: 0, a2: 1 });
    d.gather();
    d.do(OP.UVMA);
    d.do(OP.FREE, { a0: 8, a1: 0 });
    d.do(OP.FREE, { a0: 9, a1: 0 });
    d.do(OP.FREE, { a0: Number.NaN, a1: 0 });
    // Of another process, and of one that is not known.
    d.do(OP.FR, { a0: MM + 1, pid: 11 });
    d.do(OP.ALLOC, { a0: 18, a1: 0, a2: 1, pid: 11 });
    d.do(OP.ALLOC, { a0: 19, a1: 0, a2: 1, pid: 12 });
    d.do(OP.FREE, { a0: 18, a1: 0 });
    d.do(OP.FREE, { a0: 19, a1: 0 });
    expect(d.heard('pageFreed').map((c) => c.slice(1, 3))).toEqual([
      [8, true],
      [9, false],
      [18, false],
      [19, false],
    ]);
    expect(d.task().gather).toMatchObject({ freesSinceFlush: 4, firstFreeKnown: true });
    const e = new Drive();
    e.gather();
    e.do(OP.FREE, { a0: 8, a1: 0 });
    e.do(OP.FREE, { a0: 8, a1: 0, ...SOFTIRQ });
    expect(e.heard('pageFreed')).toHaveLength(1);
    expect(e.task().gather).toMatchObject({ firstFreeKnown: false, freesSinceFlush: 1 });
  });

  it('in an interrupt show that the callback ran; by a task they do not', () => {
    const d = new Drive();
    d.gather(1, 2);
    d.enqueue(40, BATCH, 50);
    const head = d.state.headsByAddr.get(40)!;
    d.do(OP.FREE, { a0: 1, a1: 0 });
    expect([head.ran, head.inferredFrees]).toEqual([0, 0]);
    d.do(OP.FREE, { a0: 2, a1: 0, ...SOFTIRQ });
    expect([head.ran, head.inferredFrees]).toEqual([2, 1]);
    expect(d.state.headsByAddr.get(40)).toBe(head);
    d.do(OP.FREE, { a0: 50, a1: 0, ...SOFTIRQ });
    expect([d.state.headsByAddr.size, d.state.headsByPage.size]).toEqual([0, 0]);
    expect(d.heard('callbackRan')).toHaveLength(1);
    expect(d.heard('headReused')).toEqual([]);
  });

  it('of the page of a batch before any of its tables: it was used for something else', () => {
    const d = new Drive();
    d.gather(1);
    d.enqueue(40, BATCH, 50);
    d.do(OP.FREE, { a0: 50, a1: 0, ...SOFTIRQ });
    expect(d.heard('headReused')).toHaveLength(1);
    expect(d.heard('callbackRan')).toEqual([]);
    expect(d.state.headsByAddr.size).toBe(0);
    // Where the tables are not known, it is the callback's doing.
    const e = new Drive();
    tr(e, 1);
    e.enqueue(40, BATCH, 50);
    e.do(OP.FREE, { a0: 50, a1: 0, ...SOFTIRQ });
    expect(e.heard('headReused')).toEqual([]);
    expect(e.heard('callbackRan')).toHaveLength(1);
    const by = new Drive();
    tr(by, 1);
    by.enqueue(40, BATCH, 50);
    by.do(OP.FREE, { a0: 50, a1: 0 });
    expect(by.heard('callbackRan')).toEqual([]);
    expect(by.state.headsByAddr.size).toBe(0);
  });

  it('of the page of a batch by an allocation of it', () => {
    const d = new Drive();
    d.gather(1);
    d.enqueue(40, BATCH, 50);
    d.do(OP.ALLOC, { a0: 50, a1: 0, a2: 0 });
    expect(d.heard('headReused')).toHaveLength(1);
    expect(d.state.headsByPage.size).toBe(0);
    const e = new Drive();
    e.gather(1);
    e.enqueue(40, BATCH, 50);
    e.do(OP.CB, { a0: 40, a1: BATCH, ...SOFTIRQ });
    e.do(OP.ALLOC, { a0: 50, a1: 0, a2: 0 });
    expect(e.heard('headReused')).toEqual([]);
    expect(e.state.headsByPage.size).toBe(0);
  });

  it('a single table takes its head along', () => {
    const d = new Drive();
    d.gather(1);
    d.enqueue(40, SINGLE, 1);
    d.do(OP.FREE, { a0: 1, a1: 0 });
    expect(d.state.headsByAddr.size).toBe(1);
    const e = new Drive();
    e.gather(1);
    e.enqueue(40, SINGLE, 1);
    e.do(OP.FREE, { a0: 1, a1: 0, ...SOFTIRQ });
    expect(e.state.headsByAddr.size).toBe(0);
    expect(e.heard('callbackRan')).toHaveLength(1);
  });

  it('a reader that dereferences a table is told of it, where it is known', () => {
    const d = new Drive();
    d.do(OP.DR, { a0: 0, a1: 1 });
    expect(names(d)).toEqual([]);
    d.do(OP.PTEN, { a0: 1 });
    d.do(OP.DR, { a0: 0, a1: 1 });
    expect(d.heard('dereferenced').map((c) => c[1])).toEqual([d.table(1)]);
  });
});
