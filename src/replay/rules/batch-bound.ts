import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I08. */
export const batchBound = rule({
  number: 8,
  name: 'batch-bound',
  severity: 'S3',
  statement: 'a batch holds at most 509 tables, and its callback releases as many as were appended',
  why: 'the batch is one page: a header of 24 bytes and 509 pointers',
  source: 'include/asm-generic/tlb.h MAX_TABLE_BATCH; mm/mmu_gather.c tlb_remove_table()',
  needs: [PROBES.CR],
  idle: 'no batch of tables was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'one page of 509 slots: struct mmu_table_batch',
  missing: 'call_rcu() of the full batch (tlb_table_flush)',
  words:
    'A batch of tables is one page with room for 509 pointers. More cannot fit, and the callback must release as many tables as were put in.',
  bugs: [],
  instead: 'No release bug is known; an off-by-one here would write beyond the page.',
});
