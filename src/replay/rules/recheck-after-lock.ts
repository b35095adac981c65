import { INSTALL } from '../../kernel/operands.js';
import { shownBy, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const recheckAfterLock = rule({
  number: 19,
  name: 'recheck-after-lock',
  severity: 'S1',
  statement:
    'a walker that pins or installs through T has read the parent entry again and found it unchanged',
  why: 'between finding T and using it the table may have been unlinked',
  source: 'commits 70cbc3cc78a9, 6fa1066fc5d0; mm/pgtable-generic.c pte_offset_map_lock()',
  needs: [PROBES.PIN, PROBES.MOVE],
  byProbes: [PROBES.MAPLOCK],
  idle: 'nothing was pinned or moved through a table',
  held: 'a pointer found before the table was unlinked',
  missing: 'reading the parent entry again (pmd_same)',
  words:
    'A walker reads a pointer to a table, then waits for a lock or takes a reference. In between the table may have been unlinked. Before it relies on what it found it must read the pointer again.',
  bugs: ['L05', 'L13'],
  monitor: (_evidence, verdicts) => ({
    pinned(page, stale, rechecked, op) {
      if (rechecked || !stale) {
        verdicts.pass(KNOWN.observed);
        return;
      }
      verdicts.violated({
        message: `a page found through table ${pageName(page.key)} is kept although the table was unlinked meanwhile`,
        known: KNOWN.observed,
        events: witnesses(w(page.ul.ref, 'unlinked'), w(op.ref, 'kept without looking again')),
      });
    },

    moved(page, op) {
      if (page) verdicts.pass(KNOWN.observed);
      else {
        const message = `an entry is installed that points to no live table (${pageName(INSTALL.table(op))})`;
        verdicts.violated(shownBy(op, 'installed', message));
      }
    },
  }),
});
