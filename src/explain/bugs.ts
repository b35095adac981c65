/** The bugs of the litmus suite (kernel-semantics §5): what happened, for someone who does not know the code. */
export interface BugWords {
  readonly id: string;
  readonly title: string;
  readonly ref: string;
  readonly invariant: string;
  readonly story: string;
}

export const BUG_WORDS: readonly BugWords[] = [
  {
    id: 'L01',
    title: 'RCU table batch queued without page-walk-cache invalidation',
    ref: 'd86564a2f085 (v4.19, fixes 9e52fc2b50de)',
    invariant: 'I09',
    story:
      'x86 had just begun to free tables through RCU. tlb_table_flush() queued the batch while the invalidation was still pending, so the page walker could follow a cached entry into the table after the grace period, when it belonged to somebody else.',
  },
  {
    id: 'L02',
    title: 'mm_users<2 shortcut frees the table at once',
    ref: 'a6f572084fbe (v4.19; removed by the same series as L01)',
    invariant: 'I03',
    story:
      'A shortcut freed the table at once when the mm had one user. Lazy CPUs and speculative walkers are no users, but they walk.',
  },
  {
    id: 'L03',
    title: 'batch allocation failure: single table freed before the pending invalidation',
    ref: '0ed1325967ab (v5.6)',
    invariant: 'I03',
    story:
      'When no page for a batch could be had, one table was freed before the flush that was still pending for it.',
  },
  {
    id: 'L04',
    title: 'khugepaged frees/reuses PTE table under GUP-fast',
    ref: '2ba99c5e0881 (v6.1)',
    invariant: 'I05',
    story:
      'khugepaged cleared a PMD entry and freed or reused the table while GUP-fast was inside it with interrupts off: nothing waited for that CPU. The fix sends an IPI to all CPUs first.',
  },
  {
    id: 'L05',
    title: 'GUP-fast keeps a pin obtained through a PMD that khugepaged cleared meanwhile (no PMD recheck)',
    ref: '70cbc3cc78a9 (v6.1)',
    invariant: 'I19',
    story:
      'GUP-fast looked at the PTE again after taking its reference, but not at the PMD. khugepaged clears the PMD and leaves the PTEs, so the reference survived the collapse.',
  },
  {
    id: 'L06',
    title: 'page-table retraction without the full lock set',
    ref: '8d3c106e19e8 (v6.1)',
    invariant: 'I18',
    story:
      'A table was retracted under the pmd lock alone. Whoever held the page-table lock, or found it by rmap, still relied on it.',
  },
  {
    id: 'L07',
    title: 'huge_pmd_unshare(): former shared PMD table reused under GUP-fast',
    ref: '1013af4f585f, CVE-2025-38085 (v6.16)',
    invariant: 'I05',
    story:
      'huge_pmd_unshare() leaves a shared PMD table to the other process at once. GUP-fast of the first process then reads mappings of the second.',
  },
  {
    id: 'L08',
    title: 'hugetlb unshare during VMA split without rmap exclusion',
    ref: '081056dc00a2, CVE-2025-38084 (v6.16)',
    invariant: 'I18',
    story:
      'Splitting a VMA unshared a hugetlb table without the rmap lock that keeps other users of it away.',
  },
  {
    id: 'L09',
    title: 'missing TLB flush after huge_pmd_unshare()',
    ref: 'a4a118f2eead, CVE-2021-4002 (v5.16)',
    invariant: 'I02',
    story:
      'After huge_pmd_unshare() nobody flushed: 2 MiB translations stayed usable while the other process freed the pages.',
  },
  {
    id: 'L10',
    title: 'unshared_tables not treated like freed_tables: leaf-only (arm64) or lazy-skipping (x86) flush',
    ref: 'c2ff4764e03e (arm64, 2026-05, fixes 8ce720d5bd91); x86 analogue in Lance Yang series',
    invariant: 'I03',
    story:
      'unshared_tables was not treated like freed_tables: a CPU kept its way to the table in its walk cache while the other process freed it.',
  },
  {
    id: 'L11',
    title: 'flush_tlb_range() used to zap a table pointer but freed_tables=false: lazy CPU skipped',
    ref: '3ef938c35035, CVE-2025-22045 (v6.15)',
    invariant: 'I09',
    story:
      'pmdp_collapse_flush() flushed with freed_tables=false. Since lazy TLB handling was reworked that skips lazy CPUs, which may still walk speculatively.',
  },
  {
    id: 'L12',
    title: 'mremap moves PTE, drops destination PTL before flushing the source',
    ref: 'eb66ae030829, CVE-2018-18281 (v4.20)',
    invariant: 'I28',
    story:
      "mremap() moved an entry and dropped the destination's lock before flushing the source. Another thread unmapped the new place and freed the page; its flush of the new address could not remove the old translation.",
  },
  {
    id: 'L13',
    title: 'move_normal_pmd() vs retract_page_tables(): stale PMD decision installs a bogus table',
    ref: '6fa1066fc5d0, CVE-2024-50066 (v6.12)',
    invariant: 'I19',
    story:
      'move_normal_pmd() decided that the PMD held a table, then waited for locks; meanwhile the table was retracted. What it installed pointed to page frame 0.',
  },
  {
    id: 'L14',
    title: 'munmap unlinks a PFNMAP VMA before the TLB flush; unmap_mapping_range() then finds nothing',
    ref: 'b67fbebd4cf9, CVE-2022-39188 (v5.19)',
    invariant: 'I30',
    story:
      'munmap() took a PFNMAP VMA out of its file before flushing. unmap_mapping_range() of the driver found nothing to do and the driver freed pages that were still reachable.',
  },
  {
    id: 'L15',
    title: 'two concurrent MADV_DONTNEED/FREE: second one sees no PTE and skips the flush',
    ref: '99baac21e458 (v4.13), detection made reliable by 0a2dd266dd6b, 16af97dc5a89',
    invariant: 'I29',
    story:
      'Two threads zap the same range. The second finds nothing to zap and returns without a flush, while the first has not flushed yet.',
  },
  {
    id: 'L16',
    title: 'reclaim batches its flush; mprotect/munmap returns without it',
    ref: '3ea277194daa (v4.13)',
    invariant: 'I29',
    story:
      'Reclaim had cleared an entry and put the flush off. mprotect() or munmap() found nothing there and returned.',
  },
  {
    id: 'L17',
    title: 'NUMA migration copies a page while another thread still writes through a stale entry',
    ref: '20841405940e (v3.13)',
    invariant: 'I02',
    story:
      'NUMA balancing had changed the entry with the flush pending. Migration saw nothing accessible, did not flush, and copied the page while another thread still wrote to it.',
  },
  {
    id: 'L18',
    title: 'arch_tlbbatch_flush() passes new_tlb_gen 0 and every CPU skips the flush',
    ref: '8f1d56f64f8d (v6.0, fixes aa44284960d5)',
    invariant: 'I02',
    story:
      'arch_tlbbatch_flush() passed generation 0 and every handler took that for older than its own: nobody flushed.',
  },
  {
    id: 'L19',
    title: 'flush suppressed between CR3 load and loaded_mm update',
    ref: 'fea4e317f9e7, CVE-2025-37964 (v6.15)',
    invariant: 'I29',
    story:
      'A CPU had written CR3 but not yet loaded_mm. should_flush_tlb() said no, and it kept using a removed translation.',
  },
  {
    id: 'L20',
    title: 'missing smp_mb(): store loaded_mm / load tlb_gen reordered (store buffering)',
    ref: '83b0177a6c48, CVE-2025-40174 (v6.18)',
    invariant: 'I02',
    story:
      'One CPU stores loaded_mm and loads tlb_gen, another adds to tlb_gen and loads loaded_mm. Without a barrier both may read the old value and neither flushes.',
  },
  {
    id: 'L21',
    title: 'lazy-TLB CPU keeps walking freed tables speculatively',
    ref: 'b956575bed91 (v4.14)',
    invariant: 'I03',
    story:
      'A CPU that runs a kernel thread keeps the last mm in CR3. It was not interrupted when tables were freed, but its walker may go there by speculation.',
  },
  {
    id: 'L22',
    title: 'huge ioremap/vmap frees kernel PTE/PMD table without purging paging-structure caches',
    ref: '5e0fb5df2ee8 (v4.19)',
    invariant: 'I03',
    story:
      'A huge mapping replaced a kernel table which was freed at once, while other CPUs had its parent entry in their walk caches.',
  },
  {
    id: 'L23',
    title: 'PAE PDPTE cached in registers; INVLPG is not enough',
    ref: '1de14c3c5cbc (v3.9)',
    invariant: 'I03',
    story:
      'With PAE the four top entries live in registers that only a CR3 load renews: INVLPG is not enough.',
  },
  {
    id: 'L24',
    title: 'IOMMU SVA device keeps walking freed kernel page table',
    ref: 'e37d5a2d60a3, CVE-2025-71202 (v6.19)',
    invariant: 'I03',
    story:
      "An IOMMU shares the kernel's page tables (SVA). Only CPUs were flushed when a kernel table was freed.",
  },
  {
    id: 'L25',
    title: 'empty-PTE reclaim after PTL was dropped midway: refilled table freed',
    ref: 'f39edcf6349a (v6.14-rc, fixes 6375e95f381e)',
    invariant: 'I17',
    story:
      'Reclaim emptied a table, dropped its lock midway, and unlinked it later without looking again. A fault had put a page there.',
  },
  {
    id: 'L26',
    title: 'split page-table lock freed before the table grace period',
    ref: 'v4 of the seed series (syzbot 67548279...); 2f3443770437 then the pagetable_dtor() series (v6.14)',
    invariant: 'I16',
    story:
      "The destructor freed a table's lock as soon as the table was handed over. Walkers under rcu_read_lock() still took it.",
  },
  {
    id: 'L27',
    title: 'the seed problem: IPI-synchronised single-table free against an rcu_read_lock() walker',
    ref: '718b13861d22 (v6.14) / seed patch 6/7',
    invariant: 'I06',
    story:
      'The problem the seed patch removes. An IPI waits for walkers with interrupts off; pte_offset_map() runs with interrupts on, answers the IPI and goes on walking a table that is freed under it.',
  },
  {
    id: 'L28',
    title: 'ptdump walks a kernel table freed by huge vmap promotion',
    ref: 'July 2026 mm/vmalloc init_mm lock fix (syzbot fd95a72470f5a44e464c; fixes b6bdb7517c3d)',
    invariant: 'I05',
    story:
      'ptdump walked kernel tables under the init_mm lock while vmap promotion freed one of them without it.',
  },
  {
    id: 'L29',
    title: 'StackRot: node freed by RCU while reader holds only mmap_lock for read',
    ref: '9471f1f2f502, CVE-2023-3269 (v6.5)',
    invariant: 'I05',
    story:
      'A maple-tree node was freed by RCU, but its readers held mmap_lock for read and no rcu_read_lock(). The same class of mistake, one structure further.',
  },
  {
    id: 'L30',
    title: 'INVLPG with PCID leaves a global entry behind (erratum)',
    ref: 'ce0b15d11ad8 (v6.4)',
    invariant: 'I02',
    story: 'On some CPUs INVLPG leaves global entries behind when PCIDs are in use.',
  },
  {
    id: 'L31',
    title: 'huge page installed while 4K translations remain',
    ref: 'Intel AN 317080 / AMD erratum 383; RFC cover letter of the series',
    invariant: 'I21',
    story:
      'A huge entry was installed while 4 KiB translations of the same range were still cached: undefined choice, or a machine check.',
  },
  {
    id: 'L32',
    title: 'synthetic: call_rcu twice on one pt_rcu_head',
    ref: 'debug_rcu_head_queue()',
    invariant: 'I11',
    story: 'Made up: one rcu_head queued twice corrupts the callback list.',
  },
  {
    id: 'L33',
    title: 'synthetic: callback before the grace period ends',
    ref: 'rcu_do_batch(), rcu_segcblist_advance()',
    invariant: 'I37',
    story: 'Made up: a callback that runs inside a reader section older than its call_rcu().',
  },
  {
    id: 'L34',
    title: 'synthetic: PGD page passed to tlb_remove_table()',
    ref: 'seed commit message; arch/x86/mm/pgtable.c pgd_list',
    invariant: 'I14',
    story: 'Made up: a PGD handed to tlb_remove_table(); its list pointer overlaps the rcu_head.',
  },
  {
    id: 'L35',
    title: 'synthetic: PMD table freed with a deposited PTE table still hanging off it',
    ref: 'zap_deposited_table(), pmd_huge_pte',
    invariant: 'I15',
    story: 'Made up: a PMD table freed with a PTE table still deposited on it.',
  },
  {
    id: 'L36',
    title: 'synthetic: sleeping fallback (7.1+ sync_rcu) reached under a PTL',
    ref: '1fb3d8c20bfa (v7.1)',
    invariant: 'I47',
    story: 'Made up: the fallback of 7.1 sleeps, and is reached under a page-table lock.',
  },
  {
    id: 'L37',
    title: 'synthetic: table freed while its call_rcu is pending',
    ref: 'tlb_remove_table_free()',
    invariant: 'I04',
    story: 'Made up: a table freed while its call_rcu() is pending is freed again by the callback.',
  },
  {
    id: 'L38',
    title: 'synthetic: PTE installed into an unlinked table (no pmd_same recheck)',
    ref: 'pte_offset_map_rw_nolock() users, v3 patches 1-2 of the series',
    invariant: 'I20',
    story: 'Made up: an entry set in a table that was unlinked meanwhile: the page behind it is lost.',
  },
  {
    id: 'L39',
    title:
      'a flush that knows freed_tables only skips a lazy CPU whose walk cache holds the unshared PMD table',
    ref: 'open in 7.3.4; the rule of "skip redundant sync IPIs" v10 (wake_lazy_cpus) is the fix',
    invariant: 'I03',
    story:
      'A PMD table that two processes share is unshared by one of them. The gather knows it as unshared_tables, the flush only as freed_tables, so a lazy CPU is not woken: it keeps its way to the table, which the other process then frees to a mask without it.',
  },
  {
    id: 'L40',
    title: 'a page walker tests an entry, reads it again and descends into a table that a split has replaced',
    ref: 'CVE-2026-31456',
    invariant: 'I19',
    story:
      'A walker tested the PUD entry, read it again and went down. Between the two a split and a new fault had put something else there.',
  },
  {
    id: 'L41',
    title:
      'an action left over from an inner level makes the walker use an outer entry that it did not read again',
    ref: 'mm/pagewalk.c walk->action',
    invariant: 'I19',
    story:
      'What an inner level had asked for was taken for the outer one, which then used an entry that it had not read again.',
  },
  {
    id: 'L42',
    title: 'ptdump walks kernel tables under the mm lock only; memory hot-remove frees them',
    ref: 'arm64 and x86 ptdump against memory hot-remove',
    invariant: 'I05',
    story: 'ptdump held the mm lock; hot-remove does not take it and freed the kernel tables under it.',
  },
  {
    id: 'L43',
    title: "ptdump of another mm holds that mm's lock; whoever frees the table holds another",
    ref: 'CVE-2026-74599',
    invariant: 'I05',
    story:
      "The walker locked the mm it dumped; whoever freed the table held init_mm's lock. Each held a lock, but not the same.",
  },
  {
    id: 'L45',
    title: 'a walker under the page-table lock sees an entry gone whose flush reclaim has put off',
    ref: 'flush_tlb_batched_pending() missing in a PTE walker',
    invariant: 'I29',
    story:
      'Reclaim clears entries and flushes later. A walker that finds an entry gone has to wait for that flush before it says so; this one did not.',
  },
  {
    id: 'L46',
    title:
      'hugetlb: that a table is shared is read from the refcount, so one that another mm still uses is not unshared',
    ref: 'CVE-2026-23100',
    invariant: 'I01',
    story:
      'Whether a hugetlb PMD table is shared was read from a counter that others raise too, or have not yet raised: it was freed under a process that still used it.',
  },
  {
    id: 'L47',
    title:
      'PAE: unsharing a hugetlb PMD table clears a PDPT entry, which INVLPG does not take out of the registers',
    ref: 'hugetlb sharing on PAE; a PDPT entry needs a CR3 reload',
    invariant: 'I03',
    story:
      'With PAE the CPU keeps the four top entries in registers that INVLPG does not touch: unsharing needs a load of CR3.',
  },
  {
    id: 'L48',
    title: 'a wait for an IOMMU invalidation returns on the completion of an earlier one',
    ref: 'CVE-2026-43220',
    invariant: 'I33',
    story:
      'Two CPUs waited for invalidations of one device. The second took the completion of the first for its own and freed what the device could still reach.',
  },
  {
    id: 'L50',
    title: 'a flush that was left for a vCPU is dropped when its entry fails',
    ref: 'CVE-2026-98715',
    invariant: 'I02',
    story:
      'The flush request was taken off before the entry of the guest; the entry failed, and the next one ran on with old translations.',
  },
  {
    id: 'L52',
    title: 'a broadcast invalidation is taken as complete before its TLBSYNC',
    ref: 'AMD erratum 1718 (one TLBSYNC is no completion, v7.2); strided INVLPGB skipped 4K entries',
    invariant: 'I32',
    story:
      'One TLBSYNC does not complete what INVLPGB began on these CPUs, and a strided INVLPGB left 4K entries behind.',
  },
  {
    id: 'L54',
    title: 'the dumper of a bad fault walks the tables with interrupts on',
    ref: 'arch/x86/mm/fault.c dump_pagetable()',
    invariant: 'I05',
    story:
      'The walk that prints a bad fault had neither a lock nor interrupts off: flushes and IPIs did not wait for it.',
  },
];
