import { isTableFunc, OP } from '../../kernel/ops.js';
import { BATCHES } from '../../kernel/variant-sets.js';
import { CONTEXT } from '../../timeline/flags.js';
import { LOSS, lostSince, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

const NO_CONTEXT =
  'its table was released in between, perhaps by the callback: nothing tells what ran in interrupts (no flags column)';

export const noDoubleCallRcu = rule({
  number: 11,
  name: 'no-double-call_rcu',
  severity: 'S1',
  statement: 'CR(h) ⇒ no CR(h) until CB(h)',
  why: 'queuing a head twice corrupts the callback list',
  source: 'kernel/rcu/rcu.h debug_rcu_head_queue()',
  needs: [PROBES.CR],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'RCU: the head is pending on the list of the CPU that queued it',
  missing: 'the callback of the first call_rcu()',
  words:
    'An rcu_head is a link in a list. Queuing it again while it is still in the list ties the list into a knot: callbacks are lost or run forever.',
  bugs: ['L32'],
  monitor: (evidence, verdicts) => {
    /** An enqueue that is counted already. */
    let counted = -1;
    return {
      /** Holds if nothing was queued on this head before: it came to life, or was handed over, in plain sight. */
      queued(head, gather) {
        if (!isTableFunc(head.func)) return;
        const seenFrom = Math.max(gather && !gather.headless ? gather.gbSeq : 0, head.tables[0]?.trSeq ?? 0);
        if (evidence.state.lossSeq > seenFrom) {
          if (head.crRef !== counted) verdicts.unknown(LOSS, head.crRef);
        } else verdicts.pass(KNOWN.observed);
      },

      /** `debug_rcu_head_queue()` catches the same in a debug kernel. */
      queuedTwice(head, again) {
        const { coverage } = evidence;
        const byTracepoint = again.kind === OP.RQ;
        // The queued() that follows counts the new enqueue as a pass; this instance is the violation instead.
        if (lostSince(evidence, head.crSeq)) {
          verdicts.unknown(LOSS, again.ref);
          counted = again.ref;
          return;
        }
        if (byTracepoint && coverage.shown(OP.RI) === 0) return;
        // Without a flags column nothing tells a callback from the task that it interrupts, but what it released is free.
        if (again.context === CONTEXT.unknown && head.tables.some((t) => t.freeSeq > head.crSeq)) {
          verdicts.unknown(NO_CONTEXT, again.ref);
          counted = again.ref;
          return;
        }
        // The callback's own probe can be skipped silently; the release of its page cannot.
        if (!byTracepoint && !(coverage.shown(OP.FREE) > 0 && head.page >= 0)) {
          verdicts.unknown(
            'whether the callback ran in between is not shown: needs kmem:mm_page_free',
            again.ref,
          );
          return;
        }
        verdicts.violated({
          message: `call_rcu() on a head that is still pending${isTableFunc(head.func) ? '' : ' (not a page-table callback)'}`,
          known: KNOWN.observed,
          assumesAllCpus: true,
          // Not on a probe: the release of its page and the tracepoint are what was not seen.
          rests: { kinds: byTracepoint ? [OP.RI] : [] },
          held: [`RCU: the head, pending on the callback list of CPU ${head.crCpu}`],
          events: witnesses(w(head.crRef, 'first call_rcu'), w(again.ref, 'second call_rcu')),
        });
      },
    };
  },
});
