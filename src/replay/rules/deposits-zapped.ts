import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I15. */
export const depositsZapped = rule({
  number: 15,
  name: 'deposits-zapped',
  severity: 'S1',
  statement: 'a PMD table is handed over or released only when none of its deposits is left',
  why: 'the deposited PTE table would leak, and its list hangs in a freed page',
  source: 'mm/huge_memory.c zap_deposited_table(); VM_BUG_ON in pmd_ptlock_free()',
  needs: [PROBES.DEP],
  idle: 'no table was deposited',
  held: 'the deposited PTE tables, listed in the PMD table',
  missing: 'zap_deposited_table() for each of them',
  words:
    'For each huge page the kernel keeps a spare page table at hand (a deposit), hung on the PMD table. When the PMD table goes, the spare ones must have been taken off before, or they are lost.',
  bugs: ['L35'],
});
