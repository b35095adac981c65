import { HAND_OVER } from '../../kernel/operands.js';
import { OP } from '../../kernel/ops.js';
import { CLOCK, flips, LOSS, lostSince, margin, shownBy, surelyBefore, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { pageName, tableName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const unlinkBeforeFree = rule({
  number: 1,
  name: 'unlink-before-free',
  severity: 'S1',
  statement: 'for every published table T: UL(T) → FREE(T)',
  why: 'a table still reachable from its parent is walked by hardware and software alike',
  source: 'include/asm-generic/tlb.h ("unhook, invalidate, free"); mm/memory.c free_pgd_range()',
  needs: [PROBES.TR, PROBES.FREE],
  idle: 'no page table handed to a gather was released in this recording',
  held: 'the entry in the parent table: it still points to the page',
  missing: 'clearing that entry (the unlink)',
  words:
    'A page table is a page that other pages point to. Before it may be given back, nothing may point to it any more: first the entry in its parent is cleared, then caches are emptied, then the page is released. If the order is turned round, a walker follows the pointer into a page that already belongs to somebody else.',
  bugs: ['L37', 'L38'],
  monitor: (evidence, verdicts) => ({
    tableFreed(table) {
      if (table.trSeq > 0) verdicts.pass(table.ulRef >= 0 ? KNOWN.observed : KNOWN.inferred);
    },

    /** A hand-over of a page last seen released: with every birth visible, the release came before the unlink. */
    tableRemovedAfterFree(table, task, op) {
      const { coverage } = evidence;
      // Any allocation shows a new life; a PTE table also shows its own through pte_alloc_one. Upper tables made for
      // huge mappings do not, so for them only the page allocator's event will do.
      const pte = op.kind === OP.TR && HAND_OVER.level(op) === 1;
      // The page allocator names frames: that one is of a table known by its address alone (no base) cannot be told.
      const named = table.key >= 0;
      const birthsShow = (named && coverage.shown(OP.ALLOC) > 0) || (pte && coverage.shown(OP.PTEN) > 0);
      if (!birthsShow) return;
      if (lostSince(evidence, table.freeSeq)) {
        verdicts.unknown(LOSS, op.ref);
        return;
      }
      if (surelyBefore(evidence, table.freeTs, table.freeCpu, op.tsNs, op.cpu) === null) {
        verdicts.unknown(CLOCK, op.ref);
        return;
      }
      verdicts.violated({
        message: `${tableName(table)} was released before it was unlinked`,
        known: KNOWN.absence,
        assumesAllCpus: true,
        held: [`the entry in the parent table, cleared only by task ${task.key} on CPU ${op.cpu}`],
        before: table.freeRef,
        ...flips(margin(evidence, table.freeTs, table.freeCpu, op.tsNs, op.cpu)),
        events: witnesses(
          w(table.birthRef, 'allocated'),
          w(table.freeRef, 'released'),
          w(op.ref, `unlinked only now (task ${task.key})`),
        ),
      });
    },

    released(page, reused, _task, op) {
      if (reused || !page.everLinked) return;
      if (page.links.length === 0) verdicts.pass(KNOWN.observed);
      else {
        const message = `table ${pageName(page.key)} was released while it was still linked`;
        verdicts.violated(shownBy(op, 'released', message));
      }
    },
  }),
});
