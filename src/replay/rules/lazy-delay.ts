import { isTableFunc, OP } from '../../kernel/ops.js';
import { BATCHES } from '../../kernel/variant-sets.js';
import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const lazyDelay = rule({
  number: 45,
  name: 'lazy-delay',
  severity: 'S3',
  statement: 'a callback runs within 10 s (lazy flush) and a grace period of its call_rcu',
  why: 'later is a stall: tables pile up',
  source: 'kernel/rcu/tree_nocb.h jiffies_lazy_flush; Documentation/RCU/stallwarn.rst',
  needs: [PROBES.CR, PROBES.CB],
  idle: 'no page-table callback ran whose enqueue is in the trace',
  afterQueue: true,
  variants: BATCHES,
  held: 'the tables of the batch: memory that nobody can use',
  missing: 'the end of a grace period',
  words:
    'Callbacks may be delayed on purpose for up to ten seconds to save power. Much longer than that means that a grace period is stuck.',
  bugs: [],
  instead: 'Not a bug of page tables, but tables pile up meanwhile.',
  monitor: (evidence, verdicts) => ({
    callbackRan(head, _cpu, op) {
      if (!isTableFunc(head.func)) return;
      const ns = op.tsNs - head.crTs;
      if (evidence.ticks) verdicts.unknown(TICKS, op.ref);
      else if (ns <= LAZY_NS) verdicts.pass(KNOWN.observed);
      else if (ns <= STALL_NS)
        verdicts.unknown('more than 10 s: a lazy flush and a slow grace period explain it', op.ref);
      else if (evidence.coverage.shown(OP.SW) > 0 && ns - evidence.pausedNs(head.crTs, op.tsNs) <= STALL_NS) {
        verdicts.unknown(PAUSED, op.ref);
      } else {
        verdicts.violated({
          message: `the callback ran ${(ns / 1e9).toFixed(1)} s after call_rcu: a stalled grace period`,
          known: KNOWN.observed,
          events: witnesses(w(head.crRef, 'call_rcu'), w(op.ref, 'callback')),
        });
      }
    },
  }),
});

const TICKS =
  'the stamps are ticks of a clock of unknown pace: how long the callback was delayed is not known';
const PAUSED =
  'for 5 s or more in between not even a task switch is shown on any CPU: the machine may not have run, or lines are missing';
/** Lazy callbacks are flushed after 10 s (jiffies_lazy_flush); a stall is announced after 21 s more. */
const LAZY_NS = 10e9;
const STALL_NS = 31e9;
