import { FUNC, isTableFunc, OP, OP_COUNT, type Op } from '../../kernel/ops.js';
import { CONTEXT } from '../../timeline/flags.js';
import type { Hooks } from '../hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import type { Flush, Gather, LeftOut } from '../state/table-life.js';
import { mayLook, unqueued } from './gather-looks.js';

/** Flushes not finished at most (tasks whose return was lost); the oldest are dropped. */
const MAX_OPEN = 4096;
/** A flush that ends beyond user space is one of everything (TLB_FLUSH_ALL). */
const USER_END = 2 ** 52;

/** TLB flushes: what each covers, and that it is back. */
export function stepFlush(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  switch (op.kind) {
    case OP.FR:
      begin(state, op, task);
      break;
    case OP.FD:
      end(state, op, task, hooks);
      break;
    case OP.FMULTI:
      if (task.flush) {
        task.flush.multi = true;
        task.flush.gen = op.a4;
        task.flush.mask = op.a0;
        task.flush.multiRef = op.ref;
        task.flush.multiTs = op.tsNs;
      }
      break;
    case OP.SYNCR:
      for (const table of unqueued(state, task.gather)) if (table.flush && !table.head) table.gpWait = true;
      break;
    default:
      break;
  }
}

/**
 * What no task does within flush_tlb_mm_range(): one that does it in task context is back from there, whether the
 * return was shown or not (a kretprobe hit within another probe's handler is lost). Interrupts are other contexts.
 */
const OUTSIDE_FLUSH = kinds(
  OP.TR,
  OP.APP,
  OP.PVOP,
  OP.UL,
  OP.DEFER,
  OP.FREE,
  OP.FR,
  OP.FMMU,
  OP.GB,
  OP.GE,
  OP.GEret,
  OP.UVMA,
  OP.FPGT,
  OP.FPGD,
  OP.PUB,
  OP.PTEA,
  OP.PMDA,
  OP.SYNC1,
  OP.SYNCR,
  OP.SE,
  OP.SX,
  OP.EXITMM,
  OP.EXIT,
);
/** What no task does between that and the return it was inside of: the return itself was lost. */
const BEHIND_FLUSH = kinds(OP.FR, OP.GB, OP.GE, OP.GEret, OP.SE, OP.SX, OP.EXITMM, OP.EXIT);

function kinds(...list: number[]): Uint8Array {
  const set = new Uint8Array(OP_COUNT);
  for (const kind of list) set[kind] = 1;
  return set;
}

/**
 * Program order: whoever does something else has returned. Before the operation itself takes effect. Without a flags
 * column only what no interrupt does tells.
 */
export function passFlush(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const sync = op.kind === OP.IS && op.a1 === FUNC.tlb_remove_table_smp_sync;
  if (
    op.context !== CONTEXT.task &&
    !(op.context === CONTEXT.unknown && (sync || BEHIND_FLUSH[op.kind] === 1))
  )
    return;
  const { flush } = task;
  if (flush && (sync || OUTSIDE_FLUSH[op.kind] === 1 || (op.kind === OP.CR && isTableFunc(op.a1)))) {
    flush.backByOrder = true;
    end(state, op, task, hooks);
    task.unseenReturn = flush;
  }
  if (task.unseenReturn && BEHIND_FLUSH[op.kind] === 1) settle(task, hooks);
}

function settle(task: Task, hooks: Hooks): void {
  const flush = task.unseenReturn!;
  task.unseenReturn = null;
  flush.settled = true;
  hooks.returnUnseen(flush);
}

function newFlush(state: MachineState, op: Op, known: boolean): Flush {
  return {
    mm: known ? op.a0 : Number.NaN,
    start: known ? op.a1 : Number.NaN,
    end: known ? op.a2 : Number.NaN,
    freedTables: known ? op.a4 : Number.NaN,
    stride: known ? op.a3 : Number.NaN,
    frRef: known ? op.ref : -1,
    frTs: op.tsNs,
    frSeq: state.seq,
    cpu: op.cpu,
    pid: op.pid,
    fdRef: -1,
    fdTs: Number.NaN,
    fdSeq: 0,
    gen: Number.NaN,
    mask: Number.NaN,
    multi: false,
    multiRef: -1,
    multiTs: Number.NaN,
    targets: [],
    targetsByCpu: null,
    covers: [],
    lateTargets: 0,
    waited: false,
    handlersOnly: false,
    leftOut: null,
    backByOrder: false,
    settled: false,
  };
}

