import { KNOWN } from '../tally.js';
import { isDevice, pageReleased, stillHeld, worst } from './cached.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const secondaryMmu = rule({
  number: 33,
  name: 'secondary-mmu',
  severity: 'S1',
  statement: 'devices that share the page tables drop what they cached → FREE',
  why: 'neither IPIs nor RCU reach an IOMMU',
  source: 'commit e37d5a2d60a3; Documentation/mm/mmu_notifier.rst',
  needs: [PROBES.IOTLB],
  byProbes: [PROBES.NSUB],
  idle: 'no device walked these tables',
  feature: 'mmu-notifier',
  held: 'the IOTLB of the device',
  missing: 'mmu_notifier invalidation of the device',
  words:
    'Devices behind an IOMMU and virtual machines walk the same tables or copies of them. Interrupts and RCU do not reach them: they have to be told, and must have answered, before a page is released.',
  bugs: ['L24'],
  monitor: (evidence, verdicts) => ({
    released(page, reused, _task, op) {
      const { mech } = evidence.state;
      const walk = worst(mech, page, false);
      const leaf = worst(mech, page, true);
      if (walk && isDevice(walk)) {
        stillHeld(evidence, verdicts, walk, page, op, pageReleased(page, reused, 'table'));
      }
      if (leaf && isDevice(leaf)) {
        stillHeld(evidence, verdicts, leaf, page, op, pageReleased(page, reused, 'page'));
      }
      if (!walk && !leaf && page.holders.some(isDevice)) verdicts.pass(KNOWN.observed);
    },
  }),
});
