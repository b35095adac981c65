import { describe, expect, it } from 'vitest';
import { CR_SOURCE, FUNC, GP_EVENT, OP } from '../../../src/kernel/ops.js';
import { LIFE } from '../../../src/replay/state/table-life.js';
import { CONTEXT } from '../../../src/timeline/flags.js';
import { Drive, MM } from '../support/drive.js';

// Enqueues and grace periods, step by step: what the machine knows, and what it tells.

const BATCH = FUNC.tlb_remove_table_rcu;
const SINGLE = FUNC.__tlb_remove_table_one_rcu;
const SOFTIRQ = { context: CONTEXT.softirq } as const;
const ran = (d: Drive) => d.heard('callbackRan').map((c) => c[1]);

describe('enqueues', () => {
  it('of a batch take the tables handed over so far', () => {
    const d = new Drive();
    d.gather(1, 2);
    d.enqueue(40, BATCH, 50, { cpu: 2 });
    const head = d.state.headsByAddr.get(40)!;
    expect(head.tables.map((t) => t.key)).toEqual([1, 2]);
    expect(head).toMatchObject({
      addr: 40,
      rhp: Number.NaN,
      func: BATCH,
      page: 50,
      crRef: 4,
      crTs: 40,
      crSeq: 4,
      crCpu: 2,
      tablesKnown: true,
      ran: 0,
      shown: 0,
      stale: false,
      cbFunc: 0,
      cbRef: -1,
      cbSeq: 0,
      cbCpu: -1,
      overtakenBy: null,
      overtakenSeq: 0,
      inferredFrees: 0,
    });
    expect([d.table(1).life, d.table(1).head]).toEqual([LIFE.rcu, head]);
    expect(d.state.headsByPage.get(50)).toBe(head);
    expect(d.state.cpus[2]!.fifo).toEqual([head]);
    expect(d.task().gather!.batch.size).toBe(0);
    d.do(OP.TR, { a0: 500, a1: MM, a2: 3, a3: 1 });
    d.enqueue(41, BATCH, 51);
    expect(d.state.headsByAddr.get(41)!.tables.map((t) => t.key)).toEqual([3]);
    expect(d.heard('queued')).toHaveLength(2);
  });

  it('of a batch whose gather was not seen from its beginning do not know their tables', () => {
    const d = new Drive();
    d.do(OP.TR, { a0: 500, a1: MM, a2: 1, a3: 1 });
    d.enqueue(40, BATCH, 50);
    expect(d.state.headsByAddr.get(40)).toMatchObject({ tablesKnown: false });
    d.enqueue(41, BATCH, Number.NaN, { pid: 11 });
    expect(d.state.headsByAddr.get(41)).toMatchObject({ tablesKnown: false, tables: [] });
    expect(d.state.headsByPage.size).toBe(1);
  });

  it('of a single table take it alone, out of the batch', () => {
    for (const func of [SINGLE, FUNC.pte_free_now]) {
      const d = new Drive();
      d.gather(1, 2);
      d.enqueue(40, func, 2);
      expect(d.state.headsByAddr.get(40)!.tables).toEqual([d.table(2)]);
      expect(d.state.headsByAddr.get(40)!.tablesKnown).toBe(true);
      expect(d.task().gather!.batch).toEqual(new Set([d.table(1)]));
      expect(d.state.headsByPage.size).toBe(0);
      d.enqueue(41, func, 9);
      expect(d.state.headsByAddr.get(41)).toMatchObject({ tables: [], tablesKnown: false });
    }
  });

  it('of a single table that this gather released already are told', () => {
    const d = new Drive();
    d.gather(1);
    d.do(OP.FREE, { a0: 1, a1: 0 });
    d.enqueue(40, SINGLE, 1);
    expect(d.heard('tableQueuedAfterFree').map((c) => c[1])).toEqual([d.table(1)]);
    const other = new Drive();
    other.gather(1);
    other.do(OP.FREE, { a0: 1, a1: 0, ...SOFTIRQ });
    other.enqueue(40, SINGLE, 1);
    expect(other.heard('tableQueuedAfterFree')).toEqual([]);
  });

  it('of other functions are of no table, but for the batch a finishing gather names', () => {
    const d = new Drive();
    d.gather(1);
    d.enqueue(40, FUNC.mmap, 50);
    expect(d.state.headsByAddr.size).toBe(0);
    d.do(OP.GE, { a0: 500, a1: MM, a2: 50 });
    d.enqueue(41, FUNC.mmap, 51);
    expect(d.state.headsByAddr.size).toBe(0);
    d.enqueue(42, FUNC.mmap, 50);
    expect(d.state.headsByAddr.get(42)!.tables.map((t) => t.key)).toEqual([1]);
    const none = new Drive();
    none.gather(1);
    none.do(OP.GE, { a0: 500, a1: MM, a2: 0 });
    none.enqueue(42, FUNC.mmap, 0);
    expect(none.state.headsByAddr.size).toBe(0);
  });

  it('two probes of one are one, of that task and not long after', () => {
    const d = new Drive();
    d.enqueue(40, BATCH, 50);
    d.enqueue(40, BATCH, 50, { a4: CR_SOURCE.__call_rcu_common });
    expect(d.heard('queued')).toHaveLength(1);
    expect(d.heard('queuedTwice')).toEqual([]);
    // The same probe again: that is a second enqueue.
    d.enqueue(40, BATCH, 50);
    expect(d.heard('queuedTwice')).toHaveLength(1);
    expect(d.heard('queued')).toHaveLength(1);
    for (const over of [{ pid: 11 }, { a1: SINGLE }]) {
      const e = new Drive();
      e.enqueue(40, BATCH, 50);
      e.enqueue(40, BATCH, 50, { a4: CR_SOURCE.other, ...over });
      expect(e.heard('queuedTwice')).toHaveLength(1);
    }
    // Others, and interrupts, may do much before the task goes on; it itself does not.
    for (const [steps, twice, pid] of [
      [62, 0, 10],
      [63, 0, 10],
      [64, 1, 10],
      [64, 0, 11],
      [5000, 0, 11],
    ] as const) {
      const e = new Drive();
      e.enqueue(40, BATCH, 50);
      for (let i = 0; i < steps; i++) e.do(OP.SE, { a0: 1, pid });
      e.enqueue(40, BATCH, 50, { a4: CR_SOURCE.other });
      expect(e.heard('queuedTwice'), String(steps)).toHaveLength(twice);
    }
  });

  it('of a head whose callback ran are new ones', () => {
    const d = new Drive();
    d.enqueue(40, BATCH, 50);
    const old = d.state.headsByAddr.get(40)!;
    d.do(OP.CB, { a0: 40, a1: BATCH, ...SOFTIRQ });
    expect(ran(d)).toEqual([old]);
    d.enqueue(40, BATCH, 50, { a4: CR_SOURCE.other });
    expect(d.heard('queuedTwice')).toEqual([]);
    expect(d.state.headsByAddr.get(40)).not.toBe(old);
    expect(d.state.headsByPage.get(50)).not.toBe(old);
    expect(d.state.cpus[0]!.fifo).toEqual([d.state.headsByAddr.get(40)]);
  });
});

