/** A program file, with what flags would say. */
const own = (file, over = {}) => ({ file, over });

/** Programs small enough for `pan` in seconds; every part of the machine is in one of them. */
export const PROGRAMS = [
  [
    'a single table by IPI, a walker in RCU',
    { variant: 'A2', program: 'madvise-dontneed', readers: ['pte-offset-map'], memory: 'no' },
  ],
  [
    'series v2',
    { variant: 'B', program: 'madvise-dontneed', readers: ['gup-fast', 'pte-offset-map'], walkers: 'all' },
  ],
  ['full batches', { variant: 'E', program: 'munmap-full', readers: ['gup-fast', 'hardware'], tables: 2 }],
  [
    'full page batches, without their flush',
    {
      variant: 'A1',
      program: 'munmap-full',
      readers: ['hardware'],
      tables: 2,
      broken: ['batch-without-flush'],
    },
  ],
  ['6.14', { variant: 'C', program: 'madvise-dontneed', readers: ['gup-fast', 'pte-offset-map-lock'] }],
  [
    '6.14, preempted walkers',
    { variant: 'C', program: 'madvise-dontneed', readers: ['pte-offset-map'], preempt: true },
  ],
  [
    'INVLPGB, an RCU that ignores interrupts off',
    {
      variant: 'D',
      program: 'munmap',
      readers: ['gup-fast'],
      flush: 'invlpgb',
      broken: ['gp-ignores-irqs-off'],
    },
  ],
  [
    'a batch without its flush',
    { variant: 'D', program: 'munmap', readers: ['hardware', 'gup-fast'], broken: ['batch-without-flush'] },
  ],
  [
    'lazy CPUs skipped',
    { variant: 'D', program: 'exit_mmap', readers: ['lazy'], broken: ['lazy-skips-freed-tables'] },
  ],
  [
    'lazy CPUs, pages, two tables',
    { variant: 'E', program: 'munmap', readers: ['lazy'], cpus: 2, tables: 2, pages: true },
  ],
  [
    'synchronize_rcu',
    { variant: 'En', program: 'madvise-dontneed', readers: ['gup-fast', 'pte-offset-map'] },
  ],
  [
    'tables with the pages',
    { variant: 'A1', program: 'munmap', readers: ['gup-fast', 'hardware'], tables: 2, pages: true },
  ],
  [
    'collapse without the sync IPI',
    {
      variant: 'A2',
      program: 'collapse',
      readers: ['gup-fast', 'lazy'],
      flush: 'hypercall',
      broken: ['sync-ipi-left-out'],
    },
  ],
  ['retract', { variant: 'E', program: 'retract', readers: ['pte-offset-map-lock', 'lazy'] }],
  [
    'hugetlb unshare, 7.3',
    { variant: 'E', program: 'hugetlb-unshare', readers: ['lazy', 'gup-fast'], cpus: 4 },
  ],
  ['expedited grace periods', { variant: 'E', program: 'munmap', readers: ['gup-fast'], expedited: true }],
  [
    'a KVM guest whose vCPUs are taken away',
    { variant: 'A2', program: 'munmap', readers: ['gup-fast', 'hardware'], flush: 'kvm', vcpus: true },
  ],
  ['a program file: two threads race to free one table', own('two-freers.yaml')],
  ['the same without its flush', own('two-freers.yaml', { broken: ['single-without-flush'] })],
  ['a program file: walkers written out beside munmap', own('own-gup.yaml')],
  ['a program file: a walker with nothing held', own('walker-without-protection.yaml')],
];
