import { INVLPGB } from '../../kernel/variant-sets.js';
import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { isClear } from './cached.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const broadcastComplete = rule({
  number: 32,
  name: 'broadcast-complete',
  severity: 'S1',
  statement: 'INVLPGB → TLBSYNC on the same CPU → FREE',
  why: 'INVLPGB only starts the invalidation; until TLBSYNC other CPUs may use the old translation',
  source: 'arch/x86/mm/tlb.c broadcast_tlb_flush(); AMD APM vol. 3',
  needs: [PROBES.BCAST, PROBES.TLBSYNC],
  idle: 'no broadcast invalidation',
  feature: 'invlpgb',
  variants: INVLPGB,
  held: 'CPUs that the INVLPGB has not reached',
  missing: 'TLBSYNC on the CPU that issued it',
  words:
    'AMD CPUs can ask all others to flush without an interrupt (INVLPGB). The instruction only starts it: it is done when TLBSYNC has returned on the same CPU.',
  bugs: [],
  instead: 'No release bug is known; cant_migrate() guards against the obvious one.',
  monitor: (evidence, verdicts) => ({
    /** An INVLPGB is not done before the TLBSYNC of the CPU that issued it. */
    released(page, reused, _task, op) {
      const { mech } = evidence.state;
      if (isClear(mech, page) && page.holders.some((h) => h.broadcast)) verdicts.pass(KNOWN.observed);
      const open = mech.broadcasts.find((b) => page.holders.some((h) => h.mm === b.mm && h.hold !== 0));
      if (!open) return;
      const done = reused ? 'used for something else' : 'released';
      verdicts.violated({
        message: `${pageName(page.key)} was ${done} before the TLBSYNC that completes its broadcast invalidation`,
        known: KNOWN.observed,
        missing: `TLBSYNC on CPU ${open.cpu}`,
        events: witnesses(w(open.ref, `INVLPGB on CPU ${open.cpu}`), w(op.ref, done)),
      });
    },
  }),
});
