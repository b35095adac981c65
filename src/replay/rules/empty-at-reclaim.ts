import { OP } from '../../kernel/ops.js';
import { RECLAIMS } from '../../kernel/variant-sets.js';
import { isKnown } from '../../timeline/is-known.js';
import { shownBy } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const emptyAtReclaim = rule({
  number: 17,
  name: 'empty-at-reclaim',
  severity: 'S1',
  statement: 'T is taken for empty only while all its entries are none',
  why: 'a page faulted in after the lock was dropped would be lost with the table',
  source: 'mm/pt_reclaim.c; commit f39edcf6349a',
  needs: [PROBES.EMPTY],
  byProbes: [PROBES.PTES],
  idle: 'no table was taken for empty',
  variants: RECLAIMS,
  held: 'the entry that is still set',
  missing: 'a look at all 512 entries under the lock',
  words:
    'MADV_DONTNEED may remove a page table that has become empty. Empty means all 512 entries at that moment: if the lock was dropped in between, another thread may have put a page there, and it would be lost.',
  bugs: ['L25'],
  monitor: (evidence, verdicts) => ({
    /** Handed over outside of free_pgd_range(): it was taken for empty. Nothing leads to it any more. */
    tableRemoved(table, _gather, task, op) {
      if (op.kind !== OP.TR || !isKnown(op.a4) || isKnown(task.pgdEnd)) return;
      if (op.a4 === 0) verdicts.pass(KNOWN.observed);
      else if (evidence.coverage.shown(OP.FPGD) === 0)
        verdicts.unknown('whether it was reclaimed is not shown: needs a kprobe on free_pgd_range', op.ref);
      else {
        const message = `table ${pageName(table.key)} was taken for empty while one of its entries was set`;
        verdicts.violated(shownBy(op, 'taken for empty', message));
      }
    },
    declaredEmpty(page, op) {
      const [va] = page.entries.keys();
      if (va === undefined) {
        verdicts.pass(KNOWN.observed);
        return;
      }
      const message = `table ${pageName(page.key)} was taken for empty while its entry for 0x${va.toString(16)} is set`;
      verdicts.violated(shownBy(op, 'taken for empty', message));
    },
  }),
});
