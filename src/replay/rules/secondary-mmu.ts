import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I33. */
export const secondaryMmu = rule({
  number: 33,
  name: 'secondary-mmu',
  severity: 'S1',
  statement: 'devices that share the page tables drop what they cached → FREE',
  why: 'neither IPIs nor RCU reach an IOMMU',
  source: 'commit e37d5a2d60a3; Documentation/mm/mmu_notifier.rst',
  needs: [PROBES.IOTLB],
  idle: 'no device walked these tables',
  held: 'the IOTLB of the device',
  missing: 'mmu_notifier invalidation of the device',
  words:
    'Devices behind an IOMMU and virtual machines walk the same tables or copies of them. Interrupts and RCU do not reach them: they have to be told, and must have answered, before a page is released.',
  bugs: ['L24'],
});
