import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../../src/kernel/ops.js';
import { CONTEXT } from '../../../src/timeline/flags.js';
import { Drive } from '../support/drive.js';

// Callbacks, step by step: what the machine knows, and what it tells.

const BATCH = FUNC.tlb_remove_table_rcu;
const SINGLE = FUNC.__tlb_remove_table_one_rcu;
const SOFTIRQ = { context: CONTEXT.softirq } as const;
const ran = (d: Drive) => d.heard('callbackRan').map((c) => c[1]);

describe('callbacks', () => {
  it('are matched by the head, and say where and when', () => {
    const d = new Drive();
    d.enqueue(40, BATCH, 50);
    const head = d.state.headsByAddr.get(40)!;
    const ref = d.do(OP.CB, { a0: 40, a1: BATCH, cpu: 1, pid: 0, ...SOFTIRQ });
    expect(head).toMatchObject({
      ran: 1,
      shown: 2,
      cbFunc: BATCH,
      cbRef: ref,
      cbTs: ref * 10,
      cbSeq: ref,
      cbCpu: 1,
    });
    expect(d.state.cpus[1]!.callback).toBe(head);
    expect(d.state.tasks.get(d.state.cpus[1]!.callbackTask)).toBeDefined();
    expect(d.state.cpus[0]!.fifo).toEqual([]);
    expect([d.state.cpus[0]!.matchedSeq, d.state.cpus[1]!.matchedSeq]).toEqual([0, 0]);
    d.do(OP.CBret, { cpu: 1, a1: BATCH, ...SOFTIRQ });
    expect(d.state.cpus[1]!.callback).toBeNull();
    expect(d.state.cpus[1]!.callbackTask).toBeNaN();
  });

  it('on the CPU of the enqueue show that earlier ones are over', () => {
    const d = new Drive();
    d.enqueue(40, BATCH, 50);
    const ref = d.do(OP.CB, { a0: 40, a1: BATCH, ...SOFTIRQ });
    expect(d.state.cpus[0]!.matchedSeq).toBe(ref);
  });

  it('by probe and tracepoint are one, in either order', () => {
    for (const order of [
      [OP.RI, OP.CB],
      [OP.CB, OP.RI],
    ]) {
      const d = new Drive();
      d.enqueue(40, BATCH, 50);
      d.do(OP.RQ, { a0: 900, a1: BATCH });
      for (const kind of order) d.do(kind!, { a0: kind === OP.RI ? 900 : 40, a1: BATCH, ...SOFTIRQ });
      expect(ran(d)).toHaveLength(1);
      expect(d.state.headsByAddr.get(40)!.shown).toBe(3);
      expect(d.heard('callbackUnmatched')).toEqual([]);
      expect(d.heard('callbackAfterInferred')).toEqual([]);
      expect(d.heard('callbackFunc')).toHaveLength(order[0] === OP.RI ? 1 : 0);
    }
  });

  it('a second time, or of nothing queued, are told', () => {
    const d = new Drive();
    d.do(OP.CB, { a0: 41, a1: BATCH, ...SOFTIRQ });
    expect(d.heard('callbackUnmatched').map((c) => c[1])).toEqual([null]);
    expect(d.state.cpus[0]!.callback).toBeNull();
    d.do(OP.CB, { a0: Number.NaN, a1: BATCH, ...SOFTIRQ });
    expect(d.heard('callbackUnmatched')).toEqual([]);
    d.enqueue(40, BATCH, 50);
    const head = d.state.headsByAddr.get(40)!;
    d.do(OP.CB, { a0: 40, a1: BATCH, ...SOFTIRQ });
    d.do(OP.CB, { a0: 40, a1: BATCH, ...SOFTIRQ });
    expect(d.heard('callbackUnmatched').map((c) => c[1])).toEqual([head]);
  });

  it('overtake those queued before them on the same CPU', () => {
    const d = new Drive();
    for (const [i, addr] of [40, 41, 42].entries()) d.enqueue(addr, BATCH, 50 + i);
    const [a, b, c] = [40, 41, 42].map((addr) => d.state.headsByAddr.get(addr)!);
    const ref = d.do(OP.CB, { a0: 41, a1: BATCH, ...SOFTIRQ });
    d.do(OP.CB, { a0: 42, a1: BATCH, ...SOFTIRQ });
    expect([a!.overtakenBy, a!.overtakenSeq]).toEqual([b, ref]);
    expect([b!.overtakenBy, c!.overtakenBy]).toEqual([null, null]);
    expect(d.state.cpus[0]!.fifo).toEqual([a]);
  });

  it('of a single table, by tracepoint alone, are told unless a head without a value may be it', () => {
    const d = new Drive();
    d.do(OP.RI, { a0: 900, a1: SINGLE, ...SOFTIRQ });
    expect(d.heard('callbackUnmatched')).toHaveLength(1);
    d.do(OP.RI, { a0: 900, a1: BATCH, ...SOFTIRQ });
    expect(d.heard('callbackUnmatched')).toEqual([]);
    d.gather(1);
    d.enqueue(40, SINGLE, 1);
    d.do(OP.RI, { a0: 900, a1: SINGLE, ...SOFTIRQ });
    expect(d.heard('callbackUnmatched')).toEqual([]);
    d.do(OP.RI, { a0: 900, a1: SINGLE, cpu: 1, ...SOFTIRQ });
    expect(d.heard('callbackUnmatched')).toHaveLength(1);
  });

  it('that were inferred from releases and are seen after that, are told', () => {
    const d = new Drive();
    d.gather(1);
    d.enqueue(40, BATCH, 50);
    const head = d.state.headsByAddr.get(40)!;
    d.do(OP.FREE, { a0: 1, a1: 0, ...SOFTIRQ });
    expect(head).toMatchObject({ ran: 2, inferredFrees: 1, shown: 0 });
    d.do(OP.CB, { a0: 40, a1: BATCH, ...SOFTIRQ });
    expect(d.heard('callbackAfterInferred').map((c) => c[1])).toEqual([head]);
    expect(ran(d)).toHaveLength(1);
  });

  it('list tables: one that was released before the enqueue is told', () => {
    const d = new Drive();
    d.gather(1, 2, 3);
    d.do(OP.FREE, { a0: 1, a1: 0 });
    d.enqueue(40, BATCH, 50);
    d.do(OP.FREE, { a0: 2, a1: 0, ...SOFTIRQ });
    d.do(OP.CB, { a0: 40, a1: BATCH, nTables: 3, tables: Float64Array.of(1, 2, 3), ...SOFTIRQ });
    expect(d.heard('tableQueuedAfterFree').map((c) => c[1])).toEqual([d.table(1)]);
  });
});
