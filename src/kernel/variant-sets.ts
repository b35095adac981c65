import { maskWhere, type Variant, type VariantMask } from './variants.js';

// Sets of kernel variants that rules and detection ask for, each derived from the rows.

/** A table that found no room in a batch takes the step at some point. */
const single =
  (step: Variant['singlePath'][number]) =>
  (v: Variant): boolean =>
    v.singlePath.includes(step);
const endsBy = (step: Variant['singlePath'][number], v: Variant): boolean => v.singlePath.at(-1) === step;

/** Tables go through batches that are queued to RCU, on some machine at least. */
export const BATCHES = maskWhere((v) => v.batchPath.length > 0);
/** Tables are released with the pages of their gather, on some machine at least. */
export const FREES_INLINE = maskWhere((v) => v.inlinePath.length > 0);
/** A table that found no room in a batch is queued to RCU by itself. */
export const SINGLE_BY_CALL_RCU = maskWhere((v) => endsBy('call-rcu', v));
/** … is released by the task. */
export const SINGLE_BY_FREE = maskWhere((v) => endsBy('free', v));
/** … waits for an IPI to all CPUs. */
export const SINGLE_SYNC_IPI = maskWhere(single('sync-ipi'));
/** … waits for a grace period on the spot. */
export const SINGLE_SYNC_RCU = maskWhere(single('sync-rcu'));
/** madvise(MADV_DONTNEED) may free empty page tables. */
export const RECLAIMS = maskWhere((v) => v.reclaim);
/** Flushes may be broadcast by INVLPGB, without IPIs (AMD). */
export const INVLPGB = maskWhere((v) => v.invlpgb);
/** tlb_flush may be traced with reason 5. */
export const WRONG_CPU_REASON = maskWhere((v) => v.wrongCpuReason);
/** `tlb_remove_table_sync_rcu()` exists. */
export const SYNC_RCU_EXISTS = maskWhere((v) => v.syncRcu);

const native = (v: Variant): boolean => v.pvOp && v.machine !== 'pv-guest';
/** The paravirt operation exists, and hardware calls the native one. */
export const NATIVE_OP: VariantMask = maskWhere(native);
/** … which goes on to tlb_remove_table(). */
export const NATIVE_APPENDS = maskWhere((v) => native(v) && v.inlinePath.length === 0);
/** … which does not. */
export const NATIVE_ALONE = maskWhere((v) => native(v) && v.inlinePath.length > 0);
