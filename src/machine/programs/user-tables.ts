import type { EntrySpec, ProgramKind } from '../program.js';
import { program } from './program-text.js';

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

/** Tables of a process that go, move, give way to a huge page or are shared. */
export const USER_TABLES: readonly ProgramKind[] = [
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
];
