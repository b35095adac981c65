import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../src/kernel/ops.js';
import { CONTEXT } from '../../src/timeline/flags.js';
import { Drive, MM } from './support/drive.js';

// Gathers, flushes and the IPIs of them, step by step: what the machine knows, and what it tells.

describe('gathers', () => {
  it('one further down the stack is nested in the one that is open', () => {
    const d = new Drive();
    d.do(OP.GB, { a0: 500, a1: MM });
    const outer = d.task().gather!;
    d.do(OP.GB, { a0: 400, a1: MM });
    const inner = d.task().gather!;
    expect([inner.tlb, d.task().outer]).toEqual([400, [outer]]);
    d.do(OP.GE, { a0: 400, a1: MM, a2: 0 });
    d.do(OP.GEret);
    expect([d.task().gather, d.task().outer]).toEqual([outer, []]);
    // The end of the outer one shows that what was nested in it is over.
    d.do(OP.GB, { a0: 450, a1: MM });
    const left = d.task().gather;
    d.do(OP.GE, { a0: 500, a1: MM, a2: 0 });
    expect(d.heard('gatherLeft').map((c) => c[1])).toEqual([left]);
    expect([d.task().gather, outer.finishing]).toEqual([outer, true]);
    // No address, no order: it may be nested.
    d.do(OP.GB, { a0: 300, a1: MM, pid: 11 });
    d.do(OP.GB, { a0: Number.NaN, a1: MM, pid: 11 });
    expect(d.task(11).outer).toHaveLength(1);
    expect(d.heard('gatherLeft')).toEqual([]);
  });

  it('one that begins at or above the place of another ends that one', () => {
    const d = new Drive();
    d.do(OP.GB, { a0: 500, a1: MM, a2: 1 });
    const first = d.task().gather!;
    expect(first).toMatchObject({ tlb: 500, mm: MM, full: true, gbRef: 1, headless: false, geRef: -1 });
    expect([first.firstFreeRef, first.batchPage, first.flushes, first.tables]).toEqual([
      -1,
      Number.NaN,
      0,
      0,
    ]);
    expect(d.heard('gatherOver')).toEqual([]);
    expect(d.task()).toMatchObject({ mm: MM, gatherSeen: true });
    d.do(OP.GB, { a0: 501, a1: Number.NaN });
    expect(d.heard('gatherOver').map((c) => c[1])).toEqual([first]);
    expect(d.heard('gatherLeft').map((c) => c[1])).toEqual([first]);
    expect(d.task().gather).toMatchObject({ tlb: 501, full: false });
    expect(d.task().mm).toBe(MM);
  });

  it('its end belongs to it, or to one whose beginning was not seen', () => {
    const d = new Drive();
    d.do(OP.GB, { a0: 500, a1: MM });
    const mine = d.task().gather;
    const ref = d.do(OP.GE, { a0: 500, a1: MM, a2: 77 });
    expect(d.task().gather).toBe(mine);
    expect(mine).toMatchObject({ finishing: true, geRef: ref, batchPage: 77 });
    expect(d.task().lastGeRef).toBe(ref);
    d.do(OP.GEret);
    expect(d.task().gather).toBeNull();
    expect(d.heard('gatherOver')).toHaveLength(1);
    d.do(OP.GEret);
    expect(d.heard('gatherOver')).toEqual([]);
    d.do(OP.GE, { a0: 600, a1: MM, a2: 0, pid: 11 });
    expect(d.task(11)).toMatchObject({
      gatherSeen: true,
      gather: { headless: true, gbRef: -1, full: false },
    });
  });

  it('an end of another address is of another gather; without addresses it is of this one', () => {
    const d = new Drive();
    d.do(OP.GB, { a0: 500, a1: MM });
    const mine = d.task().gather;
    d.do(OP.GE, { a0: Number.NaN, a1: Number.NaN, a2: Number.NaN });
    expect(d.task().gather).toBe(mine);
    d.do(OP.GB, { a0: 500, a1: MM, pid: 11 });
    d.do(OP.GE, { a0: 501, a1: MM, a2: 0, pid: 11 });
    expect(d.task(11).gather).toMatchObject({ headless: true, tlb: 501 });
  });

  it('a second end, an exit from the system call or a hand-over shows that the return was missed', () => {
    const d = new Drive();
    for (const [pid, next] of [
      [20, () => d.do(OP.GE, { a0: 500, a1: MM, pid: 20 })],
      [21, () => d.do(OP.SX, { a0: FUNC.munmap, a1: 0, pid: 21 })],
      [22, () => d.do(OP.TR, { a0: 500, a1: MM, a2: 90, a3: 1, pid: 22 })],
    ] as const) {
      d.do(OP.GB, { a0: 500, a1: MM, pid });
      d.do(OP.GE, { a0: 500, a1: MM, pid });
      const old = d.task(pid).gather;
      d.heard('gatherOver');
      next();
      expect(d.heard('gatherOver').map((c) => c[1])).toEqual([old]);
      expect(d.task(pid).gather).not.toBe(old);
    }
    expect(d.task(21).gather).toBeNull();
    expect(d.task(22).gather).toMatchObject({ headless: true, tables: 1 });
    // It lies on the stack of the call that returns.
    d.heard('gatherLeft');
    d.do(OP.GB, { a0: 500, a1: MM, pid: 23 });
    d.do(OP.SX, { a0: FUNC.munmap, a1: 0, pid: 23 });
    expect(d.task(23).gather).toBeNull();
    expect(d.heard('gatherLeft')).toHaveLength(1);
  });
});

