import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I35. */
export const unshareSync = rule({
  number: 35,
  name: 'unshare-sync',
  severity: 'S1',
  statement: 'a shared PMD table is used for something else only after UL, FD and an IPI to all CPUs',
  why: 'GUP-fast of the process that left may still read it',
  source: 'commits 1013af4f585f, 8ce720d5bd91; mm/hugetlb.c huge_pmd_unshare()',
  needs: [PROBES.REUSE],
  idle: 'no shared table was left',
  held: 'GUP-fast walkers of the process that left',
  missing: 'tlb_remove_table_sync_one(): an IPI to all CPUs, answered',
  words:
    'Large pages of different processes may share one PMD table. When the last but one leaves, the table belongs to the other alone and is changed freely; a lockless walker of the one that left may still be inside. An interrupt to all CPUs comes first.',
  bugs: ['L07', 'L10'],
});
