import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../../src/kernel/ops.js';
import { LIFE } from '../../../src/replay/state/table-life.js';
import { Drive, MM } from '../support/drive.js';

// Births and hand-overs of tables, step by step: what the machine knows, and what it tells.

const BATCH = FUNC.tlb_remove_table_rcu;
const tr = (d: Drive, key: number, over = {}): number =>
  d.do(OP.TR, { a0: 500, a1: MM, a2: key, a3: 1, ...over });
const names = (d: Drive): string[] => d.calls.splice(0).map((c) => c[0]);

describe('births', () => {
  it('of a PTE table, then published by its task', () => {
    const d = new Drive();
    d.do(OP.EXITMM, { a0: MM, a1: 1 });
    d.do(OP.PTEN, { a0: 5 });
    expect(d.table(5)).toMatchObject({ level: 1, life: LIFE.fresh, mm: MM, birthRef: 2, birthSeq: 2 });
    expect(d.table(5).installer).toBeNaN();
    d.do(OP.PUB, { a0: MM + 1, a2: 5, a3: 6 });
    expect(d.table(5)).toMatchObject({ life: LIFE.live, mm: MM + 1, installer: 10, birthRef: 2 });
    // The page of the slot is a table of the level above.
    expect(d.table(6)).toMatchObject({ level: 2, life: LIFE.live, mm: MM + 1, birthRef: 3, birthSeq: 3 });
    expect(d.task().mm).toBe(MM + 1);
    d.do(OP.PTEN, { a0: Number.NaN });
    d.do(OP.PUB, { a0: MM, a2: Number.NaN, a3: Number.NaN });
    expect(d.state.tables.size).toBe(2);
  });

  it('not seen: a publication shows them, also of a page released before', () => {
    const d = new Drive();
    d.do(OP.PUB, { a0: MM, a2: 5, a3: Number.NaN });
    expect(d.table(5)).toMatchObject({ life: LIFE.live, birthRef: 1, installer: 10 });
    tr(d, 5);
    d.do(OP.FREE, { a0: 5, a1: 0 });
    expect(d.table(5).life).toBe(LIFE.freed);
    d.do(OP.PUB, { a0: MM, a2: 5, a3: Number.NaN, pid: 12 });
    expect(d.table(5)).toMatchObject({ life: LIFE.live, birthRef: 4, installer: 12, trRef: -1 });
  });

  it('of parents: by an allocation below them, at the level of the slot', () => {
    const d = new Drive();
    d.do(OP.PTEA, { a0: MM, a1: 1, a3: 5, pid: 20 });
    d.do(OP.PMDA, { a0: MM + 1, a1: 1, a2: 0, a3: 6, pid: 21 });
    expect([d.table(5).level, d.table(6).level]).toEqual([2, 3]);
    expect([d.task(20).mm, d.task(21).mm]).toEqual([MM, MM + 1]);
    const before = d.table(5);
    d.do(OP.PTEA, { a0: MM, a1: 1, a3: 5 });
    expect(d.table(5)).toBe(before);
    d.do(OP.PTEA, { a0: 0, a1: 1, a3: Number.NaN, pid: 20 });
    expect(d.task(20).mm).toBe(MM);
  });

  it('over a table that was not seen released: it is in use again', () => {
    for (const [kind, over] of [
      [OP.PTEN, { a0: 1 }],
      [OP.PTEA, { a0: MM, a3: 1 }],
      [OP.ALLOC, { a0: 1, a1: 0, a2: 0 }],
    ] as const) {
      const d = new Drive();
      d.gather(1, 2);
      d.enqueue(40, BATCH, 50);
      const [table, head] = [d.table(1), d.state.headsByAddr.get(40)!];
      names(d);
      d.do(kind, over);
      expect(names(d)).toEqual(['tableReused', 'headReused']);
      expect(d.state.tables.get(1)).not.toBe(table);
      expect(head.stale).toBe(true);
      expect([d.state.headsByAddr.size, d.state.headsByPage.size, d.state.cpus[0]!.fifo]).toEqual([0, 0, []]);
      // Its head is told once.
      d.do(OP.PTEN, { a0: 2 });
      expect(names(d)).toEqual(['tableReused']);
    }
  });

  it('over a live or a released one: nothing is told', () => {
    const d = new Drive();
    d.do(OP.PTEN, { a0: 1 });
    d.do(OP.PTEN, { a0: 1 });
    d.do(OP.ALLOC, { a0: 1, a1: 0, a2: 0 });
    expect(d.state.tables.size).toBe(0);
    d.gather(2);
    d.do(OP.FREE, { a0: 2, a1: 0 });
    names(d);
    d.do(OP.PTEA, { a0: MM, a3: 2 });
    expect(names(d)).toEqual([]);
    expect(d.table(2)).toMatchObject({ life: LIFE.live, level: 2 });
  });
});

