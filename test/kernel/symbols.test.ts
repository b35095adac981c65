import { expect, it } from 'vitest';
import { symbolOfEventName } from '../../src/kernel/symbols.js';

it.each([
  ['call_rcu', 'call_rcu', false],
  ['p_call_rcu_0', 'call_rcu', false],
  ['r_flush_tlb_mm_range_0', 'flush_tlb_mm_range', true],
  ['kretprobe_flush_tlb_mm_range', 'flush_tlb_mm_range', true],
  ['my_flush_tlb_mm_range_ret', 'flush_tlb_mm_range', true],
  ['flush_tlb_mm_range__return', 'flush_tlb_mm_range', true],
])('%s is %s, return: %s', (name, symbol, ret) => {
  expect(symbolOfEventName(name)).toEqual({ symbol, ret });
});

// Taken apart without a bound this one has 2^80 ways: the test would not end.
it('a name of many parts is no symbol, and is given up at once', () => {
  expect(symbolOfEventName(`${'p_'.repeat(40)}call_rcu${'_0'.repeat(40)}`)).toBeNull();
});
