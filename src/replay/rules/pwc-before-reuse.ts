import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I03. */
export const pwcBeforeReuse = rule({
  number: 3,
  name: 'pwc-before-reuse',
  severity: 'S1',
  statement:
    'for every table T and every CPU that may cache a walk through it: a walk-cache invalidation lies between UL(T) and FREE(T) or ALLOC(T)',
  why: 'a paging-structure cache entry makes the CPU read arbitrary data as page-table entries',
  source: 'SDM vol. 3A §4.10.3, §4.10.4; commits d86564a2f085, b956575bed91',
  needs: [PROBES.TR, PROBES.FR, PROBES.FD, PROBES.FREE],
  idle: 'no page table handed to a gather was released in this recording',
  held: 'paging-structure caches of every CPU in mm_cpumask: the way through the table',
  missing: 'flush_tlb_mm_range() with freed_tables=1, begun after the unlink and returned',
  words:
    'CPUs do not only cache final translations but also the way to them: the upper levels of the tables (paging-structure cache). A CPU with such a copy goes straight to the lower table without looking at its parent. So a table may be released or reused only after these copies are gone too, on lazy CPUs as well.',
  bugs: ['L02', 'L03', 'L10', 'L21', 'L22', 'L23', 'L24'],
});
