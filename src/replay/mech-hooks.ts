import type { Op } from '../kernel/ops.js';
import type { Task } from './state/contexts.js';
import type { HeldLock, Holder, MechPage, Moment } from './state/mech.js';
import type { Head } from './state/table-life.js';

/** A promise that an old translation is gone: what makes it. */
export const PROMISE = { unlock: 0, return: 1, vma: 2, huge: 3, switchIn: 4 } as const;
export type Promised = (typeof PROMISE)[keyof typeof PROMISE];

/** What the facts of a step amount to. Told before the machine itself takes the step; objects are its own state. */
export interface MechHooks {
  /** A page with known facts is released, or used for something else (`reused`). */
  released(page: MechPage, reused: boolean, task: Task, op: Op): void;
  /** A table with known facts goes with a call_rcu. */
  bound(page: MechPage, head: Head, op: Op): void;
  /** A table is handed to a gather; null: nothing is known of it, but top-level tables are. */
  handedOver(page: MechPage | null, op: Op): void;
  /** A CPU is back at an mm and still holds a way to a page that was given away meanwhile. */
  cameBack(holder: Holder, op: Op): void;
  promised(what: Promised, holders: readonly Holder[], op: Op): void;
  /** Code states that it needs a lock; null: its task does not hold it. */
  needed(lock: HeldLock | null, op: Op): void;
  /** A wait for a grace period begins. */
  sleeps(held: readonly HeldLock[], op: Op): void;
  /** A leaf entry is set; `unlinked`: nothing points to the table any more. */
  entrySet(page: MechPage, unlinked: boolean, op: Op): void;
  declaredEmpty(page: MechPage, op: Op): void;
  /** A reader keeps what it found; `stale`: the table was unlinked since. */
  pinned(page: MechPage, stale: boolean, rechecked: boolean, op: Op): void;
  /** An entry read earlier is installed elsewhere; null: it points to no live table. */
  moved(page: MechPage | null, op: Op): void;
  splitLock(page: MechPage, destroyed: boolean, op: Op): void;
  deposited(page: MechPage, parent: number, sync: Moment, op: Op): void;
  /** A flush, an invalidation, a grace-period event, an attempt to publish or an exit: before the step. */
  seen(op: Op, task: Task): void;
}

export class SilentMechHooks implements MechHooks {
  released(): void {}
  bound(): void {}
  handedOver(): void {}
  cameBack(): void {}
  promised(): void {}
  needed(): void {}
  sleeps(): void {}
  entrySet(): void {}
  declaredEmpty(): void {}
  pinned(): void {}
  moved(): void {}
  splitLock(): void {}
  deposited(): void {}
  seen(): void {}
}