describe('tasks', () => {
  it('system calls: which, and since when', () => {
    const d = new Drive();
    d.do(OP.SE, { a0: FUNC.munmap });
    expect(d.task()).toMatchObject({ syscall: FUNC.munmap, syscallRef: 1, syscallSeq: 1, syscallSeen: true });
    d.do(OP.SX, { a0: FUNC.munmap, a1: 0 });
    expect(d.task()).toMatchObject({ syscall: -1, lastSyscallRef: 2, syscallSeq: 2 });
    expect(d.calls.map((c) => c[0])).toEqual(['syscallEntered', 'syscallLeft']);
  });

  it('the mm is learnt from entries of exit_mmap, not from its return', () => {
    const d = new Drive();
    d.do(OP.EXITMM, { a0: MM, a1: 0 });
    expect(d.task().mm).toBeNaN();
    d.do(OP.EXITMM, { a0: MM, a1: 1 });
    expect(d.task().mm).toBe(MM);
    d.do(OP.EXITMM, { a0: Number.NaN, a1: 1 });
    expect(d.task().mm).toBe(MM);
  });

  it('an exit ends what was in progress; the next bracket under that tid is of another task', () => {
    const d = new Drive();
    d.do(OP.SE, { a0: FUNC.munmap });
    d.do(OP.GB, { a0: 500, a1: MM });
    d.do(OP.EXIT, { a0: 99 });
    expect(d.task().exitSeq).toBe(0);
    d.do(OP.EXIT, { a0: 10 });
    expect(d.task()).toMatchObject({
      exitSeq: 4,
      exitRef: 4,
      exitSyscall: FUNC.munmap,
      syscall: -1,
      syscallSeen: false,
      gather: null,
      gatherSeen: false,
      mm: Number.NaN,
    });
    d.do(OP.GE, { a0: 500, a1: MM });
    expect(d.heard('tidReused')).toEqual([]);
    d.do(OP.SE, { a0: FUNC.mmap });
    expect(d.heard('tidReused')).toHaveLength(1);
    expect(d.task()).toMatchObject({ exitSeq: 0, exitRef: -1, exitSyscall: -1 });
    d.do(OP.SX, { a0: FUNC.mmap, a1: 0 });
    expect(d.heard('tidReused')).toEqual([]);
  });

  it('a fork of that tid begins another life', () => {
    const d = new Drive();
    d.do(OP.SE, { a0: 1, pid: 30 });
    d.do(OP.FORK, { a0: 30, pid: 1 });
    expect(d.heard('tidReused')).toEqual([]);
    d.do(OP.EXIT, { a0: 30, pid: 30 });
    d.do(OP.FORK, { a0: 31, pid: 1 });
    expect(d.task(30).exitSeq).toBe(3);
    d.do(OP.FORK, { a0: 30, pid: 1 });
    expect(d.heard('tidReused').map((c) => c[1])).toEqual([d.task(30)]);
    expect(d.task(30).exitSeq).toBe(0);
  });

  it('idle tasks and interrupts of each CPU are contexts of their own', () => {
    const d = new Drive();
    const at = [
      { pid: 10 },
      { pid: 0, cpu: 0 },
      { pid: 0, cpu: 1 },
      { context: CONTEXT.softirq },
      { context: CONTEXT.hardirq },
      { context: CONTEXT.nmi },
      { context: CONTEXT.softirq, cpu: 1 },
    ];
    for (const of of at) d.do(OP.SE, { a0: 1, ...of });
    expect(d.state.tasks.size).toBe(at.length);
    // Whatever task an interrupt runs over.
    d.do(OP.SE, { a0: 1, context: CONTEXT.softirq, pid: 77 });
    d.do(OP.SE, { a0: 1, context: CONTEXT.unknown });
    expect(d.state.tasks.size).toBe(at.length);
  });
});

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
});

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
});

