import type { Op } from '../kernel/ops.js';
import type { Task } from './state/contexts.js';
import type { Lookup, Section, WalkedTable } from './state/walks.js';

/** What lookups and locks amount to; objects are the machine's own state: read, do not write. */
export interface WalkHooks {
  /** A lookup returns: `table` null where it was refused. Told before its section counts as open. */
  lookedUp(lookup: Lookup | null, table: WalkedTable | null, task: Task, op: Op): void;
  /** An entry is about to be set in `table`. */
  entrySet(table: WalkedTable, task: Task, op: Op): void;
  sectionEnded(section: Section, op: Op): void;
  /** Its end was not seen. */
  sectionLost(section: Section): void;
  unlinked(table: WalkedTable, op: Op): void;
  /** Its page is released; who is in it stands in `open`. */
  released(table: WalkedTable, op: Op): void;
  /** Its page is in use again, its release was not seen. */
  forgotten(table: WalkedTable): void;
  /** Every operation but locks and lookups, before the machine's step. */
  seen(op: Op, task: Task): void;
}

export class SilentWalkHooks implements WalkHooks {
  lookedUp(): void {}
  entrySet(): void {}
  sectionEnded(): void {}
  sectionLost(): void {}
  unlinked(): void {}
  released(): void {}
  forgotten(): void {}
  seen(): void {}
}
