import { FUNC } from '../kernel/ops.js';
import type { LatencyReport } from '../result/types.js';
import type { TimeBase } from '../timeline/time-base.js';
import { Distribution, MAX_DURATION_NS } from './histogram/distribution.js';
import { type Censored, latencyReport } from './report.js';

export const DELAY_NAME = 'call_rcu→callback';

/**
 * What was handed to RCU. `batch`: a page of up to 509 tables (`tlb_remove_table_rcu`); `single`: one table on the
 * slow path (`__tlb_remove_table_one_rcu`); `defer`: one PTE table (`pte_free_now`, `pte_free_defer()`).
 */
export type DelayKind = 'batch' | 'single' | 'defer';
const KINDS: readonly DelayKind[] = ['batch', 'single', 'defer'];

/** Kind of a callback function (`FUNC`); null for callbacks that free no page table. */
export function delayKind(func: number): DelayKind | null {
  if (func === FUNC.tlb_remove_table_rcu) return 'batch';
  if (func === FUNC.__tlb_remove_table_one_rcu) return 'single';
  return func === FUNC.pte_free_now ? 'defer' : null;
}

/** Time from `call_rcu()` to the start of its callback, overall and by kind. */
export class CallbackDelays {
  private readonly all: Distribution;
  private readonly byKind: Record<DelayKind, Distribution>;
  private readonly cut: Record<DelayKind, Censored>;
  private readonly tables: Record<DelayKind, number> = { batch: 0, single: 0, defer: 0 };
  private badClockCount = 0;

  constructor(exactLimit?: number) {
    this.all = new Distribution(exactLimit);
    this.byKind = {
      batch: new Distribution(exactLimit),
      single: new Distribution(exactLimit),
      defer: new Distribution(exactLimit),
    };
    this.cut = {
      batch: { start: 0, end: 0, loss: 0 },
      single: { start: 0, end: 0, loss: 0 },
      defer: { start: 0, end: 0, loss: 0 },
    };
  }

  /** A callback started at `cbTsNs` that was queued at `crTsNs`; `tables` it frees (NaN unknown). False: clocks too broken to tell. */
  ran(crTsNs: number, cbTsNs: number, tables: number, kind: DelayKind): boolean {
    const delay = cbTsNs - crTsNs;
    if (tables > 0) this.tables[kind] += tables;
    if (!(delay >= 0 && delay <= MAX_DURATION_NS)) {
      this.badClockCount++;
      return false;
    }
    this.all.add(delay);
    this.byKind[kind].add(delay);
    return true;
  }

  /** A delay that cannot be measured: queued before the start, still pending at the end, or cut by loss. */
  censored(kind: DelayKind, why: keyof Censored, count = 1): void {
    this.cut[kind][why] += count;
  }

  /** Tables freed by callbacks seen, by kind. */
  tablesFreed(kind: DelayKind): number {
    return this.tables[kind];
  }

  /** Callbacks stamped before their own `call_rcu` or 52 days after it (broken clocks): not in the numbers. */
  get badClock(): number {
    return this.badClockCount;
  }

  distribution(kind?: DelayKind): Distribution {
    return kind === undefined ? this.all : this.byKind[kind];
  }

  /** Overall (key `''`) first, then each kind that occurred. Empty when no page table went to RCU. */
  reports(time: TimeBase): LatencyReport[] {
    const total: Censored = { start: 0, end: 0, loss: 0 };
    const parts: LatencyReport[] = [];
    for (const kind of KINDS) {
      const cut = this.cut[kind];
      total.start += cut.start;
      total.end += cut.end;
      total.loss += cut.loss;
      if (this.byKind[kind].count + cut.start + cut.end + cut.loss > 0) {
        parts.push(latencyReport(DELAY_NAME, kind, this.byKind[kind], cut, time));
      }
    }
    return parts.length === 0 ? [] : [latencyReport(DELAY_NAME, '', this.all, total, time), ...parts];
  }
}
