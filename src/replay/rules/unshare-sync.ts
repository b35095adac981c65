import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const unshareSync = rule({
  number: 35,
  name: 'unshare-sync',
  severity: 'S1',
  statement: 'a shared PMD table is used for something else only after UL, FD and an IPI to all CPUs',
  why: 'GUP-fast of the process that left may still read it',
  source: 'commits 1013af4f585f, 8ce720d5bd91; mm/hugetlb.c huge_pmd_unshare()',
  needs: [PROBES.REUSE],
  byProbes: [PROBES.UNSH, PROBES.FD],
  idle: 'no shared table was left',
  held: 'GUP-fast walkers of the process that left',
  missing: 'tlb_remove_table_sync_one(): an IPI to all CPUs, answered',
  words:
    'Large pages of different processes may share one PMD table. When the last but one leaves, the table belongs to the other alone and is changed freely; a lockless walker of the one that left may still be inside. An interrupt to all CPUs comes first.',
  bugs: ['L07', 'L10'],
  monitor: (evidence, verdicts) => ({
    /** The last sharer of a PMD table leaves it to others only after an IPI to all CPUs. */
    released(page, reused, _task, op) {
      if (!reused || page.sharers <= 1 || page.ul.seq === 0) return;
      if (evidence.state.mech.sync.seq > page.ul.seq) {
        verdicts.pass(KNOWN.observed);
        return;
      }
      verdicts.violated({
        message: `shared table ${pageName(page.key)} was used for something else without an IPI to all CPUs after its unlink`,
        known: KNOWN.observed,
        held: [`GUP-fast walkers of the process that left ${pageName(page.key)}`],
        events: witnesses(w(page.ul.ref, 'unlinked'), w(op.ref, 'reused')),
      });
    },
  }),
});
