/** What the recorder keeps of a recording: one entry per syscall, gather and flush, never one per event. */

/** Steps of the free path whose time is known apart, so that it can be taken away or put in. */
export const STEP = { append: 0, batchPage: 1, callRcu: 2, sync: 3, tableFree: 4, gracePeriod: 5 } as const;
export type Step = (typeof STEP)[keyof typeof STEP];
export const STEP_COUNT = 6;

/** `zap`: before the first table; `tables`: between them; `finish`: in tlb_finish_mmu(). */
export const PHASE = { zap: 0, tables: 1, finish: 2 } as const;
export type Phase = (typeof PHASE)[keyof typeof PHASE];

export interface FlushRec {
  readonly phase: Phase;
  /** Tables removed before it. */
  readonly atTable: number;
  readonly startNs: number;
  /** With the way into flush_tlb_mm_range(). */
  ns: number;
  /** CPUs that were sent an IPI; -1 when neither csd_queue_cpu nor the mask was recorded. */
  targets: number;
  /** `targets` is what the printed mask allows, not what was sent. */
  byMask: boolean;
  /** Operations of the log that belong to it, [from, to]. */
  readonly fromOp: number;
  toOp: number;
}

export interface GatherRec {
  readonly pid: number;
  readonly cpu: number;
  readonly fullmm: boolean;
  /** Index into `spans`, -1 outside the measured syscall. */
  readonly span: number;
  readonly beginNs: number;
  endNs: number;
  /** When the first table was removed; NaN without one. */
  firstNs: number;
  /** When the tables were handed over: the return of the last flush, else the entry of tlb_finish_mmu(). */
  handNs: number;
  readonly levels: number[];
  readonly tables: number[];
  /** RCU leaf: the table got no batch page. */
  readonly single: boolean[];
  readonly flushes: FlushRec[];
  appended: number;
  batchPages: number;
  batchCalls: number;
  singleCalls: number;
  syncs: number;
  syncIpis: number;
  inlineFrees: number;
  /** Data pages freed in the gather, and how many of them before its first table. */
  pages: number;
  pagesEarly: number;
  /** Pages freed right after the first flush of the zap phase; 0 without one. */
  firstRound: number;
  /** Time of each step seen in this gather. */
  readonly ns: Float64Array;
  /** From the last flush to the end, without the steps above; and page frees counted in it (tracers of functions). */
  tailNs: number;
  tailPages: number;
  /** Times of the call_rcu calls with tables, and how many tables each took. */
  readonly callNs: number[];
  /** Operations of the log: one per table removed; handed over; freed in place; queued. */
  readonly ops: {
    readonly removed: number[];
    readonly appended: number[];
    readonly freed: number[];
    readonly called: number[];
    readonly synced: number[];
    finish: number;
    handed: number;
    end: number;
  };
}

export interface SpanRec {
  readonly pid: number;
  readonly cpu: number;
  readonly startNs: number;
  endNs: number;
  /** Table callbacks that ran on top of it, outside waits for IPIs. */
  callbackNs: number;
  readonly gathers: number[];
  /** Waits for IPIs, [from, to] pairs: what runs on the CPU then costs the syscall nothing. */
  readonly waits: number[];
}

/** A callback of RCU, of any function, from queueing to its start. */
export interface CallbackRec {
  readonly cpu: number;
  readonly queuedNs: number;
  readonly ranNs: number;
  /** Operation of the log that started it. */
  readonly op: number;
}

/** Values seen, at most `limit` of them, the same ones for the same recording. */
export class Samples {
  readonly values: number[] = [];
  private stride = 1;
  private skipped = 0;
  count = 0;
  readonly limit: number;

  constructor(limit = 4096) {
    this.limit = limit;
  }

  add(value: number): void {
    if (!(value >= 0)) return;
    this.count++;
    if (++this.skipped < this.stride) return;
    this.skipped = 0;
    this.values.push(value);
    if (this.values.length < this.limit) return;
    // Every second one stays: evenly over the recording, without chance.
    const kept = this.values.filter((_, i) => i % 2 === 0);
    this.values.length = 0;
    this.values.push(...kept);
    this.stride *= 2;
  }
}

/** Raw material of the cost model. */
export interface CostSamples {
  readonly append: Samples;
  /** Between `___pte_free_tlb` and `native_tlb_remove_table`: a probe and hardly any code. */
  readonly probe: Samples;
  readonly batchPage: Samples;
  /** A page allocation elsewhere (`__pte_alloc` → `mm_page_alloc`). */
  readonly pageAlloc: Samples;
  /** call_rcu() of page tables, and with any other function. */
  readonly tableCall: Samples;
  readonly callRcu: Samples;
  /** One more page freed in a page batch. */
  readonly pageFree: Samples;
  /** One table freed in a callback; the start of a callback. */
  readonly callbackTable: Samples;
  readonly invoke: Samples;
  /** One round of tlb_remove_table_sync_one(). */
  readonly sync: Samples;
  /** A flush inside a gather, by number of CPUs interrupted (-1 unknown). */
  readonly flush: Map<number, Samples>;
}

export interface Recorded {
  readonly spans: SpanRec[];
  readonly gathers: GatherRec[];
  readonly callbacks: CallbackRec[];
  readonly samples: CostSamples;
  /** Gathers cut by lost events or an end of the recording. */
  readonly cut: number;
  /** Those of them that had removed tables. */
  readonly torn: readonly GatherRec[];
  readonly reclaims: number;
  /** Places where the recorder lost events. */
  readonly losses: number;
  readonly cpus: number;
  /** More syscalls than are kept one by one. */
  readonly full: boolean;
}
