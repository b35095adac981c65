import type { Decoder } from '../kernel/decoder.js';
import { FUNC, isTableFunc, OP, Op } from '../kernel/ops.js';
import { MAX_CPUS, type RecordBatch } from '../timeline/batch.js';
import { type EventTable, LAST_RESERVED, RESERVED } from '../timeline/events.js';
import { CONTEXT, contextOf } from '../timeline/flags.js';
import { CallbackWatch } from './callback-watch.js';
import {
  type CallbackRec,
  type CostSamples,
  type FlushRec,
  type GatherRec,
  PHASE,
  type Recorded,
  Samples,
  type SpanRec,
  STEP,
  STEP_COUNT,
} from './recorded.js';

/** What an event is to the recorder beyond its operation. */
const ROLE = { unread: 0, none: 1, batched: 2, page: 3, enter: 4, exit: 5, pagesGo: 6 } as const;
/** Runs once per page that a page batch frees, where a tracer of functions shows it (mm/page_alloc.c). */
const PAGE_SYMBOL = 'free_unref_page_commit';
/** What tlb_batch_pages_flush() calls after the flush (mm/mmu_gather.c). */
const PAGES_SYMBOL = 'free_pages_and_swap_cache';
const MAX_SPANS = 500_000;

/** A task inside the measured syscall or a gather. */
interface TaskState {
  span: number;
  gather: GatherRec | null;
  lastNs: number;
  lastKind: number;
  /** The wait for tlb_remove_table_sync_one() goes on until the task's next own step. */
  syncing: boolean;
  /** call_rcu() goes on: 1 of any function, 2 of page tables. */
  calling: 0 | 1 | 2;
  callingNs: number;
  /** Events inside that call. */
  inside: number;
  flush: FlushRec | null;
  finishing: boolean;
  /** A run of page frees: pages, tables among them, time without the first. */
  run: { pages: number; tables: number; ns: number; batched: number; batchedNs: number; batchedFirst: boolean };
}

const newRun = (): TaskState['run'] => ({ pages: 0, tables: 0, ns: 0, batched: 0, batchedNs: 0, batchedFirst: true });

/**
 * Turns a timeline into syscalls, gathers, flushes and the time each step of the free path took. The time of a step
 * is the time before its event: deleting the event and its code leaves the rest as it was.
 */
export class WhatIfRecorder {
  private readonly events: EventTable;
  private readonly decoder: Decoder;
  private readonly syscall: number;
  private readonly name: string;
  private readonly op = new Op();
  private readonly tasks = new Map<number, TaskState>();
  private readonly watch: CallbackWatch;
  private roles = new Uint8Array(64);
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
  private reclaims = 0;
  private losses = 0;
  private cpus = 0;
  private full = false;
  private sawTargets = false;

  /** `syscallId`: id of the measured syscall; `onOp` is told of every operation, null: a new capture. */
  constructor(given: {
    readonly events: EventTable;
    readonly decoder: Decoder;
    readonly syscall: string;
    readonly syscallId: number;
    readonly onOp?: (op: Op | null) => void;
  }) {
    this.events = given.events;
    this.decoder = given.decoder;
    this.syscall = given.syscallId;
    this.name = given.syscall;
    this.onOp = given.onOp ?? (() => {});
    this.watch = new CallbackWatch(this.samples);
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
    if (this.sawTargets) this.settleTargets();
    const callbacks: CallbackRec[] = this.watch.callbacks;
    return {
      spans: this.spans.filter((s) => s.endNs >= s.startNs),
      gathers: this.gathers,
      callbacks,
      samples: this.samples,
      cut: this.cut,
      reclaims: this.reclaims,
      losses: this.losses,
      cpus: this.cpus,
      full: this.full,
    };
  }

  /** Where the recording shows whom flushes interrupt, one that shows nobody interrupted nobody. */
  private settleTargets(): void {
    const { flush } = this.samples;
    const unknown = flush.get(-1);
    for (const g of this.gathers) for (const f of g.flushes) if (f.targets < 0) f.targets = 0;
    if (!unknown) return;
    flush.delete(-1);
    const none = flush.get(0);
    if (none) for (const v of unknown.values) none.add(v);
    else flush.set(0, unknown);
  }