describe('the tracepoint of an enqueue', () => {
  it('right after its probe names the same head', () => {
    const d = new Drive();
    d.enqueue(40, BATCH, 50);
    d.do(OP.RQ, { a0: 900, a1: BATCH });
    const head = d.state.headsByAddr.get(40)!;
    expect(head.rhp).toBe(900);
    expect(d.state.headsByRhp.get(900)).toBe(head);
    expect(d.heard('queued')).toHaveLength(1);
  });

  it('of another function, by another task, or after something else, is of another', () => {
    for (const over of [{ a1: SINGLE }, { pid: 11 }, { late: true }]) {
      const { late, ...fields } = { late: false, ...over };
      const d = new Drive();
      d.enqueue(40, BATCH, 50);
      if (late) d.do(OP.SE, { a0: 1 });
      d.do(OP.RQ, { a0: 900, a1: BATCH, ...fields });
      expect(d.state.headsByAddr.get(40)!.rhp).toBeNaN();
      expect(d.state.headsByRhp.get(900)).toMatchObject({ addr: Number.NaN, page: Number.NaN, rhp: 900 });
      expect(d.heard('queued')).toHaveLength(2);
    }
  });

  it('is found through interrupts and a switch to another CPU, and moves the head there', () => {
    const d = new Drive();
    d.enqueue(40, BATCH, 50);
    d.do(OP.FREE, { a0: 7, a1: 0, ...SOFTIRQ });
    d.do(OP.SW, { a0: 11 });
    d.enqueue(41, BATCH, 51, { pid: 11 });
    d.do(OP.RQ, { a0: 901, a1: BATCH, pid: 11 });
    d.do(OP.RQ, { a0: 900, a1: BATCH, cpu: 1 });
    const head = d.state.headsByAddr.get(40)!;
    expect(head).toMatchObject({ rhp: 900, crCpu: 1, listedSeq: 6 });
    expect(d.state.cpus.map((c) => c.fifo.map((h) => h.addr))).toEqual([[41], [40]]);
    expect(d.heard('queued')).toHaveLength(2);
  });

  it('is not looked for across a loss on the CPU of the probe', () => {
    for (const [cpu, linked] of [
      [0, 0],
      [1, 1],
    ] as const) {
      const d = new Drive();
      d.enqueue(40, BATCH, 50);
      d.do(OP.SE, { a0: 1, cpu: 1, pid: 11 });
      d.do(OP.lost, { cpu, a0: 1, pid: -1 });
      d.do(OP.RQ, { a0: 900, a1: BATCH });
      expect(d.heard('queued'), String(cpu)).toHaveLength(linked ? 1 : 2);
    }
  });

  it('again before the callback ran is a second enqueue; without a value it says nothing', () => {
    const d = new Drive();
    d.do(OP.RQ, { a0: 900, a1: FUNC.mmap });
    d.do(OP.RQ, { a0: 900, a1: FUNC.mmap });
    expect(d.heard('queuedTwice')).toHaveLength(1);
    d.do(OP.RI, { a0: 900, a1: FUNC.mmap, ...SOFTIRQ });
    d.do(OP.RQ, { a0: 900, a1: FUNC.mmap });
    expect(d.heard('queuedTwice')).toEqual([]);
    d.do(OP.RQ, { a0: Number.NaN, a1: FUNC.mmap });
    expect(d.state.headsByRhp.size).toBe(1);
    expect(d.state.cpus[0]!.fifo).toHaveLength(2);
  });
});

