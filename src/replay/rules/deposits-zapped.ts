import type { Op } from '../../kernel/ops.js';
import { shownBy } from '../evidence.js';
import type { MechPage } from '../state/mech.js';
import { KNOWN } from '../tally.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const depositsZapped = rule({
  number: 15,
  name: 'deposits-zapped',
  severity: 'S1',
  statement: 'a PMD table is handed over or released only when none of its deposits is left',
  why: 'the deposited PTE table would leak, and its list hangs in a freed page',
  source: 'mm/huge_memory.c zap_deposited_table(); VM_BUG_ON in pmd_ptlock_free()',
  feature: 'thp',
  needs: [PROBES.DEP],
  idle: 'no table was deposited',
  held: 'the deposited PTE tables, listed in the PMD table',
  missing: 'zap_deposited_table() for each of them',
  words:
    'For each huge page the kernel keeps a spare page table at hand (a deposit), hung on the PMD table. When the PMD table goes, the spare ones must have been taken off before, or they are lost.',
  bugs: ['L35'],
  monitor: (_evidence, verdicts) => {
    const depositsAt = (page: MechPage, op: Op, done: string): void => {
      const deposit = page.deposits[0];
      if (deposit !== undefined) {
        const message = `table ${pageName(page.key)} was ${done} with table ${pageName(deposit)} still deposited`;
        verdicts.violated(shownBy(op, done, message));
      } else if (page.everDeposits) verdicts.pass(KNOWN.observed);
    };
    return {
      released: (page, reused, _task, op) =>
        depositsAt(page, op, reused ? 'used for something else' : 'released'),
      handedOver(page, op) {
        if (page) depositsAt(page, op, 'handed to a gather');
      },
    };
  },
});
