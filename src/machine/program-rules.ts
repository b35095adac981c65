import type { MmuRule } from './rule.js';

const rule = (name: string, broken: string, says: string, source: string): MmuRule => ({
  name,
  broken,
  rule: says,
  source,
  machine: true,
});

/** Rules that steps of the written programs and readers follow (`programs/`). */
export const PROGRAM_RULES: readonly MmuRule[] = [
  rule(
    'mremap-flush-late',
    'mremap() drops the page-table lock before it flushes the old place',
    'the old place is flushed under the lock: who takes it next may free the page from the new place',
    'mm/mremap.c move_ptes(); commit eb66ae030829',
  ),
  rule(
    'mremap-without-lock',
    'mremap() moves entries without the page-table lock of the place they come to',
    'both page-table locks are held from before the first entry is cleared until the old place is flushed',
    'mm/mremap.c move_ptes()',
  ),
  rule(
    'move-without-recheck',
    'mremap() goes by an entry that it read before it had the locks',
    'the entry is read again under the locks: a retraction may have cleared it',
    'mm/mremap.c move_normal_pmd(); commit 6fa1066fc5d0',
  ),
  rule(
    'fork-without-flush',
    'fork() returns with writable translations of pages that it shares now',
    'dup_mmap() flushes before it lets go of mmap_lock',
    'kernel/fork.c dup_mmap()',
  ),
  rule(
    'retract-without-ptl',
    'khugepaged unlinks a table without its page-table lock',
    'the pmd lock and the page-table lock are held, so no fault sets an entry meanwhile',
    'mm/khugepaged.c retract_page_tables(); commit 8d3c106e19e8',
  ),
  rule(
    'freed-beside-callback',
    'a table that was handed to call_rcu() is freed by the thread too',
    'only the callback frees it',
    'mm/pgtable-generic.c pte_free_defer(), pte_free_now()',
  ),
  rule(
    'flush-with-irqs-off',
    'a flush that waits for answers runs with interrupts off',
    'interrupts are on: who waits must answer the others',
    'kernel/smp.c smp_call_function_many_cond() lockdep_assert_irqs_enabled()',
  ),
  rule(
    'huge-before-flush',
    'a huge page is mapped while translations of the small ones are cached',
    'the table is unlinked and flushed, then the huge page is mapped',
    'mm/khugepaged.c collapse_huge_page(); Intel AN 317080, AMD erratum 383',
  ),
  rule(
    'vma-unlinked-before-flush',
    'munmap() takes a VMA of PFNs off its file with its flush pending',
    'what is pending of such a VMA is flushed before: unmap_mapping_range() finds nothing afterwards',
    'mm/mmu_gather.c tlb_free_vmas(); commit b67fbebd4cf9',
  ),
  rule(
    'nested-flush-ignored',
    'a call that finds no entry returns although the flush of who cleared it is pending',
    'with another gather pending on the mm the whole mm is flushed before the call returns',
    'mm/mmu_gather.c tlb_finish_mmu(), mm_tlb_flush_nested(); commit 99baac21e458',
  ),
  rule(
    'batched-flush-ignored',
    'who finds an entry cleared by reclaim returns although the batched flush is pending',
    'flush_tlb_batched_pending() under the page-table lock',
    'mm/rmap.c flush_tlb_batched_pending(); commit 3ea277194daa',
  ),
  rule(
    'migrate-without-flush',
    'a page is copied and freed while CPUs still write by their old translation',
    'ptep_clear_flush() before the page is copied',
    'mm/migrate.c try_to_migrate_one(); commit 20841405940e',
  ),
  rule(
    'vmap-without-flush',
    'a huge vmap frees a kernel table with ways to it cached',
    'the kernel range is flushed on all CPUs between unlink and free',
    'arch/x86/mm/pgtable.c pmd_free_pte_page(); commit 5e0fb5df2ee8',
  ),
  rule(
    'vmap-without-lock',
    'a huge vmap frees a kernel table without the lock of init_mm',
    'it takes the lock that who dumps the kernel’s tables holds',
    'mm/vmalloc.c vmap_try_huge_pmd() (July 2026)',
  ),
  rule(
    'ptdump-wrong-lock',
    'a dump of kernel tables holds the lock of the mm they are reached by, not that of init_mm',
    'who frees kernel tables holds the lock of init_mm',
    'mm/ptdump.c ptdump_walk_pgd(); CVE-2026-74599',
  ),
  rule(
    'ptdump-without-hotplug-lock',
    'a dump of kernel tables does not hold off memory hot-remove',
    'get_online_mems() around the dump',
    'mm/ptdump.c ptdump_walk_pgd()',
  ),
  rule(
    'dump-with-irqs-on',
    'the dump of a bad fault walks the tables with interrupts on',
    'interrupts are off as long as it walks: flushes wait for it',
    'arch/x86/mm/fault.c dump_pagetable()',
  ),
  rule(
    'expand-under-read-lock',
    'the tree of VMAs is changed under mmap_lock for reading',
    'a growing stack takes mmap_lock for writing: readers of the tree rest on the lock, not on RCU',
    'mm/mmap.c expand_stack(); commit 9471f1f2f502',
  ),
  rule(
    'sync-rcu-under-ptl',
    'the fallback that sleeps is reached with a page-table lock held',
    'a table is handed over after the lock has been dropped',
    'mm/mmu_gather.c tlb_remove_table_sync_rcu(); commit 1fb3d8c20bfa',
  ),
  rule(
    'gup-without-recheck',
    'GUP-fast keeps a page without reading the entries again',
    'both entries are read again after the reference was taken',
    'mm/gup.c gup_fast_pte_range(); commit 70cbc3cc78a9',
  ),
  rule(
    'pagewalk-without-snapshot',
    'a page walk tests an entry and goes by another reading of it, or by what it remembers of an inner level',
    'it goes by one reading and compares that under the lock',
    'mm/pagewalk.c walk_pmd_range(), walk->action; CVE-2026-31456',
  ),
  rule(
    'unshare-without-i-mmap',
    'a hugetlb table is unshared without i_mmap_rwsem',
    'it is held for writing: rmap walks rest on it',
    'mm/hugetlb.c huge_pmd_unshare(); commit 081056dc00a2',
  ),
  rule(
    'unshare-by-refcount',
    'a process takes a shared hugetlb table for its own and frees it',
    'the count of those that share it decides, not the page’s reference count',
    'mm/hugetlb.c huge_pmd_unshare(); CVE-2026-23100',
  ),
  rule(
    'pae-flush-by-invlpg',
    'a PMD table of a PAE kernel goes by INVLPG alone',
    'CR3 is loaded again: INVLPG does not take it out of the PDPTE registers',
    'arch/x86/include/asm/tlb.h need_flush_all; commit 1de14c3c5cbc',
  ),
  rule(
    'iommu-not-told',
    'a kernel table is freed without telling the IOMMU',
    'iommu_sva_invalidate_kva_range() before it is freed',
    'drivers/iommu/iommu-sva.c; commit e37d5a2d60a3',
  ),
  rule(
    'iommu-wait-early',
    'the wait for an invalidation returns on the completion of an earlier one',
    'each waiter waits for its own completion',
    'drivers/iommu/amd/iommu.c iommu_completion_wait(); CVE-2026-43220',
  ),
  rule(
    'invlpg-leaves-global',
    'INVLPG leaves a global translation behind',
    'with that erratum PCID is off',
    'arch/x86/mm/init.c setup_pcid(); commit ce0b15d11ad8',
  ),
];
