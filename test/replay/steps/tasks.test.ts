import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../../src/kernel/ops.js';
import { CONTEXT } from '../../../src/timeline/flags.js';
import { Drive, MM } from '../support/drive.js';

// Gathers, tasks and losses, step by step: what the machine knows, and what it tells.

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
