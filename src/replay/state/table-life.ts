import type { EvidenceRef } from '../../timeline/batch.js';

/** Life of a page-table page (kernel-semantics §6.1). */
export const LIFE = { unseen: 0, fresh: 1, live: 2, gathered: 3, rcu: 4, freed: 5 } as const;
export type Life = (typeof LIFE)[keyof typeof LIFE];

/** One life of one page-table page: two live tables may stand in one slot, so tables are keyed by page. */
export interface Table {
  /** PageKey: pfn, or a negative identity key. */
  readonly key: number;
  /** 1 PTE … 4 P4D, 0 unknown. */
  level: number;
  life: Life;
  /** NaN unknown. */
  mm: number;
  birthRef: EvidenceRef;
  /** 0 = birth not in the trace. */
  birthSeq: number;
  /** Task that tried to publish it last; NaN unknown. */
  installer: number;
  trRef: EvidenceRef;
  trSeq: number;
  trEvent: number;
  trTs: number;
  trCpu: number;
  /** Thread that handed it over; -1 unknown. */
  trPid: number;
  /** `gbSeq` of the gather that it was handed to; 0 unknown, or none. */
  trGather: number;
  /** The unlink itself was seen (`free_pte`), not inferred from the hand-over. */
  ulRef: EvidenceRef;
  /** The unlink is that of a reclaim (MADV_DONTNEED), not of munmap or exit: -1 if not. */
  reclaimRef: EvidenceRef;
  appRef: EvidenceRef;
  /** Of a table given to `pte_free_defer()`: seq from which on its unlink and its flush must lie,
   *  -1: before the recording perhaps; NaN: no such table. */
  deferredSince: number;
  /** Flush with freed_tables that began after the unlink and is done. */
  flush: Flush | null;
  /** Newest flush that began after the unlink, returned or not. */
  begun: Flush | null;
  /** A flush that began after the unlink but passed freed_tables=0. */
  leafFlush: Flush | null;
  /** SYNC1 broadcast made after the flush, before free or call_rcu. */
  sync: Sync | null;
  /** Its task waited for a grace period on the spot after the flush. */
  gpWait: boolean;
  head: Head | null;
  freeRef: EvidenceRef;
  freeSeq: number;
  freeTs: number;
  freeCpu: number;
  /** How it was freed: inside an RCU callback, or by a task. */
  freedByTask: boolean;
  /** An early free was seen before the hand-over (I01 candidate). */
  freedBeforeTr: boolean;
  /** User addresses, [lo, hi), that its entry may stand for, as its unlink or `free_pgd_range()` shows; NaN unknown. */
  lo: number;
  hi: number;
}

/** One CPU of a broadcast. */
export interface Target {
  /** Sender. */
  readonly from: number;
  readonly cpu: number;
  readonly isRef: EvidenceRef;
  readonly isTs: number;
  ieTs: number;
  ixRef: EvidenceRef;
  ixTs: number;
  /** Evidence that the CPU invalidated: handler function, its exit, or `tlb_flush` inside it. */
  invRef: EvidenceRef;
  readonly flush: Flush | null;
  readonly sync: Sync | null;
  /** Step at which the handler began in a hard interrupt, which nothing else of a task comes before; 0 not known. */
  irqSeq: number;
  /** The handler began a second time: the end of the first, and the request of the second, are not shown. */
  again: boolean;
  /** Its handler is stamped before it, or the next use of its csd before its handler: the two clocks disagree. */
  inverted: boolean;
}

/** A handler that ran without a request. */
export interface Stray {
  readonly cpu: number;
  readonly func: number;
  readonly ieTs: number;
  ixRef: EvidenceRef;
  ixTs: number;
}

/** One `flush_tlb_mm_range()` call. */
export interface Flush {
  readonly mm: number;
  readonly start: number;
  readonly end: number;
  /** 1, 0, or NaN when the trace does not say. */
  readonly freedTables: number;
  /** Shift of the stride, 0 where only a whole mm is meant; NaN unknown. */
  readonly stride: number;
  readonly frRef: EvidenceRef;
  readonly frTs: number;
  readonly frSeq: number;
  readonly cpu: number;
  readonly pid: number;
  fdRef: EvidenceRef;
  fdTs: number;
  fdSeq: number;
  gen: number;
  /** cpumask as printed by the sender (self included), NaN unknown. */
  mask: number;
  multi: boolean;
  /** `native_flush_tlb_multi()`. */
  multiRef: EvidenceRef;
  multiTs: number;
  /** Added by `addTarget`. */
  targets: Target[];
  /** The same by CPU; null while there are few. */
  targetsByCpu: Map<number, Target[]> | null;
  /** Tables whose unlink precedes it in the same gather. */
  covers: Table[];
  /** Targets whose handler had not been seen to end when the flush returned. */
  lateTargets: number;
  /** The broadcast was counted as waited for. */
  waited: boolean;
  /** Its targets are handlers that were seen, not requests: whom it was sent to is not recorded. */
  handlersOnly: boolean;
  /** What had to be flushed and was not asked for; null: nothing is known to be left out. */
  leftOut: LeftOut | null;
  /** No return was seen: `fd…` is of what its task did next, outside it. */
  backByOrder: boolean;
  /** It is certain that no return of it will be seen any more. */
  settled: boolean;
}

/** Why the range of a flush is too narrow: the addresses it should have covered, and the event that names them. */
export interface LeftOut {
  readonly start: number;
  readonly end: number;
  readonly ref: EvidenceRef;
}

/** One `tlb_remove_table_sync_one()` broadcast. */
export interface Sync {
  readonly ref: EvidenceRef;
  readonly ts: number;
  readonly seq: number;
  targets: Target[];
}

