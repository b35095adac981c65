import { PROMISE } from '../mech-hooks.js';
import { heldAtPromise } from './cached.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const flushBeforePtlDrop = rule({
  number: 28,
  name: 'flush-before-ptl-drop',
  severity: 'S1',
  statement:
    'a page is handed over by dropping a page-table lock only after every CPU has dropped its translation',
  why: 'the next holder of the lock frees the page at its new place and cannot know of the old one',
  source: 'commit eb66ae030829; mm/mremap.c move_ptes()',
  needs: [PROBES.UN, PROBES.HW],
  byProbes: [PROBES.PLK, PROBES.MAPLOCK, PROBES.FD],
  idle: 'no lock was dropped over a moved page',
  held: 'TLB: the translation at the old address',
  missing: 'an invalidation of that address on that CPU',
  words:
    'When a page moves from one place to another under a lock, whoever takes the lock next may free it from the new place. So the old place must be flushed everywhere before the lock is dropped.',
  bugs: ['L12'],
  monitor: (evidence, verdicts) => ({
    promised: heldAtPromise(evidence, verdicts, PROMISE.unlock),
  }),
});
