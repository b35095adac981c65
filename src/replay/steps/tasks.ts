import { SYSCALL } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import type { Gather, LeftOut } from '../state/table-life.js';

/** Gathers nested in each other at most: the kernel has three (mm/hugetlb.c), what is deeper was not seen to end. */
const MAX_NESTED = 8;

/** Where no task is within free_pgd_range(), nor between the unlink of a reclaimed table and its hand-over. */
const OUTSIDE_UNLINKS: ReadonlySet<number> = new Set([
  OP.GB,
  OP.GE,
  OP.GEret,
  OP.SE,
  OP.SX,
  OP.EXITMM,
  OP.EXIT,
]);

/** What a task is in the middle of: gather, syscall, mm. */
export function stepTasks(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  // Its return, or the hand-over, was not shown.
  if (OUTSIDE_UNLINKS.has(op.kind)) {
    task.pgdStart = task.pgdEnd = Number.NaN;
    task.reclaimRef = -1;
  }
  if (task.exitSeq > 0 && (op.kind === OP.SE || op.kind === OP.SX || op.kind === OP.GB)) {
    reborn(task, op, hooks);
  }
  switch (op.kind) {
    case OP.EXIT:
      if (op.a0 === task.key) exited(state, task, op);
      break;
    case OP.FORK: {
      const child = op.a0 > 0 ? state.tasks.get(op.a0) : undefined;
      if (child && child.exitSeq > 0) reborn(child, op, hooks);
      break;
    }
    case OP.GB:
      if (op.a1 === op.a1) task.mm = op.a1;
      task.endedTlb = Number.NaN;
      beginGather(state, task, op, hooks);
      task.gatherSeen = true;
      break;
    case OP.GE:
      finishBegins(state, task, op, hooks);
      break;
    case OP.FMMU:
      if (task.gather) task.gather.range = printedRange(op);
      break;
    case OP.UVMA:
    case OP.FPGT:
      if (task.gather) task.gather.unmaps = true;
      break;
    case OP.FPGD:
      task.pgdStart = op.a3 === 1 ? op.a1 : Number.NaN;
      task.pgdEnd = op.a3 === 1 ? op.a2 : Number.NaN;
      task.pgdSeq = state.seq;
      break;
    case OP.GEret:
      if (task.gather) {
        task.endedTlb = task.gather.tlb;
        task.endedSeq = state.seq;
      }
      closeGather(task, op, hooks);
      break;
    case OP.SE:
      hooks.syscallEntered(task, op);
      task.syscall = op.a0;
      task.advice = SYSCALL.advice(op);
      sawSyscall(state, task, op);
      break;
    case OP.SX:
      syscallReturns(state, task, op, hooks);
      break;
    case OP.EXITMM:
      if (op.a1 === 1 && op.a0 === op.a0) {
        task.mm = op.a0;
        // What comes at this address is another mm, and counts its flushes anew.
        state.doneFlushes.delete(op.a0);
      }
      break;
    default:
      break;
  }
}

/** tlb_finish_mmu() of the gather that the operation names. */
function finishBegins(state: MachineState, task: Task, op: Op, hooks: Hooks): void {
  // One that was finishing already is over; its return was not seen.
  if (task.gather?.finishing) closeGather(task, op, hooks);
  const gather = endedBy(state, task, op, hooks);
  gather.finishing = true;
  gather.geRef = op.ref;
  gather.batchPage = op.a2;
  gather.range = printedRange(op);
  task.gatherSeen = true;
  task.lastGeRef = op.ref;
}

function syscallReturns(state: MachineState, task: Task, op: Op, hooks: Hooks): void {
  // Gathers lie on the stack of the call that returns.
  while (task.gather?.finishing) closeGather(task, op, hooks);
  while (task.gather) {
    hooks.gatherLeft(task.gather, task, op);
    closeGather(task, op, hooks);
  }
  hooks.syscallLeft(task, op);
  task.syscall = -1;
  sawSyscall(state, task, op);
}

/**
 * kernel/exit.c do_exit(): no system call is in progress any more that could return, nor a gather. What the task
 * does after its tracepoint (files, task work) belongs to it still; the next bracket under this tid does not.
 */
function exited(state: MachineState, task: Task, op: Op): void {
  task.exitSeq = state.seq;
  task.exitRef = op.ref;
  task.exitSyscall = task.syscall;
  task.syscall = -1;
  task.syscallSeen = false;
  task.gather = null;
  task.outer = [];
  task.gatherSeen = false;
  task.mm = Number.NaN;
}

