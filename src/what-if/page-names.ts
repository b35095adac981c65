import { OP, type Op } from '../kernel/ops.js';
import { isKnown } from '../timeline/is-known.js';
import type { Deferral } from './op-log.js';

/** Which slots of an operation hold page keys (`kernel/ops.ts`). */
const PAGE_SLOTS: Readonly<Record<number, readonly (0 | 1 | 2 | 3)[]>> = {
  [OP.TR]: [2],
  [OP.APP]: [2],
  [OP.PVOP]: [2],
  [OP.UL]: [2],
  [OP.PUB]: [2, 3],
  [OP.PTEA]: [3],
  [OP.PMDA]: [3],
  [OP.PTEN]: [0],
  [OP.CR]: [2],
  [OP.CB]: [2],
  [OP.FREE]: [0],
  [OP.ALLOC]: [0],
  [OP.FPSC]: [0],
  [OP.RB]: [1],
  [OP.RE]: [1],
  [OP.DR]: [1],
  [OP.DEFER]: [1],
};
const FIRST_NAME = -(2 ** 41);
/** A free of a larger block names its first page only: the numbers after a made-up name are nobody's. */
const BLOCK = 2 ** 11;

/**
 * A page held longer than it was recorded cannot be the one that the recording gives out in the meantime: that one gets
 * another name from then on.
 */
export class PageNames {
  private readonly names = new Map<number, number>();
  private made = 0;

  rename(op: Op): void {
    if (this.names.size === 0) return;
    const slots = PAGE_SLOTS[op.kind];
    if (slots) {
      for (const slot of slots) {
        if (slot === 0) op.a0 = this.of(op.a0);
        else if (slot === 1) op.a1 = this.of(op.a1);
        else if (slot === 2) op.a2 = this.of(op.a2);
        else op.a3 = this.of(op.a3);
      }
    }
    for (let i = 0; i < op.nTables; i++) op.tables[i] = this.of(op.tables[i]!);
  }

  /** The tables are handed over: what they are called now is theirs, what comes later is another page. */
  hold(deferral: Deferral): void {
    deferral.current = deferral.keys.map((key) => this.of(key));
    for (const key of deferral.keys) if (isKnown(key)) this.names.set(key, FIRST_NAME - BLOCK * this.made++);
  }

  private of(key: number): number {
    return this.names.get(key) ?? key;
  }
}
