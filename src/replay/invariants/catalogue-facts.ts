import { OP } from '../../kernel/ops.js';
import { ALL_VARIANTS, maskOf, type VariantMask } from '../../kernel/variants.js';
import type { InvariantInfo } from './invariant-info.js';

/** Rules that are decided from facts: trace markers in a log, steps in a litmus test (docs/litmus.md). */

const RCU_SINGLE = maskOf('B', 'C', 'D', 'E', 'F');
const SYNC_SINGLE = maskOf('A2', 'B', 'Bn', 'Cn', 'Dn');

const marker = (op: number, name: string, what: string): { op: number; probe: string } => ({
  op,
  probe: `\`pttrace: ${name}\` trace markers (${what})`,
});
const WALKS = marker(OP.HW, 'HW', 'what the hardware walks');
const LOCKS = marker(OP.LK, 'LK', 'locks taken');

interface Fact {
  readonly n: number;
  readonly name: string;
  readonly statement: string;
  readonly why: string;
  readonly source: string;
  readonly needs: InvariantInfo['needs'];
  readonly idle: string;
  readonly severity?: InvariantInfo['severity'];
  readonly variants?: VariantMask;
}

const FACTS: readonly Fact[] = [
  {
    n: 6,
    name: 'ipi-not-rcu',
    statement:
      'FREE(T) that only an IPI or a flush precedes ⇒ no walker under rcu_read_lock() can reach T: its locks keep it out',
    why: 'the IPI waits for CPUs with interrupts off; a walker in pte_offset_map() has them on and is not waited for',
    source: 'mm/mmu_gather.c tlb_remove_table_sync_one(); commit 718b13861d22',
    needs: [{ op: OP.FREE, probe: 'kmem:mm_page_free' }],
    idle: 'no table was released after an IPI alone',
    variants: SYNC_SINGLE,
  },
  {
    n: 13,
    name: 'rcu-head-union',
    statement:
      'while CR(T) is pending: T is not deposited, not on the PGD list, pmd_huge_pte(T) is not written',
    why: 'the three share the same words of struct ptdesc: using one overwrites the other',
    source: 'include/linux/mm_types.h struct ptdesc; seed commit message',
    needs: [marker(OP.BIND, 'BIND', 'which tables a call_rcu carries')],
    idle: 'no table known by name was queued to RCU',
    variants: RCU_SINGLE,
  },
  {
    n: 14,
    name: 'pgd-never-via-gather',
    statement: 'a table handed to a gather is never a PGD',
    why: 'the PGD is freed by pgd_free() after the last user is gone; its list pointer overlaps pt_rcu_head',
    source: 'arch/x86/mm/pgtable.c pgd_free(), pgd_list',
    needs: [{ op: OP.TR, probe: 'kprobes on ___pte_free_tlb, ___pmd_free_tlb, ___pud_free_tlb' }],
    idle: 'no table was handed to a gather',
  },
  {
    n: 15,
    name: 'deposits-zapped',
    statement: 'a PMD table is handed over or released only when none of its deposits is left',
    why: 'the deposited PTE table would leak, and its list hangs in a freed page',
    source: 'mm/huge_memory.c zap_deposited_table(); VM_BUG_ON in pmd_ptlock_free()',
    needs: [marker(OP.DEP, 'DEP', 'tables deposited')],
    idle: 'no table was deposited',
  },
  {
    n: 16,
    name: 'ptlock-lifetime',
    statement: 'the split lock of T is destroyed at CB(T) or later, and not used after that',
    why: 'an RCU walker that found T still takes its lock',
    source: 'mm/memory.c ptlock_free(); pagetable_dtor() series, v6.14',
    needs: [marker(OP.PTL, 'PTL', 'locks destroyed and used')],
    idle: 'no split lock was destroyed',
  },
  {
    n: 17,
    name: 'empty-at-reclaim',
    statement: 'T is taken for empty only while all its entries are none',
    why: 'a page faulted in after the lock was dropped would be lost with the table',
    source: 'mm/pt_reclaim.c; commit f39edcf6349a',
    needs: [marker(OP.EMPTY, 'EMPTY', 'tables taken for empty')],
    idle: 'no table was taken for empty',
    variants: maskOf('B', 'C', 'D', 'E', 'F'),
  },
  {
    n: 18,
    name: 'unlink-locks',
    statement:
      'UL outside munmap and exit happens under the pmd lock, the split lock and what keeps rmap walkers out',
    why: 'whoever holds one of them relies on the table staying linked',
    source: 'commits 8d3c106e19e8, 081056dc00a2; Documentation/mm/process_addrs.rst',
    needs: [marker(OP.NEED, 'NEED', 'locks a step relies on'), LOCKS],
    idle: 'no step named a lock it needs',
  },
  {
    n: 19,
    name: 'recheck-after-lock',
    statement:
      'a walker that pins or installs through T has read the parent entry again and found it unchanged',
    why: 'between finding T and using it the table may have been unlinked',
    source: 'commits 70cbc3cc78a9, 6fa1066fc5d0; mm/pgtable-generic.c pte_offset_map_lock()',
    needs: [marker(OP.PIN, 'PIN', 'pages kept'), marker(OP.MOVE, 'MOVE', 'entries moved')],
    idle: 'nothing was pinned or moved through a table',
  },
  {
    n: 20,
    name: 'no-install-in-unlinked',
    statement: 'no entry is set in T after UL(T)',
    why: 'the page behind it would be lost, or found by somebody else',
    source: 'mm/pgtable-generic.c pte_offset_map_rw_nolock()',
    needs: [marker(OP.SETE, 'SETE', 'entries set')],
    idle: 'no entry was set',
  },
  {
    n: 21,
    name: 'no-mixed-size',
    statement: 'a huge entry is installed only after every CPU has dropped the 4K translations of that range',
    why: 'two sizes for one address: undefined choice, machine check on some CPUs',
    source: 'mm/pgtable-generic.c pmdp_collapse_flush(); AMD erratum 383, Intel AN 317080',
    needs: [marker(OP.HUGE, 'HUGE', 'huge entries'), WALKS],
    idle: 'no huge page was installed',
  },
  {
    n: 22,
    name: 'deposit-only-after-sync',
    statement: 'a table that was linked once is deposited only after UL, FD and an IPI to all CPUs',
    why: 'deposited tables are released without flush or grace period later on',
    source: 'mm/khugepaged.c collapse_huge_page()',
    needs: [marker(OP.DEP, 'DEP', 'tables deposited')],
    idle: 'no table was deposited',
  },
  {
    n: 26,
    name: 'switch-in-catchup',
    statement: 'a CPU that loads an mm again has flushed what was removed meanwhile before it uses it',
    why: 'flushes skip CPUs that have another mm loaded: they catch up by the generation when they come back',
    source: 'arch/x86/mm/tlb.c switch_mm_irqs_off(); commit 83b0177a6c48',
    needs: [marker(OP.CR3, 'CR3', 'CR3 loads'), WALKS],
    idle: 'no CPU came back to an mm that had changed',
  },
  {
    n: 27,
    name: 'lazy-freed-tables',
    statement: 'a lazy CPU leaves the mm before one of its tables is released or reused',
    why: 'a CPU running a kernel thread still has the mm in CR3 and may walk it speculatively',
    source: 'commits b956575bed91, 3ef938c35035; arch/x86/mm/tlb.c tlb_is_not_lazy()',
    needs: [marker(OP.LZ, 'LZ', 'lazy CPUs'), { op: OP.FREE, probe: 'kmem:mm_page_free' }],
    idle: 'no table was released that a lazy CPU might walk',
  },
  {
    n: 28,
    name: 'flush-before-ptl-drop',
    statement:
      'a page is handed over by dropping a page-table lock only after every CPU has dropped its translation',
    why: 'the next holder of the lock frees the page at its new place and cannot know of the old one',
    source: 'commit eb66ae030829; mm/mremap.c move_ptes()',
    needs: [marker(OP.UN, 'UN', 'locks dropped'), WALKS],
    idle: 'no lock was dropped over a moved page',
  },
  {
    n: 29,
    name: 'flush-before-return',
    statement: 'when munmap, madvise, mprotect or mremap returns, no CPU can use what it removed',
    why: 'the caller may hand the range to somebody else at once',
    source: 'commits 99baac21e458, 3ea277194daa; mm_tlb_flush_nested()',
    needs: [marker(OP.GONE, 'GONE', 'promises to user space'), WALKS],
    idle: 'no call returned with a promise that is known',
    severity: 'S2',
  },
  {
    n: 30,
    name: 'pfnmap-flush-before-vma-unlink',
    statement: 'a PFNMAP mapping is flushed before it can no longer be found through its file',
    why: 'unmap_mapping_range() finds nothing, and the driver frees pages that are still mapped',
    source: 'commit b67fbebd4cf9; mm/mmu_gather.c tlb_free_vmas()',
    needs: [marker(OP.VMAUL, 'VMAUL', 'mappings unlinked from their file'), WALKS],
    idle: 'no mapping was unlinked from its file',
  },
  {
    n: 31,
    name: 'all-contexts',
    statement:
      'an invalidation covers what was cached under the user PCID as well as under that of the kernel',
    why: 'with page-table isolation a process has two tags; a translation under the other one stays usable',
    source: 'arch/x86/mm/tlb.c invalidate_user_asid(), clear_asid_other()',
    needs: [WALKS],
    idle: 'nothing cached in user mode was released',
  },
  {
    n: 32,
    name: 'broadcast-complete',
    statement: 'INVLPGB → TLBSYNC on the same CPU → FREE',
    why: 'INVLPGB only starts the invalidation; until TLBSYNC other CPUs may use the old translation',
    source: 'arch/x86/mm/tlb.c broadcast_tlb_flush(); AMD APM vol. 3',
    needs: [marker(OP.BCAST, 'BCAST', 'INVLPGB'), marker(OP.TLBSYNC, 'TLBSYNC', 'its completion')],
    idle: 'no broadcast invalidation',
    variants: maskOf('D', 'Dn', 'E', 'En', 'F', 'Fn'),
  },
  {
    n: 33,
    name: 'secondary-mmu',
    statement: 'devices that share the page tables drop what they cached → FREE',
    why: 'neither IPIs nor RCU reach an IOMMU',
    source: 'commit e37d5a2d60a3; Documentation/mm/mmu_notifier.rst',
    needs: [marker(OP.IOTLB, 'IOTLB', 'device invalidations')],
    idle: 'no device walked these tables',
  },
  {
    n: 35,
    name: 'unshare-sync',
    statement: 'a shared PMD table is used for something else only after UL, FD and an IPI to all CPUs',
    why: 'GUP-fast of the process that left may still read it',
    source: 'commits 1013af4f585f, 8ce720d5bd91; mm/hugetlb.c huge_pmd_unshare()',
    needs: [marker(OP.REUSE, 'REUSE', 'tables used anew')],
    idle: 'no shared table was left',
  },
  {
    n: 47,
    name: 'might-sleep',
    statement: 'a wait for a grace period begins with interrupts on, preemption on and no spinlock held',
    why: 'synchronize_rcu() sleeps: under a spinlock it deadlocks',
    source: 'commit 1fb3d8c20bfa; mm/mmu_gather.c tlb_remove_table_sync_rcu()',
    needs: [{ op: OP.SYNCR, probe: 'kprobes on tlb_remove_table_sync_rcu (7.1 and later)' }],
    idle: 'nobody waited for a grace period',
    variants: maskOf('En', 'Fn'),
  },
];

export const FACT_CATALOGUE: readonly InvariantInfo[] = FACTS.map((f) => ({
  number: f.n,
  id: `I${String(f.n).padStart(2, '0')}`,
  name: f.name,
  statement: f.statement,
  why: f.why,
  source: f.source,
  needs: f.needs,
  idle: f.idle,
  variants: f.variants ?? ALL_VARIANTS,
  severity: f.severity ?? 'S1',
}));
