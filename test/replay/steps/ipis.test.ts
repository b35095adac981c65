import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../../src/kernel/ops.js';
import { Drive, MM } from '../support/drive.js';
import { inv } from '../support/linked-table.js';

// The interrupts of flushes and syncs, step by step: what the machine knows, and what it tells.

describe('IPIs', () => {
  const CSD = 900;
  const sent = (d: Drive): void => {
    d.do(OP.FR, { a0: MM, a4: 1 });
    d.do(OP.FMULTI, { a0: 2, a1: MM, a4: 55 });
    d.do(OP.IS, { a0: 1, a1: FUNC.flush_tlb_func, a2: CSD });
  };

  it('are paired by their csd, on the CPU they were sent to', () => {
    const d = new Drive();
    sent(d);
    const [target] = d.task().flush!.targets;
    expect(target).toMatchObject({
      from: 0,
      cpu: 1,
      isRef: 3,
      isTs: 30,
      ieTs: Number.NaN,
      ixRef: -1,
      invRef: -1,
    });
    d.do(OP.IE, { cpu: 2, a1: FUNC.flush_tlb_func, a2: CSD });
    expect(target!.ieTs).toBeNaN();
    expect(d.state.cpus[2]!.handler).toBeNull();
    d.do(OP.IE, { cpu: 1, a1: FUNC.flush_tlb_func, a2: CSD });
    expect(target!.ieTs).toBe(50);
    expect(d.state.cpus[1]!.handler).toBe(target);
    expect(d.heard('ipiArrived').map((c) => c[1])).toEqual([target]);
    const ref = d.do(OP.IX, { cpu: 1, a1: FUNC.flush_tlb_func, a2: CSD });
    expect(target).toMatchObject({ ixRef: ref, ixTs: ref * 10, invRef: ref });
    expect(d.state.cpus[1]!.handler).toBeNull();
    expect(d.state.csds.size).toBe(0);
    expect(d.heard('targetLate')).toEqual([]);
    // A local call has no csd.
    d.do(OP.IE, { cpu: 1, a1: FUNC.flush_tlb_func, a2: 0 });
    expect(d.state.cpus[1]!.handler).toBeNull();
  });

  it('one that leaves after the flush returned is late', () => {
    const d = new Drive();
    sent(d);
    const target = d.task().flush!.targets[0];
    d.do(OP.FD);
    d.do(OP.IX, { cpu: 1, a1: FUNC.flush_tlb_func, a2: CSD });
    expect(d.heard('targetLate').map((c) => c[1])).toEqual([target]);
  });

  it('shows that it invalidated by tlb_flush for a remote shootdown or a switch, and by nothing else', () => {
    for (const [reason, shows] of [
      [0, true],
      [1, true],
      [2, false],
      [3, false],
      [4, false],
      [5, false],
    ] as const) {
      const d = new Drive();
      sent(d);
      d.do(OP.IE, { cpu: 1, a1: FUNC.flush_tlb_func, a2: CSD });
      const ref = d.do(OP.TLBF, { cpu: 1, a0: -1, a1: reason });
      expect(d.state.cpus[1]!.handler!.invRef, String(reason)).toBe(shows ? ref : -1);
    }
  });

  it('a handler without its csd is matched by mm and generation', () => {
    const d = new Drive();
    sent(d);
    const target = d.task().flush!.targets[0]!;
    d.do(OP.INV, { cpu: 1, a1: MM, a4: 54 });
    d.do(OP.INV, { cpu: 1, a1: MM + 1, a4: 55 });
    d.do(OP.INV, { cpu: 2, a1: MM, a4: 55 });
    d.do(OP.INV, { cpu: -1, a1: MM, a4: 55 });
    expect(target.invRef).toBe(-1);
    const ref = d.do(OP.INV, { cpu: 1, a1: MM, a4: 55 });
    expect(target.invRef).toBe(ref);
  });

  it('of the newest of two flushes with that generation', () => {
    const d = new Drive();
    sent(d);
    const old = d.task().flush!.targets[0]!;
    d.do(OP.FR, { a0: MM, a4: 1, pid: 11 });
    d.do(OP.FMULTI, { a0: 2, a1: MM, a4: 55, pid: 11 });
    d.do(OP.IS, { a0: 1, a1: FUNC.flush_tlb_func, a2: CSD + 1, pid: 11 });
    const ref = d.do(OP.INV, { cpu: 1, a1: MM, a4: 55 });
    expect([d.task(11).flush!.targets[0]!.invRef, old.invRef]).toEqual([ref, -1]);
  });

  it('a broadcast is the sends of one task in a row', () => {
    const d = new Drive();
    d.gather(1, 2);
    d.flush();
    const send = (cpu: number, over = {}): number =>
      d.do(OP.IS, { a0: cpu, a1: FUNC.tlb_remove_table_smp_sync, a2: CSD + cpu, ...over });
    d.enqueue(40, FUNC.__tlb_remove_table_one_rcu, 2);
    const first = send(1);
    send(2);
    const sync = d.task().sync!;
    expect(sync).toMatchObject({ ref: first, ts: first * 10, seq: first });
    expect(sync.targets.map((t) => t.cpu)).toEqual([1, 2]);
    // What is in the batch and flushed is covered; what went to RCU is not.
    expect([d.table(1).sync, d.table(2).sync]).toEqual([sync, null]);
    d.do(OP.SE, { a0: 1 });
    send(1);
    expect(d.task().sync).not.toBe(sync);
    expect(d.heard('synced')).toHaveLength(2);
    d.do(OP.IS, { a0: 1, a1: FUNC.munmap, a2: CSD + 5 });
    expect(d.state.csds.has(CSD + 5)).toBe(false);
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
