import { describe, expect, it } from 'vitest';
import { OP, type Op } from '../../../src/kernel/ops.js';
import { Drive } from '../support/drive.js';
import { linked, PTE } from '../support/linked-table.js';

// Facts that recordings show: what the machine knows, and what it tells.

describe('operations that probes show', () => {
  it('a broadcast is over at its return', () => {
    const d = new Drive();
    d.do(OP.SYNC1, { a0: 1 });
    expect(d.state.mech.sync).toEqual({ seq: 0, ref: -1 });
    d.do(OP.SYNC1, { a0: 0 });
    expect(d.state.mech.sync).toEqual({ seq: 2, ref: 2 });
  });

  it('readers that are over are counted on their table', () => {
    const d = linked();
    d.do(OP.RB, { a0: 1, a1: PTE });
    expect(d.state.mech.pages.get(PTE)!.readsOver).toBe(0);
    d.do(OP.RE, { a0: 1, a1: PTE });
    expect(d.state.mech.pages.get(PTE)!.readsOver).toBe(1);
  });

  it('flushes, grace periods and the like are shown to the rules before the step', () => {
    const d = new Drive();
    for (const kind of [OP.INV, OP.FR, OP.RQ, OP.FMULTI, OP.GP, OP.PUB, OP.EXITMM, OP.BATCH, OP.BATCHE])
      d.do(kind);
    expect(d.heard('seen').map((c) => (c[1] as Op).kind)).toHaveLength(9);
    d.do(OP.SE);
    expect(d.heard('seen')).toEqual([]);
  });
});
