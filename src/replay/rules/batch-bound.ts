import { CALLBACK } from '../../kernel/operands.js';
import { FUNC, type Op } from '../../kernel/ops.js';
import { BATCHES } from '../../kernel/variant-sets.js';
import { LOSS, w, witnesses } from '../evidence.js';
import type { Head } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import { batchCount } from './batch-count.js';
import { notReleased, pageLeaked, showsItsFrees, tooFew } from './callback-frees.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const batchBound = rule({
  number: 8,
  name: 'batch-bound',
  severity: 'S3',
  statement: 'a batch holds at most 509 tables, and its callback releases as many as were appended',
  why: 'the batch is one page: a header of 24 bytes and 509 pointers',
  source: 'include/asm-generic/tlb.h MAX_TABLE_BATCH; mm/mmu_gather.c tlb_remove_table()',
  needs: [PROBES.CR],
  idle: 'no batch of tables was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'one page of 509 slots: struct mmu_table_batch',
  missing: 'call_rcu() of the full batch (tlb_table_flush)',
  words:
    'A batch of tables is one page with room for 509 pointers. More cannot fit, and the callback must release as many tables as were put in.',
  bugs: [],
  instead: 'No release bug is known; an off-by-one here would write beyond the page.',
  monitor: (evidence, verdicts) => {
    /** The callback releases what was appended. */
    const counted = (head: Head, op: Op): void => {
      const count = batchCount(evidence, head, op);
      if (count === 'lost') verdicts.unknown(LOSS, op.ref);
      else if (count === 'differs') {
        verdicts.violated({
          message: `${head.tables.length} tables were appended, but the callback releases ${CALLBACK.batchNr(op)}`,
          known: KNOWN.observed,
          assumesAllCpus: true,
          events: witnesses(w(head.crRef, 'call_rcu'), w(op.ref, 'callback')),
        });
      }
    };
    return {
      queued(head, _gather, _task, op) {
        if (head.func !== FUNC.tlb_remove_table_rcu || !head.tablesKnown) return;
        if (head.tables.length <= MAX_TABLE_BATCH) verdicts.pass(KNOWN.observed);
        else {
          verdicts.violated({
            message: `a batch of ${head.tables.length} tables: a page holds ${MAX_TABLE_BATCH}`,
            known: KNOWN.observed,
            events: witnesses(w(op.ref, 'call_rcu')),
          });
        }
      },
      callbackRan: (head, _cpu, op) => counted(head, op),
      callbackFunc: counted,
      callbackOver(head, cpu, op) {
        if (!showsItsFrees(head) || notReleased(evidence, head).length > 0) return;
        tooFew(evidence, verdicts, head, cpu, op);
        pageLeaked(evidence, verdicts, head, cpu, op);
      },
    };
  },
});

/** mm/mmu_gather.c MAX_TABLE_BATCH: (4096 − 24) / 8. */
const MAX_TABLE_BATCH = 509;