function reborn(task: Task, op: Op, hooks: Hooks): void {
  hooks.tidReused(task, op);
  task.exitSeq = 0;
  task.exitRef = -1;
  task.exitSyscall = -1;
}

function sawSyscall(state: MachineState, task: Task, op: Op): void {
  task.syscallRef = op.ref;
  task.lastSyscallRef = op.ref;
  task.syscallSeq = state.seq;
  task.syscallSeen = true;
}

/** The innermost gather is gone; the one around it goes on. */
export function closeGather(task: Task, op: Op, hooks: Hooks): void {
  if (!task.gather) return;
  hooks.gatherOver(task.gather, op);
  task.gather = task.outer.pop() ?? null;
}

/** struct mmu_gather `freed_tables` is bit 2: without it or one above tlb_flush_mmu_tlbonly() flushes nothing. */
const FIRST_FLUSH_BIT = 4;
/** Addresses of user space end below; a gather of a whole mm has both ends at ~0. */
const USER_END = 2 ** 52;

/** include/asm-generic/tlb.h __tlb_adjust_range(): what is to be flushed next. */
function printedRange(op: Op): LeftOut | null {
  const { a3: start, a4: end, a5: flags } = op;
  if (!(start < end) || end > USER_END) return null;
  if (flags === flags && flags % 256 < FIRST_FLUSH_BIT && flags >= 0) return null;
  return { start, end, ref: op.ref };
}

/**
 * The stack grows down: a gather below an open one is nested in it, at the same place or above it the frame of the
 * older one is gone. Without addresses neither can be said.
 */
const nestedIn = (outer: Gather, tlb: number): boolean => !(outer.tlb <= tlb);

function beginGather(state: MachineState, task: Task, op: Op, hooks: Hooks): void {
  // mm/mmap.c exit_mmap() is the last that happens to an mm: no gather around it.
  const whole = op.a2 === 1;
  while (task.gather && (task.gather.finishing || whole || !nestedIn(task.gather, op.a0))) {
    if (!task.gather.finishing) hooks.gatherLeft(task.gather, task, op);
    closeGather(task, op, hooks);
  }
  if (task.gather) {
    if (task.outer.length >= MAX_NESTED) task.outer.shift();
    task.outer.push(task.gather);
  }
  task.gather = newGather(state, op, task, false);
  hooks.gatherBegun(task.gather, task, op);
}

/** The gather that a finish names, innermost first; those nested in it were left open. */
function endedBy(state: MachineState, task: Task, op: Op, hooks: Hooks): Gather {
  let { gather } = task;
  if (gather && !isOf(gather, op.a0) && task.outer.some((g) => isOf(g, op.a0))) {
    while (task.gather && !isOf(task.gather, op.a0)) {
      hooks.gatherLeft(task.gather, task, op);
      closeGather(task, op, hooks);
    }
    gather = task.gather;
  }
  hooks.gatherEnded(gather, task, op);
  if (gather && isOf(gather, op.a0)) return gather;
  while (task.gather && !nestedIn(task.gather, op.a0)) closeGather(task, op, hooks);
  if (task.gather) task.outer.push(task.gather);
  task.gather = newGather(state, op, task, true);
  return task.gather;
}

const isOf = (gather: Gather, tlb: number): boolean =>
  gather.tlb !== gather.tlb || tlb !== tlb || gather.tlb === tlb;

/** A gather; `headless` when only its later part is in the trace. */
export function newGather(state: MachineState, op: Op, task: Task, headless: boolean): Gather {
  return {
    tlb: op.a0,
    mm: op.a1,
    full: op.kind === OP.GB && op.a2 === 1,
    unmaps: false,
    task: task.key,
    gbRef: headless ? -1 : op.ref,
    gbSeq: state.seq,
    gbTs: op.tsNs,
    headless,
    finishing: false,
    geRef: -1,
    batchPage: Number.NaN,
    range: null,
    narrow: null,
    pending: [],
    batch: new Set(),
    looks: 0,
    released: [],
    flushes: 0,
    lastFlush: null,
    freesSinceFlush: 0,
    firstFreeRef: -1,
    firstFreeKnown: false,
    early: [],
    tables: 0,
  };
}
