import { OP } from '../../kernel/ops.js';
import { LOSS, lostSince, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { pageReleased, stillHeld, wasHeld, wentAwayAndBack, worst } from './cached.js';
import { tableName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';
import { everyTargetShown, LEAVES_ONLY, unflushed, withinFlush } from './unflushed.js';
import { UnseenReturns } from './unseen-returns.js';

const RELEASE_UNSEEN =
  'a table is allocated again once its callback has run: when it was released is not shown, the line is missing';

export const pwcBeforeReuse = rule({
  number: 3,
  name: 'pwc-before-reuse',
  severity: 'S1',
  statement:
    'for every table T and every CPU that may cache a walk through it: a walk-cache invalidation lies between UL(T) and FREE(T) or ALLOC(T)',
  why: 'a paging-structure cache entry makes the CPU read arbitrary data as page-table entries',
  source: 'SDM vol. 3A §4.10.3, §4.10.4; commits d86564a2f085, b956575bed91',
  needs: [PROBES.TR, PROBES.FR, PROBES.FD, PROBES.FREE],
  idle: 'no page table handed to a gather was released in this recording',
  held: 'paging-structure caches of every CPU in mm_cpumask: the way through the table',
  missing: 'flush_tlb_mm_range() with freed_tables=1, begun after the unlink and returned',
  words:
    'CPUs do not only cache final translations but also the way to them: the upper levels of the tables (paging-structure cache). A CPU with such a copy goes straight to the lower table without looking at its parent. So a table may be released or reused only after these copies are gone too, on lazy CPUs as well.',
  bugs: ['L02', 'L03', 'L10', 'L21', 'L22', 'L23', 'L24'],
  monitor: (evidence, verdicts) => {
    const returns = new UnseenReturns(evidence, verdicts);
    return {
      returnUnseen: (flush) => returns.returnUnseen(flush),
      returnedAfterAll: (flush, op) => returns.returnedAfterAll(flush, op),
      end: () => returns.end(),

      tableFreed(table, _task, _cpu, op) {
        if (table.trSeq === 0) return;
        const { flush } = table;
        if (flush) {
          const known = everyTargetShown(flush) ? KNOWN.observed : KNOWN.inferred;
          returns.rests(flush, known, op.ref, () => withinFlush(table, flush, op, 'released', 'released'));
        } else if (table.leafFlush) {
          if (everyTargetShown(table.leafFlush)) verdicts.pass(KNOWN.inferred);
          else verdicts.unknown(LEAVES_ONLY, op.ref);
        } else unflushed(evidence, verdicts, table, op, 'released', 'released');
      },

      tableReused(table, op) {
        // Releases are shown by pfn: without the base they cannot be tied to this table.
        if (evidence.coverage.shown(OP.FREE) === 0 || table.key < 0) return;
        if (lostSince(evidence, table.trSeq)) {
          verdicts.unknown(LOSS, op.ref);
          return;
        }
        const { head } = table;
        const mayBeReleased = head !== null && head.ran !== 0 && !head.stale && !table.freedBeforeTr;
        if (mayBeReleased && !evidence.exactClock) {
          verdicts.unknown(RELEASE_UNSEEN, op.ref);
          return;
        }
        verdicts.violated({
          message: `${tableName(table)} was allocated again before it was released`,
          known: KNOWN.absence,
          assumesAllCpus: true,
          events: witnesses(
            w(table.trRef, 'unlinked'),
            w(table.head?.crRef ?? -1, 'call_rcu'),
            w(op.ref, 'reused'),
          ),
        });
      },

      released(page, reused, _task, op) {
        const holder = worst(evidence.state.mech, page, false);
        if (holder) stillHeld(evidence, verdicts, holder, page, op, pageReleased(page, reused, 'table'));
        else if (wasHeld(page, false)) verdicts.pass(KNOWN.observed);
      },

      cameBack(holder, op) {
        if (!holder.leaf) stillHeld(evidence, verdicts, holder, null, op, wentAwayAndBack(holder));
      },
    };
  },
});
