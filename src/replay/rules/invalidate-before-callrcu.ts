import { FUNC } from '../../kernel/ops.js';
import { BATCHES } from '../../kernel/variant-sets.js';
import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { queuedToRcu, stillHeld, wasHeld, worst } from './cached.js';
import { tableName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';
import { unflushed, withinFlush } from './unflushed.js';
import { UnseenReturns } from './unseen-returns.js';

export const invalidateBeforeCallrcu = rule({
  number: 9,
  name: 'invalidate-before-callrcu',
  severity: 'S1',
  statement: 'for every table T in a call_rcu: a finished flush with freed_tables=1, begun after UL(T) → CR',
  why: 'hardware does not take part in RCU: after the grace period it may still walk a cached table',
  source: 'mm/mmu_gather.c tlb_table_flush(); commit d86564a2f085',
  needs: [PROBES.TR, PROBES.FR, PROBES.FD, PROBES.CR],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'TLB and paging-structure caches of every CPU in mm_cpumask: the way through the table',
  missing: 'flush_tlb_mm_range() with freed_tables=1, begun after the unlink and returned',
  words:
    'Hardware does not take part in RCU: a grace period waits for software only. So the caches of all CPUs that may walk a table, lazy ones too, must be emptied before the table is handed to call_rcu(), not some time later.',
  bugs: ['L01', 'L11'],
  monitor: (evidence, verdicts) => {
    const returns = new UnseenReturns(evidence, verdicts);
    return {
      returnUnseen: (flush) => returns.returnUnseen(flush),
      returnedAfterAll: (flush, op) => returns.returnedAfterAll(flush, op),
      end: () => returns.end(),

      /** Commit d86564a2f085: invalidate before the batch is handed to RCU. */
      queued(head, _gather, _task, op) {
        for (const table of head.tables) {
          if (table.trSeq === 0) continue;
          const { flush } = table;
          if (flush) {
            const single = head.func !== FUNC.tlb_remove_table_rcu;
            const said = flush.freedTables === 1;
            const known = said ? (single ? KNOWN.observed : KNOWN.inferred) : KNOWN.assumed;
            returns.rests(flush, known, op.ref, () =>
              withinFlush(table, flush, op, 'queued to RCU', 'call_rcu'),
            );
          } else if (table.leafFlush) {
            verdicts.violated({
              message: `${tableName(table)} was queued to RCU after a flush with freed_tables=0, which skips lazy CPUs`,
              known: KNOWN.observed,
              held: ['lazy CPUs of mm_cpumask: paging-structure caches, the way through the table'],
              events: witnesses(
                w(table.trRef, 'unlinked'),
                w(table.leafFlush.frRef, 'flush'),
                w(op.ref, 'call_rcu'),
              ),
            });
          } else unflushed(evidence, verdicts, table, op, 'queued to RCU', 'call_rcu');
        }
      },

      /** Where the caches are told: no CPU may keep a way to a table that goes to RCU. */
      bound(page, head, op) {
        const holder = worst(evidence.state.mech, page, false);
        if (holder) stillHeld(evidence, verdicts, holder, page, op, queuedToRcu(page, head));
        else if (wasHeld(page, false)) verdicts.pass(KNOWN.observed);
      },
    };
  },
});
