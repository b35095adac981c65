import { describe, expect, it } from 'vitest';
import { judged } from '../support/replay.js';
import { MM, MUNMAP, type Step, step, structPage, TLB, tablePfn } from '../support/story.js';

describe('I17 empty-at-reclaim, by all entries of a table that is handed over', () => {
  const handedOver = (n: number, set: number): Step =>
    step(
      'unlink',
      MUNMAP,
      `pte_free_tlb: (___pte_free_tlb+0x4/0x60) tlb=${TLB} mm=${MM} page=${structPage(tablePfn(n))} set=${set}`,
    );
  const range = (at: string): Step =>
    step(
      'range',
      MUNMAP,
      `free_pgd_range: (free_pgd_range+0x4/0x500) tlb=${TLB} addr=0x100000000000 end=${at} floor=0x0 ceiling=0x0`,
    );
  const over = step('over', MUNMAP, 'free_pgd_range_ret: (free_pgtables+0x1/0x2 <- free_pgd_range)');
  const munmap = [range('0x100000200000'), handedOver(9, 0), over];

  it('passes where none is set', async () => {
    const r = await judged('I17', [...munmap, handedOver(1, 0), handedOver(2, 0)]);
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 2, violated: 0 } });
  });

  it('is violated where one is', async () => {
    const r = await judged('I17', [...munmap, handedOver(1, 0), handedOver(2, 1)]);
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 1, violated: 1 } });
    expect(r.findings[0]!.message).toContain(`pfn 0x${tablePfn(2).toString(16)} was taken for empty`);
  });

  it('is no matter of a table that goes with its range', async () => {
    const r = await judged('I17', [range('0x100000200000'), handedOver(1, 1), over]);
    expect(r).toMatchObject({ verdict: 'not-applicable', instances: { pass: 0, violated: 0 } });
  });

  it('is open where free_pgd_range is not shown', async () => {
    const r = await judged('I17', [handedOver(1, 1)]);
    expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
  });
});
