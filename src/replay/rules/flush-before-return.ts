import { PROMISE } from '../mech-hooks.js';
import { heldAtPromise } from './cached.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';
import { flushedElsewhere } from './unflushed.js';

export const flushBeforeReturn = rule({
  number: 29,
  name: 'flush-before-return',
  severity: 'S2',
  statement: 'when munmap, madvise, mprotect or mremap returns, no CPU can use what it removed',
  why: 'the caller may hand the range to somebody else at once',
  source: 'commits 99baac21e458, 3ea277194daa; mm_tlb_flush_nested()',
  needs: [PROBES.GONE, PROBES.HW],
  byProbes: [PROBES.TR, PROBES.FD, PROBES.SX],
  idle: 'no call returned with a promise that is known',
  held: 'TLB: the translation that was removed',
  missing: 'an invalidation of that address on that CPU',
  words:
    "When munmap() or mprotect() returns, the program may rely on it: no CPU may still use what was removed. If two calls work on the same range, the one that finds nothing to do must still wait for the other's flush.",
  bugs: ['L15', 'L16', 'L19'],
  monitor: (evidence, verdicts) => ({
    promised: heldAtPromise(evidence, verdicts, PROMISE.return),

    /** What it cleared is not released here (it has other users), so no release tells; of tables others do. */
    gatherOver(gather, op) {
      const flush = gather.narrow;
      if (!flush?.leftOut || gather.tables > 0) return;
      flushedElsewhere(evidence, verdicts, flush, op, 'a gather ended', 'gather ends');
    },
  }),
});
