import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I50. */
export const mmLifetime = rule({
  number: 50,
  name: 'mm-lifetime',
  severity: 'S1',
  statement: 'no flush of an mm after its exit_mmap() has returned',
  why: 'its tables are gone; the address belongs to the next process',
  source: 'mm/mmap.c exit_mmap(); kernel/fork.c mmput()',
  needs: [PROBES.EXITMM, PROBES.FMULTI],
  idle: 'no mm was seen again after its exit',
  held: 'nobody: the tables of the mm are gone',
  missing: 'mmget() before exit_mmap(), or no flush',
  words:
    "When exit_mmap() has returned, the process's tables are gone. A flush after it is meant for tables that belong to somebody else.",
  bugs: [],
  instead: 'Reference counts (mm_users, mm_count) guard against it.',
});
