import { PROMISE } from '../mech-hooks.js';
import { heldAtPromise } from './cached.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const pfnmapFlushBeforeVmaUnlink = rule({
  number: 30,
  name: 'pfnmap-flush-before-vma-unlink',
  severity: 'S1',
  statement: 'a PFNMAP mapping is flushed before it can no longer be found through its file',
  why: 'unmap_mapping_range() finds nothing, and the driver frees pages that are still mapped',
  source: 'commit b67fbebd4cf9; mm/mmu_gather.c tlb_free_vmas()',
  needs: [PROBES.VMAUL, PROBES.HW],
  byProbes: [PROBES.VMAOFF, PROBES.FD],
  idle: 'no mapping was unlinked from its file',
  held: 'TLB: a translation to a page of the driver',
  missing: 'an invalidation of that address on that CPU',
  words:
    'Pages of a device have no count of users; the driver finds its mappings through the file and removes them itself. So a mapping must be flushed before it disappears from the file, or the driver frees pages that are still reachable.',
  bugs: ['L14'],
  monitor: (evidence, verdicts) => ({
    promised: heldAtPromise(evidence, verdicts, PROMISE.vma),
  }),
});
