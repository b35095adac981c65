import { SINGLE_BY_CALL_RCU } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I13. */
export const rcuHeadUnion = rule({
  number: 13,
  name: 'rcu-head-union',
  severity: 'S1',
  statement:
    'while CR(T) is pending: T is not deposited, not on the PGD list, pmd_huge_pte(T) is not written',
  why: 'the three share the same words of struct ptdesc: using one overwrites the other',
  source: 'include/linux/mm_types.h struct ptdesc; seed commit message',
  needs: [PROBES.BIND],
  idle: 'no table known by name was queued to RCU',
  variants: SINGLE_BY_CALL_RCU,
  held: 'the rcu_head of a pending call_rcu(), in the same words of struct ptdesc',
  missing: 'the callback, or the withdrawal of the deposit',
  words:
    'The rcu_head of a table lies in the same bytes of struct ptdesc as two other things: the list of all top-level tables, and the pointer to deposited tables. While a table waits for its callback, neither may be used.',
  bugs: ['L34', 'L35'],
});
