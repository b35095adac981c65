import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I38. */
export const cbExactlyOnce = rule({
  number: 38,
  name: 'cb-exactly-once',
  severity: 'S1',
  statement: 'every CB has exactly one earlier unmatched CR; every CR has a CB or is open at the end',
  why: 'a lost callback leaks tables, a repeated one frees them twice',
  source: 'kernel/rcu/tree.c rcu_do_batch()',
  needs: [PROBES.CR],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'RCU: the head is pending on the list of the CPU that queued it',
  missing: 'exactly one callback for each call_rcu()',
  words:
    'One call, one callback. A callback that never comes leaks its tables; one that comes twice frees them twice.',
  bugs: ['L32'],
});
