import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  histIndex,
  lhistIndex,
  PRINT_FAMILIES,
  PRINT_RULES,
} from '../../../src/latency/histogram/bpftrace-labels.js';
import {
  bucketBounds,
  bucketIndex,
  checkShape,
  type HistShape,
  parseLhist,
} from '../../../src/latency/histogram/hist-shape.js';
import { UsageError } from '../../../src/result/usage-error.js';

const value = fc.oneof(
  fc.integer({ min: 0, max: 70 }),
  fc.maxSafeNat(),
  fc.integer({ min: 0, max: 52 }).map((e) => 2 ** e),
  fc.integer({ min: 1, max: 52 }).map((e) => 2 ** e - 1),
);

describe('buckets', () => {
  test('the fast index is bpftrace’s', () => {
    fc.assert(
      fc.property(
        value,
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom(...PRINT_FAMILIES),
        (v, b, family) => {
          const rules = PRINT_RULES[family];
          const bits = rules.bits ? b : 0;
          const shape: HistShape = { kind: 'hist', bits };
          const index = bucketIndex(v, shape, family);
          expect(index).toBe(histIndex(v, bits, rules));
          const { low, high } = bucketBounds(index, shape, family);
          expect(low <= v && v < high).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('lhist too', () => {
    const shape: HistShape = { kind: 'lhist', min: 100, max: 205, step: 10 };
    for (let v = 0; v < 300; v++) {
      const index = bucketIndex(v, shape, '0.24');
      expect(index).toBe(lhistIndex(v, shape));
      const { low, high } = bucketBounds(index, shape, '0.24');
      expect(low <= v && v < high).toBe(true);
    }
  });

  test('shapes bpftrace would refuse are refused', () => {
    expect(checkShape(parseLhist('0, 100, 10'), '0.24')).toEqual({
      kind: 'lhist',
      min: 0,
      max: 100,
      step: 10,
    });
    expect(() => parseLhist('0,100')).toThrow(UsageError);
    expect(() => checkShape(parseLhist('0,100,0'), '0.24')).toThrow(UsageError);
    expect(() => checkShape(parseLhist('100,100,1'), '0.24')).toThrow(UsageError);
    expect(() => checkShape(parseLhist('0,100000,1'), '0.24')).toThrow(UsageError);
    expect(() => checkShape({ kind: 'hist', bits: 6 }, '0.24')).toThrow(UsageError);
    expect(() => checkShape({ kind: 'hist', bits: 1 }, '0.10')).toThrow('0.20 or later');
  });
});
