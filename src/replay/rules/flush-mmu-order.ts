import { FUNC } from '../../kernel/ops.js';
import { LOSS, lostSince, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';
import { pageWithinFlush, perhapsBack, releasedEarly } from './unflushed.js';
import { UnseenReturns } from './unseen-returns.js';

export const flushMmuOrder = rule({
  number: 10,
  name: 'flush-mmu-order',
  severity: 'S3',
  statement: 'within one flush cycle: FD → CR → first FREE of the page batch',
  why: 'tlb_flush_mmu_free() hands tables to RCU before it releases data pages',
  source: 'mm/mmu_gather.c tlb_flush_mmu_free()',
  needs: [PROBES.FD, PROBES.FREE],
  idle: 'no gather released a page',
  held: 'the table batch of the same gather',
  missing: 'tlb_table_flush(): the hand-over of the batch to RCU',
  words:
    'When a gather is flushed, three things happen in a fixed order: the TLB flush finishes, table batches are handed to RCU, data pages are released. Pages released before the flush are still in use by other CPUs.',
  bugs: ['L03'],
  monitor: (evidence, verdicts) => {
    const returns = new UnseenReturns(evidence, verdicts);
    return {
      returnUnseen: (flush) => returns.returnUnseen(flush),
      returnedAfterAll: (flush, op) => returns.returnedAfterAll(flush, op),
      end: () => returns.end(),

      /** First release of a cycle after its flush. */
      cycleFreed(gather) {
        const flush = gather.lastFlush;
        if (flush && (!flush.backByOrder || flush.settled)) verdicts.pass(KNOWN.observed);
      },

      pageFreed(_pfn, known, gather, op) {
        const flush = gather.lastFlush;
        if (known && flush) returns.rests(flush, null, op.ref, () => pageWithinFlush(gather, flush, op));
      },

      flushDone(flush, gather, _task, op) {
        if (!gather || lostSince(evidence, gather.gbSeq)) return;
        for (const early of gather.early) {
          if (early.known && early.taken && !perhapsBack(early, flush))
            verdicts.violated(releasedEarly(gather, early, flush, op));
        }
      },

      queued(head, gather, task, op) {
        // With one under way, whose return is not shown, the newest cycle is not known.
        if (!gather?.lastFlush || task.flush || head.func !== FUNC.tlb_remove_table_rcu) return;
        if (gather.freesSinceFlush === 0) {
          if (lostSince(evidence, gather.lastFlush.fdSeq)) verdicts.unknown(LOSS, op.ref);
          else verdicts.pass(KNOWN.observed);
        } else if (gather.firstFreeKnown) {
          verdicts.violated({
            message: 'a page was released between the flush and the hand-over of the table batch to RCU',
            known: KNOWN.observed,
            before: gather.firstFreeRef,
            events: witnesses(
              w(gather.lastFlush.fdRef, 'flush done'),
              w(gather.firstFreeRef, 'page released'),
              w(op.ref, 'call_rcu'),
            ),
          });
        } else {
          verdicts.unknown('a page freed between flush and call_rcu is not known to be of this mm', op.ref);
        }
      },
    };
  },
});
