import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const noInstallInUnlinked = rule({
  number: 20,
  name: 'no-install-in-unlinked',
  severity: 'S1',
  statement: 'no entry is set in T after UL(T)',
  why: 'the page behind it would be lost, or found by somebody else',
  source: 'mm/pgtable-generic.c pte_offset_map_rw_nolock()',
  needs: [PROBES.SETE],
  byProbes: [PROBES.MAPLOCK, PROBES.TR],
  idle: 'no entry was set',
  held: 'a pointer found before the table was unlinked',
  missing: 'reading the parent entry again under the lock',
  words:
    'Once nothing points to a table, an entry written into it is lost: the page behind it is reachable by nobody and freed by nobody.',
  bugs: ['L38'],
  monitor: (_evidence, verdicts) => ({
    entrySet(page, unlinked, op) {
      if (!unlinked) {
        if (page.everLinked) verdicts.pass(KNOWN.observed);
        return;
      }
      verdicts.violated({
        message: `an entry was set in table ${pageName(page.key)}, to which nothing points any more`,
        known: KNOWN.observed,
        events: witnesses(w(page.ul.ref, 'unlinked'), w(op.ref, 'entry set')),
      });
    },
  }),
});
