import type { Monitor } from '../replay/monitor.js';
import type { Task } from '../replay/state/contexts.js';

/** System calls of one capture, as they return. `ended`: the task, the id of the call's name, and its span in ns. */
export function callSpans(
  ended: (task: Task, name: number, fromNs: number, toNs: number) => void,
): Pick<Monitor, 'syscallEntered' | 'syscallLeft'> {
  const entered = new Map<number, number>();
  return {
    syscallEntered: (task, op) => {
      entered.set(task.key, op.tsNs);
    },
    syscallLeft: (task, op) => {
      const since = entered.get(task.key);
      entered.delete(task.key);
      if (since !== undefined && op.a0 >= 0) ended(task, op.a0, since, op.tsNs);
    },
  };
}
