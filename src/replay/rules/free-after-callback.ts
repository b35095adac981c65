import { BATCHES } from '../../kernel/variant-sets.js';
import { CONTEXT } from '../../timeline/flags.js';
import { CLOCK, flips, LOSS, lostSince, margin, order, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { tableName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const freeAfterCallback = rule({
  number: 4,
  name: 'free-after-callback',
  severity: 'S1',
  statement: 'T in a pending call_rcu: CB(h) → FREE(T), on the CPU and in the context that runs CB',
  why: 'a table released early is pulled from under lockless walkers, and released again by the callback',
  source: 'mm/mmu_gather.c __tlb_remove_table_free()',
  needs: [PROBES.CR, PROBES.FREE],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'RCU: the head is pending on the list of the CPU that queued it',
  missing: 'the RCU callback, after a grace period',
  words:
    'A table that was given to call_rcu() is released by the callback, and by nothing else. If somebody frees it while the callback is pending, walkers lose it under their feet, and the callback frees it a second time.',
  bugs: ['L37'],
  monitor: (evidence, verdicts) => ({
    /** mm/mmu_gather.c __tlb_remove_table_free() is the only place that may release a queued table. */
    tableFreed(table, task, cpu, op) {
      const head = table.head;
      if (!head) return;
      if (head.ran === 1) {
        const inside = cpu !== null && cpu.callback === head && cpu.callbackTask === task.key;
        verdicts.pass(inside ? KNOWN.observed : KNOWN.inferred);
      } else if (head.ran === 2) verdicts.pass(KNOWN.inferred);
      else if (head.stale) {
        verdicts.unknown('its callback was not seen, and another page of its batch is in use again', op.ref);
      } else if (op.context === CONTEXT.unknown) {
        verdicts.unknown('the lines have no flags column, so task and softirq context look alike', op.ref);
      } else if (lostSince(evidence, head.crSeq)) verdicts.unknown(LOSS, op.ref);
      else {
        verdicts.violated({
          message: `${tableName(table)} was released in task context while its call_rcu was pending`,
          known: KNOWN.observed,
          // Whatever callback was missed: it would not have run in a task.
          rests: { kinds: [] },
          held: [`RCU: the head, pending on the callback list of CPU ${head.crCpu}`],
          events: witnesses(
            w(table.trRef, 'unlinked and handed over'),
            w(head.crRef, 'call_rcu'),
            w(op.ref, 'released, no callback yet'),
          ),
        });
      }
    },

    /** A callback whose table frees were taken as proof that it had run starts only now: those frees came early. */
    callbackAfterInferred(head, op) {
      for (const table of head.tables) {
        if (table.freeSeq === 0) continue;
        verdicts.revoke(KNOWN.inferred);
        const known = order(evidence, table.freeTs, table.freeCpu, op.tsNs, op.cpu);
        if (known === null) {
          verdicts.unknown(CLOCK, table.freeRef);
          continue;
        }
        verdicts.violated({
          message: `${tableName(table)} was released before its RCU callback ran`,
          known,
          before: table.freeRef,
          ...flips(margin(evidence, table.freeTs, table.freeCpu, op.tsNs, op.cpu)),
          events: witnesses(
            w(head.crRef, 'call_rcu'),
            w(table.freeRef, 'released'),
            w(op.ref, 'callback starts'),
          ),
        });
      }
    },
  }),
});
