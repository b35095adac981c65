import { describe, expect, it } from 'vitest';
import { LOCK_TYPE, OP } from '../../../src/kernel/ops.js';
import { PROMISE } from '../../../src/replay/mech-hooks.js';
import type { Holder } from '../../../src/replay/state/mech.js';
import { Drive, MM } from '../support/drive.js';
import { linked, PTE, VA, walk } from '../support/linked-table.js';

// Which task holds which lock.

describe('locks', () => {
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

  it('drops promise that an old translation is gone, where they name one', () => {
    const d = linked();
    walk(d);
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    d.do(OP.LK, { a0: 3, a1: 1 });
    d.do(OP.UN, { a0: 3, a1: MM, a2: Number.NaN });
    expect(d.heard('promised')).toEqual([]);
    d.do(OP.LK, { a0: 4, a1: 1 });
    d.do(OP.UN, { a0: 9, a1: MM, a2: VA });
    expect(d.heard('promised').map((c) => [c[1], (c[2] as Holder[]).length])).toEqual([[PROMISE.unlock, 1]]);
    expect([...d.state.mech.locks.values()].flat().map((l) => l.lock)).toEqual([4]);
  });
});
