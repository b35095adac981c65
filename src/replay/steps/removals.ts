import type { Op } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import { PROMISE } from '../mech-hooks.js';
import type { MachineState } from '../state/machine-state.js';
import { cacheKey, linkKey, type Mech, type Moment, type Removal } from '../state/mech.js';
import type { Flush } from '../state/table-life.js';

/** Entries of one mm cleared and not flushed, at most remembered. */
const MAX_UNFLUSHED = 4096;

/** The entry for (mm, address) is cleared. */
export function removes(mech: Mech, mm: number, va: number, { seq, ref }: Moment): void {
  const removal: Removal = { seq, ref, va, flushed: false };
  mech.removed.set(linkKey(mm, va), removal);
  const list = mech.unflushed.get(mm);
  if (!list) mech.unflushed.set(mm, [removal]);
  else if (list.length < MAX_UNFLUSHED) list.push(removal);
}

/** A flush returns: what was cleared before it began, where it covers, is gone from every CPU that had the mm loaded. */
export function removalsFlushed(mech: Mech, { mm, start, end, frSeq }: Flush): void {
  const list = mech.unflushed.get(mm);
  if (!list) return;
  const left = list.filter((removal) => {
    // An end that is not known covers everything, as one beyond user space does.
    removal.flushed = removal.seq < frSeq && !(removal.va < start) && !(removal.va >= end);
    return !removal.flushed;
  });
  if (left.length > 0) mech.unflushed.set(mm, left);
  else mech.unflushed.delete(mm);
}

/**
 * A CPU uses an address that was removed while another process was loaded on it. As long as the flush has not returned
 * that is allowed: before it began there was no generation to catch up with, and then the CPU is asked.
 */
export function backAgain(state: MachineState, op: Op, current: number, hooks: Hooks): void {
  const { mech } = state;
  if (op.a2 === op.a2) return;
  const loaded = mech.loaded.get(cacheKey(op.cpu, Number.NaN, op.a0));
  const removed = mech.removed.get(linkKey(op.a0, op.a1));
  if (!loaded?.now || !removed?.flushed || removed.seq > loaded.seq) return;
  const list = mech.heldAt.get(linkKey(op.a0, op.a1)) ?? [];
  const stale = list.filter(
    (h) => h.cpu === op.cpu && h.hold !== 0 && h.page !== current && h.seq < removed.seq,
  );
  hooks.mech.promised(PROMISE.switchIn, stale, op);
}
