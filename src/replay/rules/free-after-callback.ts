import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I04. */
export const freeAfterCallback = rule({
  number: 4,
  name: 'free-after-callback',
  severity: 'S1',
  statement: 'T in a pending call_rcu: CB(h) → FREE(T), on the CPU and in the context that runs CB',
  why: 'a table released early is pulled from under lockless walkers, and released again by the callback',
  source: 'mm/mmu_gather.c __tlb_remove_table_free()',
  needs: [PROBES.CR, PROBES.FREE],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'RCU: the head is pending on the list of the CPU that queued it',
  missing: 'the RCU callback, after a grace period',
  words:
    'A table that was given to call_rcu() is released by the callback, and by nothing else. If somebody frees it while the callback is pending, walkers lose it under their feet, and the callback frees it a second time.',
  bugs: ['L37'],
});
