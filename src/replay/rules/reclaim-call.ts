import { SYSCALL } from '../../kernel/operands.js';
import { FUNC, type Op } from '../../kernel/ops.js';
import type { Task } from '../state/contexts.js';
import type { Table } from '../state/table-life.js';

/** An madvise() that has handed tables over; whether it was still under way then is seen when it returns. */
interface Call {
  shown: boolean | null;
  waiting: ((shown: boolean) => void)[];
}

/**
 * Tables of which only the open system call says that they were reclaimed (`reclaimRef` is the hand-over itself). A call
 * whose return is lost or not probed stays open for ever: what its task hands over later, at exit, say, is no reclaim.
 */
export class ReclaimCalls {
  private readonly open = new Map<number, Call>();
  private readonly callOf = new WeakMap<Table, Call>();

  handedOver(table: Table, task: Task): void {
    if (table.reclaimRef < 0 || table.reclaimRef !== table.trRef) return;
    let call = this.open.get(task.key);
    if (!call) this.open.set(task.key, (call = { shown: null, waiting: [] }));
    this.callOf.set(table, call);
  }

  entered(task: Task): void {
    this.settle(task, false);
  }

  left(task: Task, op: Op): void {
    this.settle(task, SYSCALL.id(op) === FUNC.madvise);
  }

  /** Tells whether the table was reclaimed: at once, or when its call is seen to return or not to. */
  whenKnown(table: Table, tell: (shown: boolean) => void): void {
    const call = this.callOf.get(table);
    if (!call) tell(true);
    else if (call.shown === null) call.waiting.push(tell);
    else tell(call.shown);
  }

  /** End of a capture. */
  end(): void {
    for (const call of this.open.values()) finish(call, false);
    this.open.clear();
  }

  private settle(task: Task, shown: boolean): void {
    const call = this.open.get(task.key);
    if (!call) return;
    this.open.delete(task.key);
    finish(call, shown);
  }
}

function finish(call: Call, shown: boolean): void {
  call.shown = shown;
  for (const tell of call.waiting) tell(shown);
  call.waiting = [];
}
