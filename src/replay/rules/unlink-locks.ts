import { shownBy } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const unlinkLocks = rule({
  number: 18,
  name: 'unlink-locks',
  severity: 'S1',
  statement:
    'UL outside munmap and exit happens under the pmd lock, the split lock and what keeps rmap walkers out',
  why: 'whoever holds one of them relies on the table staying linked',
  source: 'commits 8d3c106e19e8, 081056dc00a2; Documentation/mm/process_addrs.rst',
  needs: [PROBES.NEED, PROBES.LK],
  byProbes: [PROBES.COLL],
  idle: 'no step named a lock it needs',
  held: 'whoever relies on the lock: rmap walkers, faults',
  missing: 'taking that lock',
  words:
    'Unlinking a table while the process lives on needs several locks at once, because different kinds of walkers rely on different ones. One of them missing means that one kind of walker is not kept out.',
  bugs: ['L06', 'L08'],
  monitor: (_evidence, verdicts) => ({
    needed(lock, op) {
      if (lock) verdicts.pass(KNOWN.observed);
      else {
        const message = 'a table is about to be unlinked without a lock that this needs';
        verdicts.violated(shownBy(op, 'lock needed', message));
      }
    },
  }),
});
