import { SINGLE_BY_CALL_RCU } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I46. */
export const gpStorm = rule({
  number: 46,
  name: 'gp-storm',
  severity: 'S3',
  statement: 'no more than 10000 single tables await a grace period at once',
  why: 'the fallback is taken when memory is short: what it queues is the memory that is missing',
  source: 'kernel/rcu/tree.c qhimark; mm/mmu_gather.c tlb_remove_table_one()',
  needs: [PROBES.CR],
  idle: 'no single table was queued to RCU',
  afterQueue: true,
  variants: SINGLE_BY_CALL_RCU,
  held: 'the tables that await their grace period',
  missing: 'the end of a grace period, or a batch',
  words:
    'When memory is so short that not even a batch page can be had, tables are queued one by one. If thousands wait for their grace period, memory stays short because of them.',
  bugs: [],
  instead: 'Asked about in the review of the series; no report is known.',
});
