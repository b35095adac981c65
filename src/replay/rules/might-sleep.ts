import { SINGLE_SYNC_RCU } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I47. */
export const mightSleep = rule({
  number: 47,
  name: 'might-sleep',
  severity: 'S1',
  statement: 'a wait for a grace period begins with interrupts on, preemption on and no spinlock held',
  why: 'synchronize_rcu() sleeps: under a spinlock it deadlocks',
  source: 'commit 1fb3d8c20bfa; mm/mmu_gather.c tlb_remove_table_sync_rcu()',
  needs: [PROBES.SYNCR],
  idle: 'nobody waited for a grace period',
  variants: SINGLE_SYNC_RCU,
  held: 'the spinlock, or a context that cannot sleep',
  missing: 'dropping it before the wait',
  words:
    'Since 7.1 the fallback may wait for a grace period on the spot, which sleeps. Under a spinlock that would hang the CPU.',
  bugs: ['L36'],
});
