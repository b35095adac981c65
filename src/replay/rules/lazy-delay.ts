import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I45. */
export const lazyDelay = rule({
  number: 45,
  name: 'lazy-delay',
  severity: 'S3',
  statement: 'a callback runs within 10 s (lazy flush) and a grace period of its call_rcu',
  why: 'later is a stall: tables pile up',
  source: 'kernel/rcu/tree_nocb.h jiffies_lazy_flush; Documentation/RCU/stallwarn.rst',
  needs: [PROBES.CR, PROBES.CB],
  idle: 'no page-table callback ran whose enqueue is in the trace',
  afterQueue: true,
  variants: BATCHES,
  held: 'the tables of the batch: memory that nobody can use',
  missing: 'the end of a grace period',
  words:
    'Callbacks may be delayed on purpose for up to ten seconds to save power. Much longer than that means that a grace period is stuck.',
  bugs: [],
  instead: 'Not a bug of page tables, but tables pile up meanwhile.',
});
