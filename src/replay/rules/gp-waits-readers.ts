import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I40. */
export const gpWaitsReaders = rule({
  number: 40,
  name: 'gp-waits-readers',
  severity: 'S1',
  statement: 'a grace period ends after every reader that began before it started',
  why: 'this is what a grace period is',
  source: 'kernel/rcu/tree.c rcu_gp_cleanup(); Documentation/RCU/Design/Requirements',
  needs: [PROBES.GP, PROBES.RB],
  idle: 'no grace period ended',
  held: 'the reader section',
  missing: 'its end',
  words:
    'A grace period that starts after a reader has begun may not end before that reader has ended. All else in RCU follows from this.',
  bugs: ['L33'],
});
