import {
  BATCHES,
  FREES_INLINE,
  NATIVE_ALONE,
  NATIVE_APPENDS,
  NATIVE_OP,
  RECLAIMS,
  SINGLE_BY_CALL_RCU,
  SINGLE_BY_FREE,
  SINGLE_SYNC_IPI,
  SINGLE_SYNC_RCU,
  SYNC_RCU_EXISTS,
  WRONG_CPU_REASON,
} from './variant-sets.js';
import type { VariantMask } from './variants.js';

/** A shape of the free path, and which variants can show it. */
export interface Rule {
  readonly text: string;
  readonly keeps: VariantMask;
  /** Times it must be seen: more than once where a single deviation (a skipped probe, a bug) could imitate it. */
  readonly times: number;
}

/**
 * Shapes and the variants that can show them (kernel-semantics §1.3, I56). Under a PV guest the variants B and C
 * reach tlb_remove_table without native_tlb_remove_table, so an append alone excludes none of them.
 */
export const RULES = {
  append: {
    text: 'tlb_remove_table is called: tables are freed through RCU batches',
    keeps: BATCHES,
    times: 1,
  },
  batch: { text: 'call_rcu with tlb_remove_table_rcu: a batch of tables', keeps: BATCHES, times: 1 },
  native: {
    text: 'native_tlb_remove_table is called: the pv operation exists and is the native one',
    keeps: NATIVE_OP,
    times: 1,
  },
  nativeAppends: {
    text: 'native_tlb_remove_table calls tlb_remove_table for the same table',
    keeps: NATIVE_APPENDS,
    times: 1,
  },
  nativeAlone: {
    text: 'native_tlb_remove_table without the tlb_remove_table whose probe fires elsewhere',
    keeps: NATIVE_ALONE,
    times: 4,
  },
  inline: {
    text: 'tables are freed by their own task after the flush of tlb_flush_mmu/tlb_finish_mmu, without RCU',
    keeps: FREES_INLINE,
    times: 2,
  },
  syncInGather: {
    text: 'a table removed without a batch waits for an IPI to all CPUs (tlb_remove_table_smp_sync)',
    keeps: SINGLE_SYNC_IPI,
    times: 2,
  },
  syncThenFree: {
    text: 'a table is freed by its own task after tlb_remove_table_smp_sync',
    keeps: SINGLE_SYNC_IPI & SINGLE_BY_FREE,
    times: 2,
  },
  single: {
    text: 'call_rcu with __tlb_remove_table_one_rcu: a single table goes to RCU',
    keeps: SINGLE_BY_CALL_RCU,
    times: 1,
  },
  singleNoSync: {
    text: 'a single table goes to RCU without an IPI of tlb_remove_table_smp_sync (csd_queue_cpu was recorded)',
    keeps: SINGLE_BY_CALL_RCU & ~SINGLE_SYNC_IPI,
    times: 2,
  },
  gpThenSingle: {
    text: 'a single table goes to RCU after a grace period waited for by tlb_remove_table_sync_rcu',
    keeps: SINGLE_BY_CALL_RCU & SINGLE_SYNC_RCU,
    times: 2,
  },
  reclaim: {
    text: 'empty page tables are reclaimed by madvise (free_pte, try_get_and_clear_pmd)',
    keeps: RECLAIMS,
    times: 1,
  },
  wrongCpu: {
    text: 'tlb_flush with reason 5 (remote wrong CPU)',
    keeps: WRONG_CPU_REASON,
    times: 1,
  },
  syncRcu: {
    text: 'tlb_remove_table_sync_rcu is called',
    keeps: SYNC_RCU_EXISTS,
    times: 1,
  },
} as const satisfies Record<string, Rule>;
export type RuleName = keyof typeof RULES;
/** One boot frees either way, never both: a variant whose leaf depends on the machine still has one leaf. */
export const RCU_LEAF: readonly RuleName[] = ['append', 'batch', 'single'];
export const SYNC_LEAF: readonly RuleName[] = ['inline', 'nativeAlone'];