describe('losses', () => {
  it('end what was in progress on that CPU alone, or on all', () => {
    const d = new Drive();
    for (const cpu of [0, 1]) {
      d.do(OP.FR, { a0: MM, a4: 1, pid: 20 + cpu });
      d.do(OP.IS, { a0: cpu, a1: FUNC.flush_tlb_func, a2: 900 + cpu, pid: 20 + cpu });
      d.do(OP.IE, { cpu, a1: FUNC.flush_tlb_func, a2: 900 + cpu });
      d.enqueue(40 + cpu, FUNC.tlb_remove_table_rcu, 50 + cpu, { cpu });
      d.do(OP.CB, { cpu, a0: 40 + cpu, a1: FUNC.tlb_remove_table_rcu, context: CONTEXT.softirq });
    }
    const ref = d.do(OP.lost, { cpu: 1, a0: 3 });
    const [zero, one] = d.state.cpus;
    expect(one).toMatchObject({ handler: null, callback: null, callbackTask: Number.NaN });
    expect(one!.lossSeq).toBe(ref);
    expect([zero!.handler, zero!.callback]).not.toContain(null);
    expect(zero!.callbackTask).not.toBeNaN();
    expect(zero!.lossSeq).toBe(0);
    expect(d.state.lossSeq).toBe(ref);
    const all = d.do(OP.lost, { cpu: -1, a0: -1 });
    expect(d.state.cpus.map((c) => [c.lossSeq, c.handler])).toEqual([
      [all, null],
      [all, null],
    ]);
  });

  it('told of elsewhere stay everywhere', () => {
    const d = new Drive();
    d.state.lossSeq = Number.POSITIVE_INFINITY;
    d.do(OP.lost, { cpu: 0 });
    expect(d.state.lossSeq).toBe(Number.POSITIVE_INFINITY);
  });

  it('a CPU remembers its last step, and since when it has only released pages', () => {
    const d = new Drive();
    d.do(OP.SE, { a0: 1 });
    d.do(OP.FREE, { a0: 4, a1: 0 });
    d.do(OP.FPSC, { a0: 4 });
    expect(d.state.cpus[0]).toMatchObject({ lastSeq: 3, lastTs: 30, lastRef: 3, freeRunSeq: 2 });
    d.do(OP.SE, { a0: 1 });
    expect(d.state.cpus[0]!.freeRunSeq).toBe(0);
    expect(d.task().lastKind).toBe(OP.SE);
  });
});
