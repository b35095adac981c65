import { describe, expect, it } from 'vitest';
import { makeBases, PAGE, STRUCT_PAGE } from '../../src/kernel/bases.js';
import { TablePairs } from '../../src/kernel/table-pairs.js';

const VMEMMAP = 0x1e_ea00_0000_0000;
const MAP = 0x1f_8880_0000_0000;
const page = (pfn: number): number => VMEMMAP + pfn * STRUCT_PAGE;
const va = (pfn: number): number => MAP + pfn * PAGE;
const pairsOf = (...pfns: number[]): TablePairs => {
  const pairs = new TablePairs();
  for (const pfn of pfns) pairs.add(va(pfn), page(pfn));
  return pairs;
};

describe('tables seen by both of their addresses', () => {
  it('tell either base from the other', () => {
    const pairs = pairsOf(0x7e8c7, 0x7ee80, 0x12345);
    expect(pairs.directMapPoll(VMEMMAP).winner()?.base).toBe(MAP);
    expect(pairs.vmemmapPoll(MAP).winner()?.base).toBe(VMEMMAP);
  });

  it('tell nothing where no frame can be so high', () => {
    expect(
      pairsOf(0x7e8c7, 0x7ee80, 0x12345)
        .directMapPoll(VMEMMAP - 2 ** 51)
        .winner(),
    ).toBeNull();
  });

  it('know the direct map of the capture before again', () => {
    const before = makeBases(VMEMMAP, MAP, 'test');
    expect(pairsOf(0x7e8c7).mapIsAsBefore(before)).toBeNull();
    expect(pairsOf(0x7e8c7, 0x7ee80).mapIsAsBefore(before)).toBe(true);
    expect(pairsOf(0x7e8c7, 0x7ee80).mapIsAsBefore(makeBases(VMEMMAP, MAP + PAGE, 'test'))).toBeNull();
  });
});
