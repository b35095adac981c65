import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I36. */
export const cbAfterGp = rule({
  number: 36,
  name: 'cb-after-gp',
  severity: 'S1',
  statement: 'CR(h) → GPs(n) → GPe(n) → CB(h) for some grace period n',
  why: 'the callback must not run before every reader that could see the object has finished',
  source: 'kernel/rcu/rcu_segcblist.c rcu_segcblist_advance()',
  needs: [PROBES.CB, PROBES.GP],
  idle: 'no callback ran whose enqueue is in the trace',
  held: 'readers that were running at call_rcu()',
  missing: 'a grace period, begun after call_rcu() and ended',
  words:
    'call_rcu() promises that the callback runs after a full grace period: one that starts after the call and ends before the callback.',
  bugs: ['L33'],
});
