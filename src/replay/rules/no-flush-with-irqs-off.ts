import { OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { CONTEXT, FLAG } from '../../timeline/flags.js';
import { type Evidence, LOSS, lostSince, w, witnesses } from '../evidence.js';
import type { Monitor } from '../monitor.js';
import type { Task } from '../state/contexts.js';
import type { Flush, Gather } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const noFlushWithIrqsOff = rule({
  number: 34,
  name: 'no-flush-with-irqs-off',
  severity: 'S1',
  statement: 'flush_tlb_mm_range() is called in task context with interrupts on',
  why: 'two senders that wait for each other with interrupts off deadlock',
  source: 'kernel/smp.c smp_call_function_many_cond() lockdep_assert_irqs_enabled()',
  needs: [PROBES.FR],
  idle: 'no flush that asks anything of a CPU shows its context',
  held: 'the caller: interrupts off',
  missing: 'interrupts on, before the flush',
  words:
    'A flush waits for other CPUs. If two CPUs with interrupts off wait for each other, neither can answer: the machine hangs.',
  bugs: [],
  instead: 'The kernel checks it itself: lockdep_assert_irqs_enabled().',
  monitor: (evidence, verdicts) => new FlushContext(evidence, verdicts),
});

const NOT_SHOWN = 'whether a flush with interrupts off waited for a CPU is not shown';
/** Reasons of `tlb:tlb_flush` in the sender: it flushes its own CPU for the mm, and it interrupts others. */
const LOCAL_MM = 3;
const SEND_IPI = 4;

/** More mms than tasks of a recording have are not kept. */
const MOST = 65_536;

/** A flush with interrupts off, not known yet to ask anything of a CPU. */
interface Unasked {
  readonly ref: EvidenceRef;
  readonly seq: number;
  readonly mm: number;
}

/**
 * The kernel asserts interrupts where CPUs are asked (flush_tlb_mm_range(): the mm is loaded here, or some CPU of its mask is
 * interrupted). Of an mm that no CPU has loaded nothing is asked: __text_poke() flushes its own so, with interrupts off.
 */
class FlushContext implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  /** A flush with interrupts on was seen: then the column shows the caller, not the probe's own handler. */
  private flagsShowCaller = false;
  private readonly unasked = new Map<Task, Unasked>();
  /** Each mm that was flushed with interrupts on: nobody does both with one. */
  private readonly inUse = new Set<number>();
  /** Flushes with interrupts off that came back without a sign of what they asked. */
  private silent = 0;
  private silentRef: EvidenceRef = -1;

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  readonly on = {
    [OP.FR]: (op: Op, task: Task): void => this.begins(op, task),
    [OP.FMULTI]: (op: Op, task: Task): void => this.asks(task, op, op.a1),
    [OP.INV]: (op: Op, task: Task): void => this.asks(task, op, op.a1),
    [OP.TLBF]: (op: Op, task: Task): void => {
      if (op.a1 === LOCAL_MM || op.a1 === SEND_IPI) this.asks(task, op, Number.NaN);
    },
  };

  /** The sender waits for IPIs that it could never answer itself. */
  private begins(op: Op, task: Task): void {
    this.back(task);
    if ((op.flags & FLAG.known) === 0) return;
    const { verdicts } = this;
    if (op.context === CONTEXT.hardirq || op.context === CONTEXT.softirq || op.context === CONTEXT.nmi) {
      verdicts.violated({
        message: 'flush_tlb_mm_range() is called in interrupt context',
        known: KNOWN.observed,
        certain: true,
        held: ['the interrupted code'],
        missing: 'return from the interrupt',
        events: witnesses(w(op.ref, 'flush begins')),
      });
    } else if ((op.flags & FLAG.irqsOff) === 0) {
      this.flagsShowCaller = true;
      if (op.a0 === op.a0 && this.inUse.size < MOST) this.inUse.add(op.a0);
      verdicts.pass(KNOWN.observed);
    } else if (!this.flagsShowCaller) {
      verdicts.unknown('whether interrupts are off in the caller or only in the probe is not shown', op.ref);
    } else if (op.a4 === 1 || this.isUsed(op.a0) || (task.gather !== null && task.gather.mm === op.a0)) {
      // Tables of it are freed, or its pages, it was flushed as any mm is, or is in CR3: CPUs are asked.
      this.interruptsOff(op.ref, null);
    } else this.unasked.set(task, { ref: op.ref, seq: this.evidence.state.seq, mm: op.a0 });
  }

  private isUsed(mm: number): boolean {
    if (this.inUse.has(mm)) return true;
    for (const loaded of this.evidence.state.mech.cr3.values()) if (loaded === mm) return true;
    return false;
  }

  private interruptsOff(ref: EvidenceRef, asked: EvidenceRef | null): void {
    this.verdicts.violated({
      message: 'flush_tlb_mm_range() is called with interrupts off',
      known: KNOWN.observed,
      certain: true,
      events: witnesses(w(ref, 'flush begins'), ...(asked === null ? [] : [w(asked, 'a CPU is asked')])),
    });
  }

  private asks(task: Task, op: Op, mm: number): void {
    const flush = this.unasked.get(task);
    if (!flush || (op.flags & FLAG.irqsOff) === 0 || op.context !== CONTEXT.task) return;
    // A return that was not seen, and then a flush of another kind: of no mm, or another one.
    if (mm === mm && flush.mm === flush.mm && mm !== flush.mm) return;
    this.unasked.delete(task);
    this.interruptsOff(flush.ref, op.ref);
  }

  flushDone(_flush: Flush, _gather: Gather | null, task: Task): void {
    this.back(task);
  }

  private back(task: Task): void {
    const flush = this.unasked.get(task);
    if (!flush) return;
    this.unasked.delete(task);
    if (lostSince(this.evidence, flush.seq)) this.verdicts.unknown(LOSS, flush.ref);
    else if (this.silent++ === 0) this.silentRef = flush.ref;
  }

  end(): void {
    const { coverage } = this.evidence;
    for (const { ref } of this.unasked.values()) this.verdicts.unknown(NOT_SHOWN, ref);
    this.unasked.clear();
    // Either CPU shows what is asked of it: the sender by the tracepoint, itself by the function.
    const shown = coverage.shown(OP.INV) > 0 && coverage.shown(OP.TLBF) > 0;
    if (this.silent > 0 && !shown) this.verdicts.unknown(NOT_SHOWN, this.silentRef, this.silent);
    this.silent = 0;
  }
}
