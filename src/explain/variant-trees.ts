import type { Variant } from '../kernel/variants.js';

/** What all variants share, from the system call down to the hand-over of one table (Linux 6.12). */
const UPPER = [
  'munmap()',
  '  unmap_region()                        [mmap_lock, VMA detached]',
  '    tlb_gather_mmu()',
  '    unmap_vmas()                        [entries cleared, pages batched]',
  '    free_pgtables()                     [unlinked bottom-up]',
  '      free_pgd_range() ... pmd_clear()',
  '        pte_free_tlb()',
  '          ___pte_free_tlb()',
];
const FINISH = [
  '    tlb_finish_mmu()',
  '      tlb_flush_mmu()',
  '        flush_tlb_mm_range(freed_tables=1)  [every CPU that may walk, lazy too]',
];
const RECLAIM = [
  'madvise(MADV_DONTNEED)                  [mmap_lock for read]',
  '  zap_pte_range()                       [page-table lock, all 512 entries none]',
  '    pmd_clear()                         [the table is unlinked under walkers that hold rcu_read_lock()]',
  '      free_pte()',
  '        pte_free_tlb() -> ___pte_free_tlb() -> the same leaf as above',
];

/** The last call before the table is released, and what happens to it. Depth is that below `___pte_free_tlb()`. */
function leaf(v: Variant): string[] {
  const pv = v.pvOp ? ['paravirt_tlb_remove_table()'] : [];
  const deep = (lines: readonly string[], by: number): string[] => lines.map((l) => ' '.repeat(by) + l);
  const batch = [
    'tlb_remove_table()',
    '  [no memory for a batch page:]',
    '    tlb_table_invalidate()              [flush now]',
    ...deep(single(v), 4),
    '  [fast path, and at the 509th table:]',
    '    tlb_table_flush()',
    '      tlb_table_invalidate()',
    '      tlb_remove_table_free()',
    '        call_rcu(tlb_remove_table_rcu)  [frees the batch after a grace period]',
  ];
  const sync = [
    v.pvOp ? 'native_tlb_remove_table()' : 'tlb_remove_table() is tlb_remove_page()',
    '  tlb_remove_page()                   [into the batch of data pages: freed after the flush, no RCU]',
  ];
  if (v.leaf === 'sync') return deep([...pv, ...deep(sync, pv.length * 2)], 12);
  if (v.leaf === 'either') {
    return deep([...pv, '  [native hardware:]', ...deep(sync, 4), '  [PV guest:]', ...deep(batch, 4)], 12);
  }
  const native =
    v.reclaim && v.pvOp ? ['  [on hardware through native_tlb_remove_table(), which calls the same:]'] : [];
  return deep([...pv, ...native, ...deep(batch, pv.length * 2)], 12);
}

/** The branch taken when there is no page for the batch: one table by itself. */
function single(v: Variant): string[] {
  const path = v.singlePath;
  const lines: string[] = [];
  const [ipi, gp, queued] = [path.includes('sync-ipi'), path.includes('sync-rcu'), path.includes('call-rcu')];
  for (const step of path) {
    if (step === 'sync-ipi') {
      const needless = queued ? '; not needed any more' : '';
      lines.push(`  tlb_remove_table_sync_one()         [does IPI for GUP-fast${needless}]`);
    } else if (step === 'sync-rcu') {
      lines.push('  tlb_remove_table_sync_rcu()         [waits for a grace period; may sleep]');
    } else if (step === 'call-rcu') {
      lines.push(`  __tlb_remove_table_one()            [frees via RCU${ipi || gp ? '' : ', no IPI'}]`);
    } else if (step === 'free') {
      const unsafe = gp ? '' : ': an rcu_read_lock() walker is not waited for';
      lines.push(`  __tlb_remove_table()                [frees now${unsafe}]`);
    }
  }
  return lines.length > 0 ? ['tlb_remove_table_one()', ...lines] : [];
}

/** Call tree of the free path, as in the review of the series: one call per line, conditions in brackets. */
export function freePath(v: Variant): string[] {
  const frees =
    v.leaf === 'sync'
      ? ['        tlb_batch_pages_flush()         [data pages and tables are released here]']
      : [
          '        tlb_table_flush()               [call_rcu, then:]',
          '        tlb_batch_pages_flush()         [data pages are released]',
        ];
  const either = v.leaf === 'either' ? ['        [native: tables are released here too, no call_rcu]'] : [];
  const lines = [
    ...UPPER,
    ...leaf(v),
    ...FINISH,
    ...frees,
    ...either,
    ...(v.reclaim ? ['', ...RECLAIM] : []),
  ];
  return lines.map((line) => line.replace(/(\S) +\[/, '$1 ['));
}
