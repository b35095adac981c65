import { OP_COUNT, type Op, type OpKind } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';

/** What the machine does at a fact of one kind: it tells `hooks`, then notes it in `state.mech`. */
export type FactStep = (state: MachineState, op: Op, task: Task, hooks: Hooks) => void;

/** Steps of one subject, by kind of operation. */
export type FactSteps = Readonly<Partial<Record<OpKind, FactStep>>>;

/** The steps of all subjects by kind; null: no fact. */
export function stepsByKind(...subjects: readonly FactSteps[]): readonly (FactStep | null)[] {
  const steps = new Array<FactStep | null>(OP_COUNT).fill(null);
  for (const subject of subjects) {
    for (const [kind, step] of Object.entries(subject)) steps[Number(kind)] = step;
  }
  return steps;
}
