import type { Decoder } from '../kernel/decoder.js';
import { OP, Op } from '../kernel/ops.js';
import { MAX_CPUS, type RecordBatch } from '../timeline/batch.js';
import { type EventTable, LAST_RESERVED, RESERVED } from '../timeline/events.js';
import { CONTEXT, contextOf } from '../timeline/flags.js';
import { isKnown } from '../timeline/is-known.js';
import { CallbackWatch } from './callback-watch.js';
import { EventRoles, ROLE } from './event-roles.js';
import { type CostSamples, type GatherRec, type Recorded, Samples, type SpanRec, STEP } from './recorded.js';
import { newGather, newRun, newTask, type TaskState } from './task-state.js';
import { TaskSteps } from './task-steps.js';

const MAX_SPANS = 500_000;

/**
 * Turns a timeline into syscalls, gathers, flushes and the time each step of the free path took. The time of a step
 * is the time before its event: deleting the event and its code leaves the rest as it was.
 */
export class WhatIfRecorder {
  private readonly decoder: Decoder;
  private readonly syscall: number;
  private readonly op = new Op();
  private readonly tasks = new Map<number, TaskState>();
  private readonly watch: CallbackWatch;
  private readonly steps: TaskSteps;
  private readonly roles: EventRoles;
  private readonly spans: SpanRec[] = [];
  private readonly gathers: GatherRec[] = [];
  private readonly samples: CostSamples = {
    append: new Samples(),
    probe: new Samples(),
    batchPage: new Samples(),
    pageAlloc: new Samples(),
    callRcu: new Samples(),
    tableCall: new Samples(),
    pageFree: new Samples(),
    callbackTable: new Samples(),
    invoke: new Samples(),
    sync: new Samples(),
    flush: new Map(),
  };
  private readonly onOp: (op: Op | null) => void;
  /** Time of `__pte_alloc` where that was the last operation of the CPU, otherwise -1. */
  private readonly lastPtea = new Float64Array(MAX_CPUS).fill(-1);
  private ops = 0;
  private cut = 0;
  private readonly torn: GatherRec[] = [];
  private reclaims = 0;
  private losses = 0;
  private cpus = 0;
  private full = false;

  /** `syscallId`: id of the measured syscall; `onOp` is told of every operation, null: a new capture. */
  constructor(given: {
    readonly events: EventTable;
    readonly decoder: Decoder;
    readonly syscall: string;
    readonly syscallId: number;
    readonly onOp?: (op: Op | null) => void;
  }) {
    this.roles = new EventRoles(given.events, given.syscall);
    this.decoder = given.decoder;
    this.syscall = given.syscallId;
    this.onOp = given.onOp ?? (() => {});
    this.watch = new CallbackWatch(this.samples);
    this.steps = new TaskSteps(this.samples, this.spans);
  }

  batch(batch: RecordBatch): void {
    const { op } = this;
    for (let row = 0; row < batch.length; row++) {
      const event = batch.event[row]!;
      if (event <= LAST_RESERVED) {
        if (event === RESERVED.lost || event === RESERVED.silentLoss) {
          this.drop();
          this.losses++;
        } else if (event === RESERVED.segment && this.ops > 0) this.boundary();
        continue;
      }
      const cpu = batch.cpu[row]!;
      if (cpu >= this.cpus) this.cpus = cpu + 1;
      const known = this.decoder.decode(batch, row, op);
      if (known) {
        this.onOp(op);
        this.ops++;
        this.everywhere(op);
      }
      this.row(batch, row, known ? op : null);
    }
  }

  /** A new capture begins. */
  boundary(): void {
    this.drop();
    this.watch.segment();
    this.onOp(null);
  }

  finish(): Recorded {
    this.drop();
    if (this.steps.sawTargets) this.settleTargets();
    return {
      spans: this.spans.filter((s) => s.endNs >= s.startNs),
      gathers: this.gathers,
      callbacks: this.watch.callbacks,
      samples: this.samples,
      cut: this.cut,
      torn: this.torn,
      reclaims: this.reclaims,
      losses: this.losses,
      cpus: this.cpus,
      full: this.full,
    };
  }

  /**
   * Where the recording shows whom flushes interrupt, one that shows nobody interrupted nobody. A mask is only what a
   * flush may interrupt: where requests are recorded, those count.
   */
  private settleTargets(): void {
    const { flush } = this.samples;
    flush.clear();
    for (const g of this.gathers) {
      for (const f of g.flushes) {
        if (f.targets < 0 || (f.byMask && this.steps.sawRequests)) f.targets = 0;
        f.byMask = false;
        let samples = flush.get(f.targets);
        if (!samples) flush.set(f.targets, (samples = new Samples()));
        samples.add(f.ns);
      }
    }
  }

  /** Facts that count wherever they happen. */
  private everywhere(op: Op): void {
    if (op.kind === OP.UL || (op.kind === OP.ULret && op.a0 === 1)) this.reclaims++;
    if (op.kind === OP.IS && op.a0 >= this.cpus) this.cpus = op.a0 + 1;
    this.allocation(op);
    this.watch.at = this.ops - 1;
    this.steps.at = this.ops - 1;
    const ran = this.watch.see(op);
    if (ran === null) return;
    // A callback that runs while its CPU's task waits for others costs that task nothing.
    const t = this.tasks.get(op.pid);
    if (t && t.span >= 0 && !(t.flush || t.syncing)) this.spans[t.span]!.callbackNs += ran;
  }

