import { SHOOTDOWN, TLB_FLUSH } from '../../kernel/operands.js';
import { FUNC, isTableFunc, OP, type Op, type OpKind } from '../../kernel/ops.js';
import { MAX_CPUS } from '../../timeline/batch.js';
import { CONTEXT } from '../../timeline/flags.js';
import type { Evidence } from '../evidence.js';
import type { Monitor, OpListeners } from '../monitor.js';
import { cbAfterGp } from '../rules/cb-after-gp.js';
import { flushBeforeReturn } from '../rules/flush-before-return.js';
import { gatherPair } from '../rules/gather-pair.js';
import { gpSeq } from '../rules/gp-seq.js';
import { invalidateBeforeCallrcu } from '../rules/invalidate-before-callrcu.js';
import { pwcBeforeReuse } from '../rules/pwc-before-reuse.js';
import type { Rule } from '../rules/rule.js';
import { singlePathShape } from '../rules/single-path-shape.js';
import { targetCoverage } from '../rules/target-coverage.js';
import { tlbBeforeFree } from '../rules/tlb-before-free.js';
import type { Task } from '../state/contexts.js';
import type { Flush, Gather, Head, Table } from '../state/table-life.js';
import { targetsOn } from '../state/targets.js';
import { WHOLE_STEPS, type Window } from './doubtful.js';
import { doubtful, GapsOfProbe, ProbeFirings } from './probe-firings.js';
import { isOfFlush, type UnseenNumbers } from './unseen-numbers.js';

/** enum tlb_flush_reason, TLB_LOCAL_MM_SHOOTDOWN: flush_tlb_func() called by flush_tlb_mm_range() (arch/x86/mm/tlb.c). */
const LOCAL_MM = 3;
/** Gathers, one behind the other on all CPUs, of which one half is missing: a bug of one of them leaves the others whole. */
const SEVERAL = 2;

/** A start whose number alone jumps may be wrong: such events must have been silent for so many times their mean distance. */
const FAR = 4;
/** Rules on who was interrupted. */
const BY_IPIS: readonly Rule[] = [targetCoverage, singlePathShape];
/** Rules on flushes that did not come. */
const BY_FLUSHES: readonly Rule[] = [
  tlbBeforeFree,
  pwcBeforeReuse,
  singlePathShape,
  invalidateBeforeCallrcu,
  flushBeforeReturn,
];

/**
 * Probes that were switched off and on again in the middle of a recording, without a fact that says so. What comes only
 * together with an event of theirs shows that they were off: from their last firing up to their next one, on any CPU, the
 * absence of such events proves nothing.
 */
export class SwitchedProbes implements Monitor {
  private readonly evidence: Evidence;
  /** Any of the probes on functions that unmap. */
  private readonly probes = new ProbeFirings();
  private readonly requests = new GapsOfProbe();
  private readonly sends = new ProbeFirings();
  private readonly begins = new ProbeFirings();
  private readonly ends = new ProbeFirings();
  /** Where a grace period began unseen. */
  private readonly periods: Window[] = [];
  /** CPUs that were sent tlb_remove_table_smp_sync() and have not begun it. */
  private readonly syncs = new Set<number>();
  /** … and callbacks lack one as well: a number alone that jumps may be wrong. */
  private readonly gpStarts: Window[] = [];
  /** Since a gather was shown to begin last: those of which something else is shown, told apart by their system call. */
  private readonly unbegun = { count: 0, task: Number.NaN, syscall: Number.NaN };
  /** Without an end since the last end. */
  private unended = 0;
  private readonly unseen: UnseenNumbers;
  private unstarted: Window | null = null;
  /** Step of the last callback that ran without a grace period. */
  private ranEarly = -1;

  readonly on: OpListeners = {
    [OP.FR]: (op) => this.requested(op),
    [OP.FMULTI]: (op, task) => this.withinFlush(op, task),
    [OP.TLBF]: (op, task) => {
      if (TLB_FLUSH.reason(op) !== LOCAL_MM || op.context !== CONTEXT.task || inFlush(task)) return;
      this.requests.missing();
      this.probes.missing();
    },
    /** The tracepoint of a call_rcu() comes right behind the probe on it. */
    [OP.RQ]: (op, task) => {
      if (isTableFunc(op.a1) && task.lastKind !== OP.CR && this.evidence.coverage.firedOn(OP.CR, op.cpu))
        this.probes.missing();
    },
    [OP.INV]: (op, task) => {
      if (op.context === CONTEXT.hardirq) this.answered(op);
      else this.withinFlush(op, task);
    },
    [OP.IS]: (op) => {
      this.fires(this.sends, op);
      if (op.a1 === FUNC.tlb_remove_table_smp_sync && op.a0 < MAX_CPUS) this.syncs.add(op.a0);
    },
    [OP.SSYNC]: (op) => {
      if (op.context === CONTEXT.hardirq && !this.syncs.delete(op.cpu)) this.sends.missing();
    },
    [OP.GP]: () => this.gracePeriod(),
  };

  constructor(evidence: Evidence, unseen: UnseenNumbers) {
    this.evidence = evidence;
    this.unseen = unseen;
  }

