import { SINGLE_BY_CALL_RCU } from '../../kernel/variant-sets.js';
import { isKnown } from '../../timeline/is-known.js';
import { shownBy, w } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const rcuHeadUnion = rule({
  number: 13,
  name: 'rcu-head-union',
  severity: 'S1',
  statement:
    'while CR(T) is pending: T is not deposited, not on the PGD list, pmd_huge_pte(T) is not written',
  why: 'the three share the same words of struct ptdesc: using one overwrites the other',
  source: 'include/linux/mm_types.h struct ptdesc; seed commit message',
  needs: [PROBES.BIND],
  byProbes: [PROBES.DEPOSIT, PROBES.CR],
  idle: 'no table known by name was queued to RCU',
  variants: SINGLE_BY_CALL_RCU,
  held: 'the rcu_head of a pending call_rcu(), in the same words of struct ptdesc',
  missing: 'the callback, or the withdrawal of the deposit',
  words:
    'The rcu_head of a table lies in the same bytes of struct ptdesc as two other things: the list of all top-level tables, and the pointer to deposited tables. While a table waits for its callback, neither may be used.',
  bugs: ['L34', 'L35'],
  monitor: (evidence, verdicts) => ({
    bound(page, head, op) {
      const name = pageName(page.key);
      const queued = w(head.crRef, 'call_rcu');
      if (isKnown(page.depositedOn)) {
        const message = `table ${name} was queued to RCU while it is deposited: both use the same words`;
        verdicts.violated(shownBy(op, 'queued', message, queued));
      } else if (page.pgd) {
        const message = `top-level table ${name} was queued to RCU: its list and rcu_head overlap`;
        verdicts.violated(shownBy(op, 'queued', message, queued));
      } else verdicts.pass(KNOWN.observed);
    },

    /** The other way round: the deposit list uses the words of a pending rcu_head. */
    deposited(page, _parent, _sync, op) {
      const head = evidence.state.tables.get(page.key)?.head;
      if (head?.ran !== 0) return;
      const message = `table ${pageName(page.key)} was deposited while its call_rcu is pending`;
      verdicts.violated(shownBy(op, 'deposited', message, w(head.crRef, 'call_rcu')));
    },
  }),
});
