import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const depositOnlyAfterSync = rule({
  number: 22,
  name: 'deposit-only-after-sync',
  severity: 'S1',
  statement: 'a table that was linked once is deposited only after UL, FD and an IPI to all CPUs',
  why: 'deposited tables are released without flush or grace period later on',
  source: 'mm/khugepaged.c collapse_huge_page()',
  feature: 'thp',
  needs: [PROBES.DEP],
  idle: 'no table was deposited',
  held: 'GUP-fast walkers with interrupts off',
  missing: 'tlb_remove_table_sync_one(): an IPI to all CPUs, answered',
  words:
    'Tables kept as spares are later released without any waiting. That is safe only if nobody can be inside them, so a table that was in use before must be unlinked, flushed, and waited for with an interrupt to all CPUs before it becomes a spare.',
  bugs: ['L04'],
  monitor: (_evidence, verdicts) => ({
    deposited(page, parent, sync, op) {
      if (!page.everLinked) return;
      if (page.links.length === 0 && sync.seq > page.ul.seq) {
        verdicts.pass(KNOWN.observed);
        return;
      }
      verdicts.violated({
        message: `table ${pageName(page.key)}, linked before, was deposited on ${pageName(parent)} without an IPI to all CPUs since its unlink`,
        known: KNOWN.observed,
        events: witnesses(w(page.ul.ref, 'unlinked'), w(op.ref, 'deposited')),
      });
    },
  }),
});
