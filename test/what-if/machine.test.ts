import { afterEach, expect, test, vi } from 'vitest';
import { VARIANTS } from '../../src/kernel/variants.js';
import { Gather } from '../../src/machine/gather.js';
import { type GatherShape, planGather } from '../../src/what-if/gather-plan.js';
import { type Policy, policyOf } from '../../src/what-if/policy.js';

// One source of truth: a change of a variant's row, or of a step of the machine, is a change of the plan.

const policy = (id: string): Policy => policyOf(VARIANTS.find((v) => v.id === id)!)!;
const shape = (fails: boolean): GatherShape => ({
  levels: [1, 2, 3],
  noMemory: [fails, fails, fails],
  pagesLeft: 0,
  pending: false,
  stackSlots: 7,
});
const kinds = (p: Policy, fails: boolean): string[] => planGather(p, shape(fails)).steps.map((s) => s.kind);

afterEach(() => {
  vi.restoreAllMocks();
});

test("a plan follows the variant's row", () => {
  const c = policy('C');
  expect(kinds(c, true)).not.toContain('sync-rcu');
  const row = { ...VARIANTS.find((v) => v.id === 'C')!, singlePath: ['flush', 'sync-rcu', 'free'] as const };
  const i = VARIANTS.findIndex((v) => v.id === 'C');
  const rows = VARIANTS as (typeof row)[];
  const old = rows[i]!;
  rows[i] = row;
  try {
    expect(kinds(policy('C'), true)).toEqual(kinds(policy('En'), true));
  } finally {
    rows[i] = old;
  }
});

test('a plan follows the steps of the gather', () => {
  expect(kinds(policy('C'), false)).toEqual(['append', 'append', 'append', 'flush', 'call-rcu']);
  vi.spyOn(Gather.prototype, 'finish').mockImplementation(function (this: Gather) {
    this.handOver();
    this.invalidate('batch-without-flush');
  });
  expect(kinds(policy('C'), false)).toEqual(['append', 'append', 'append', 'call-rcu', 'flush']);
});

test('the same shape again is not driven again', () => {
  const c = policy('C');
  expect(planGather(c, shape(true))).toBe(planGather(c, shape(true)));
  expect(planGather(c, shape(true))).not.toBe(planGather(c, { ...shape(true), stackSlots: 8 }));
});
