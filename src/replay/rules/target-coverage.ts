import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I23. */
export const targetCoverage = rule({
  number: 23,
  name: 'target-coverage',
  severity: 'S1',
  statement: 'a flush with freed_tables=1 interrupts every CPU of mm_cpumask but its own',
  why: 'a CPU that is left out goes on walking the freed tables',
  source: 'arch/x86/mm/tlb.c native_flush_tlb_multi(), should_flush_tlb(); commit fea4e317f9e7',
  needs: [PROBES.FR, PROBES.FMULTI, PROBES.IS],
  idle: 'no flush interrupted another CPU',
  held: 'the TLB of the CPU that was not interrupted',
  missing: 'an IPI with flush_tlb_func() to that CPU',
  words:
    'A flush that is about freed tables has to reach every CPU that may have used the process, except the sender. The trace shows the list and who was interrupted; both must agree.',
  bugs: ['L11', 'L19', 'L21'],
});
