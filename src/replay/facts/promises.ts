import { OP } from '../../kernel/ops.js';
import { PROMISE } from '../mech-hooks.js';
import type { MachineState } from '../state/machine-state.js';
import { type Holder, isAway, linkKey } from '../state/mech.js';
import type { FactSteps } from './fact-step.js';
import { frameAt } from './links.js';

/** Facts that promise that an old translation is out of use: an address is given back, or a huge page takes its place. */
export const PROMISE_STEPS: FactSteps = {
  [OP.VMAUL]: (state, op, _task, hooks) => hooks.mech.promised(PROMISE.vma, staleAt(state, op.a0, op.a1), op),
  [OP.GONE]: (state, op, _task, hooks) =>
    hooks.mech.promised(PROMISE.return, staleAt(state, op.a0, op.a1), op),
  [OP.HUGE]: (state, op, _task, hooks) => hooks.mech.promised(PROMISE.huge, smallAt(state, op.a0, op.a1), op),
};

/** Who may still use a translation of (mm, address) that memory no longer holds. */
export function staleAt(state: MachineState, mm: number, va: number): Holder[] {
  const current = frameAt(state, mm, va);
  return holdersAt(state, mm, va, (h) => h.page !== current);
}

const smallAt = (state: MachineState, mm: number, va: number): Holder[] =>
  holdersAt(state, mm, va, () => true);

function holdersAt(state: MachineState, mm: number, va: number, keep: (h: Holder) => boolean): Holder[] {
  const { heldAt } = state.mech;
  const key = linkKey(mm, va);
  // What is gone does not come back.
  const left = (heldAt.get(key) ?? []).filter((h) => h.hold !== 0);
  if (left.length > 0) heldAt.set(key, left);
  else heldAt.delete(key);
  return left.filter((h) => keep(h) && !isAway(state.mech, h));
}
