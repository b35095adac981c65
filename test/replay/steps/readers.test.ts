import { describe, expect, it } from 'vitest';
import { OP, READER } from '../../../src/kernel/ops.js';
import { CONTEXT } from '../../../src/timeline/flags.js';
import { Drive, MM } from '../support/drive.js';

// Readers, step by step: what the machine knows, and what it tells.

const SOFTIRQ = { context: CONTEXT.softirq } as const;

describe('readers', () => {
  const reads = (d: Drive, kind: number, over = {}): number => d.do(OP.RB, { a0: kind, a1: 5, ...over });
  const ended = (d: Drive) => d.heard('readerEnded').length;
  const expired = (d: Drive) => d.heard('readerExpired').length;

  it('nest, and end with the outermost', () => {
    const d = new Drive();
    reads(d, READER.rcu, { a2: MM, cpu: 1 });
    expect([...d.state.readers.values()]).toMatchObject([
      {
        kind: READER.rcu,
        table: 5,
        mm: MM,
        ref: 1,
        ts: 10,
        seq: 1,
        cpu: 1,
        task: 10,
        depth: 1,
        overlaps: [],
      },
    ]);
    reads(d, READER.rcu);
    d.do(OP.RE, { a0: READER.rcu, a1: 5 });
    expect(ended(d)).toBe(0);
    d.do(OP.RE, { a0: READER.rcu, a1: 5 });
    expect(ended(d)).toBe(1);
    d.do(OP.RE, { a0: READER.rcu, a1: 5 });
    expect(ended(d)).toBe(0);
  });

  it('of another task, kind or table are others; without an mm theirs is the task’s', () => {
    const d = new Drive();
    d.do(OP.GB, { a0: 500, a1: MM });
    reads(d, READER.rcu);
    reads(d, READER.irqoff);
    reads(d, READER.rcu, { a1: 6 });
    reads(d, READER.rcu, { pid: 11 });
    expect([...d.state.readers.values()].map((r) => [r.depth, r.mm])).toEqual([
      [1, MM],
      [1, MM],
      [1, MM],
      [1, Number.NaN],
    ]);
  });

  it('do not outlive a return to user space, but locks do', () => {
    for (const [kind, gone] of [
      [READER.irqoff, 1],
      [READER.rcu, 1],
      [READER.preemptoff, 1],
      [READER.lock, 0],
      [READER.hw, 0],
    ] as const) {
      const d = new Drive();
      reads(d, kind);
      d.do(OP.GB, { a0: 1, a1: MM });
      d.do(OP.SX, { a0: 1, pid: 11 });
      d.do(OP.SX, { a0: 1, ...SOFTIRQ });
      expect(expired(d)).toBe(0);
      d.do(OP.SX, { a0: 1 });
      expect(expired(d)).toBe(gone);
      expect(d.state.readers.size).toBe(1 - gone);
      const e = new Drive();
      reads(e, kind);
      e.do(OP.SE, { a0: 1 });
      expect(expired(e)).toBe(gone);
    }
  });

  it('in an interrupt end with it: a task runs on that CPU again', () => {
    const d = new Drive();
    reads(d, READER.rcu, { cpu: 1, ...SOFTIRQ });
    d.do(OP.GB, { a0: 1, a1: MM, cpu: 0 });
    d.do(OP.FREE, { a0: 9, a1: 0, cpu: 1, ...SOFTIRQ });
    expect(expired(d)).toBe(0);
    d.do(OP.GB, { a0: 1, a1: MM, cpu: 1 });
    expect(expired(d)).toBe(1);
  });

  it('GUP brackets are kept by task', () => {
    const d = new Drive();
    d.do(OP.GUP, { a0: 1 });
    d.do(OP.GUP, { a0: 1, pid: 11 });
    expect([...d.state.gups]).toEqual([
      [10, 1],
      [11, 2],
    ]);
    d.do(OP.GUP, { a0: 0 });
    expect([...d.state.gups.keys()]).toEqual([11]);
  });
});
