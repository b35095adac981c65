import { OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import {
  CLOCK,
  type Evidence,
  flips,
  kernelHas,
  LOSS,
  lostSince,
  margin,
  surelyBefore,
  w,
  witnesses,
} from '../evidence.js';
import type { Monitor, OpListeners } from '../monitor.js';
import type { Cpu } from '../state/contexts.js';
import type { Head } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const cbAfterGp = rule({
  number: 36,
  name: 'cb-after-gp',
  severity: 'S1',
  statement: 'CR(h) → GPs(n) → GPe(n) → CB(h) for some grace period n',
  why: 'the callback must not run before every reader that could see the object has finished',
  source: 'kernel/rcu/rcu_segcblist.c rcu_segcblist_advance()',
  needs: [PROBES.CB, PROBES.GP],
  idle: 'no callback ran whose enqueue is in the trace',
  held: 'readers that were running at call_rcu()',
  missing: 'a grace period, begun after call_rcu() and ended',
  words:
    'call_rcu() promises that the callback runs after a full grace period: one that starts after the call and ends before the callback.',
  bugs: ['L33'],
  monitor: (evidence, verdicts) => new CbAfterGp(evidence, verdicts),
});

const OPENING = 'it was queued while a grace period was about to start: whether before or after is not shown';
const EXPEDITED_COUNTS =
  'an expedited grace period passed: from 7.3 on callbacks advance on it, and the release is not known (--kernel)';
const EXPEDITED_UNSEEN =
  'from 7.3 on callbacks also advance on expedited grace periods, which are not shown: needs rcu:rcu_exp_grace_period or the release (--kernel)';
const NO_GP = 'grace periods are not shown: needs rcu:rcu_grace_period (CONFIG_RCU_TRACE)';

const NOT_SHOWN_BEFORE = 'grace periods are not shown yet where it was queued';
const UNSHOWN_END = 'a grace period began behind its call_rcu() whose end is not shown';

class CbAfterGp implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  /** Callbacks that came before any sufficient grace period had been seen to end. */
  private waiting: { head: Head; ref: EvidenceRef }[] = [];
  /** Step of the first event of a grace period. */
  private first = Number.POSITIVE_INFINITY;

  readonly on: OpListeners = {
    [OP.GP]: () => {
      this.first = Math.min(this.first, this.evidence.state.seq);
    },
  };

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  callbackRan(head: Head, _cpu: Cpu | null, op: Op): void {
    const { state, coverage } = this.evidence;
    if (coverage.shown(OP.GP) === 0) this.verdicts.unknown(NO_GP, op.ref);
    else if (head.gpOpening && state.gp.ended === head.gpStarts + 1) this.verdicts.unknown(OPENING, op.ref);
    else if (state.gp.ended > head.gpStarts)
      this.verdicts.pass(head.ran === 1 ? KNOWN.observed : KNOWN.inferred);
    else if (state.gp.expedited.ended > head.expeditedStarts && this.onExpedited() !== false) {
      if (this.onExpedited()) this.verdicts.pass(head.ran === 1 ? KNOWN.observed : KNOWN.inferred);
      else this.verdicts.unknown(EXPEDITED_COUNTS, op.ref);
    } else if (lostSince(this.evidence, head.crSeq)) this.verdicts.unknown(LOSS, op.ref);
    else this.waiting.push({ head, ref: op.ref });
  }

  /** Whether callbacks of this kernel also advance on expedited grace periods (7.3); null not known. */
  private onExpedited(): boolean | null {
    return kernelHas(this.evidence, 'callbacks-advance-on-expedited-gp');
  }

  gpEnded(op: Op): void {
    if (this.waiting.length === 0) return;
    const { evidence, verdicts } = this;
    for (const { head, ref } of this.waiting) {
      const enough = evidence.state.gp.ended > head.gpStarts;
      if (lostSince(evidence, head.crSeq)) verdicts.unknown(LOSS, ref);
      else if (!evidence.exactClock && this.first >= head.crSeq) verdicts.unknown(NOT_SHOWN_BEFORE, ref);
      else if (evidence.state.gp.unshownEnd > head.gpStarts) verdicts.unknown(UNSHOWN_END, ref);
      else if (enough && surelyBefore(evidence, head.cbTs, head.cbCpu, op.tsNs, op.cpu) === null) {
        verdicts.unknown(CLOCK, ref);
      } else if (this.onExpedited() !== false && evidence.coverage.shown(OP.GPX) === 0) {
        verdicts.unknown(EXPEDITED_UNSEEN, ref);
      } else {
        verdicts.violated({
          message: 'a callback ran before a full grace period had passed since call_rcu',
          known: KNOWN.observed,
          assumesAllCpus: true,
          before: ref,
          ...(enough ? flips(margin(evidence, head.cbTs, head.cbCpu, op.tsNs, op.cpu)) : {}),
          events: witnesses(
            w(head.crRef, 'call_rcu'),
            w(ref, 'callback'),
            w(op.ref, enough ? 'first sufficient grace period ends' : 'grace period ends'),
          ),
        });
      }
    }
    this.waiting = [];
  }

  end(): void {
    for (const { ref } of this.waiting) {
      this.verdicts.unknown('the trace ends before the grace period that would decide it', ref);
    }
    this.waiting = [];
  }
}