function begin(state: MachineState, op: Op, task: Task): void {
  if (op.a0 === op.a0) task.mm = op.a0;
  const flush = newFlush(state, op, true);
  cover(state, flush, task);
  const { gather } = task;
  if (gather && op.a0 === gather.mm) flush.leftOut = leftOut(flush, gather);
  task.flush = flush;
  state.openFlushes.push(flush);
  if (state.openFlushes.length > MAX_OPEN) state.openFlushes.shift();
}

/**
 * What the flush should have covered and does not: the range its gather has printed (arch/x86/include/asm/tlb.h
 * tlb_flush() passes just that, or everything), or a table whose addresses are known and lie elsewhere.
 */
function leftOut(flush: Flush, gather: Gather): LeftOut | null {
  const { start, end } = flush;
  if (start !== start || end !== end || end > USER_END) return null;
  const { range } = gather;
  if (range && (start > range.start || end < range.end)) return range;
  for (const table of flush.covers) {
    if (table.lo === table.lo && (start >= table.hi || end <= table.lo)) {
      return { start: table.lo, end: table.hi, ref: table.ulRef >= 0 ? table.ulRef : table.trRef };
    }
  }
  return null;
}

/** What the flush before this one left out, it leaves out too: it covers nothing either. */
function narrowAgain(flush: Flush, gather: Gather): boolean {
  const out = gather.narrow?.leftOut;
  return out != null && (flush.start >= out.end || flush.end <= out.start);
}

/** Only what was unlinked before the flush began is covered by it, and only in its own mm. */
function cover(state: MachineState, flush: Flush, task: Task): void {
  const { gather } = task;
  if (!gather || gather.pending.length === 0) return;
  if (flush.mm !== gather.mm && flush.mm === flush.mm && gather.mm === gather.mm) return;
  const leaves = flush.freedTables === 0 || narrowAgain(flush, gather);
  if (leaves && !mayLook(state, gather, gather.pending.length)) return;
  flush.covers = gather.pending.slice();
  for (const table of flush.covers) table.begun = flush;
}

/**
 * A return without its beginning: the probe on the entry was skipped, or the recording begins within. A task does
 * nothing else within a flush, so it began behind whatever the task had done before.
 */
function headless(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  if (task.unseenReturn) {
    const flush = task.unseenReturn;
    task.unseenReturn = null;
    hooks.returnedAfterAll(flush, op);
    return;
  }
  if (task.lastKind === OP.FD) return;
  const flush = newFlush(state, op, false);
  cover(state, flush, task);
  task.flush = flush;
  end(state, op, task, hooks);
}

function end(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const flush = task.flush;
  if (!flush) {
    headless(state, op, task, hooks);
    return;
  }
  task.flush = null;
  task.lastFlush = flush;
  const open = state.openFlushes.indexOf(flush);
  if (open >= 0) state.openFlushes.splice(open, 1);
  flush.fdRef = op.ref;
  flush.fdTs = op.tsNs;
  flush.fdSeq = state.seq;
  const gather = task.gather;
  const tables = flush.freedTables !== 0;
  const whole = flush.leftOut === null;
  for (const table of flush.covers) {
    if (!whole) continue;
    if (tables) table.flush = flush;
    else table.leafFlush = flush;
  }
  if (gather) {
    gather.range = null;
    gather.narrow = whole ? null : flush;
    if (whole && tables && flush.covers.length > 0) {
      gather.pending =
        gather.pending.length === flush.covers.length ? [] : gather.pending.slice(flush.covers.length);
    }
    gather.flushes++;
    gather.lastFlush = flush;
    gather.freesSinceFlush = 0;
  }
  hooks.flushDone(flush, gather, task, op);
  if (gather && gather.early.length > 0) gather.early = [];
  flush.covers = [];
  if (flush.gen === flush.gen) {
    if (state.doneFlushes.size >= MAX_OPEN) state.doneFlushes.clear();
    state.doneFlushes.set(flush.mm, flush);
  }
}
