import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VARIANTS } from '../../src/kernel/variants.js';
import { type GatherShape, planGather } from '../../src/what-if/gather-plan.js';
import { type Policy, policyOf } from '../../src/what-if/policy.js';

const policy = (id: string): Policy => policyOf(VARIANTS.find((v) => v.id === id)!)!;
const shape = (levels: readonly number[], more: Partial<GatherShape> = {}): GatherShape => ({
  levels,
  noMemory: [],
  pagesLeft: 0,
  pending: false,
  stackSlots: 7,
  ...more,
});
const ptes = (n: number): number[] => Array<number>(n).fill(1);
/** 16 MiB with a page table entry in each 2 MiB: what the recorded workload unmaps. */
const WORK = [...ptes(8), 2, 3];

describe('with memory', () => {
  test('synchronous kernels free in the gather', () => {
    const p = planGather(policy('A1'), shape(WORK));
    expect(p).toMatchObject({ appended: 0, batchCalls: 0, inlineFrees: 10, midFlushes: 0, finalFlush: true });
  });

  test.each(['A2', 'B', 'C', 'D', 'E', 'F'])('%s appends and makes one call_rcu', (id) => {
    const p = planGather(policy(id), shape(WORK));
    expect(p).toMatchObject({
      appended: 10,
      batchPages: 1,
      batchCalls: 1,
      inlineFrees: 0,
      midFlushes: 0,
      syncs: 0,
    });
  });

  test.each([
    [508, 1, 0, true],
    [509, 1, 1, false],
    [510, 2, 1, true],
    [1018, 2, 2, false],
  ])('%d tables: %d call_rcu, %d flushes on the way', (n, calls, mid, final) => {
    const p = planGather(policy('C'), shape(ptes(n)));
    expect([p.batchCalls, p.midFlushes, p.finalFlush]).toEqual([calls, mid, final]);
  });

  test('a page batch that is full flushes', () => {
    const p = planGather(policy('A1'), shape(ptes(9698)));
    expect([p.midFlushes, p.finalFlush]).toEqual([1, false]);
  });

  test('nothing removed, nothing done', () => {
    for (const id of ['A1', 'C']) {
      expect(planGather(policy(id), shape([]))).toMatchObject({
        midFlushes: 0,
        finalFlush: false,
        batchCalls: 0,
      });
    }
  });
});

describe('without memory for a batch page', () => {
  const starved = shape(WORK, { noMemory: WORK.map(() => true), pagesLeft: 1, pending: true });
  // As counted in recordings of these kernels: 10 tables, one data page left from the zap, a PUD table last.
  test.each([
    ['A1', { midFlushes: 1, finalFlush: true, inlineFrees: 10, syncs: 0, singleCalls: 0 }],
    ['A2', { midFlushes: 10, finalFlush: true, inlineFrees: 10, syncs: 10, singleCalls: 0 }],
    ['B', { midFlushes: 10, finalFlush: true, inlineFrees: 0, syncs: 10, singleCalls: 10 }],
    ['C', { midFlushes: 10, finalFlush: true, inlineFrees: 0, syncs: 0, singleCalls: 10 }],
    ['En', { midFlushes: 10, inlineFrees: 10, gracePeriods: 10, syncs: 0 }],
    ['Fn', { midFlushes: 10, inlineFrees: 10, gracePeriods: 0, syncs: 0 }],
  ])('%s', (id, expected) => {
    expect(planGather(policy(id), starved)).toMatchObject(expected);
  });

  test('B and C differ in the IPI alone', () => {
    const b = planGather(policy('B'), starved);
    const steps = b.steps.filter((s) => s.kind !== 'sync-ipi');
    expect({ ...b, steps, syncs: 0 }).toEqual(planGather(policy('C'), starved));
  });

  test('memory that comes back ends the slow path', () => {
    const p = planGather(policy('C'), shape(ptes(5), { noMemory: [true, true, false, true, true] }));
    expect(p).toMatchObject({ singleCalls: 2, appended: 3, batchCalls: 1, midFlushes: 2, finalFlush: true });
  });
});

test('every table ends exactly once, whatever the variant and the memory', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...VARIANTS.filter((v) => v.leaf !== 'either').map((v) => v.id)),
      fc.array(fc.record({ level: fc.integer({ min: 0, max: 4 }), fails: fc.boolean() }), {
        maxLength: 1200,
      }),
      fc.nat(20),
      (id, tables, pagesLeft) => {
        const p = planGather(
          policy(id),
          shape(
            tables.map((t) => t.level),
            { noMemory: tables.map((t) => t.fails), pagesLeft, pending: pagesLeft > 0 },
          ),
        );
        expect(p.fates).toHaveLength(tables.length);
        expect(p.appended + p.singleCalls + p.inlineFrees).toBe(tables.length);
        expect(new Set(p.fates.filter((f) => typeof f === 'number')).size).toBe(p.batchCalls);
      },
    ),
    { numRuns: 200 },
  );
});
