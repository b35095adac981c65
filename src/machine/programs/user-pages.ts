import type { ProgramKind } from '../program.js';
import { program } from './program-text.js';

/** Pages of a process that go, change or are written back: their table stays. */
export const USER_PAGES: readonly ProgramKind[] = [
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
];
