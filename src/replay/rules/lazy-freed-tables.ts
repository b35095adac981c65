import { KNOWN } from '../tally.js';
import { isClear, isDevice, pageReleased, stillHeld, worst } from './cached.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const lazyFreedTables = rule({
  number: 27,
  name: 'lazy-freed-tables',
  severity: 'S1',
  statement: 'a lazy CPU leaves the mm before one of its tables is released or reused',
  why: 'a CPU running a kernel thread still has the mm in CR3 and may walk it speculatively',
  source: 'commits b956575bed91, 3ef938c35035; arch/x86/mm/tlb.c tlb_is_not_lazy()',
  needs: [PROBES.LZ, PROBES.FREE],
  byProbes: [PROBES.INV, PROBES.TLBF, PROBES.FR],
  idle: 'no table was released that a lazy CPU might walk',
  held: 'the lazy CPU: CR3 still holds the mm',
  missing: 'leaving the mm for init_mm (flush_tlb_func on that CPU)',
  words:
    'A CPU that runs a kernel thread keeps the tables of the last process loaded (lazy TLB). It uses no addresses of that process, but its walker may go there by speculation. Before a table of the process is released, that CPU has to leave it.',
  bugs: ['L21', 'L11', 'L10'],
  monitor: (evidence, verdicts) => ({
    released(page, reused, _task, op) {
      const { mech } = evidence.state;
      const holder = worst(mech, page, false);
      if (holder && !isDevice(holder) && mech.lazy.get(holder.cpu)?.mm === holder.mm) {
        stillHeld(evidence, verdicts, holder, page, op, pageReleased(page, reused, 'table'));
      } else if (isClear(mech, page) && page.holders.some((h) => h.lazy && !h.leaf))
        verdicts.pass(KNOWN.observed);
    },
  }),
});
