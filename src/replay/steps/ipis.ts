import { FUNC, OP, type Op } from '../../kernel/ops.js';
import { MAX_CPUS } from '../../timeline/batch.js';
import { CONTEXT } from '../../timeline/flags.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Hooks } from '../hooks.js';
import type { Cpu, Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import type { Flush, Stray, Sync, Target } from '../state/table-life.js';
import { addTarget, targetsOn } from '../state/targets.js';
import { unqueued } from './gather-looks.js';

/** `tlb_flush` reasons that are an invalidation inside a broadcast handler: remote shootdown, or a lazy CPU
 *  switching to init_mm (arch/x86/mm/tlb.c flush_tlb_func); 5 (wrong CPU) is none. */
const REMOTE_SHOOTDOWN = 1;
const TASK_SWITCH = 0;
/** Clocks of the CPUs of one machine are never this far apart: a handler so early is of another request. */
const MOST_SKEW_NS = 1e6;
/** Handlers without a request, at most remembered. */
const MAX_STRAYS = 4096;

/** Interrupts that carry flushes and syncs: sent, begun, done. */
export function stepIpis(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
  switch (op.kind) {
    case OP.INV:
      invalidated(state, op, task, cpu, hooks);
      break;
    case OP.TLBF:
      if (cpu?.handler && (op.a1 === REMOTE_SHOOTDOWN || op.a1 === TASK_SWITCH)) cpu.handler.invRef = op.ref;
      break;
    case OP.IS:
      send(state, op, task, hooks);
      break;
    case OP.SSYNC:
    case OP.SYNC1:
      if (!state.requestsShown) state.unaskedSyncSeq = state.seq;
      break;
    case OP.IE: {
      const target = targetOf(state, op);
      if (target) {
        if (isKnown(target.ieTs)) target.again = true;
        target.ieTs = op.tsNs;
        target.irqSeq = op.context === CONTEXT.hardirq ? state.seq : 0;
        hooks.ipiArrived(target);
      } else strayBegins(state, op);
      if (op.a1 === FUNC.tlb_remove_table_smp_sync && !state.requestsShown) state.unaskedSyncSeq = state.seq;
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

/** Where interrupts that run handlers begin and are over on a CPU, as far as anything shows it; told of each op last. */
export function followHandlers(cpu: Cpu, op: Op, seq: number): void {
  const { kind, context } = op;
  const vector = kind === OP.CALLF;
  if (context === CONTEXT.hardirq && (vector || kind === OP.IE || kind === OP.INV || kind === OP.TLBF)) {
    if (cpu.handlerOverSeq >= cpu.handlerSeq) cpu.handlerSeq = seq;
  }
  if (vector || context === CONTEXT.task || context === CONTEXT.softirq) cpu.handlerOverSeq = seq;
}

function invalidated(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
  if (!cpu) return;
  if (cpu.handler) cpu.handler.invRef = op.ref;
  // Handlers that lost their csd probes are matched by (mm, generation).
  for (let i = state.openFlushes.length - 1; i >= 0; i--) {
    const flush = state.openFlushes[i]!;
    if (flush.mm !== op.a1 || flush.gen !== op.a4) continue;
    for (const target of targetsOn(flush, cpu.id)) target.invRef = op.ref;
    if (!state.requestsShown && remote(flush, cpu, op)) handled(flush, cpu, op, hooks);
    return;
  }
  const done = state.requestsShown ? undefined : state.doneFlushes.get(op.a1);
  if (done?.gen !== op.a4 || !remote(done, cpu, op)) return;
  // Its own part of a flush that it does itself, of a new mm at the same address: generations begin anew there.
  if (op.context !== CONTEXT.hardirq && task.flush?.mm === op.a1) return;
  hooks.targetLate(handled(done, cpu, op, hooks), op);
}

/** Whether the handler answers an interrupt of the flush: neither the sender's own part nor seen already. */
const remote = (flush: Flush, cpu: Cpu, op: Op): boolean =>
  flush.multi &&
  cpu.id !== flush.cpu &&
  (op.context !== CONTEXT.task || op.pid !== flush.pid) &&
  targetsOn(flush, cpu.id).length === 0;

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
    irqSeq: 0,
    again: false,
    inverted: false,
  };
  addTarget(flush, target);
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
    irqSeq: 0,
    again: false,
    inverted: early !== null,
  };
  if (flush) addTarget(flush, target);
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
  if (!target || target.cpu !== op.cpu) return null;
  // The same csd, used for another function since: the end of that handler was not seen, or there was none.
  const func = target.sync ? FUNC.tlb_remove_table_smp_sync : FUNC.flush_tlb_func;
  return op.a1 > 0 && op.a1 !== func ? null : target;
}

function left(state: MachineState, target: Target, op: Op, hooks: Hooks): void {
  target.ixRef = op.ref;
  target.ixTs = op.tsNs;
  if (target.invRef < 0) target.invRef = op.ref;
  // Its beginning is not recorded; the end as well comes behind the request.
  if (target.ieTs !== target.ieTs) hooks.ipiArrived(target);
  state.csds.delete(op.a2);
  if (target.flush && target.flush.fdSeq > 0) hooks.targetLate(target, op);
}
