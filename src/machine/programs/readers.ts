import { steps, type WrittenStep } from '../steps/step.js';

/** Walkers that are written by verbs. */
export const READERS_BY_STEPS: readonly {
  readonly name: string;
  readonly what: string;
  readonly source: string;
  readonly steps: readonly WrittenStep[];
}[] = [
  {
    name: 'gup-fast-pin',
    what: 'GUP-fast that keeps the page it found, if the entry, read again after that, is the same',
    source: 'mm/gup.c gup_fast_pte_range(); commit 70cbc3cc78a9',
    steps: steps(
      'irq-off',
      'walk',
      'read',
      'pin recheck unless gup-without-recheck',
      'pin blind only gup-without-recheck',
      'irq-on',
    ),
  },
  {
    name: 'pagewalk',
    what: 'walk_page_range() under mmap_lock for reading and RCU: goes by one reading of the entry, and compares it',
    source: 'mm/pagewalk.c walk_pmd_range(); CVE-2026-31456',
    steps: steps(
      'read-lock mmap_lock',
      'rcu-read-lock',
      'walk',
      'read',
      'pin recheck unless pagewalk-without-snapshot',
      'pin blind only pagewalk-without-snapshot',
      'rcu-read-unlock',
      'read-unlock mmap_lock',
    ),
  },
  {
    name: 'mmap-walk',
    what: 'a walk that rests on mmap_lock for reading alone',
    source: 'lib/maple_tree.c mas_walk() of a page fault; commit 9471f1f2f502',
    steps: steps('read-lock mmap_lock', 'walk', 'read', 'read-unlock mmap_lock'),
  },
  {
    name: 'rmap-walk',
    what: 'a walk of a file’s mappings that rests on i_mmap for reading',
    source: 'mm/page_vma_mapped.c; mm/rmap.c rmap_walk_file()',
    steps: steps('read-lock i_mmap', 'walk', 'read', 'read-unlock i_mmap'),
  },
  {
    name: 'ptdump',
    what: 'a dump of kernel tables: memory hotplug and the lock of init_mm keep them',
    source: 'mm/ptdump.c ptdump_walk_pgd(); CVE-2026-74599',
    steps: steps(
      'read-lock mem_hotplug unless ptdump-without-hotplug-lock',
      'lock init_mm unless ptdump-wrong-lock',
      'lock other_mm only ptdump-wrong-lock',
      'walk',
      'read',
      'unlock other_mm only ptdump-wrong-lock',
      'unlock init_mm unless ptdump-wrong-lock',
      'read-unlock mem_hotplug unless ptdump-without-hotplug-lock',
    ),
  },
  {
    name: 'fault-dump',
    what: 'the dump of a bad fault: interrupts off as long as it walks',
    source: 'arch/x86/mm/fault.c dump_pagetable()',
    steps: steps('irq-off unless dump-with-irqs-on', 'walk', 'read', 'irq-on unless dump-with-irqs-on'),
  },
];
