import { OP } from '../../kernel/ops.js';
import { shownBy } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const pgdNeverViaGather = rule({
  number: 14,
  name: 'pgd-never-via-gather',
  severity: 'S1',
  statement: 'a table handed to a gather is never a PGD',
  why: 'the PGD is freed by pgd_free() after the last user is gone; its list pointer overlaps pt_rcu_head',
  source: 'arch/x86/mm/pgtable.c pgd_free(), pgd_list',
  needs: [PROBES.TR],
  idle: 'no table was handed to a gather',
  held: 'the mm: its top-level table stays until __mmdrop()',
  missing: 'pgd_free() after the last user, in place of the gather',
  words:
    'The top-level table of a process (PGD) is on a list of its own that shares memory with the rcu_head, and it is freed only when the last CPU has left the process. It must never go the way of the other tables.',
  bugs: ['L34'],
  monitor: (evidence, verdicts) => ({
    handedOver(page, op) {
      if (page?.pgd) {
        const message = `the top-level table ${pageName(page.key)} was handed to a gather`;
        verdicts.violated(shownBy(op, 'handed over', message));
      } else if (op.kind !== OP.TR && evidence.state.mech.pgds > 0) verdicts.pass(KNOWN.observed);
    },

    /** From the probe that fired: each level has its own, and none is for the top one. */
    tableRemoved(table, _gather, _task, op) {
      if (op.kind === OP.TR && table.level >= 1 && table.level <= 4) verdicts.pass(KNOWN.observed);
    },
  }),
});
