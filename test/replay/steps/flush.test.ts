import { describe, expect, it } from 'vitest';
import { OP } from '../../../src/kernel/ops.js';
import { Drive, MM } from '../support/drive.js';

// Flushes, step by step: what the machine knows, and what it tells.

describe('flushes', () => {
  it('cover what was handed over before they began, and leave the rest pending', () => {
    const d = new Drive();
    d.gather(1, 2);
    d.do(OP.FR, { a0: MM, a1: 16, a2: 32, a3: 12, a4: 1, cpu: 3 });
    const flush = d.task().flush!;
    expect(flush).toMatchObject({
      mm: MM,
      start: 16,
      end: 32,
      freedTables: 1,
      frRef: 4,
      frSeq: 4,
      frTs: 40,
      cpu: 3,
    });
    expect([flush.fdRef, flush.fdTs, flush.fdSeq, flush.gen, flush.mask]).toEqual([
      -1,
      Number.NaN,
      0,
      Number.NaN,
      Number.NaN,
    ]);
    d.do(OP.TR, { a0: 500, a1: MM, a2: 3, a3: 1 });
    expect([1, 2, 3].map((t) => d.table(t).begun)).toEqual([flush, flush, null]);
    // Nothing is handed over within a flush: it is back, whatever its return says later.
    expect([flush.backByOrder, flush.settled]).toEqual([true, false]);
    expect([1, 2, 3].map((t) => d.table(t).flush)).toEqual([flush, flush, null]);
    d.do(OP.FD);
    expect(d.heard('returnedAfterAll').map((c) => c[1])).toEqual([flush]);
    const gather = d.task().gather!;
    expect(gather.pending.map((t) => t.key)).toEqual([3]);
    expect(gather).toMatchObject({ flushes: 1, lastFlush: flush, freesSinceFlush: 0 });
    expect(flush).toMatchObject({ fdRef: 5, fdTs: 50, fdSeq: 5, covers: [] });
    expect(d.state.openFlushes).toEqual([]);
    expect(d.task().flush).toBeNull();
    d.flush();
    expect(d.table(3).flush).not.toBe(flush);
    expect(gather.pending).toEqual([]);
    expect(gather.flushes).toBe(2);
  });

  it('of leaves alone cover no table: it stays pending', () => {
    const d = new Drive();
    d.gather(1);
    d.flush(0);
    expect(d.table(1).flush).toBeNull();
    expect(d.table(1).leafFlush).not.toBeNull();
    expect(d.task().gather!.pending).toHaveLength(1);
    // Where the trace does not say, they may be of tables.
    d.flush(Number.NaN);
    expect(d.table(1).flush).not.toBeNull();
    expect(d.task().gather!.pending).toEqual([]);
  });

  it('of another mm cover nothing; of an unknown one they do', () => {
    const d = new Drive();
    d.gather(1);
    d.flush(1, MM + 1);
    expect([d.table(1).begun, d.table(1).flush]).toEqual([null, null]);
    expect(d.task().gather!.pending).toHaveLength(1);
    d.flush(1, Number.NaN);
    expect(d.table(1).flush).not.toBeNull();
  });

  it('teach the mm of their task; a return without entry is of a flush whose entry was skipped', () => {
    const d = new Drive();
    d.do(OP.FD);
    expect(d.heard('flushDone').map((c) => c[1])).toMatchObject([{ frRef: -1, freedTables: Number.NaN }]);
    // A second one in a row shows the same return.
    d.do(OP.FD);
    expect(d.calls).toEqual([]);
    d.do(OP.FR, { a0: MM, a4: 1 });
    expect(d.task().mm).toBe(MM);
    d.do(OP.FMULTI, { a0: 6, a1: MM, a4: 55 });
    expect(d.task().flush).toMatchObject({ multi: true, mask: 6, gen: 55 });
    d.do(OP.FMULTI, { a0: 6, a1: MM, a4: 56, pid: 11 });
    expect(d.task(11).flush).toBeNull();
  });

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
});
