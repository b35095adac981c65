import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I41. */
export const gpSeq = rule({
  number: 41,
  name: 'gp-seq',
  severity: 'S4',
  statement: 'grace periods start with 4k+1, each 4 higher than the last, and end before the next starts',
  why: 'gaps show events lost without a mark, or a mixed recording',
  source: 'kernel/rcu/rcu.h rcu_seq_start(), rcu_seq_end()',
  needs: [PROBES.GP],
  idle: 'no grace period started',
  held: 'the grace period before',
  missing: 'its end, and the next number',
  words:
    'Grace periods are numbered. A jump in the numbers shows that events are missing from the recording or that two recordings were mixed.',
  bugs: [],
  instead: 'A rule on the recording, not on the kernel.',
});
