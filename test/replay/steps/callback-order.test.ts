import { describe, expect, it } from 'vitest';
import { FUNC, OP } from '../../../src/kernel/ops.js';
import { Drive } from '../support/drive.js';

// Pending heads of a CPU, in the order in which their callbacks run.

describe('heads', () => {
  it('that are forgotten leave to others what is theirs by now', () => {
    const d = new Drive();
    const BATCH = FUNC.tlb_remove_table_rcu;
    d.enqueue(40, BATCH, 50);
    d.do(OP.RQ, { a0: 900, a1: BATCH });
    d.enqueue(41, BATCH, 51);
    d.do(OP.RQ, { a0: 900, a1: BATCH });
    const second = d.state.headsByAddr.get(41);
    expect(d.state.headsByRhp.get(900)).toBe(second);
    d.do(OP.ALLOC, { a0: 50, a1: 0, a2: 0 });
    expect(d.state.headsByRhp.get(900)).toBe(second);
    expect([...d.state.headsByAddr.keys()]).toEqual([41]);
    expect(d.state.cpus[0]!.fifo).toEqual([second]);
  });
});
