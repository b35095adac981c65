import { OP, type Op } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { cacheKey } from '../state/mech.js';
import { broadcastDone, clearHolders, loadCr3, walk } from '../steps/caches.js';
import { backAgain } from '../steps/removals.js';
import type { FactSteps } from './fact-step.js';
import { frameAt } from './links.js';

/** INVLPGB without TLBSYNC, at most remembered. */
const MAX_BROADCASTS = 4096;

/** Facts of translation caches: page walks, what empties them, and which mm a CPU has loaded. */
export const CACHE_STEPS: FactSteps = {
  [OP.HW]: walks,
  [OP.IOTLB]: emptyDevice,
  [OP.LZ]: lazy,
  [OP.CR3]: (state, op) => loadCr3(state.mech, op, state.seq),
  [OP.BCAST]: broadcast,
  [OP.TLBSYNC]: (state, op) => broadcastDone(state.mech, op.cpu),
};

function walks(state: MachineState, op: Op, _task: Task, hooks: Hooks): void {
  backAgain(state, op, frameAt(state, op.a0, op.a1), hooks);
  walk(state, op);
}

function emptyDevice({ mech }: MachineState, op: Op): void {
  clearHolders(mech, op.cpu, op.a1, {
    mm: op.a0,
    start: Number.NaN,
    end: Number.NaN,
    leaf: false,
    kernelOnly: false,
  });
}

function lazy({ mech }: MachineState, op: Op): void {
  if (op.a1 === 1) {
    mech.lazy.set(op.cpu, { mm: op.a0, ref: op.ref });
    for (const h of mech.holders.get(cacheKey(op.cpu, Number.NaN, op.a0)) ?? []) h.lazy = true;
  } else mech.lazy.delete(op.cpu);
}

function broadcast(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const { mech } = state;
  hooks.mech.seen(op, task);
  if (mech.broadcasts.length >= MAX_BROADCASTS) mech.broadcasts.shift();
  mech.broadcasts.push({ cpu: op.cpu, mm: op.a0, ref: op.ref, seq: state.seq });
}
