import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I43. */
export const batchLimits = rule({
  number: 43,
  name: 'batch-limits',
  severity: 'S4',
  statement: 'a softirq batch runs no more callbacks than its limit (bl), unless the CPU is idle',
  why: 'a flood of callbacks would keep everything else from running',
  source: 'kernel/rcu/tree.c rcu_do_batch()',
  needs: [PROBES.BATCHE],
  idle: 'no batch of callbacks ended',
  held: 'the CPU: callbacks keep all else from running',
  missing: 'the end of the batch at its limit',
  words: 'RCU runs only so many callbacks in one go, so that nothing else starves.',
  bugs: [],
  instead: 'Freeing 509 tables is one callback: it may take long although the count is small.',
});
