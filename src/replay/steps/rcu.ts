import { FUNC, GP_EVENT, isTableFunc, OP, type Op } from '../../kernel/ops.js';
import { CONTEXT } from '../../timeline/flags.js';
import type { Hooks } from '../hooks.js';
import type { Cpu, Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { setPage } from '../state/page-index.js';
import { queuesFunc } from '../state/queued-funcs.js';
import { type Enqueue, type Gather, type Head, LIFE, type Table } from '../state/table-life.js';
import { forgetHead, isUnnamed, lineUp, moveLast } from './callback-order.js';
import { callback, callbackReturned, invoked } from './callbacks.js';
import { readerBegins, readerEnds } from './readers.js';

/** Two probes on one enqueue (`call_rcu`, `__call_rcu_common`) lie this many operations apart at most. */
const SAME_ENQUEUE = 64;
/** GUP-fast brackets open at once: more than a machine has CPUs, their ends were not recorded. */
const MAX_GUPS = 8192;
/** Heads known by tracepoint value only, kept while no callback tracepoint shows. */
const MAX_RHP = 1 << 17;

/** RCU: enqueue, callback, grace periods, readers. Source: kernel/rcu/tree.c, kernel/rcu/rcu_segcblist.c. */
export function stepRcu(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
  switch (op.kind) {
    case OP.CR:
      queuesFunc(state, op.a1);
      enqueue(state, op, task, cpu, hooks);
      break;
    case OP.RQ:
      queuesFunc(state, op.a1);
      enqueueTraced(state, op, task, cpu, hooks);
      break;
    case OP.CB:
      callback(state, op, task, cpu, hooks);
      break;
    case OP.CBret:
      if (cpu) callbackReturned(cpu, task, op, hooks);
      break;
    case OP.RI:
      invoked(state, op, task, cpu, hooks);
      break;
    case OP.GP:
      gracePeriod(state, op, hooks);
      break;
    case OP.GPX:
      expedited(state, op);
      break;
    case OP.RB:
      readerBegins(state, op, task, hooks);
      break;
    case OP.RE:
      readerEnds(state, op, task, hooks);
      break;
    case OP.GUP:
      if (op.a0 === 1) {
        if (state.gups.size >= MAX_GUPS) {
          state.gups.clear();
          state.lossSeq = state.seq;
        }
        state.gups.set(task.key, state.seq);
      } else state.gups.delete(task.key);
      break;
    default:
      break;
  }
}

function enqueue(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
  const last = task.enqueue;
  const again =
    last !== null &&
    last.addr === op.a0 &&
    last.func === op.a1 &&
    (last.sources & (1 << op.a4)) === 0 &&
    // Its task is still in there, whatever interrupts do meanwhile; without a flags column they look like the task.
    (last.open || op.context === CONTEXT.unknown || state.seq - last.seq <= SAME_ENQUEUE) &&
    (last.head === null || last.head.ran === 0);
  if (again) {
    last.sources |= 1 << op.a4;
    if (last.head && cpu) moveLast(state, last.head, cpu);
    last.seq = state.seq;
    last.open = true;
    return;
  }
  if (last?.head && last.head.listedSeq === 0) last.head.listedSeq = state.seq;
  const head = enqueued(state, op, task, cpu, hooks);
  task.enqueue = {
    seq: state.seq,
    ref: op.ref,
    addr: op.a0,
    func: op.a1,
    cpu: op.cpu,
    head,
    sources: 1 << op.a4,
    open: true,
  };
}

function enqueued(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): Head | null {
  const gather = task.gather;
  const batchOfGather = gather?.finishing === true && op.a2 === gather.batchPage && op.a2 !== 0;
  if (!isTableFunc(op.a1) && !batchOfGather) return null;
  const old = op.a0 === op.a0 ? state.headsByAddr.get(op.a0) : undefined;
  if (old && old.ran === 0) {
    hooks.queuedTwice(old, op);
    forgetHead(state, old);
  } else if (old) forgetHead(state, old);
  const head = newHead(state, op, op.a0, Number.NaN);
  const single = op.a1 === FUNC.__tlb_remove_table_one_rcu || op.a1 === FUNC.pte_free_now;
  if (single) {
    const table = state.tables.get(op.a2);
    if (table && table.life !== LIFE.freed) head.tables = [table];
    else if (table && gather && releasedByGather(table, gather)) hooks.tableQueuedAfterFree(table, head, op);
    head.tablesKnown = head.tables.length > 0;
    if (gather && table) {
      gather.batch.delete(table);
    }
  } else {
    if (gather) {
      head.tables = [...gather.batch];
      head.released = gather.released;
      gather.batch.clear();
      gather.released = [];
    }
    head.tablesKnown = gather !== null && !gather.headless;
    if (op.a2 === op.a2) setPage(state.headsByPage, state.headPages, op.a2, head);
  }
  for (const table of head.tables) bind(table, head);
  if (op.a0 === op.a0) state.headsByAddr.set(op.a0, head);
  if (cpu) lineUp(cpu, head, state.seq);
  hooks.queued(head, gather, task, op);
  return head;
}

/** Handed over and released by its task within this very gather: it cannot have become another table since. */
function releasedByGather(table: Table, gather: Gather): boolean {
  return table.freedByTask && table.trSeq > gather.gbSeq && table.freeSeq > table.trSeq;
}

function bind(table: Table, head: Head): void {
  table.head = head;
  table.life = LIFE.rcu;
}

/**
 * The `call_rcu()` that this `rcu_callback` is the tracepoint of: what its task did last, whatever interrupted it
 * in between or ran on its CPU.
 */
export function enqueueOf(state: MachineState, task: Task, op: Op): Enqueue | null {
  const { enqueue } = task;
  if (!enqueue?.open || enqueue.func !== op.a1) return null;
  return (state.cpus[enqueue.cpu]?.lossSeq ?? 0) > enqueue.seq ? null : enqueue;
}

/** `rcu_callback` follows the `call_rcu` probe of the same enqueue; alone it is the enqueue. */
function enqueueTraced(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
  if (op.a0 !== op.a0) return;
  const linked = enqueueOf(state, task, op)?.head ?? null;
  const old = state.headsByRhp.get(op.a0);
  if (old && old !== linked) {
    if (old.ran === 0) hooks.queuedTwice(old, op);
    state.headsByRhp.delete(op.a0);
  }
  if (linked) {
    if (linked.lineSeq > 0 && isUnnamed(linked)) state.cpus[linked.crCpu]!.unnamed--;
    linked.rhp = op.a0;
    state.headsByRhp.set(op.a0, linked);
    relisted(state, linked, cpu);
    return;
  }
  if (state.headsByRhp.size >= MAX_RHP) state.headsByRhp.clear();
  const head = newHead(state, op, Number.NaN, op.a0);
  state.headsByRhp.set(op.a0, head);
  if (cpu) lineUp(cpu, head, state.seq);
  hooks.queued(head, task.gather, task, op);
}

/** It is put on the list only now, of the CPU the task is on by now, behind whatever came between. */
function relisted(state: MachineState, head: Head, cpu: Cpu | null): void {
  head.listedSeq = state.seq;
  if (cpu && head.ran === 0) moveLast(state, head, cpu);
}

function newHead(state: MachineState, op: Op, addr: number, rhp: number): Head {
  return {
    addr,
    rhp,
    func: op.a1,
    page: op.kind === OP.CR ? op.a2 : Number.NaN,
    crRef: op.ref,
    crTs: op.tsNs,
    crSeq: state.seq,
    crEvent: state.event,
    crPid: op.pid,
    crCpu: op.cpu,
    lineSeq: 0,
    listedSeq: op.kind === OP.RQ ? state.seq : 0,
    tables: [],
    released: [],
    tablesKnown: false,
    ran: 0,
    listed: [],
    nr: Number.NaN,
    frees: [],
    over: false,
    shown: 0,
    stale: false,
    cbFunc: 0,
    cbRef: -1,
    cbTs: Number.NaN,
    cbSeq: 0,
    cbCpu: -1,
    gpStarts: state.gp.starts,
    gpOpening: state.gp.opening,
    expeditedStarts: state.gp.expedited.starts,
    overtakenBy: null,
    overtakenSeq: 0,
    inferredFrees: 0,
  };
}

/** kernel/rcu/tree_exp.h: `start` and `end` are traced within the period, under its mutex. */
function expedited(state: MachineState, op: Op): void {
  const { expedited: gp } = state.gp;
  if (op.a1 === GP_EVENT.start) {
    gp.starts++;
    gp.running = true;
  } else if (op.a1 === GP_EVENT.end && gp.running) {
    gp.running = false;
    gp.ended = gp.starts;
  }
}

/** GP n has ended at the first of `end n` and any `cpuend n`: the leaf nodes learn it before `end` is traced. */
function gracePeriod(state: MachineState, op: Op, hooks: Hooks): void {
  const gp = state.gp;
  if (op.a1 === GP_EVENT.init) gp.opening = true;
  else if (op.a1 === GP_EVENT.start || op.a1 === GP_EVENT.other) gp.opening = false;
  // The return of rcu_gp_init() may come behind the tracepoint that told of the same start.
  if (op.a1 === GP_EVENT.start && (op.a2 !== op.a2 || op.a0 !== gp.seq)) {
    // kernel/rcu/tree.c rcu_gp_kthread(): one thread, one after the other.
    if (op.a0 > gp.seq) gp.ended = gp.unshownEnd = gp.starts;
    gp.starts++;
    gp.seq = op.a0;
    gp.startRef = op.ref;
  } else if ((op.a1 === GP_EVENT.end || op.a1 === GP_EVENT.cpuend) && op.a0 === gp.seq) {
    gp.seq = Number.NaN;
    gp.ended = gp.starts;
    gp.endedRef = op.ref;
    gp.endedTs = op.tsNs;
    hooks.gpEnded(op);
  }
}
