import type { Op } from '../kernel/ops.js';
import type { Listeners } from './listeners.js';
import type { MechHooks, Promised } from './mech-hooks.js';
import type { Task } from './state/contexts.js';
import type { HeldLock, Holder, MechPage, Moment } from './state/mech.js';
import type { Head } from './state/table-life.js';

/** As `Monitors`, for facts that markers and programs give. */
export class MechMonitors implements MechHooks {
  private readonly to: Listeners;
  readonly seen: MechHooks['seen'];

  constructor(to: Listeners, seen: MechHooks['seen']) {
    this.to = to;
    this.seen = seen;
  }

  released(page: MechPage, reused: boolean, task: Task, op: Op): void {
    for (const m of this.to.released) m.released(page, reused, task, op);
  }

  bound(page: MechPage, head: Head, op: Op): void {
    for (const m of this.to.bound) m.bound(page, head, op);
  }

  handedOver(page: MechPage | null, op: Op): void {
    for (const m of this.to.handedOver) m.handedOver(page, op);
  }

  cameBack(holder: Holder, op: Op): void {
    for (const m of this.to.cameBack) m.cameBack(holder, op);
  }

  promised(what: Promised, holders: readonly Holder[], op: Op): void {
    for (const m of this.to.promised) m.promised(what, holders, op);
  }

  needed(lock: HeldLock | null, op: Op): void {
    for (const m of this.to.needed) m.needed(lock, op);
  }

  sleeps(held: readonly HeldLock[], op: Op): void {
    for (const m of this.to.sleeps) m.sleeps(held, op);
  }

  entrySet(page: MechPage, unlinked: boolean, op: Op): void {
    for (const m of this.to.entrySet) m.entrySet(page, unlinked, op);
  }

  declaredEmpty(page: MechPage, op: Op): void {
    for (const m of this.to.declaredEmpty) m.declaredEmpty(page, op);
  }

  pinned(page: MechPage, stale: boolean, rechecked: boolean, op: Op): void {
    for (const m of this.to.pinned) m.pinned(page, stale, rechecked, op);
  }

  moved(page: MechPage | null, op: Op): void {
    for (const m of this.to.moved) m.moved(page, op);
  }

  splitLock(page: MechPage, destroyed: boolean, op: Op): void {
    for (const m of this.to.splitLock) m.splitLock(page, destroyed, op);
  }

  deposited(page: MechPage, parent: number, sync: Moment, op: Op): void {
    for (const m of this.to.deposited) m.deposited(page, parent, sync, op);
  }
}
