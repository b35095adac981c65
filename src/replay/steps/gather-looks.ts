import type { MachineState } from '../state/machine-state.js';
import type { Gather, Table } from '../state/table-life.js';

/**
 * A gather that flushes again and again without covering what it holds, or waits for all CPUs again and again, is
 * looked at in full this many times for each of its tables: no kernel does so, and all of it at each time is quadratic.
 * Behind that its tables count as if events had been lost.
 */
const LOOKS_PER_TABLE = 64;
const LOOKS = 1 << 20;

/** Whether `tables` of the gather may be looked at once more. */
export function mayLook(state: MachineState, gather: Gather, tables: number): boolean {
  gather.looks += tables;
  if (gather.looks <= LOOKS + LOOKS_PER_TABLE * gather.tables) return true;
  state.lossSeq = Math.max(state.lossSeq, state.seq);
  return false;
}

/** Tables of the gather that no call_rcu() has taken yet. */
export function unqueued(state: MachineState, gather: Gather | null): Iterable<Table> {
  return gather && mayLook(state, gather, gather.batch.size) ? gather.batch : [];
}
