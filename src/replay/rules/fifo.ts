import { LOSS, lostSince, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const fifo = rule({
  number: 42,
  name: 'fifo',
  severity: 'S3',
  statement: 'callbacks queued on one CPU run in the order of their call_rcu',
  why: 'the segmented list keeps order; a change of order shows a corrupted list',
  source: 'kernel/rcu/rcu_segcblist.c',
  needs: [PROBES.CB],
  idle: 'no callback ran whose enqueue is in the trace',
  held: 'the callback that was queued first',
  missing: 'its turn',
  words: 'Callbacks queued on one CPU run in the order in which they were queued.',
  bugs: [],
  instead: 'No release bug is known; a change of order shows a damaged list.',
  monitor: (evidence, verdicts) => ({
    /** rcu_segcblist keeps the order of one CPU's enqueues. */
    callbackRan(head, _cpu, op) {
      if (head.crCpu < 0 || op.cpu < 0) return;
      if (head.crCpu !== op.cpu) {
        verdicts.unknown('the callback ran on another CPU than the one that queued it', op.ref);
        return;
      }
      const younger = head.overtakenBy;
      if (!younger) {
        // A younger one may have run in what was lost here.
        if ((evidence.state.cpus[op.cpu]?.lossSeq ?? 0) > head.crSeq) verdicts.unknown(LOSS, op.ref);
        else verdicts.pass(head.ran === 1 ? KNOWN.observed : KNOWN.inferred);
        return;
      }
      if (lostSince(evidence, head.crSeq)) {
        verdicts.unknown(LOSS, op.ref);
        return;
      }
      if (head.listedSeq === 0 || head.listedSeq > younger.crSeq) {
        verdicts.unknown('the older call_rcu may have been interrupted before it reached the list', op.ref);
        return;
      }
      verdicts.violated({
        message: `callbacks of CPU ${head.crCpu} ran out of order`,
        known: KNOWN.observed,
        before: younger.cbRef,
        events: witnesses(
          w(head.crRef, 'queued first'),
          w(younger.crRef, 'queued second'),
          w(younger.cbRef, 'second ran'),
          w(op.ref, 'first ran'),
        ),
      });
    },
  }),
});
