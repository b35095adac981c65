import { describe, expect, it } from 'vitest';
import { OP } from '../../../src/kernel/ops.js';
import { PROMISE } from '../../../src/replay/mech-hooks.js';
import type { Holder } from '../../../src/replay/state/mech.js';
import { MM } from '../support/drive.js';
import { FRAME, inv, linked, PTE, VA, walk } from '../support/linked-table.js';

// Who may still use a translation that is promised to be gone.

describe('promises', () => {
  it('name who may still use the old translation', () => {
    for (const [kind, what] of [
      [OP.VMAUL, PROMISE.vma],
      [OP.GONE, PROMISE.return],
      [OP.HUGE, PROMISE.huge],
    ] as const) {
      const d = linked();
      walk(d, { cpu: 1 });
      d.do(OP.CLRE, { a0: PTE, a1: VA });
      d.do(kind, { a0: MM, a1: VA, a2: 99 });
      const [call] = d.heard('promised');
      expect([call![1], (call![2] as Holder[]).map((h) => [h.cpu, h.page])]).toEqual([what, [[1, FRAME]]]);
      d.do(kind, { a0: MM, a1: VA + 4096, a2: 99 });
      d.do(kind, { a0: MM + 1, a1: VA, a2: 99 });
      inv(d, { cpu: 1 });
      d.do(kind, { a0: MM, a1: VA, a2: 99 });
      expect(d.heard('promised').map((c) => c[2])).toEqual([[], [], []]);
    }
  });

  it('the current translation is not old, but small where a huge one is set', () => {
    const d = linked();
    walk(d);
    d.do(OP.GONE, { a0: MM, a1: VA });
    expect(d.heard('promised').map((c) => c[2])).toEqual([[]]);
    d.do(OP.HUGE, { a0: MM, a1: VA, a2: 99 });
    expect(d.heard('promised')[0]![2]).toHaveLength(1);
  });

  it('a CPU that is away cannot use it', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    walk(d);
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    d.do(OP.CR3, { a0: 0 });
    d.do(OP.GONE, { a0: MM, a1: VA });
    expect(d.heard('promised').map((c) => c[2])).toEqual([[]]);
  });

  it('a CPU that comes back to an address that was removed has caught up', () => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    walk(d);
    expect(d.heard('promised')).toEqual([]);
    d.do(OP.CR3, { a0: 0 });
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    walk(d);
    expect(d.heard('promised')).toEqual([]);
    d.do(OP.CR3, { a0: MM });
    walk(d, { a2: 3 });
    // The flush has not begun, or not returned: it may still be used.
    walk(d);
    const other = { cpu: 1, pid: 7 };
    d.do(OP.FR, { a0: MM, a1: 0, a2: 2 ** 53 - 1, a3: 12, a4: 0, ...other });
    walk(d);
    expect(d.heard('promised')).toEqual([]);
    d.do(OP.FD, other);
    walk(d);
    const [call] = d.heard('promised');
    expect([call![1], (call![2] as Holder[]).map((h) => h.page)]).toEqual([PROMISE.switchIn, [FRAME]]);
  });

  it.each([
    ['another range', { a1: VA + 0x1000, a2: 2 ** 53 - 1 }],
    ['another process', { a0: MM + 1 }],
  ])('a flush of %s leaves it in use', (_, over) => {
    const d = linked();
    d.do(OP.CR3, { a0: MM });
    walk(d);
    d.do(OP.CR3, { a0: 0 });
    d.do(OP.CLRE, { a0: PTE, a1: VA });
    const other = { cpu: 1, pid: 7 };
    d.do(OP.FR, { a0: MM, a1: 0, a2: 2 ** 53 - 1, a3: 12, a4: 0, ...over, ...other });
    d.do(OP.FD, other);
    d.do(OP.CR3, { a0: MM });
    walk(d);
    expect(d.heard('promised')).toEqual([]);
  });
});
