import { describe, expect, test } from 'vitest';
import { FUNC, OP, READER, SPIN } from '../../src/kernel/ops.js';
import { CONTEXT } from '../../src/timeline/flags.js';
import { Drive, MM } from './support/drive.js';
import { visited } from './support/visited.js';

// Work is counted, not timed: twice as much that is open must not cost four times as much. `scripts/doubling.mjs` measures.

const BATCH = FUNC.tlb_remove_table_rcu;
const SINGLE = FUNC.__tlb_remove_table_one_rcu;
const N = 400;

/** `open(d, i)` n times, then `also(d, i)` n times. */
const MIXES: readonly [
  string,
  (d: Drive, i: number, n: number) => unknown,
  (d: Drive, i: number, n: number) => unknown,
][] = [
  [
    'sections of as many tasks, beside work of others',
    (d, i) => d.do(OP.RB, { a0: READER.rcu, pid: i + 100 }),
    (d) => d.do(OP.PTEN, { a0: 5, pid: 7 }),
  ],
  [
    'sections of as many tasks that return to user space',
    (d, i) => d.do(OP.RB, { a0: READER.rcu, pid: i + 100 }),
    (d, i) => d.do(OP.SX, { a0: 11, pid: i + 100 }),
  ],
  [
    'sections in interrupts of as many CPUs',
    (d, i) => d.do(OP.RB, { a0: READER.irqoff, cpu: i, context: CONTEXT.hardirq }),
    (d, i) => d.do(OP.PTEN, { a0: 5, cpu: i }),
  ],
  [
    'tables of one gather, freed within it from the last on',
    (d, i) => d.do(OP.TR, { a0: 500, a1: MM, a2: i + 1, a3: 1 }),
    (d, i, n) => d.do(OP.FREE, { a0: n - i, a1: 0 }),
  ],
  [
    'callbacks in reverse',
    (d, i) => d.enqueue(i + 1000, BATCH, i + 100_000),
    (d, i, n) => d.do(OP.CB, { a0: 999 + n - i, a1: BATCH, context: CONTEXT.softirq }),
  ],
  [
    'callbacks in order behind a backlog that never runs',
    (d, i) => d.enqueue(i + 1000, BATCH, i + 100_000),
    (d, i) => {
      d.enqueue(i + 50_000, BATCH, i + 500_000);
      d.do(OP.CB, { a0: i + 50_000, a1: BATCH, context: CONTEXT.softirq });
    },
  ],
  [
    'tracepoints of callbacks that were not seen queued',
    (d, i) => d.enqueue(i + 1000, BATCH, i + 100_000),
    (d, i) => d.do(OP.RI, { a0: i, a1: SINGLE, context: CONTEXT.softirq }),
  ],
  ['losses told CPU by CPU', (d, i) => d.do(OP.PTEN, { a0: i, cpu: i }), (d, i) => d.do(OP.lost, { cpu: i })],
  [
    'locks of as many tasks, taken and released in turn',
    (d, i) => d.do(OP.LK, { a0: i, a1: 1, pid: i + 100 }),
    (d, i) => d.do(OP.UN, { a0: i, a1: Number.NaN, a2: Number.NaN, pid: i + 100 }),
  ],
  [
    'translations that CPUs hold, asked for one by one',
    (d, i) => {
      d.do(OP.LINK, { a0: MM, a1: i * 4096, a2: i + 10, a3: 1 });
      d.do(OP.SETE, { a0: i + 10, a1: i * 4096, a2: i + 100_000 });
      d.do(OP.HW, { a0: MM, a1: i * 4096, a2: Number.NaN, cpu: i % 8 });
    },
    (d, i) => d.do(OP.GONE, { a0: MM, a1: i * 4096 }),
  ],
  [
    'sections of one task within each other, each in a table',
    (d, i) => {
      d.do(OP.RB, { a0: READER.rcu, a1: Number.NaN });
      d.do(OP.MAPR, { a0: 1, a1: i + 1, a5: 0 });
    },
    (d) => d.do(OP.PTEN, { a0: 5 }),
  ],
  [
    'page-table locks that are never released',
    (d, i) => d.do(OP.PLK, { a1: i, a5: SPIN.lock }),
    (d, i) => d.do(OP.PLK, { a1: i + 1_000_000, a5: SPIN.unlock }),
  ],
];

describe('twice as much that is open', () => {
  test.each(MIXES)('%s', (_, open, also) => {
    const work = (n: number): number => {
      const d = new Drive();
      return visited(() => {
        for (let i = 0; i < n; i++) open(d, i, n);
        for (let i = 0; i < n; i++) also(d, i, n);
      });
    };
    const [small, large] = [work(N), work(N * 4)];
    // Four times as much: linear is 4, quadratic 16.
    expect(large / Math.max(small, N)).toBeLessThan(6);
  });
});
