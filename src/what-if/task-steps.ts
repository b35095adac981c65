import { FUNC, isTableFunc, OP, type Op } from '../kernel/ops.js';
import { isKnown } from '../timeline/is-known.js';
import { ROLE } from './event-roles.js';
import {
  type CostSamples,
  type FlushRec,
  type GatherRec,
  PHASE,
  Samples,
  type SpanRec,
  STEP,
} from './recorded.js';
import { newRun, type TaskState } from './task-state.js';

/** Books the time of each step of a task to its gather, and as a sample of its cost. */
export class TaskSteps {
  /** Number of the operation that is being booked. */
  at = -1;
  /** The recording shows whom flushes interrupt: by the masks they print, or by each request (`csd_queue_cpu`). */
  sawTargets = false;
  sawRequests = false;
  private readonly samples: CostSamples;
  private readonly spans: readonly SpanRec[];

  constructor(samples: CostSamples, spans: readonly SpanRec[]) {
    this.samples = samples;
    this.spans = spans;
  }

  /** One step of a task, `gap` ns after its step before. */
  step(t: TaskState, op: Op | null, role: number, gap: number, ts: number): void {
    const g = t.gather;
    const kind = op ? op.kind : OP.none;
    if (t.flush && (endsFlush(kind) || isSyncIpi(op) || role === ROLE.pagesGo)) {
      // Tracers of functions show no returns: the flush is over when the task goes on with something else.
      this.flushed(t, ts);
      gap = 0;
    }
    if (t.syncing) {
      if (this.syncGoesOn(t, op, gap)) return;
      this.syncOver(t, gap, ts);
      gap = 0;
    } else if (t.calling !== 0) {
      if (callGoesOn(t, kind, gap)) return;
      this.callOver(t, gap);
    }
    if (kind !== OP.FREE && role !== ROLE.batched && t.run.pages > 0) this.endRun(t);
    if (kind === OP.none || !op) {
      if (role === ROLE.batched) batchedRow(t, gap);
      else if (g && role === ROLE.page && t.finishing && t.flush === null) g.tailPages++;
      return;
    }
    this.own(t, op, gap, ts);
  }

  /** A step of the task's own, outside of what it waits for. */
  private own(t: TaskState, op: Op, gap: number, ts: number): void {
    const g = t.gather;
    switch (op.kind) {
      case OP.TR:
        if (g) this.removed(g, op);
        return;
      case OP.PVOP:
        if (t.lastKind === OP.TR) this.samples.probe.add(gap);
        return;
      case OP.APP:
        this.samples.append.add(gap);
        if (!g) return;
        g.appended++;
        g.ns[STEP.append]! += gap;
        g.ops.appended.push(this.at);
        return;
      case OP.ALLOC:
        this.allocated(t, op, gap);
        return;
      case OP.CR:
        this.calls(t, op, gap, ts);
        return;
      case OP.IS:
        this.sent(t, op, gap);
        return;
      case OP.FMULTI:
        if (t.flush && t.flush.targets <= 0 && isKnown(op.a0)) this.masked(t.flush, op.a0);
        return;
      case OP.FR:
        t.flush = this.begun(t, ts - gap);
        return;
      case OP.FD:
        this.flushed(t, ts);
        return;
      case OP.GE:
        t.finishing = true;
        if (g) {
          g.handNs = ts;
          g.ops.finish = g.ops.handed = this.at;
        }
        return;
      case OP.FREE:
        this.freed(t, op, gap);
        return;
      default:
    }
  }

  /** The wait goes on while the interrupts are sent. */
  private syncGoesOn(t: TaskState, op: Op | null, gap: number): boolean {
    const g = t.gather;
    if (g) g.ns[STEP.sync]! += gap;
    t.callingNs += gap;
    const sends = isSyncIpi(op);
    if (sends && g) {
      g.syncIpis++;
      g.ops.synced.push(this.at);
    }
    return op === null || op.kind === OP.none || sends;
  }

  private syncOver(t: TaskState, gap: number, ts: number): void {
    this.samples.sync.add(t.callingNs);
    t.syncing = false;
    if (t.span >= 0) this.spans[t.span]!.waits.push(ts - gap, ts);
  }

  private calls(t: TaskState, op: Op, gap: number, ts: number): void {
    t.calling = isTableFunc(op.a1) || this.mustBeTables(t, op) ? 2 : 1;
    // Before a call in the middle of other work that work is most of the time; a gather's call comes at once.
    t.callingNs = t.calling === 2 ? gap : 0;
    t.inside = 0;
    if (t.calling === 2 && t.gather) this.called(t.gather, op, gap, ts);
  }

  /** All it may interrupt; whom it does are the requests, where they are recorded. */
  private masked(flush: FlushRec, mask: number): void {
    flush.targets = Math.max(0, ones(mask) - 1);
    flush.byMask = true;
    this.sawTargets = true;
  }

  private begun(t: TaskState, startNs: number): FlushRec {
    const tables = t.gather ? t.gather.levels.length : 0;
    return {
      phase: t.finishing ? PHASE.finish : tables > 0 ? PHASE.tables : PHASE.zap,
      atTable: tables,
      startNs,
      ns: 0,
      targets: -1,
      byMask: false,
      fromOp: this.at,
      toOp: this.at,
    };
  }

  private removed(g: GatherRec, op: Op): void {
    if (g.levels.length === 0) {
      g.pagesEarly = g.pages;
      g.firstNs = op.tsNs;
    }
    g.levels.push(op.a3 > 0 ? op.a3 : 0);
    g.tables.push(op.a2);
    g.single.push(false);
    g.ops.removed.push(this.at);
  }

