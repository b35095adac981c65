import { FUNC, OP, type Op } from '../kernel/ops.js';
import type { Hooks } from './hooks.js';
import type { Cpu, Flush, MachineState, Stray, Sync, Target, Task } from './state.js';

/** Flushes not finished at most (tasks whose return was lost); the oldest are dropped. */
const MAX_OPEN = 4096;
/** `tlb_flush` reasons that are an invalidation inside a broadcast handler: remote shootdown, or a lazy CPU
 *  switching to init_mm (arch/x86/mm/tlb.c flush_tlb_func); 5 (wrong CPU) is none. */
const REMOTE_SHOOTDOWN = 1;
const TASK_SWITCH = 0;

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
      }
      break;
    case OP.INV:
      invalidated(state, op, cpu);
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

function begin(state: MachineState, op: Op, task: Task): void {
  const gather = task.gather;
  if (op.a0 === op.a0) task.mm = op.a0;
  const flush: Flush = {
    mm: op.a0,
    start: op.a1,
    end: op.a2,
    freedTables: op.a4,
    frRef: op.ref,
    frTs: op.tsNs,
    frSeq: state.seq,
    cpu: op.cpu,
    fdRef: -1,
    fdTs: Number.NaN,
    fdSeq: 0,
    gen: Number.NaN,
    mask: Number.NaN,
    multi: false,
    targets: [],
    covers: [],
    lateTargets: 0,
    waited: false,
  };
  // Only what was unlinked before the flush began is covered by it, and only in its own mm.
  if (
    gather &&
    gather.pending.length > 0 &&
    !(op.a0 !== gather.mm && op.a0 === op.a0 && gather.mm === gather.mm)
  ) {
    flush.covers = gather.pending.slice();
    for (const table of flush.covers) table.begun = flush;
  }
  task.flush = flush;
  state.openFlushes.push(flush);
  if (state.openFlushes.length > MAX_OPEN) state.openFlushes.shift();
}

function end(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const flush = task.flush;
  if (!flush) return;
  task.flush = null;
  const open = state.openFlushes.indexOf(flush);
  if (open >= 0) state.openFlushes.splice(open, 1);
  flush.fdRef = op.ref;
  flush.fdTs = op.tsNs;
  flush.fdSeq = state.seq;
  const gather = task.gather;
  const tables = flush.freedTables !== 0;
  for (const table of flush.covers) {
    if (tables) table.flush = flush;
    else table.leafFlush = flush;
  }
  if (gather) {
    if (tables && flush.covers.length > 0) {
      gather.pending =
        gather.pending.length === flush.covers.length ? [] : gather.pending.slice(flush.covers.length);
    }
    gather.flushes++;
    gather.lastFlush = flush;
    gather.freesSinceFlush = 0;
  }
  hooks.flushDone(flush, gather, task, op);
  flush.covers = [];
}

function invalidated(state: MachineState, op: Op, cpu: Cpu | null): void {
  if (!cpu) return;
  if (cpu.handler) cpu.handler.invRef = op.ref;
  // Handlers that lost their csd probes are matched by (mm, generation).
  for (let i = state.openFlushes.length - 1; i >= 0; i--) {
    const flush = state.openFlushes[i]!;
    if (flush.mm !== op.a1 || flush.gen !== op.a4) continue;
    for (const target of flush.targets) if (target.cpu === cpu.id) target.invRef = op.ref;
    return;
  }
}

function send(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  let flush: Flush | null = null;
  let sync: Sync | null = null;
  if (op.a1 === FUNC.flush_tlb_func) flush = task.flush;
  else if (op.a1 === FUNC.tlb_remove_table_smp_sync) {
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
  if (flush) flush.targets.push(target);
  if (sync) {
    sync.targets.push(target);
    for (const table of task.gather?.batch ?? []) if (table.flush && !table.head) table.sync = sync;
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
