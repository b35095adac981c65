import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I09. */
export const invalidateBeforeCallrcu = rule({
  number: 9,
  name: 'invalidate-before-callrcu',
  severity: 'S1',
  statement: 'for every table T in a call_rcu: a finished flush with freed_tables=1, begun after UL(T) → CR',
  why: 'hardware does not take part in RCU: after the grace period it may still walk a cached table',
  source: 'mm/mmu_gather.c tlb_table_flush(); commit d86564a2f085',
  needs: [PROBES.TR, PROBES.FR, PROBES.FD, PROBES.CR],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'TLB and paging-structure caches of every CPU in mm_cpumask: the way through the table',
  missing: 'flush_tlb_mm_range() with freed_tables=1, begun after the unlink and returned',
  words:
    'Hardware does not take part in RCU: a grace period waits for software only. So the caches of all CPUs that may walk a table, lazy ones too, must be emptied before the table is handed to call_rcu(), not some time later.',
  bugs: ['L01', 'L11'],
});
