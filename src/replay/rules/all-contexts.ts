import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I31. */
export const allContexts = rule({
  number: 31,
  name: 'all-contexts',
  severity: 'S1',
  statement: 'an invalidation covers what was cached under the user PCID as well as under that of the kernel',
  why: 'with page-table isolation a process has two tags; a translation under the other one stays usable',
  source: 'arch/x86/mm/tlb.c invalidate_user_asid(), clear_asid_other()',
  needs: [PROBES.HW],
  idle: 'nothing cached in user mode was released',
  held: 'the user PCID of the CPU',
  missing: 'invalidate_user_asid() as well',
  words:
    'With page-table isolation each process has two sets of translations, one for the kernel and one for the program, under different tags. A flush has to reach both; and for kernel addresses, those of every process.',
  bugs: ['L30'],
});