  /** A return without its beginning. */
  flushDone(flush: Flush, _gather: Gather | null, _task: Task, op: Op): void {
    this.probed(op);
    if (flush.frRef < 0) this.requests.missing();
  }

  gatherBegun(_gather: Gather, _task: Task, op: Op): void {
    this.probed(op);
    this.unbegun.count = 0;
    this.fires(this.begins, op);
  }

  gatherEnded(gather: Gather | null, task: Task, op: Op): void {
    this.probed(op);
    this.unended = 0;
    this.fires(this.ends, op);
    if (gather === null || gather.headless) this.outside(task, op);
  }

  tableRemoved(_table: Table, gather: Gather | null, task: Task, op: Op): void {
    this.probed(op);
    if (gather === null && op.kind !== OP.DEFER) this.outside(task, op);
  }

  gatherLeft(gather: Gather, _task: Task, op: Op): void {
    if (!gather.headless) this.unended++;
    if (this.unended >= SEVERAL) this.within(this.ends, op);
  }

  queued(_head: Head, _gather: Gather | null, _task: Task, op: Op): void {
    if (op.kind === OP.CR) this.probed(op);
  }

  /** As I36 sees it, whatever else may excuse it. */
  callbackRan(head: Head): void {
    const { gp, seq } = this.evidence.state;
    if (gp.ended > head.gpStarts) return;
    this.ranEarly = seq;
    if (this.unstarted && head.crSeq < this.unstarted.to.seq) doubtful(this.gpStarts, this.unstarted);
  }

  end(): void {
    const { ledger, exactClock, state } = this.evidence;
    // What a model writes is all that happens in it.
    if (exactClock || state.seq < WHOLE_STEPS) return;
    const doubt = (rule: Rule, kind: OpKind, windows: readonly Window[]): void => {
      if (windows.length > 0) ledger.missed(rule.number, why(kind), new Set([kind, OP.FD]), windows);
    };
    if (this.probes.windows.length > 0) ledger.unseenIn(this.probes.windows, why(OP.none));
    for (const rule of BY_FLUSHES) doubt(rule, OP.FR, this.requests.windows);
    for (const rule of BY_IPIS) doubt(rule, OP.IS, this.sends.windows);
    doubt(gatherPair, OP.GB, [...this.begins.windows, ...this.ends.windows]);
    doubt(cbAfterGp, OP.GP, this.periods);
    doubt(gpSeq, OP.GP, this.gpStarts);
  }

  /** Of a gather that is not shown to have begun. */
  private outside(task: Task, op: Op): void {
    const { unbegun } = this;
    if (unbegun.count === 0 || unbegun.task !== task.key || unbegun.syscall !== task.syscallSeq)
      unbegun.count++;
    unbegun.task = task.key;
    unbegun.syscall = task.syscallSeq;
    if (unbegun.count >= SEVERAL) this.within(this.begins, op);
  }

  /** A probe on a function fires: where one was proven to be off, all of them may have been, since one fired last. */
  private probed(op: Op): void {
    this.fires(this.probes, op);
  }

  private requested(op: Op): void {
    this.probed(op);
    this.fires(this.requests, op);
  }

  private withinFlush(op: Op, task: Task): void {
    if (!isOfFlush(op)) return;
    if (!inFlush(task)) this.requests.missing();
    const { flush } = this.unseen;
    if (flush) this.requests.missingSince(flush.seq);
  }

  /** A CPU answers an interrupt of a flush that is not shown to have sent it one, though such requests are shown. */
  private answered(op: Op): void {
    const { state } = this.evidence;
    if (!state.requestsShown) return;
    const mm = SHOOTDOWN.mm(op);
    const gen = SHOOTDOWN.tlbGen(op);
    const sent = (flush: Flush): boolean =>
      flush.mm === mm &&
      flush.gen === gen &&
      flush.multi &&
      flush.cpu !== op.cpu &&
      targetsOn(flush, op.cpu).length === 0;
    if (state.openFlushes.some(sent)) this.sends.missing();
  }

  private gracePeriod(): void {
    const { period } = this.unseen;
    if (!period) return;
    const { from, to, meanSteps, byStart } = period;
    if (byStart && to.seq - from.seq < FAR * meanSteps) return;
    this.unstarted = { from, to };
    doubtful(this.periods, this.unstarted);
    if (this.ranEarly > from.seq) doubtful(this.gpStarts, this.unstarted);
  }

  private fires(probe: ProbeFirings, op: Op): void {
    probe.fired(this.evidence.state.event, this.evidence.state.seq, op.ref);
  }

  private within(probe: ProbeFirings, op: Op): void {
    probe.within(this.evidence.state.event, this.evidence.state.seq, op.ref);
  }
}

const inFlush = (task: Task): boolean => task.flush !== null || task.unseenReturn !== null;

const NAMES: Partial<Record<OpKind, string>> = {
  [OP.none]: 'functions, perhaps all of them',
  [OP.FR]: 'flush_tlb_mm_range',
  [OP.IS]: 'csd_queue_cpu',
  [OP.GB]: 'tlb_gather_mmu, or of tlb_finish_mmu,',
  [OP.GP]: 'rcu_grace_period',
};
const why = (kind: OpKind): string =>
  `the probe of ${NAMES[kind]} was off here: what comes only with such an event was shown without it`;
