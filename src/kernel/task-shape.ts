import type { EvidenceRef } from '../timeline/batch.js';

/** Where a task stands on the way of a table that got no batch: TR/append → FR → FD → IPI, call_rcu or free. */
export const SLOW = { none: 0, removed: 1, flushing: 2, flushed: 3, synced: 4 } as const;

export class TaskShape {
  /** Address of the open gather; NaN not known. */
  gather = Number.NaN;
  /** Tables removed in this gather, with the line that did it. */
  readonly tables = new Map<number, EvidenceRef>();
  /** Inside tlb_flush_mmu or tlb_finish_mmu. */
  finishing = false;
  /** A flush of that call has returned. */
  finishFlushed = false;
  queued = false;
  slow: number = SLOW.none;
  slowTable = Number.NaN;
  slowRef: EvidenceRef = -1;
  /** tlb_remove_table_sync_rcu() was called after the flush of the slow path. */
  waited = false;
  /** The flush of the slow path sent IPIs that csd_queue_cpu showed. */
  sawIpi = false;
  /** Table of a native_tlb_remove_table call whose successor is not yet known. */
  native = Number.NaN;
  nativeRef: EvidenceRef = -1;
  /** tlb_remove_table was called here and not by native_tlb_remove_table. */
  appendsAlone = false;
}