  /** Facts that count wherever they happen. */
  private everywhere(op: Op): void {
    if (op.kind === OP.UL || (op.kind === OP.ULret && op.a0 === 1)) this.reclaims++;
    if (op.kind === OP.IS && op.a0 >= this.cpus) this.cpus = op.a0 + 1;
    this.allocation(op);
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
    const role = event < this.roles.length && this.roles[event] !== 0 ? this.roles[event]! : this.readRole(event);
    let t = this.tasks.get(pid);
    if (op?.kind === OP.SE && op.a0 === this.syscall) return this.enter(pid, cpu, ts, t);
    if (role === ROLE.enter && (t === undefined || t.span < 0)) return this.enter(pid, cpu, ts, t);
    if (op?.kind === OP.GB && this.isTask(op.context, cpu)) t = this.begin(pid, cpu, ts, op, t);
    if (t === undefined) return;
    const flags = op ? op.context : CONTEXT.unknown;
    if (op ? !this.isTask(flags, cpu) : !this.isTask(contextOf(batch.flags[row]!), cpu)) return;
    const gap = ts - t.lastNs;
    t.lastNs = ts;
    if (op?.kind === OP.SX && op.a0 === this.syscall) return this.exit(pid, ts, t);
    if (role === ROLE.exit && t.span >= 0) return this.exit(pid, ts, t);
    this.step(t, op, role, gap, ts);
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

  private exit(pid: number, ts: number, t: TaskState): void {
    if (t.span >= 0) this.spans[t.span]!.endNs = ts;
    if (t.calling !== 0) this.callOver(t, ts - t.lastNs);
    if (t.gather && t.finishing && t.span >= 0) this.end(pid, Number.NaN, t);
    if (t.gather) this.cut++;
    this.tasks.delete(pid);
  }

  private begin(pid: number, cpu: number, ts: number, op: Op, t: TaskState | undefined): TaskState {
    const task = t ?? newTask(-1, ts);
    if (t === undefined) this.tasks.set(pid, task);
    if (task.gather && task.finishing) {
      this.end(pid, Number.NaN, task);
      this.tasks.set(pid, task);
    } else if (task.gather) this.cut++;
    task.gather = newGather(pid, cpu, op.a2 === 1, task.span, ts);
    task.finishing = false;
    task.run = newRun();
    return task;
  }

  private end(pid: number, ts: number, t: TaskState): void {
    const g = t.gather;
    this.endRun(t);
    if (t.flush) this.flushed(t, t.lastNs);
    if (g) {
      g.endNs = ts;
      g.ops.end = this.ops - 1;
      const queued = g.callNs.length > 0 && g.callNs.at(-1)! >= g.handNs;
      const calls = queued ? g.ns[STEP.callRcu]! / g.callNs.length : 0;
      g.tailNs = ts === ts ? Math.max(0, ts - g.handNs - calls) : 0;
      if (g.tailPages > 2 && g.pages + g.inlineFrees === 0) this.samples.pageFree.add(g.tailNs / g.tailPages);
      if (t.span >= 0) this.spans[t.span]!.gathers.push(this.gathers.length);
      this.gathers.push(g);
      t.gather = null;
    }
    if (t.span < 0) this.tasks.delete(pid);
  }

  private step(t: TaskState, op: Op | null, role: number, gap: number, ts: number): void {
    const g = t.gather;
    const kind = op ? op.kind : OP.none;
    if (t.flush && (endsFlush(kind) || isSyncIpi(op) || role === ROLE.pagesGo)) {
      // Tracers of functions show no returns: the flush is over when the task goes on with something else.
      this.flushed(t, ts);
      gap = 0;
    }
    if (t.syncing) {
      if (g) g.ns[STEP.sync]! += gap;
      t.callingNs += gap;
      if (kind === OP.none || isSyncIpi(op)) {
        if (isSyncIpi(op) && g) {
          g.syncIpis++;
          g.ops.synced.push(this.ops - 1);
        }
        return;
      }
      this.samples.sync.add(t.callingNs);
      t.syncing = false;
      if (t.span >= 0) this.spans[t.span]!.waits.push(ts - gap, ts);
      gap = 0;
    } else if (t.calling !== 0) {
      if (kind === OP.RQ || kind === OP.none || (kind === OP.CR && t.lastKind === OP.CR)) {
        t.callingNs += gap;
        t.inside++;
        if (t.calling === 2 && g) g.ns[STEP.callRcu]! += gap;
        return;
      }
      this.callOver(t, gap);
    }
    if (kind !== OP.FREE && role !== ROLE.batched && t.run.pages > 0) this.endRun(t);
    if (kind === OP.none || !op) {
      if (role === ROLE.batched) batchedRow(t, gap);
      else if (g && role === ROLE.page && t.finishing && t.flush === null) g.tailPages++;
      return;
    }
    switch (kind) {
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
        g.ops.appended.push(this.ops - 1);
        return;
      case OP.ALLOC:
        this.allocated(t, op, gap);
        return;
      case OP.CR:
        t.calling = isTableFunc(op.a1) || this.mustBeTables(t, op) ? 2 : 1;
        // Before a call in the middle of other work that work is most of the time; a gather's call comes at once.
        t.callingNs = t.calling === 2 ? gap : 0;
        t.inside = 0;
        if (t.calling === 2 && g) this.called(g, op, gap, ts);
        return;
      case OP.IS:
        this.sent(t, op, gap);
        return;
      case OP.FMULTI:
        if (t.flush && t.flush.targets <= 0 && op.a0 === op.a0) {
          t.flush.targets = Math.max(0, ones(op.a0) - 1);
          this.sawTargets = true;
        }
        return;
      case OP.FR:
        t.flush = {
          phase: t.finishing ? PHASE.finish : g && g.levels.length > 0 ? PHASE.tables : PHASE.zap,
          atTable: g ? g.levels.length : 0,
          startNs: ts - gap,
          ns: 0,
          targets: -1,
          fromOp: this.ops - 1,
          toOp: this.ops - 1,
        };
        return;
      case OP.FD:
        this.flushed(t, ts);
        return;
      case OP.GE:
        t.finishing = true;
        if (g) {
          g.handNs = ts;
          g.ops.finish = g.ops.handed = this.ops - 1;
        }
        return;
      case OP.FREE:
        this.freed(t, op, gap);
        return;
      default:
    }
  }

  private removed(g: GatherRec, op: Op): void {
    if (g.levels.length === 0) g.pagesEarly = g.pages;
    g.levels.push(op.a3 > 0 ? op.a3 : 0);
    g.tables.push(op.a2);
    g.single.push(false);
    g.ops.removed.push(this.ops - 1);
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
  private callOver(t: TaskState, next: number): void {
    if (t.calling === 2) this.samples.tableCall.add(t.callingNs);
    else this.samples.callRcu.add(t.inside > 0 ? t.callingNs : next);
    t.calling = 0;
  }

  /** Tracers of functions show no arguments: these calls of call_rcu() in a gather can only be mm/mmu_gather.c's. */
  private mustBeTables(t: TaskState, op: Op): boolean {
    const g = t.gather;
    if (!g || op.a1 === op.a1 || g.levels.length === 0) return false;
    if (t.finishing) return g.appended > 0 && g.batchCalls === 0 && g.single.includes(false);
    const last = g.flushes.at(-1);
    return last?.phase === PHASE.tables && last.atTable === g.levels.length && g.single.at(-1) === false;
  }

  private called(g: GatherRec, op: Op, gap: number, ts: number): void {
    g.ns[STEP.callRcu]! += gap;
    g.callNs.push(ts);
    g.ops.called.push(this.ops - 1);
    const batch = op.a1 === FUNC.tlb_remove_table_rcu;
    if (batch || (op.a1 !== op.a1 && g.ops.finish >= 0)) g.batchCalls++;
    else {
      g.singleCalls++;
      if (g.single.length > 0) g.single[g.single.length - 1] = true;
    }
  }

  private sent(t: TaskState, op: Op, gap: number): void {
    const g = t.gather;
    if (op.a1 === FUNC.flush_tlb_func && t.flush) this.sawTargets = true;
    if (op.a1 === FUNC.flush_tlb_func && t.flush) t.flush.targets = Math.max(0, t.flush.targets) + 1;
    if (op.a1 !== FUNC.tlb_remove_table_smp_sync) return;
    t.syncing = true;
    t.callingNs = gap;
    if (!g) return;
    g.syncs++;
    g.syncIpis++;
    g.ns[STEP.sync]! += gap;
    g.ops.synced.push(this.ops - 1);
    if (g.single.length > 0) g.single[g.single.length - 1] = true;
  }

  private flushed(t: TaskState, ts: number): void {
    const f = t.flush;
    t.flush = null;
    if (!f) return;
    f.ns = ts - f.startNs;
    f.toOp = this.ops - 1;
    if (t.span >= 0 && f.targets !== 0) this.spans[t.span]!.waits.push(f.startNs, ts);
    const g = t.gather;
    if (!g) return;
    g.flushes.push(f);
    if (f.phase === PHASE.finish) {
      g.handNs = ts;
      g.ops.handed = this.ops - 1;
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
    g.ops.freed.push(this.ops - 1);
    g.ns[STEP.tableFree]! += first && g.inlineFrees === 1 && g.flushes.length > 0 && !g.single.at(-1) ? 0 : gap;
    if (!t.finishing && g.appended > 0) g.single[at] = true;
  }

  private endRun(t: TaskState): void {
    const { run } = t;
    if (run.pages >= 3) {
      const each = run.ns / (run.pages - 1);
      const also = run.batched > 1 ? run.batchedNs / (run.batched - 1) : 0;
      this.samples.pageFree.add(each + also);
    }
    const g = t.gather;
    if (g) {
      if (run.batched > 1) g.ns[STEP.tableFree]! += (run.batchedNs / (run.batched - 1)) * Math.min(run.tables, run.batched);
      if (g.firstRound === 0 && g.levels.length === 0 && g.flushes.length > 0) g.firstRound = run.pages;
    }
    t.run = newRun();
  }

  private close(t: TaskState): void {
    if (t.gather) this.cut++;
    t.gather = null;
  }

  /** What is in progress cannot be followed further. */
  private drop(): void {
    for (const t of this.tasks.values()) this.close(t);
    this.tasks.clear();
    this.watch.lost();
  }

  private readRole(event: number): number {
    if (event >= this.roles.length) {
      const bigger = new Uint8Array(Math.max(event + 1, this.roles.length * 2));
      bigger.set(this.roles);
      this.roles = bigger;
    }
    const head = this.events.head(event);
    const symbol = head.symbol || head.name;
    let role: number = ROLE.none;
    if (head.name === 'mm_page_free_batched') role = ROLE.batched;
    else if (symbol === PAGES_SYMBOL && head.stamp !== 'end') role = ROLE.pagesGo;
    else if (symbol === PAGE_SYMBOL && !(head.kind === 'span' && head.stamp === 'end')) role = ROLE.page;
    else if (symbol === `__x64_sys_${this.name}` || symbol === `__se_sys_${this.name}`) {
      if (head.kind === 'function' || head.kind === 'probe') role = ROLE.enter;
      else if (head.kind === 'retprobe' || head.stamp === 'end') role = ROLE.exit;
    }
    this.roles[event] = role;
    return role;
  }
}

function newTask(span: number, ts: number): TaskState {
  return {
    span,
    gather: null,
    lastNs: ts,
    lastKind: OP.none,
    syncing: false,
    calling: 0,
    callingNs: 0,
    inside: 0,
    flush: null,
    finishing: false,
    run: newRun(),
  };
}

function newGather(pid: number, cpu: number, fullmm: boolean, span: number, ts: number): GatherRec {
  return {
    pid,
    cpu,
    fullmm,
    span,
    beginNs: ts,
    endNs: Number.NaN,
    handNs: ts,
    levels: [],
    tables: [],
    single: [],
    flushes: [],
    appended: 0,
    batchPages: 0,
    batchCalls: 0,
    singleCalls: 0,
    syncs: 0,
    syncIpis: 0,
    inlineFrees: 0,
    pages: 0,
    pagesEarly: 0,
    firstRound: 0,
    ns: new Float64Array(STEP_COUNT),
    tailNs: 0,
    tailPages: 0,
    callNs: [],
    ops: { removed: [], appended: [], freed: [], called: [], synced: [], finish: -1, handed: -1, end: -1 },
  };
}

function batchedRow(t: TaskState, gap: number): void {
  const { run } = t;
  run.batched++;
  if (!run.batchedFirst) run.batchedNs += gap;
  run.batchedFirst = false;
}

/** What a task does only after flush_tlb_mm_range() has returned. */
const endsFlush = (kind: number): boolean =>
  kind === OP.TR || kind === OP.APP || kind === OP.CR || kind === OP.FREE || kind === OP.FPSC || kind === OP.GE || kind === OP.FMMU;

const isSyncIpi = (op: Op | null): boolean => op?.kind === OP.IS && op.a1 === FUNC.tlb_remove_table_smp_sync;

/** Bits set in the low 53 of a CPU mask. */
function ones(mask: number): number {
  let n = 0;
  for (let m = mask; m > 0; m = Math.floor(m / 2)) n += m % 2;
  return n;
}
