import { GP_EVENT, OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { lostSince, w, witnesses } from '../evidence.js';
import { KNOWN } from '../ledger.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const gpSeq = rule({
  number: 41,
  name: 'gp-seq',
  severity: 'S4',
  statement: 'grace periods start with 4k+1, each 4 higher than the last, and end before the next starts',
  why: 'gaps show events lost without a mark, or a mixed recording',
  source: 'kernel/rcu/rcu.h rcu_seq_start(), rcu_seq_end()',
  needs: [PROBES.GP],
  idle: 'no grace period started',
  held: 'the grace period before',
  missing: 'its end, and the next number',
  words:
    'Grace periods are numbered. A jump in the numbers shows that events are missing from the recording or that two recordings were mixed.',
  bugs: [],
  instead: 'A rule on the recording, not on the kernel.',
  monitor: (evidence, verdicts) => {
    /** The last start, NaN none; the number that runs, NaN none. */
    let last = { seq: Number.NaN, ref: -1, step: 0 };
    let running = Number.NaN;
    let ended = Number.NaN;
    const bad = (message: string, op: Op, before: EvidenceRef): void =>
      verdicts.violated({
        message,
        known: KNOWN.observed,
        assumesAllCpus: true,
        events: witnesses(w(before, 'previous start'), w(op.ref, 'start')),
      });
    return {
      on: {
        /** kernel/rcu/rcu.h rcu_seq_start(), rcu_seq_end(); `end` is traced with the old number. */
        [OP.GP]: (op) => {
          if (op.a1 !== GP_EVENT.start) {
            if (op.a1 === GP_EVENT.endret && ended === ended && op.a0 !== ended + 3) {
              bad(`grace period ${ended} ends with number ${op.a0}`, op, last.ref);
            }
            if (op.a1 === GP_EVENT.end) ended = op.a0;
            if (op.a1 === GP_EVENT.end && op.a0 === running) running = Number.NaN;
            return;
          }
          // The return of rcu_gp_init(): its tracepoint has told of this start already.
          if (op.a2 === op.a2 && op.a0 === running) return;
          const follows = last.seq === last.seq && !lostSince(evidence, last.step);
          if (((op.a0 % 4) + 4) % 4 !== 1) {
            bad(`grace period ${op.a0} starts with a number that is not 4k+1`, op, -1);
          } else if (follows && op.a0 !== last.seq + 4) {
            bad(`grace period ${op.a0} follows ${last.seq}`, op, last.ref);
          } else if (follows && running === running) {
            bad(`grace period ${op.a0} starts while ${running} has not ended`, op, last.ref);
          } else verdicts.pass(KNOWN.observed);
          running = op.a0;
          last = { seq: op.a0, ref: op.ref, step: evidence.state.seq };
        },
      },
    };
  },
});
