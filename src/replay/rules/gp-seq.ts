import { GRACE_PERIOD as GP } from '../../kernel/operands.js';
import { GP_EVENT, OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { isKnown } from '../../timeline/is-known.js';
import { lostSince, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** The return of rcu_gp_cleanup() and the entry of rcu_gp_init(): where the number has moved on, the grace period is over. */
const NEXT: ReadonlySet<number> = new Set([GP_EVENT.endret, GP_EVENT.init]);

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
    let ended = { seq: Number.NaN, step: 0 };
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
          if (GP.event(op) !== GP_EVENT.start) {
            const ends = GP.event(op) === GP_EVENT.endret && !lostSince(evidence, ended.step);
            if (ends && isKnown(ended.seq) && GP.seq(op) !== ended.seq + 3) {
              bad(`grace period ${ended.seq} ends with number ${GP.seq(op)}`, op, last.ref);
            }
            if (GP.event(op) === GP_EVENT.end) ended = { seq: GP.seq(op), step: evidence.state.seq };
            const next = NEXT.has(GP.event(op)) && GP.seq(op) > running;
            if (next || (GP.event(op) === GP_EVENT.end && GP.seq(op) === running)) running = Number.NaN;
            return;
          }
          // The return of rcu_gp_init(): its tracepoint has told of this start already.
          if (isKnown(GP.byProbe(op)) && GP.seq(op) === running) return;
          const follows = isKnown(last.seq) && !lostSince(evidence, last.step);
          if (((GP.seq(op) % 4) + 4) % 4 !== 1) {
            bad(`grace period ${GP.seq(op)} starts with a number that is not 4k+1`, op, -1);
          } else if (follows && GP.seq(op) !== last.seq + 4) {
            bad(`grace period ${GP.seq(op)} follows ${last.seq}`, op, last.ref);
          } else if (follows && isKnown(running)) {
            bad(`grace period ${GP.seq(op)} starts while ${running} has not ended`, op, last.ref);
          } else verdicts.pass(KNOWN.observed);
          running = GP.seq(op);
          last = { seq: GP.seq(op), ref: op.ref, step: evidence.state.seq };
        },
      },
    };
  },
});
