import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I02. */
export const tlbBeforeFree = rule({
  number: 2,
  name: 'tlb-before-free',
  severity: 'S1',
  statement: 'for every frame or table X and every CPU c that may hold a translation to it: INV(c) → FREE(X)',
  why: 'a stale translation lets a CPU read or write a page that belongs to somebody else',
  source: 'mm/mmu_gather.c tlb_flush_mmu()',
  needs: [PROBES.FR, PROBES.FD, PROBES.FREE],
  idle: 'no page was released inside a gather',
  held: 'TLB and paging-structure caches of every CPU in mm_cpumask: translations to the page',
  missing: 'flush_tlb_mm_range() of the range, returned',
  words:
    "Every CPU keeps a private copy of translations it has used (the TLB). Clearing an entry in memory does not reach these copies. A page may be released only after every CPU that might hold a copy has dropped it; otherwise that CPU goes on reading and writing a page that is no longer the program's.",
  bugs: ['L09', 'L17', 'L18', 'L20', 'L30'],
});
