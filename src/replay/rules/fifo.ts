import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I42. */
export const fifo = rule({
  number: 42,
  name: 'fifo',
  severity: 'S3',
  statement: 'callbacks queued on one CPU run in the order of their call_rcu',
  why: 'the segmented list keeps order; a change of order shows a corrupted list',
  source: 'kernel/rcu/rcu_segcblist.c',
  needs: [PROBES.CB],
  idle: 'no callback ran whose enqueue is in the trace',
  held: 'the callback that was queued first',
  missing: 'its turn',
  words: 'Callbacks queued on one CPU run in the order in which they were queued.',
  bugs: [],
  instead: 'No release bug is known; a change of order shows a damaged list.',
});
