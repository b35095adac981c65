import { INVLPGB } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I32. */
export const broadcastComplete = rule({
  number: 32,
  name: 'broadcast-complete',
  severity: 'S1',
  statement: 'INVLPGB → TLBSYNC on the same CPU → FREE',
  why: 'INVLPGB only starts the invalidation; until TLBSYNC other CPUs may use the old translation',
  source: 'arch/x86/mm/tlb.c broadcast_tlb_flush(); AMD APM vol. 3',
  needs: [PROBES.BCAST, PROBES.TLBSYNC],
  idle: 'no broadcast invalidation',
  variants: INVLPGB,
  held: 'CPUs that the INVLPGB has not reached',
  missing: 'TLBSYNC on the CPU that issued it',
  words:
    'AMD CPUs can ask all others to flush without an interrupt (INVLPGB). The instruction only starts it: it is done when TLBSYNC has returned on the same CPU.',
  bugs: [],
  instead: 'No release bug is known; cant_migrate() guards against the obvious one.',
});
