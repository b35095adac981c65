import { SINGLE_SYNC_IPI } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I06. */
export const ipiNotRcu = rule({
  number: 6,
  name: 'ipi-not-rcu',
  severity: 'S1',
  statement:
    'FREE(T) that only an IPI or a flush precedes ⇒ no walker under rcu_read_lock() can reach T: its locks keep it out',
  why: 'the IPI waits for CPUs with interrupts off; a walker in pte_offset_map() has them on and is not waited for',
  source: 'mm/mmu_gather.c tlb_remove_table_sync_one(); commit 718b13861d22',
  needs: [PROBES.FREE],
  idle: 'no table was released after an IPI alone',
  variants: SINGLE_SYNC_IPI,
  held: 'walkers under rcu_read_lock(): no IPI waits for them',
  missing: 'call_rcu() and its callback, or synchronize_rcu()',
  words:
    'There are two ways to wait for lockless walkers. Sending an interrupt to every CPU waits for walkers that have interrupts off, because they answer only when they are done. Walkers under rcu_read_lock() have interrupts on: they answer and go on walking. So a table that such walkers can reach must wait for a grace period; an interrupt is not enough. This is why the series exists.',
  bugs: ['L27'],
});
