import { FUNC, isTableFunc, OP, OP_COUNT, type Op } from '../kernel/ops.js';
import { MAX_CPUS } from '../timeline/batch.js';
import { CONTEXT } from '../timeline/flags.js';
import type { Hooks } from './hooks.js';
import type { Cpu, Task } from './state/contexts.js';
import type { MachineState } from './state/machine-state.js';
import type { Flush, Gather, LeftOut, Stray, Sync, Table, Target } from './state/table-life.js';

/** Flushes not finished at most (tasks whose return was lost); the oldest are dropped. */
const MAX_OPEN = 4096;
/** `tlb_flush` reasons that are an invalidation inside a broadcast handler: remote shootdown, or a lazy CPU
 *  switching to init_mm (arch/x86/mm/tlb.c flush_tlb_func); 5 (wrong CPU) is none. */
const REMOTE_SHOOTDOWN = 1;
const TASK_SWITCH = 0;
/** A flush that ends beyond user space is one of everything (TLB_FLUSH_ALL). */
const USER_END = 2 ** 52;

/** TLB flushes and the IPIs that carry them. */
export function stepFlush(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
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
    case OP.INV:
      invalidated(state, op, cpu, hooks);
      break;
    case OP.TLBF:
      if (cpu?.handler && (op.a1 === REMOTE_SHOOTDOWN || op.a1 === TASK_SWITCH)) cpu.handler.invRef = op.ref;
      break;
    case OP.IS:
      send(state, op, task, hooks);
      break;
    case OP.IE: {
      const target = targetOf(state, op);
      if (target) {
        target.ieTs = op.tsNs;
        hooks.ipiArrived(target);
      } else strayBegins(state, op);
      if (cpu) cpu.handler = target;
      break;
    }
    case OP.SYNCR:
      for (const table of unqueued(state, task.gather)) if (table.flush && !table.head) table.gpWait = true;
      break;
    case OP.IX: {
      const target = targetOf(state, op);
      if (cpu) cpu.handler = null;
      if (target) left(state, target, op, hooks);
      else strayEnds(state, op);
      break;
    }
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

/**
 * A gather that flushes again and again without covering what it holds, or waits for all CPUs again and again, is
 * looked at in full this many times for each of its tables: no kernel does so, and all of it at each time is quadratic.
 * Behind that its tables count as if events had been lost.
 */
const LOOKS_PER_TABLE = 64;
const LOOKS = 1 << 20;

function mayLook(state: MachineState, gather: Gather, tables: number): boolean {
  gather.looks += tables;
  if (gather.looks <= LOOKS + LOOKS_PER_TABLE * gather.tables) return true;
  state.lossSeq = state.seq;
  return false;
}

/** What the flush before this one left out, it leaves out too: it covers nothing either. */
function narrowAgain(flush: Flush, gather: Gather): boolean {
  const out = gather.narrow?.leftOut;
  return out != null && (flush.start >= out.end || flush.end <= out.start);
}

/** Tables of the gather that no call_rcu() has taken yet. */
function unqueued(state: MachineState, gather: Gather | null): Iterable<Table> {
  return gather && mayLook(state, gather, gather.batch.size) ? gather.batch : [];
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

function invalidated(state: MachineState, op: Op, cpu: Cpu | null, hooks: Hooks): void {
  if (!cpu) return;
  if (cpu.handler) cpu.handler.invRef = op.ref;
  // Handlers that lost their csd probes are matched by (mm, generation).
  for (let i = state.openFlushes.length - 1; i >= 0; i--) {
    const flush = state.openFlushes[i]!;
    if (flush.mm !== op.a1 || flush.gen !== op.a4) continue;
    for (const target of flush.targets) if (target.cpu === cpu.id) target.invRef = op.ref;
    if (!state.requestsShown && remote(flush, cpu, op)) handled(flush, cpu, op, hooks);
    return;
  }
  const done = state.requestsShown ? undefined : state.doneFlushes.get(op.a1);
  if (done?.gen !== op.a4 || !remote(done, cpu, op)) return;
  hooks.targetLate(handled(done, cpu, op, hooks), op);
}

/** Whether the handler answers an interrupt of the flush: neither the sender's own part nor seen already. */
const remote = (flush: Flush, cpu: Cpu, op: Op): boolean =>
  flush.multi &&
  cpu.id !== flush.cpu &&
  (op.context !== CONTEXT.task || op.pid !== flush.pid) &&
  !flush.targets.some((t) => t.cpu === cpu.id);

/**
 * Kernels before 6.5 and recordings without csd events show no requests: the handler itself names the flush that it
 * answers, by mm and generation (arch/x86/mm/tlb.c flush_tlb_func(), `f->new_tlb_gen`).
 */
function handled(flush: Flush, cpu: Cpu, op: Op, hooks: Hooks): Target {
  const target: Target = {
    from: flush.cpu,
    cpu: cpu.id,
    isRef: flush.multiRef,
    isTs: flush.multiTs,
    ieTs: op.tsNs,
    ixRef: op.ref,
    ixTs: op.tsNs,
    invRef: op.ref,
    flush,
    sync: null,
    inverted: false,
  };
  flush.targets.push(target);
  flush.handlersOnly = true;
  hooks.ipiArrived(target);
  return target;
}

function send(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  let flush: Flush | null = null;
  let sync: Sync | null = null;
  if (op.a1 === FUNC.flush_tlb_func) {
    flush = task.flush;
    state.requestsShown = true;
  } else if (op.a1 === FUNC.tlb_remove_table_smp_sync) {
    // One broadcast = consecutive sends of one task; the next one begins after anything else it did.
    if (!task.sync || task.lastKind !== OP.IS) {
      task.sync = { ref: op.ref, ts: op.tsNs, seq: state.seq, targets: [] };
      hooks.synced(task.sync, task, op);
    }
    sync = task.sync;
  } else return;
  const early = strayOf(state, op);
  const target: Target = {
    from: op.cpu,
    cpu: op.a0,
    isRef: op.ref,
    isTs: op.tsNs,
    ieTs: early?.ieTs ?? Number.NaN,
    ixRef: early?.ixRef ?? -1,
    ixTs: early?.ixTs ?? Number.NaN,
    invRef: early?.ixRef ?? -1,
    flush,
    sync,
    inverted: early !== null,
  };
  if (flush && flush.targets.length < MAX_CPUS) flush.targets.push(target);
  if (sync) {
    if (sync.targets.length < MAX_CPUS) sync.targets.push(target);
    // Of one broadcast the first interrupt says all that the others do.
    if (sync.targets.length === 1)
      for (const table of unqueued(state, task.gather)) if (table.flush && !table.head) table.sync = sync;
  }
  if (early) hooks.ipiArrived(target);
  // The kernel waits for the handler before it uses a csd again (kernel/smp.c csd_lock()).
  const old = op.a2 === op.a2 ? state.csds.get(op.a2) : undefined;
  if (old && old.ixRef < 0 && old.cpu === op.a0 && op.tsNs - old.isTs <= MOST_SKEW_NS) old.inverted = true;
  // A handler that is still running ends behind its request.
  if (op.a2 === op.a2 && op.a2 !== 0 && !(early && early.ixRef >= 0)) state.csds.set(op.a2, target);
}

/** Clocks of the CPUs of one machine are never this far apart: a handler so early is of another request. */
const MOST_SKEW_NS = 1e6;
const MAX_STRAYS = 4096;

function strayBegins(state: MachineState, op: Op): void {
  if (!(op.a2 > 0) || (op.a1 !== FUNC.flush_tlb_func && op.a1 !== FUNC.tlb_remove_table_smp_sync)) return;
  // So early in a recording its request may lie before it.
  if (!(op.tsNs - state.firstTs > MOST_SKEW_NS)) return;
  if (state.strays.size >= MAX_STRAYS) state.strays.clear();
  state.strays.set(op.a2, { cpu: op.cpu, func: op.a1, ieTs: op.tsNs, ixRef: -1, ixTs: Number.NaN });
}

function strayEnds(state: MachineState, op: Op): void {
  const stray = state.strays.get(op.a2);
  if (!stray || stray.cpu !== op.cpu) return;
  stray.ixRef = op.ref;
  stray.ixTs = op.tsNs;
}

/** The handler of this request, if it stands just before it: records are in the order of their stamps. */
function strayOf(state: MachineState, op: Op): Stray | null {
  const stray = state.strays.get(op.a2);
  if (!stray) return null;
  state.strays.delete(op.a2);
  return stray.cpu === op.a0 && stray.func === op.a1 && op.tsNs - stray.ieTs <= MOST_SKEW_NS ? stray : null;
}

function targetOf(state: MachineState, op: Op): Target | null {
  if (op.a2 !== op.a2 || op.a2 === 0) return null;
  const target = state.csds.get(op.a2);
  return target && target.cpu === op.cpu ? target : null;
}

function left(state: MachineState, target: Target, op: Op, hooks: Hooks): void {
  target.ixRef = op.ref;
  target.ixTs = op.tsNs;
  if (target.invRef < 0) target.invRef = op.ref;
  state.csds.delete(op.a2);
  if (target.flush && target.flush.fdSeq > 0) hooks.targetLate(target, op);
}