  private allocated(t: TaskState, op: Op, gap: number): void {
    if (op.a1 !== 0) return;
    if (t.lastKind === OP.APP) {
      this.samples.batchPage.add(gap);
      if (t.gather) {
        t.gather.batchPages++;
        t.gather.ns[STEP.batchPage]! += gap;
      }
    }
  }

  /** call_rcu() is over; `next` ns to the next step of the task. */
  callOver(t: TaskState, next: number): void {
    if (t.calling === 2) this.samples.tableCall.add(t.callingNs);
    else this.samples.callRcu.add(t.inside > 0 ? t.callingNs : next);
    t.calling = 0;
  }

  /** Tracers of functions show no arguments: these calls of call_rcu() in a gather can only be mm/mmu_gather.c's. */
  private mustBeTables(t: TaskState, op: Op): boolean {
    const g = t.gather;
    if (!g || isKnown(op.a1) || g.levels.length === 0) return false;
    if (t.finishing) return g.appended > 0 && g.batchCalls === 0 && g.single.includes(false);
    const last = g.flushes.at(-1);
    return last?.phase === PHASE.tables && last.atTable === g.levels.length && g.single.at(-1) === false;
  }

  private called(g: GatherRec, op: Op, gap: number, ts: number): void {
    g.ns[STEP.callRcu]! += gap;
    g.callNs.push(ts);
    g.ops.called.push(this.at);
    const batch = op.a1 === FUNC.tlb_remove_table_rcu;
    if (batch || (!isKnown(op.a1) && g.ops.finish >= 0)) g.batchCalls++;
    else {
      g.singleCalls++;
      if (g.single.length > 0) g.single[g.single.length - 1] = true;
    }
  }

  private sent(t: TaskState, op: Op, gap: number): void {
    const g = t.gather;
    if (op.a1 === FUNC.flush_tlb_func && t.flush) {
      this.sawTargets = true;
      this.sawRequests = true;
      t.flush.targets = t.flush.byMask ? 1 : Math.max(0, t.flush.targets) + 1;
      t.flush.byMask = false;
    }
    if (op.a1 !== FUNC.tlb_remove_table_smp_sync) return;
    t.syncing = true;
    t.callingNs = gap;
    if (!g) return;
    g.syncs++;
    g.syncIpis++;
    g.ns[STEP.sync]! += gap;
    g.ops.synced.push(this.at);
    if (g.single.length > 0) g.single[g.single.length - 1] = true;
  }

  flushed(t: TaskState, ts: number): void {
    const f = t.flush;
    t.flush = null;
    if (!f) return;
    f.ns = ts - f.startNs;
    f.toOp = this.at;
    if (t.span >= 0 && f.targets !== 0) this.spans[t.span]!.waits.push(f.startNs, ts);
    const g = t.gather;
    if (!g) return;
    g.flushes.push(f);
    if (f.phase === PHASE.finish) {
      g.handNs = ts;
      g.ops.handed = this.at;
    }
    let samples = this.samples.flush.get(f.targets);
    if (!samples) this.samples.flush.set(f.targets, (samples = new Samples()));
    samples.add(f.ns);
  }

  private freed(t: TaskState, op: Op, gap: number): void {
    const g = t.gather;
    if (op.a1 !== 0 || !g) return;
    const { run } = t;
    const at = g.tables.lastIndexOf(op.a0);
    const first = run.pages === 0;
    run.pages++;
    if (!first) run.ns += gap;
    if (at < 0) {
      g.pages++;
      return;
    }
    run.tables++;
    g.inlineFrees++;
    g.ops.freed.push(this.at);
    g.ns[STEP.tableFree]! +=
      first && g.inlineFrees === 1 && g.flushes.length > 0 && !g.single.at(-1) ? 0 : gap;
    if (!t.finishing && g.appended > 0) g.single[at] = true;
  }

  endRun(t: TaskState): void {
    const { run } = t;
    if (run.pages >= 3) {
      const each = run.ns / (run.pages - 1);
      const also = run.batched > 1 ? run.batchedNs / (run.batched - 1) : 0;
      this.samples.pageFree.add(each + also);
    }
    const g = t.gather;
    if (g) {
      if (run.batched > 1)
        g.ns[STEP.tableFree]! += (run.batchedNs / (run.batched - 1)) * Math.min(run.tables, run.batched);
      if (g.firstRound === 0 && g.levels.length === 0 && g.flushes.length > 0) g.firstRound = run.pages;
    }
    t.run = newRun();
  }
}

function batchedRow(t: TaskState, gap: number): void {
  const { run } = t;
  run.batched++;
  if (!run.batchedFirst) run.batchedNs += gap;
  run.batchedFirst = false;
}

/** What a task does only after flush_tlb_mm_range() has returned. */
const endsFlush = (kind: number): boolean =>
  kind === OP.TR ||
  kind === OP.APP ||
  kind === OP.CR ||
  kind === OP.FREE ||
  kind === OP.FPSC ||
  kind === OP.GE ||
  kind === OP.FMMU;

const isSyncIpi = (op: Op | null): boolean => op?.kind === OP.IS && op.a1 === FUNC.tlb_remove_table_smp_sync;

/** Bits set in the low 53 of a CPU mask. */
function ones(mask: number): number {
  let n = 0;
  for (let m = mask; m > 0; m = Math.floor(m / 2)) n += m % 2;
  return n;
}

/** Whether the call_rcu() of the task is still going on: what is behind it is its tracepoint, or the probe within. */
function callGoesOn(t: TaskState, kind: number, gap: number): boolean {
  if (kind !== OP.RQ && kind !== OP.none && !(kind === OP.CR && t.lastKind === OP.CR)) return false;
  t.callingNs += gap;
  t.inside++;
  if (t.calling === 2 && t.gather) t.gather.ns[STEP.callRcu]! += gap;
  return true;
}
