import { LOCK_TYPE, OP, type Op } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import { PROMISE } from '../mech-hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import type { HeldLock, Mech } from '../state/mech.js';
import type { FactSteps } from './fact-step.js';
import { staleAt } from './promises.js';

/** Locks of one task at once (include/linux/sched.h MAX_LOCK_DEPTH is 48). */
const MAX_LOCKS = 64;

/** Facts of which task holds which lock. */
export const LOCK_STEPS: FactSteps = {
  [OP.LK]: takes,
  [OP.UN]: drops,
  [OP.NEED]: needs,
};

function takes({ mech }: MachineState, op: Op, task: Task): void {
  let mine = mech.locks.get(task.key);
  if (!mine) mech.locks.set(task.key, (mine = []));
  if (mine.length >= MAX_LOCKS) mine.shift();
  const type = op.a1 === 1 ? LOCK_TYPE.spin : LOCK_TYPE.sleeping;
  mine.push({ lock: op.a0, task: task.key, type, ref: op.ref });
}

function drops(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const { mech } = state;
  if (op.a2 === op.a2) hooks.mech.promised(PROMISE.unlock, staleAt(state, op.a1, op.a2), op);
  const mine = mech.locks.get(task.key) ?? [];
  const at = mine.findLastIndex((l) => l.lock === op.a0);
  if (at >= 0) mine.splice(at, 1);
  if (mine.length === 0) mech.locks.delete(task.key);
}

function needs({ mech }: MachineState, op: Op, task: Task, hooks: Hooks): void {
  hooks.mech.needed(mech.locks.get(task.key)?.find((l) => l.lock === op.a0) ?? null, op);
}

/** Locks of the task under which nobody may sleep. */
export const spinLocksOf = (mech: Mech, task: Task): HeldLock[] =>
  (mech.locks.get(task.key) ?? []).filter((l) => l.type === LOCK_TYPE.spin);
