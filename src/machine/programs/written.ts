import type { EntrySpec, ProgramKind } from '../program.js';
import { writtenKind } from '../steps/program.js';
import { steps } from '../steps/step.js';

interface Thread {
  readonly name: string;
  readonly mm?: number;
  readonly steps: readonly string[];
}

type More = NonNullable<Parameters<typeof writtenKind>[1]>;

const program = (
  name: string,
  what: string,
  source: string,
  threads: readonly Thread[],
  more: More & { readonly entries?: readonly EntrySpec[] } = {},
): ProgramKind => {
  const { entries = [], ...kind } = more;
  const written = threads.map((t) => ({
    name: t.name,
    mm: t.mm ?? 1,
    walker: false,
    steps: steps(...t.steps),
  }));
  return writtenKind({ name, what, source, entries, threads: written }, { tables: 1, ...kind });
};

/** The place that mremap() moves to. */
const NEW: EntrySpec = { name: 'new', table: 0, mm: 1, set: false, sameAddress: false };
/** The entry of the other process that shares the table. */
const SHARE: EntrySpec = { name: 'B', table: 0, mm: 2, set: true, sameAddress: true };

/** Who takes a page out by its file, at whichever of the two places it is. */
const truncates = (entry: string): string[] => [
  'lock ptl:T0',
  `if-page ${entry}`,
  `zap ${entry}`,
  `flush ${entry}`,
  `free-page ${entry}`,
  'unlock ptl:T0',
];

const RETRACTS: readonly string[] = [
  'read-lock i_mmap',
  'lock pmd_lock',
  'lock ptl:T0 unless retract-without-ptl',
  'need ptl:T0',
  'if-linked T0',
  'unlink T0',
  'flush-tables',
  'call-rcu T0',
  'free T0 only freed-beside-callback',
  'unlock ptl:T0 unless retract-without-ptl',
  'unlock pmd_lock',
  'read-unlock i_mmap',
];

/** Gives its share of a table back. */
const UNSHARES: readonly string[] = [
  'lock mmap_lock',
  'lock i_mmap unless unshare-without-i-mmap',
  'need i_mmap',
  'unlink T0',
  'flush-tables unless pae-flush-by-invlpg',
  'flush-leaf only pae-flush-by-invlpg',
  'sync-ipi',
  'unlock i_mmap unless unshare-without-i-mmap',
  'unlock mmap_lock',
];

