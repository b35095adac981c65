import { FUNC } from '../../kernel/ops.js';
import { SINGLE_BY_CALL_RCU } from '../../kernel/variant-sets.js';
import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const gpStorm = rule({
  number: 46,
  name: 'gp-storm',
  severity: 'S3',
  statement: 'no more than 10000 single tables await a grace period at once',
  why: 'the fallback is taken when memory is short: what it queues is the memory that is missing',
  source: 'kernel/rcu/tree.c qhimark; mm/mmu_gather.c tlb_remove_table_one()',
  needs: [PROBES.CR],
  idle: 'no single table was queued to RCU',
  afterQueue: true,
  variants: SINGLE_BY_CALL_RCU,
  held: 'the tables that await their grace period',
  missing: 'the end of a grace period, or a batch',
  words:
    'When memory is so short that not even a batch page can be had, tables are queued one by one. If thousands wait for their grace period, memory stays short because of them.',
  bugs: [],
  instead: 'Asked about in the review of the series; no report is known.',
  monitor: (_evidence, verdicts) => {
    let pending = 0;
    let storming = false;
    return {
      queued(head, _gather, _task, op) {
        if (head.func !== FUNC.__tlb_remove_table_one_rcu) return;
        if (++pending <= STORM) verdicts.pass(KNOWN.observed);
        else if (!storming) {
          storming = true;
          verdicts.violated({
            message: `${pending} single tables await their grace period: memory that the failing allocations need`,
            known: KNOWN.observed,
            events: witnesses(w(op.ref, 'call_rcu')),
          });
        }
      },
      callbackRan(head) {
        if (head.func === FUNC.__tlb_remove_table_one_rcu && pending > 0) pending--;
        if (pending <= STORM) storming = false;
      },
    };
  },
});

/** kernel/rcu/tree.c qhimark: beyond it RCU itself considers a CPU flooded. */
const STORM = 10_000;
