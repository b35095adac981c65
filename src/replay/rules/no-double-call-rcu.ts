import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I11. */
export const noDoubleCallRcu = rule({
  number: 11,
  name: 'no-double-call_rcu',
  severity: 'S1',
  statement: 'CR(h) ⇒ no CR(h) until CB(h)',
  why: 'queuing a head twice corrupts the callback list',
  source: 'kernel/rcu/rcu.h debug_rcu_head_queue()',
  needs: [PROBES.CR],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'RCU: the head is pending on the list of the CPU that queued it',
  missing: 'the callback of the first call_rcu()',
  words:
    'An rcu_head is a link in a list. Queuing it again while it is still in the list ties the list into a knot: callbacks are lost or run for ever.',
  bugs: ['L32'],
});
