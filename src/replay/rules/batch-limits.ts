import { RCU_BATCH } from '../../kernel/operands.js';
import { OP } from '../../kernel/ops.js';
import { CONTEXT, contextOf, FLAG } from '../../timeline/flags.js';
import { isKnown } from '../../timeline/is-known.js';
import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const batchLimits = rule({
  number: 43,
  name: 'batch-limits',
  severity: 'S4',
  statement: 'a softirq batch runs no more callbacks than its limit (bl), unless the CPU is idle',
  why: 'a flood of callbacks would keep everything else from running',
  source: 'kernel/rcu/tree.c rcu_do_batch()',
  needs: [PROBES.BATCHE],
  idle: 'no batch of callbacks ended',
  held: 'the CPU: callbacks keep all else from running',
  missing: 'the end of the batch at its limit',
  words: 'RCU runs only so many callbacks in one go, so that nothing else starves.',
  bugs: [],
  instead: 'Freeing 509 tables is one callback: it may take long although the count is small.',
  monitor: (evidence, verdicts) => {
    /** Limit of the batch that runs on a CPU; 0 none known. */
    const limits: number[] = [];
    return {
      on: {
        [OP.BATCH]: (op) => {
          if (op.cpu >= 0)
            limits[op.cpu] = isKnown(RCU_BATCH.limit(op)) ? Math.max(RCU_BATCH.limit(op), 0) : 0;
        },
        /** The limit is printed; idle CPUs and callback kthreads go on beyond it. */
        [OP.BATCHE]: (op) => {
          if (op.cpu < 0) return;
          const limit = limits[op.cpu] ?? 0;
          limits[op.cpu] = 0;
          if (limit === 0 || !(RCU_BATCH.invoked(op) >= 0)) return;
          const state = evidence.nameOf(RCU_BATCH.state(op));
          if (RCU_BATCH.invoked(op) <= limit) verdicts.pass(KNOWN.observed);
          // kernel/rcu/tree_nocb.h: an offloaded CPU's kthread invokes all that are ready, in process context.
          else if ((op.flags & FLAG.known) !== 0 && contextOf(op.flags) !== CONTEXT.softirq) {
            verdicts.pass(KNOWN.observed);
          }
          // perf cannot print these characters: `idle=>c<>c<>c<>c<`.
          else if (!BATCH_STATE.test(state)) {
            verdicts.unknown('whether the CPU was idle at the end of the batch is not shown', op.ref);
          } else if (/[IR]/.test(state)) verdicts.pass(KNOWN.observed);
          else if ((op.flags & FLAG.known) === 0) verdicts.unknown(CONTEXT_UNSEEN, op.ref);
          else {
            verdicts.violated({
              message: `${RCU_BATCH.invoked(op)} callbacks ran in one batch whose limit is ${limit}`,
              known: KNOWN.observed,
              assumesAllCpus: true,
              events: witnesses(w(op.ref, 'batch ends')),
            });
          }
        },
      },
    };
  },
});

const CONTEXT_UNSEEN =
  'whether it ran in a softirq or in a callback kthread, which has no limit, is not shown (no flags column)';

/** include/trace/events/rcu.h rcu_batch_end: more callbacks, need_resched, idle task, callback kthread. */
const BATCH_STATE = /^[.C][.S][.I][.R]$/;
