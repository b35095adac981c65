import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I44. */
export const cbContext = rule({
  number: 44,
  name: 'cb-context',
  severity: 'S3',
  statement: 'callbacks run in softirq or in a kthread made for them, never in a hard interrupt',
  why: 'releasing a page takes locks that a hard interrupt must not wait for',
  source: 'kernel/rcu/tree.c rcu_do_batch()',
  needs: [PROBES.CB],
  idle: 'no page-table callback ran whose enqueue is in the trace',
  afterQueue: true,
  variants: BATCHES,
  held: 'the interrupted code and its locks',
  missing: 'raise_softirq(RCU_SOFTIRQ) and return',
  words:
    'Callbacks run in softirq or in kernel threads made for them. In a hard interrupt the locks they take could be held by the code that was interrupted.',
  bugs: [],
  instead: 'No release bug is known.',
});