describe('hand-overs', () => {
  it('say when, where and of what', () => {
    const d = new Drive();
    d.do(OP.GB, { a0: 500, a1: Number.NaN });
    const ref = tr(d, 1, { a3: 2, cpu: 3 });
    expect(d.table(1)).toMatchObject({
      life: LIFE.gathered,
      level: 2,
      mm: MM,
      trRef: ref,
      trSeq: ref,
      trTs: ref * 10,
      trCpu: 3,
      birthSeq: 0,
    });
    expect(d.task().gather).toMatchObject({ tables: 1, pending: [d.table(1)], batch: new Set([d.table(1)]) });
    expect(d.task().mm).toBe(MM);
    expect(d.heard('tableRemoved')[0]!.slice(1, 3)).toEqual([d.table(1), d.task().gather]);
    tr(d, 2, { a1: Number.NaN, a3: 0 });
    expect(d.table(2)).toMatchObject({ level: 0 });
    expect(d.table(2).mm).toBeNaN();
  });

  it('without a gather show that one is open; outside of one (defer) do not', () => {
    const d = new Drive();
    tr(d, 1);
    expect(d.task().gather).toMatchObject({ headless: true, tables: 1 });
    expect(d.heard('tableRemoved')[0]![2]).toBeNull();
    d.do(OP.DEFER, { a0: MM, a1: 2, pid: 11 });
    expect(d.task(11).gather).toBeNull();
    expect(d.table(2)).toMatchObject({ life: LIFE.gathered, trSeq: 2, level: 1 });
  });

  it('twice in a life, or after the release', () => {
    const d = new Drive();
    d.gather(1);
    const first = d.table(1).trRef;
    names(d);
    tr(d, 1);
    expect(d.heard('tableRemovedTwice').map((c) => c[3])).toEqual([first]);
    expect(d.table(1).life).toBe(LIFE.gathered);
    d.enqueue(40, BATCH, 50);
    tr(d, 1);
    expect(d.heard('tableRemovedTwice')).toHaveLength(1);
    d.do(OP.FREE, { a0: 1, a1: 0 });
    tr(d, 1);
    expect(d.heard('tableRemovedTwice')).toEqual([]);
    expect(d.heard('tableRemovedAfterFree')).toHaveLength(1);
  });

  it('an unlink that was seen is kept', () => {
    const d = new Drive();
    d.do(OP.UL, { a0: MM, a1: 4096, a2: 1, a3: 500 });
    expect(d.table(1)).toMatchObject({ ulRef: 1, life: LIFE.live });
    tr(d, 1);
    expect(d.table(1).ulRef).toBe(1);
    d.do(OP.UL, { a0: MM, a1: 4096, a2: Number.NaN });
    expect(d.state.tables.size).toBe(1);
  });

  it('the append belongs to the hand-over before it, once', () => {
    const d = new Drive();
    d.gather(1);
    names(d);
    const ref = d.do(OP.APP, { a0: 500, a1: MM, a2: 1 });
    expect(d.table(1).appRef).toBe(ref);
    d.do(OP.PVOP, { a0: 500, a1: MM, a2: 1 });
    expect(names(d)).toEqual([]);
    d.do(OP.APP, { a0: 500, a1: MM, a2: 1 });
    expect(d.heard('tableRemovedTwice').map((c) => c[3])).toEqual([ref]);
    expect(d.task().gather!.tables).toBe(1);
  });

  it('the append alone is the hand-over', () => {
    for (const kind of [OP.APP, OP.PVOP]) {
      const d = new Drive();
      const ref = d.do(kind, { a0: 500, a1: MM, a2: 1 });
      expect(d.table(1)).toMatchObject({
        life: LIFE.gathered,
        trRef: ref,
        appRef: kind === OP.APP ? ref : -1,
      });
      expect(d.task().mm).toBe(MM);
      expect(d.task().gather!.tables).toBe(1);
    }
  });

  it('one page under two names is one table, where they cannot be compared', () => {
    const d = new Drive();
    d.gather(-7);
    const ref = d.do(OP.APP, { a0: 500, a1: MM, a2: 33 });
    expect(d.table(33)).toBe(d.table(-7));
    expect(d.table(33).appRef).toBe(ref);
    expect(d.task().gather!.tables).toBe(1);
    const e = new Drive();
    e.gather(7);
    e.do(OP.APP, { a0: 500, a1: MM, a2: 33 });
    expect(e.table(33)).not.toBe(e.table(7));
    expect(e.task().gather!.tables).toBe(2);
    const late = new Drive();
    late.gather(-7);
    late.do(OP.SE, { a0: 1 });
    late.do(OP.APP, { a0: 500, a1: MM, a2: 33 });
    expect(late.table(33)).not.toBe(late.table(-7));
  });
});
