import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I24. */
export const ipiWait = rule({
  number: 24,
  name: 'ipi-wait',
  severity: 'S1',
  statement: 'the sender of a flush broadcast returns after the last handler has finished',
  why: 'everything after the flush relies on no CPU still holding the old translations',
  source: 'kernel/smp.c smp_call_function_many_cond() (wait); arch/x86/mm/tlb.c',
  needs: [PROBES.FD, PROBES.IS],
  idle: 'no flush interrupted another CPU',
  held: 'the TLB of the CPU whose handler had not ended',
  missing: 'the end of flush_tlb_func() on that CPU',
  words:
    'The CPU that asks others to flush must wait until the last of them is done. Whoever goes on earlier frees pages that are still in use.',
  bugs: ['L18'],
});
