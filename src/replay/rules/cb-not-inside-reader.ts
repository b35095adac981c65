import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I37. */
export const cbNotInsideReader = rule({
  number: 37,
  name: 'cb-not-inside-reader',
  severity: 'S1',
  statement: 'no reader R with RB(R) ≤ CR(h) and CB(h) < RE(R)',
  why: 'this is the guarantee of RCU itself',
  source: 'Documentation/RCU/Design/Requirements; LKMM rcu-order',
  needs: [PROBES.CR, PROBES.CB, PROBES.RB],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'the reader section',
  missing: 'its end, then the end of the grace period',
  words:
    'The promise seen from the reader: a section that was open at call_rcu() is over when the callback runs.',
  bugs: ['L33'],
});
