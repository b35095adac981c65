import { maskWhere } from './variants.js';

// Sets of kernel variants that rules and detection ask for, each derived from the rows.

/** Tables go through batches that are queued to RCU, on some machine at least. */
export const BATCHES = maskWhere((v) => v.leaf !== 'sync');
/** A table that found no room in a batch is queued to RCU by itself. */
export const SINGLE_BY_CALL_RCU = maskWhere((v) => v.single === 'sync1+call_rcu' || v.single === 'call_rcu');
/** … waits for an IPI to all CPUs. */
export const SINGLE_SYNC_IPI = maskWhere((v) => v.single === 'sync1+sync' || v.single === 'sync1+call_rcu');
/** … waits for a grace period on the spot. */
export const SINGLE_SYNC_RCU = maskWhere((v) => v.single === 'synchronize_rcu+sync');
/** madvise(MADV_DONTNEED) may free empty page tables. */
export const RECLAIMS = maskWhere((v) => v.reclaim);
/** Flushes may be broadcast by INVLPGB, without IPIs (AMD). */
export const INVLPGB = maskWhere((v) => v.invlpgb);
