import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I25. */
export const genRules = rule({
  number: 25,
  name: 'gen-rules',
  severity: 'S1',
  statement: 'every flush of an mm has a generation of its own, one higher than the last',
  why: 'a CPU that has seen a generation skips flushes up to it',
  source: 'arch/x86/mm/tlb.c inc_mm_tlb_gen(), flush_tlb_func(); commit 8f1d56f64f8d',
  needs: [PROBES.FR, PROBES.FMULTI],
  idle: 'no two flushes of one mm show their generation',
  held: 'CPUs that take the first generation for both',
  missing: 'inc_mm_tlb_gen() for the second flush',
  words:
    "Every change of a process's tables gets a number that only grows. A CPU that has caught up with number n skips all requests up to n. If a number is used twice or goes back, flushes are skipped that were needed.",
  bugs: ['L18'],
});
