import { MAX_PAGE_SLOTS, MAX_TABLE_BATCH } from '../kernel/free-paths.js';
import type { Policy } from './policy.js';

/** What a gather removed and met, whatever kernel it was. */
export interface GatherShape {
  /** Levels of the removed tables in order (1 PTE … 4 P4D, 0 unknown). */
  readonly levels: readonly number[];
  /** Per table: a GFP_NOWAIT page could not be had at that moment. Shorter than `levels`: false. */
  readonly noMemory: readonly boolean[];
  /** Data pages in the page batch when the first table came. */
  readonly pagesLeft: number;
  /** Something was unmapped since the last flush when the first table came. */
  readonly pending: boolean;
  /** Slots used before a page batch that cannot grow counts as full: 7 from 6.9 on, 8 before. */
  readonly stackSlots: number;
}

/** What the free path of one gather does, from its first table to tlb_finish_mmu(). */
export interface GatherPlan {
  /** Flushes before tlb_finish_mmu(). */
  readonly midFlushes: number;
  /** tlb_finish_mmu() flushes. */
  readonly finalFlush: boolean;
  readonly appended: number;
  readonly batchPages: number;
  readonly batchCalls: number;
  readonly singleCalls: number;
  /** tlb_remove_table_sync_one() rounds. */
  readonly syncs: number;
  /** Whole grace periods waited for. */
  readonly gracePeriods: number;
  /** Tables freed inside the gather. */
  readonly inlineFrees: number;
  /** Per table where it ends: index of the batch call it rides in, `single` or `inline`. */
  readonly fates: readonly (number | 'single' | 'inline')[];
  /** Index of the first table after each mid flush. */
  readonly flushAfter: readonly number[];
}

/**
 * mm/mmu_gather.c `tlb_remove_table()`, `tlb_table_flush()`, `__tlb_remove_page_size()`, `tlb_flush_mmu()` on counts.
 * A flush with nothing pending sends nothing; after the entry of a PUD table the folded `p4d_free_tlb()` marks the
 * gather again (include/asm-generic/pgtable-nop4d.h, asm-generic/tlb.h), so one flush may follow with no table in it.
 */
export function planGather(policy: Policy, shape: GatherShape): GatherPlan {
  let pending = shape.pending;
  let midFlushes = 0;
  let appended = 0;
  let batchPages = 0;
  let batchCalls = 0;
  let singleCalls = 0;
  let syncs = 0;
  let gracePeriods = 0;
  let inlineFrees = 0;
  let inBatch = 0;
  let slots = shape.pagesLeft;
  const fates: (number | 'single' | 'inline')[] = [];
  const flushAfter: number[] = [];
  const flush = (index: number): void => {
    if (!pending) return;
    pending = false;
    midFlushes++;
    flushAfter.push(index);
  };
  shape.levels.forEach((level, i) => {
    const fails = shape.noMemory[i] === true;
    pending = true;
    if (policy.leaf === 'pages') {
      slots++;
      inlineFrees++;
      fates.push('inline');
      if (slots >= (fails ? shape.stackSlots : MAX_PAGE_SLOTS)) {
        flush(i + 1);
        slots = 0;
      }
    } else if (inBatch === 0 && fails) {
      flush(i + 1);
      for (const step of policy.single) {
        if (step === 'sync-ipi') syncs++;
        else if (step === 'sync-rcu') gracePeriods++;
        else if (step === 'call-rcu') {
          singleCalls++;
          fates.push('single');
        } else {
          inlineFrees++;
          fates.push('inline');
        }
      }
    } else {
      if (inBatch === 0) batchPages++;
      appended++;
      inBatch++;
      fates.push(batchCalls);
      if (inBatch === MAX_TABLE_BATCH) {
        flush(i + 1);
        batchCalls++;
        inBatch = 0;
      }
    }
    if (level === 3) pending = true;
  });
  if (inBatch > 0) batchCalls++;
  return {
    midFlushes,
    finalFlush: pending,
    appended,
    batchPages,
    batchCalls,
    singleCalls,
    syncs,
    gracePeriods,
    inlineFrees,
    fates,
    flushAfter,
  };
}