/** Programs that are written by verbs. */
export const WRITTEN_PROGRAMS: readonly ProgramKind[] = [
  program(
    'mremap',
    'mremap() moves a page (CPU 0) that a truncation takes out of its file (CPU 1)',
    'mm/mremap.c move_page_tables(), move_ptes(); eb66ae030829',
    [
      {
        name: 'mremap',
        steps: [
          'lock mmap_lock',
          'lock ptl:T0 unless mremap-without-lock',
          'need ptl:T0',
          'if-linked T0',
          'move T0 new',
          'flush T0 unless mremap-flush-late',
          'hand-over ptl:T0 T0 unless mremap-without-lock',
          'flush T0 only mremap-flush-late',
          'unlock mmap_lock',
        ],
      },
      {
        name: 'truncate',
        steps: ['read-lock i_mmap', ...truncates('T0'), ...truncates('new'), 'read-unlock i_mmap'],
      },
    ],
    { pages: true, entries: [NEW] },
  ),
  program(
    'mremap-retract',
    'move_normal_pmd() moves a table (CPU 0) that khugepaged retracts (CPU 1)',
    'mm/mremap.c move_normal_pmd(); mm/khugepaged.c retract_page_tables(); 6fa1066fc5d0',
    [
      {
        name: 'mremap: move_normal_pmd',
        steps: [
          'lock mmap_lock',
          'if-linked T0',
          'lock i_mmap',
          'lock pmd_lock',
          'if-linked T0 unless move-without-recheck',
          'move T0 new',
          'flush-tables',
          'unlock pmd_lock',
          'unlock i_mmap',
          'unlock mmap_lock',
        ],
      },
      { name: 'khugepaged: retract', steps: RETRACTS },
    ],
    { entries: [NEW] },
  ),
  program(
    'fork',
    'fork() write-protects what it copies: nobody may write by an old translation once it has returned',
    'mm/memory.c copy_page_range(); kernel/fork.c dup_mmap()',
    [
      {
        name: 'fork',
        steps: [
          'lock mmap_lock',
          'lock ptl:T0',
          'write-protect T0',
          'unlock ptl:T0',
          'flush unless fork-without-flush',
          'unlock mmap_lock',
          'return T0',
        ],
      },
    ],
    { pages: true },
  ),
  program(
    'collapse-shmem',
    'a collapse of shmem retracts the table of each mapping of the file and frees it by RCU',
    'mm/khugepaged.c collapse_file(), retract_page_tables(); 8d3c106e19e8',
    [{ name: 'khugepaged: collapse_file', steps: RETRACTS }],
  ),
  program(
    'collapse-huge',
    'khugepaged maps a huge page where a table was',
    'mm/khugepaged.c collapse_huge_page(); Intel AN 317080, AMD erratum 383',
    [
      {
        name: 'khugepaged: collapse',
        steps: [
          'lock mmap_lock',
          'lock pmd_lock',
          'unlink T0',
          'flush-tables unless huge-before-flush',
          'install-huge T0',
          'flush-tables only huge-before-flush',
          'unlock pmd_lock',
          'sync-ipi',
          'reuse T0',
          'unlock mmap_lock',
        ],
      },
    ],
    { pages: true },
  ),
  program(
    'munmap-pfnmap',
    'munmap() of a driver’s pages (CPU 0), which the driver takes back by unmap_mapping_range() (CPU 1)',
    'mm/memory.c unmap_mapping_range(), mm/mmu_gather.c tlb_free_vmas(); b67fbebd4cf9',
    [
      {
        name: 'munmap',
        steps: [
          'lock mmap_lock',
          'lock ptl:T0',
          'zap T0',
          'unlock ptl:T0',
          'flush unless vma-unlinked-before-flush',
          'lock i_mmap',
          'vma-unlink T0',
          'unlock i_mmap',
          'flush only vma-unlinked-before-flush',
          'unlock mmap_lock',
        ],
      },
      {
        name: 'driver: unmap_mapping_range',
        steps: [
          'read-lock i_mmap',
          'find-vma',
          'lock ptl:T0',
          'zap T0',
          'unlock ptl:T0',
          'flush T0',
          'read-unlock i_mmap',
          'free-page T0',
        ],
      },
    ],
    { pages: true },
  ),
  program(
    'madvise-twice',
    'two threads call madvise(MADV_DONTNEED): the second finds nothing, the flush of the first is pending',
    'mm/mmu_gather.c tlb_finish_mmu(), mm_tlb_flush_nested(); 99baac21e458',
    [
      {
        name: 'madvise',
        steps: [
          'read-lock mmap_lock',
          'lock ptl:T0',
          'zap T0',
          'unlock ptl:T0',
          'flush',
          'read-unlock mmap_lock',
        ],
      },
      {
        name: 'madvise, the second',
        steps: [
          'read-lock mmap_lock',
          'lock ptl:T0',
          'if-page T0',
          'zap T0',
          'flush',
          'unlock ptl:T0',
          'flush unless nested-flush-ignored',
          'read-unlock mmap_lock',
          'return T0',
        ],
      },
    ],
    { pages: true },
  ),
  program(
    'reclaim',
    'reclaim unmaps a page and puts the flush off (CPU 0); munmap() finds nothing there (CPU 1)',
    'mm/rmap.c set_tlb_ubc_flush_pending(), flush_tlb_batched_pending(), arch_tlbbatch_flush(); 3ea277194daa',
    [
      {
        name: 'reclaim',
        steps: [
          'lock ptl:T0',
          'zap T0',
          'unlock ptl:T0',
          'flush unless flush-gen-zero-skips',
          'flush-skipped only flush-gen-zero-skips',
          'free-page T0',
        ],
      },
      {
        name: 'munmap',
        steps: [
          'lock ptl:T0',
          'irq-off only flush-with-irqs-off',
          'flush unless batched-flush-ignored',
          'irq-on only flush-with-irqs-off',
          'if-page T0',
          'zap T0',
          'flush',
          'unlock ptl:T0',
          'return T0',
        ],
      },
    ],
    { pages: true },
  ),
  program(
    'migrate',
    'migration maps another page and frees the old one',
    'mm/migrate.c migrate_folio_unmap(); 20841405940e',
    [
      {
        name: 'migrate',
        steps: [
          'lock ptl:T0',
          'zap T0',
          'flush T0 unless migrate-without-flush',
          'install T0',
          'unlock ptl:T0',
          'free-page T0',
        ],
      },
    ],
    { pages: true },
  ),
  program(
    'munmap-page',
    'munmap() of one page: the promise to user space that it is gone, then the page is freed',
    'mm/vma.c vms_clear_ptes(); mm/mmu_gather.c tlb_finish_mmu()',
    [
      {
        name: 'munmap',
        steps: ['lock mmap_lock', 'zap T0', 'flush', 'return T0', 'free-page T0', 'unlock mmap_lock'],
      },
    ],
    { pages: true },
  ),
  program(
    'munmap-sync-rcu',
    'munmap() of one table that waits for a grace period itself, as En does without a batch page',
    'mm/mmu_gather.c tlb_remove_table_sync_rcu(); 1fb3d8c20bfa',
    [
      {
        name: 'munmap',
        steps: [
          'lock mmap_lock',
          'detach',
          'lock ptl:T0',
          'unlink T0',
          'unlock ptl:T0 unless sync-rcu-under-ptl',
          'flush-tables',
          'sync-rcu',
          'free T0',
          'unlock ptl:T0 only sync-rcu-under-ptl',
          'unlock mmap_lock',
        ],
      },
    ],
  ),
  program(
    'pae-munmap',
    'a PMD table of a PAE kernel goes, to which the PDPTE registers of every CPU lead',
    'arch/x86/mm/pgtable.c ___pmd_free_tlb(); 1de14c3c5cbc',
    [
      {
        name: 'munmap',
        steps: [
          'lock mmap_lock',
          'unlink T0',
          'flush-tables unless pae-flush-by-invlpg',
          'flush-leaf only pae-flush-by-invlpg',
          'free T0',
          'unlock mmap_lock',
        ],
      },
    ],
    { level: 2 },
  ),
  program(
    'vmap-huge',
    'a kernel table goes because a huge vmap takes its place; every CPU has the kernel’s tables, here in mm A',
    'mm/vmalloc.c vmap_try_huge_pmd(), arch/x86/mm/pgtable.c pmd_free_pte_page(); 5e0fb5df2ee8',
    [
      {
        name: 'vmap',
        steps: [
          'lock init_mm unless vmap-without-lock',
          'unlink T0',
          'flush-tables unless vmap-without-flush',
          'free T0',
          'unlock init_mm unless vmap-without-lock',
        ],
      },
    ],
  ),
  program(
    'kernel-table-sva',
    'a kernel table goes that a device shares (SVA)',
    'drivers/iommu/iommu-sva.c iommu_sva_invalidate_kva_range(); e37d5a2d60a3',
    [
      {
        name: 'pagetable_free_kernel',
        steps: [
          'lock init_mm',
          'unlink T0',
          'flush-tables',
          'iommu-flush unless iommu-not-told',
          'free T0',
          'unlock init_mm',
        ],
      },
    ],
    { device: true },
  ),
  program('hot-remove', 'memory hot-remove frees kernel tables', 'arch/x86/mm/init_64.c remove_pagetable()', [
    {
      name: 'hot-remove',
      steps: ['lock mem_hotplug', 'unlink T0', 'flush-tables', 'free T0', 'unlock mem_hotplug'],
    },
  ]),
  program(
    'vfree',
    'a page of the kernel’s mappings goes',
    'mm/vmalloc.c vfree(), arch/x86/mm/tlb.c flush_tlb_kernel_range()',
    [
      {
        name: 'vfree',
        steps: [
          'zap T0',
          'flush T0 unless invlpg-leaves-global',
          'flush-skipped T0 only invlpg-leaves-global',
          'free-page T0',
        ],
      },
    ],
    { pages: true },
  ),
  program(
    'stack-expand',
    'the stack grows: a node of the tree of VMAs, standing here as a table, is replaced and freed by RCU',
    'mm/mmap.c expand_stack(); 9471f1f2f502',
    [
      {
        name: 'expand_stack',
        steps: [
          'lock mmap_lock unless expand-under-read-lock',
          'read-lock mmap_lock only expand-under-read-lock',
          'unlink T0',
          'flush-tables',
          'call-rcu T0',
          'read-unlock mmap_lock only expand-under-read-lock',
          'unlock mmap_lock unless expand-under-read-lock',
        ],
      },
    ],
  ),
  program(
    'hugetlb-share',
    'a process gives its share of a hugetlb table back (CPU 0), the other, alone then, frees it (CPU 1)',
    'mm/hugetlb.c huge_pmd_unshare(), __unmap_hugepage_range(); 081056dc00a2, CVE-2026-23100',
    [
      { name: 'A: hugetlb unshare', steps: UNSHARES },
      {
        name: 'B: munmap',
        mm: 2,
        steps: [
          'lock i_mmap',
          'if-none T0 unless unshare-by-refcount',
          'unlink B',
          'flush-tables',
          'free B',
          'unlock i_mmap',
        ],
      },
    ],
    { level: 2, entries: [SHARE] },
  ),
  program(
    'hugetlb-reuse',
    'the same, but the other process goes on using the table, for its own pages',
    'mm/hugetlb.c huge_pmd_unshare(); 1013af4f585f',
    [
      { name: 'A: hugetlb unshare', steps: UNSHARES },
      { name: 'B: fault', mm: 2, steps: ['lock i_mmap', 'if-none T0', 'reuse B', 'unlock i_mmap'] },
    ],
    { level: 2, entries: [SHARE] },
  ),
];
