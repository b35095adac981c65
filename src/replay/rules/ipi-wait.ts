import { OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { isKnown } from '../../timeline/is-known.js';
import {
  absent,
  CLOCK,
  type Evidence,
  explainedBySkew,
  flips,
  instanceOf,
  LOSS,
  lostSince,
  margin,
  order,
  w,
  witnesses,
} from '../evidence.js';
import type { Monitor } from '../monitor.js';
import type { Task } from '../state/contexts.js';
import type { Flush, Gather, Target } from '../state/table-life.js';
import { KNOWN, type Violation } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { LateAnswers } from './late-answers.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';
import { everyCpuAnswered } from './unflushed.js';

export const ipiWait = rule({
  number: 24,
  name: 'ipi-wait',
  severity: 'S1',
  statement: 'the sender of a flush broadcast returns after the last handler has finished',
  why: 'everything after the flush relies on no CPU still holding the old translations',
  source: 'kernel/smp.c smp_call_function_many_cond() (wait); arch/x86/mm/tlb.c',
  needs: [PROBES.FD, PROBES.IS],
  idle: 'no flush interrupted another CPU',
  held: 'the TLB of the CPU whose handler had not ended',
  missing: 'the end of flush_tlb_func() on that CPU',
  words:
    'The CPU that asks others to flush must wait until the last of them is done. Whoever goes on earlier frees pages that are still in use.',
  bugs: ['L18'],
  monitor: (evidence, verdicts) => new IpiWait(evidence, verdicts),
});

const END_UNSEEN = 'the end of the handler is not shown: its line is missing';

/** kernel/smp.c smp_call_function_many_cond() with wait: the sender leaves after the last handler. */
class IpiWait implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  private readonly answers: LateAnswers;
  private untargeted = 0;
  private untargetedRef: EvidenceRef = -1;

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
    this.answers = new LateAnswers(evidence, verdicts);
  }

  flushDone(flush: Flush, _gather: Gather | null, _task: Task, op: Op): void {
    if (flush.handlersOnly ? everyCpuAnswered(flush) : flush.targets.length > 0) this.targetsLeft(flush, op);
    else if (flush.multi && !flush.backByOrder) {
      // Nobody needed an interrupt, or nothing shows who got one: told apart at the end.
      if (this.untargeted++ === 0) this.untargetedRef = flush.frRef;
    }
  }

  private targetsLeft(flush: Flush, op: Op): void {
    const { evidence, verdicts } = this;
    let missing = 0;
    for (const target of flush.targets) if (target.ixRef < 0 && target.invRef < 0) missing++;
    for (const target of flush.targets) if (target.ixRef < 0) flush.lateTargets++;
    if (missing > 0) {
      for (const target of flush.targets) {
        if (target.ixRef < 0 && target.invRef < 0) this.unanswered(flush, target, op);
      }
      return;
    }
    if (flush.targets.some((t) => t.inverted)) {
      verdicts.unknown(CLOCK, op.ref);
      flush.lateTargets = -1;
      return;
    }
    if (lostSince(evidence, flush.frSeq)) {
      // A target that was lost with its handler would not be missed.
      verdicts.unknown(LOSS, op.ref);
      return;
    }
    flush.waited = true;
    this.answers.returned(flush);
    const seen = flush.lateTargets === 0 && !flush.handlersOnly;
    verdicts.pass(seen ? KNOWN.observed : KNOWN.inferred);
  }

  private unanswered(flush: Flush, target: Target, op: Op): void {
    absent(
      this.evidence,
      this.verdicts,
      {
        kinds: [OP.IX],
        cpu: target.cpu,
        since: flush.frSeq,
        probe: 'csd:csd_function_exit',
        instance: instanceOf(op),
        still: () => target.ixRef < 0 && target.invRef < 0,
        doubt: () => (target.inverted ? CLOCK : null),
      },
      {
        assumesAllCpus: false,
        message: `the flush returned although CPU ${target.cpu} never ran its handler`,
        held: [`CPU ${target.cpu}: its TLB, not flushed`],
        events: witnesses(w(target.isRef, `sent to CPU ${target.cpu}`), w(op.ref, 'flush returned')),
      },
    );
  }

  targetLate(target: Target, op: Op): void {
    const { evidence, verdicts } = this;
    const flush = target.flush!;
    if (this.endsAnother(target)) {
      if (!flush.waited && flush.lateTargets >= 0) verdicts.unknown(END_UNSEEN, op.ref);
      flush.lateTargets = -1;
      return;
    }
    if (flush.waited) {
      flush.waited = false;
      verdicts.revoke(KNOWN.inferred);
    } else if (flush.lateTargets < 0) return;
    // One verdict per broadcast.
    flush.lateTargets = -1;
    // The end of a later handler, whose request and begin are among what was lost, would be taken for this one's.
    if (lostSince(evidence, flush.frSeq)) {
      verdicts.unknown(LOSS, op.ref);
      return;
    }
    const known = order(evidence, flush.fdTs, flush.cpu, target.ixTs, target.cpu);
    if (known === null) {
      verdicts.unknown(CLOCK, op.ref);
      return;
    }
    const finding: Violation = {
      message: `the flush returned before CPU ${target.cpu} had finished its handler`,
      known,
      certain: true,
      held: [`CPU ${target.cpu}: its TLB, the handler not finished`],
      before: flush.fdRef,
      ...flips(margin(evidence, flush.fdTs, flush.cpu, target.ixTs, target.cpu)),
      events: witnesses(
        w(flush.frRef, 'flush begins'),
        w(target.isRef, `sent to CPU ${target.cpu}`),
        w(flush.fdRef, 'flush returned'),
        w(op.ref, 'handler ends'),
      ),
    };
    const skewed = explainedBySkew(evidence, flush.fdTs, flush.cpu, target.ixTs, target.cpu);
    if (skewed) this.answers.late(flush, target.cpu, finding);
    else verdicts.violated(finding);
  }

  /**
   * A handler runs in a hard interrupt to its end: where its CPU has begun it once more, or come out of the interrupt and taken
   * another one since, or where its begin is not shown although begins are, this is the end of a later handler, its own not shown.
   */
  private endsAnother(target: Target): boolean {
    if (target.flush!.handlersOnly) return false;
    if (target.again) return true;
    const { coverage, state } = this.evidence;
    if (!isKnown(target.ieTs)) return coverage.shown(OP.IE) > 0;
    return target.irqSeq > 0 && (state.cpus[target.cpu]?.handlerSeq ?? 0) > target.irqSeq;
  }

  end(): void {
    this.answers.end();
    if (this.evidence.coverage.shown(OP.IS) === 0) {
      for (let i = 0; i < this.untargeted; i++) {
        this.verdicts.unknown('targets of the broadcast are not shown', this.untargetedRef);
      }
    }
    this.untargeted = 0;
  }
}
