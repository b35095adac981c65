import { isTableFunc } from '../../kernel/ops.js';
import { BATCHES } from '../../kernel/variant-sets.js';
import { CONTEXT } from '../../timeline/flags.js';
import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const cbContext = rule({
  number: 44,
  name: 'cb-context',
  severity: 'S3',
  statement: 'callbacks run in softirq or in a kthread made for them, never in a hard interrupt',
  why: 'releasing a page takes locks that a hard interrupt must not wait for',
  source: 'kernel/rcu/tree.c rcu_do_batch()',
  needs: [PROBES.CB],
  idle: 'no page-table callback ran whose enqueue is in the trace',
  afterQueue: true,
  variants: BATCHES,
  held: 'the interrupted code and its locks',
  missing: 'raise_softirq(RCU_SOFTIRQ) and return',
  words:
    'Callbacks run in softirq or in kernel threads made for them. In a hard interrupt the locks they take could be held by the code that was interrupted.',
  bugs: [],
  instead: 'No release bug is known.',
  monitor: (_evidence, verdicts) => ({
    /** kernel/rcu/tree.c rcu_do_batch() runs in softirq or in a kthread made for it. */
    callbackRan(head, _cpu, op) {
      if (!isTableFunc(head.func)) return;
      if (op.context === CONTEXT.softirq) verdicts.pass(KNOWN.observed);
      else if (op.context === CONTEXT.hardirq || op.context === CONTEXT.nmi) {
        verdicts.violated({
          message: `an RCU callback runs in ${op.context === CONTEXT.nmi ? 'NMI' : 'hard interrupt'} context`,
          known: KNOWN.observed,
          certain: true,
          events: witnesses(w(op.ref, 'callback')),
        });
      } else
        verdicts.unknown('the lines do not show a softirq, nor a kthread known to run callbacks', op.ref);
    },
  }),
});
