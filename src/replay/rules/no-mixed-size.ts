import { PROMISE } from '../mech-hooks.js';
import { heldAtPromise } from './cached.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const noMixedSize = rule({
  number: 21,
  name: 'no-mixed-size',
  severity: 'S1',
  statement: 'a huge entry is installed only after every CPU has dropped the 4K translations of that range',
  why: 'two sizes for one address: undefined choice, machine check on some CPUs',
  source: 'mm/pgtable-generic.c pmdp_collapse_flush(); AMD erratum 383, Intel AN 317080',
  feature: 'thp',
  needs: [PROBES.HUGE, PROBES.HW],
  byProbes: [PROBES.COLL, PROBES.FD],
  idle: 'no huge page was installed',
  held: 'TLB: translations of the small size',
  missing: 'an invalidation of that address on that CPU',
  words:
    'The same address must not be translated by a 4 KiB entry on one CPU and by a 2 MiB entry on another. The hardware may use either, and some CPUs stop with a machine check. First clear, then flush everywhere, then install.',
  bugs: ['L31'],
  monitor: (evidence, verdicts) => ({
    promised: heldAtPromise(evidence, verdicts, PROMISE.huge),
  }),
});
