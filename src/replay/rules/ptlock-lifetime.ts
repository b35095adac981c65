import { w, witnesses } from '../evidence.js';
import { LIFE } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const ptlockLifetime = rule({
  number: 16,
  name: 'ptlock-lifetime',
  severity: 'S1',
  statement: 'the split lock of T is destroyed at CB(T) or later, and not used after that',
  why: 'an RCU walker that found T still takes its lock',
  source: 'mm/memory.c ptlock_free(); pagetable_dtor() series, v6.14',
  needs: [PROBES.PTL],
  idle: 'no split lock was destroyed',
  feature: 'split-ptlock',
  held: 'RCU walkers that still find the table and its lock',
  missing: 'the RCU callback of the table',
  words:
    'On some kernels the lock of a page table is an object of its own. A walker that found the table under rcu_read_lock() may still take the lock, so it has to live as long as the table: until the callback.',
  bugs: ['L26'],
  monitor: (evidence, verdicts) => ({
    bound(page, head, op) {
      if (page.ptlFreed < 0) return;
      verdicts.violated({
        message: `the lock of table ${pageName(page.key)} was destroyed before its grace period even began`,
        known: KNOWN.observed,
        events: witnesses(w(page.ptlFreed, 'lock destroyed'), w(head.crRef, 'call_rcu'), w(op.ref, 'queued')),
      });
    },

    splitLock(page, destroyed, op) {
      const table = evidence.state.tables.get(page.key);
      const head = table?.head;
      if (!destroyed) {
        if (page.ptlFreed < 0) return;
        verdicts.violated({
          message: `the lock of table ${pageName(page.key)} is used after it was destroyed`,
          known: KNOWN.observed,
          events: witnesses(w(page.ptlFreed, 'lock destroyed'), w(op.ref, 'lock used')),
        });
      } else if (head && head.ran === 0 && table.life === LIFE.rcu) {
        verdicts.violated({
          message: `the lock of table ${pageName(page.key)} was destroyed before its RCU callback`,
          known: KNOWN.observed,
          events: witnesses(w(head.crRef, 'call_rcu'), w(op.ref, 'lock destroyed')),
        });
      } else if (head) verdicts.pass(KNOWN.observed);
    },
  }),
});