  /** A page allocated for a table on its way up: `__pte_alloc` and, right after it on that CPU, `mm_page_alloc`. */
  private allocation(op: Op): void {
    if (op.cpu < 0 || op.cpu >= this.lastPtea.length) return;
    const before = this.lastPtea[op.cpu]!;
    if (op.kind === OP.ALLOC && op.a1 === 0 && before >= 0) this.samples.pageAlloc.add(op.tsNs - before);
    this.lastPtea[op.cpu] = op.kind === OP.PTEA ? op.tsNs : -1;
  }

  private row(batch: RecordBatch, row: number, op: Op | null): void {
    const pid = batch.pid[row]!;
    if (pid < 0) return;
    const event = batch.event[row]!;
    const ts = batch.tsNs[row]!;
    const cpu = batch.cpu[row]!;
    const role = this.roles.of(event);
    let t = this.tasks.get(pid);
    const enters =
      (op?.kind === OP.SE && op.a0 === this.syscall) ||
      (role === ROLE.enter && (t === undefined || t.span < 0));
    if (enters) {
      this.enter(pid, cpu, ts, t);
      return;
    }
    if (op?.kind === OP.GB && this.isTask(op.context, cpu)) t = this.begin(pid, cpu, ts, op, t);
    if (t === undefined) return;
    const flags = op ? op.context : CONTEXT.unknown;
    if (op ? !this.isTask(flags, cpu) : !this.isTask(contextOf(batch.flags[row]!), cpu)) return;
    const gap = ts - t.lastNs;
    t.lastNs = ts;
    if ((op?.kind === OP.SX && op.a0 === this.syscall) || (role === ROLE.exit && t.span >= 0)) {
      this.exit(pid, ts, t, gap);
      return;
    }
    this.steps.step(t, op, role, gap, ts);
    t.lastKind = op ? op.kind : OP.none;
    if (op?.kind === OP.GEret) this.end(pid, ts, t);
  }

  private isTask(context: number, cpu: number): boolean {
    // Where the flags say so, a row of the task ends a callback whose return was not recorded.
    if (context === CONTEXT.task) this.watch.left(cpu);
    return context === CONTEXT.task || (context === CONTEXT.unknown && !this.watch.inside(cpu));
  }

  private enter(pid: number, cpu: number, ts: number, t: TaskState | undefined): void {
    if (t) this.close(t);
    if (this.spans.length >= MAX_SPANS) {
      this.full = true;
      return;
    }
    this.spans.push({ pid, cpu, startNs: ts, endNs: Number.NaN, callbackNs: 0, gathers: [], waits: [] });
    this.tasks.set(pid, newTask(this.spans.length - 1, ts));
  }

  private exit(pid: number, ts: number, t: TaskState, gap: number): void {
    if (t.span >= 0) this.spans[t.span]!.endNs = ts;
    if (t.calling !== 0) this.steps.callOver(t, gap);
    if (t.gather && t.finishing && t.span >= 0) this.end(pid, Number.NaN, t);
    this.close(t);
    this.tasks.delete(pid);
  }

  private begin(pid: number, cpu: number, ts: number, op: Op, t: TaskState | undefined): TaskState {
    const task = t ?? newTask(-1, ts);
    if (t === undefined) this.tasks.set(pid, task);
    if (task.gather && task.finishing) {
      this.end(pid, Number.NaN, task);
      this.tasks.set(pid, task);
    } else this.close(task);
    task.gather = newGather(pid, cpu, op.a2 === 1, task.span, ts);
    task.finishing = false;
    task.run = newRun();
    return task;
  }

  private end(pid: number, ts: number, t: TaskState): void {
    const g = t.gather;
    this.steps.endRun(t);
    if (t.flush) this.steps.flushed(t, t.lastNs);
    if (g) {
      g.endNs = ts;
      g.ops.end = this.ops - 1;
      const queued = g.callNs.length > 0 && g.callNs.at(-1)! >= g.handNs;
      const calls = queued ? g.ns[STEP.callRcu]! / g.callNs.length : 0;
      g.tailNs = isKnown(ts) ? Math.max(0, ts - g.handNs - calls) : 0;
      if (g.tailPages > 2 && g.pages + g.inlineFrees === 0) this.samples.pageFree.add(g.tailNs / g.tailPages);
      if (t.span >= 0) this.spans[t.span]!.gathers.push(this.gathers.length);
      this.gathers.push(g);
      t.gather = null;
    }
    if (t.span < 0) this.tasks.delete(pid);
  }

  private close(t: TaskState): void {
    if (t.gather) {
      this.cut++;
      if (t.gather.tables.length > 0) this.torn.push(t.gather);
    }
    t.gather = null;
  }

  /** What is in progress cannot be followed further. */
  private drop(): void {
    for (const t of this.tasks.values()) this.close(t);
    this.tasks.clear();
    this.watch.lost();
  }
}