/** One `struct mmu_gather`, from `tlb_gather_mmu` to the return of `tlb_finish_mmu`. */
export interface Gather {
  readonly tlb: number;
  readonly mm: number;
  readonly full: boolean;
  readonly task: number;
  readonly gbRef: EvidenceRef;
  /** One gather begins with a step at most: it tells it from all others. */
  readonly gbSeq: number;
  readonly gbTs: number;
  /** Its beginning was not in the trace. */
  readonly headless: boolean;
  finishing: boolean;
  geRef: EvidenceRef;
  /** Page key of `tlb->batch` as printed at the finish; NaN unknown, 0 none. */
  batchPage: number;
  /** It is seen to unmap: unmap_vmas() or free_pgtables() ran. */
  unmaps: boolean;
  /** Range that the next flush has to cover, as its finish (or `tlb_flush_mmu`) prints it; null unknown or none. */
  range: LeftOut | null;
  /** Newest finished flush, where it left a part of the gather's range out. */
  narrow: Flush | null;
  /** Tables unlinked and not yet covered by a finished flush. */
  pending: Table[];
  /** Tables appended (or handed over) since the last batch call_rcu. */
  batch: Set<Table>;
  /** Tables looked at by flushes that left them pending, and by broadcasts: `step-flush.ts` bounds it. */
  looks: number;
  /** Those of them that the task itself has released since: gone the fallback's way, or still in the batch. */
  released: Table[];
  /** Finished flushes so far. */
  flushes: number;
  lastFlush: Flush | null;
  /** Pages freed in task context since the last finished flush, before any batch call_rcu of that cycle. */
  freesSinceFlush: number;
  firstFreeRef: EvidenceRef;
  firstFreeKnown: boolean;
  /** Frames freed before any flush of this gather finished; `taken`: the gather is known to take pages off their tables. */
  early: { ref: EvidenceRef; ts: number; seq: number; known: boolean; taken: boolean }[];
  tables: number;
}

/** One `rcu_head` from enqueue to callback. */
export interface Head {
  /** Address, NaN when only the (possibly hashed) tracepoint value is known. */
  addr: number;
  /** Value printed by the rcu tracepoints, NaN unknown. Never comparable with `addr`. */
  rhp: number;
  func: number;
  /** PageKey of the page that holds the head. */
  readonly page: number;
  readonly crRef: EvidenceRef;
  readonly crTs: number;
  readonly crSeq: number;
  readonly crEvent: number;
  /** Thread that queued it; -1 unknown. */
  readonly crPid: number;
  /** CPU on whose list it is. */
  crCpu: number;
  /** Seq at which it joined that CPU's order (`fifo`), which is sorted by it; 0: it does not stand there. */
  lineSeq: number;
  /** Seq at which it is known to be on the list: its tracepoint, or whatever else its task did next; 0 not yet. */
  listedSeq: number;
  tables: Table[];
  /** Tables of the same gather that the task had released before the enqueue. */
  released: Table[];
  /** Whether the tables are known (gather seen from its start). */
  tablesKnown: boolean;
  /** 0 pending, 1 callback seen, 2 callback inferred from frees. */
  ran: 0 | 1 | 2;
  /** Tables that the callback's probe printed. */
  listed: readonly number[];
  /** `nr` as that probe printed it; NaN unknown. */
  nr: number;
  /** Pages released while its callback ran. */
  readonly frees: number[];
  /** The callback has returned, or released its own page, which it does last. */
  over: boolean;
  /** Which probes have shown the callback: bit 0 rcu_invoke_callback, bit 1 the callback's own probe. */
  shown: number;
  /** One of its pages is in use again although its callback was not seen: nothing shows it any more. */
  stale: boolean;
  /** Function that ran, as its probe or tracepoint named it; 0 not seen. */
  cbFunc: number;
  cbRef: EvidenceRef;
  cbTs: number;
  cbSeq: number;
  cbCpu: number;
  /** GP starts seen when it was queued. */
  readonly gpStarts: number;
  /** It was queued while one was about to start: whether before or after is not shown. */
  readonly gpOpening: boolean;
  /** Starts of expedited ones seen by then. */
  readonly expeditedStarts: number;
  /** A younger head of the same CPU has run already. */
  overtakenBy: Head | null;
  overtakenSeq: number;
  /** Tables freed while the callback was only inferred. */
  inferredFrees: number;
}

/** One entry of `call_rcu()`, as its probes show it. */
export interface Enqueue {
  seq: number;
  readonly ref: EvidenceRef;
  readonly addr: number;
  readonly func: number;
  readonly cpu: number;
  readonly head: Head | null;
  /** Probes that have shown it, one bit per `CR_SOURCE`. */
  sources: number;
  /** Its task has done nothing else since: it may not have reached the list yet. */
  open: boolean;
}

export function newTable(key: number, level: number, mm: number): Table {
  return {
    key,
    level,
    life: LIFE.unseen,
    mm,
    birthRef: -1,
    birthSeq: 0,
    installer: Number.NaN,
    trRef: -1,
    trSeq: 0,
    trEvent: 0,
    trTs: Number.NaN,
    trCpu: -1,
    trPid: -1,
    trGather: 0,
    ulRef: -1,
    reclaimRef: -1,
    appRef: -1,
    deferredSince: Number.NaN,
    flush: null,
    begun: null,
    leafFlush: null,
    sync: null,
    gpWait: false,
    head: null,
    freeRef: -1,
    freeSeq: 0,
    freeTs: Number.NaN,
    freeCpu: -1,
    freedByTask: false,
    freedBeforeTr: false,
    lo: Number.NaN,
    hi: Number.NaN,
  };
}