describe('grace periods', () => {
  const gp = (d: Drive, seq: number, what: number): number => d.do(OP.GP, { a0: seq, a1: what });

  it('end once, at the first end of theirs', () => {
    const d = new Drive();
    gp(d, 8, GP_EVENT.start);
    expect(d.state.gp).toMatchObject({ starts: 1, seq: 8, startRef: 1, ended: 0, endedRef: -1 });
    gp(d, 4, GP_EVENT.end);
    gp(d, 8, GP_EVENT.cpustart);
    expect(d.heard('gpEnded')).toEqual([]);
    const ref = gp(d, 8, GP_EVENT.cpuend);
    expect(d.state.gp).toMatchObject({ ended: 1, seq: Number.NaN, endedRef: ref, endedTs: ref * 10 });
    gp(d, 8, GP_EVENT.end);
    expect(d.heard('gpEnded')).toHaveLength(1);
    gp(d, 12, GP_EVENT.start);
    gp(d, 12, GP_EVENT.end);
    expect(d.state.gp).toMatchObject({ starts: 2, ended: 2 });
    expect(d.heard('gpEnded')).toHaveLength(1);
  });

  it('end unshown where the next one begins', () => {
    const d = new Drive();
    gp(d, 8, GP_EVENT.start);
    gp(d, 12, GP_EVENT.start);
    expect(d.state.gp).toMatchObject({ starts: 2, ended: 1, unshownEnd: 1, endedRef: -1 });
    expect(d.heard('gpEnded')).toEqual([]);
    gp(d, 12, GP_EVENT.end);
    gp(d, 16, GP_EVENT.start);
    expect(d.state.gp).toMatchObject({ starts: 3, ended: 2, unshownEnd: 1 });
  });

  it('a head knows how many had begun before it', () => {
    const d = new Drive();
    d.enqueue(40, BATCH, 50);
    gp(d, 8, GP_EVENT.start);
    d.enqueue(41, BATCH, 51);
    expect([40, 41].map((a) => d.state.headsByAddr.get(a)!.gpStarts)).toEqual([0, 1]);
  });
});
