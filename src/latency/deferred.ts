import type { DeferredReport } from '../result/types.js';
import type { TimeBase } from '../timeline/time-base.js';

const PAGE_BYTES = 4096;
/** Points of the series besides the last one. */
const MAX_CELLS = 199;

/**
 * Page tables handed to RCU and not yet given back, over time.
 *
 * Every table is one 4 KiB page; a batch costs one page more (`struct mmu_table_batch`, include/asm-generic/tlb.h),
 * which its callback frees together with its tables. Deterministic and bounded: the series keeps the highest point
 * of each of at most 199 equal stretches of time and the last point.
 */
export class DeferredTables {
  private tables = 0;
  private pages = 0;
  private peakTables = 0;
  private peakPages = 0;
  private peakAtNs = Number.NaN;
  private unknown = 0;
  private readonly cellTs = new Float64Array(MAX_CELLS);
  private readonly cellTables = new Float64Array(MAX_CELLS);
  private readonly cellIndex = new Float64Array(MAX_CELLS);
  private cells = 0;
  private firstNs = Number.NaN;
  /** Latest stamp so far: cells never run backwards, whatever the clocks do. */
  private clockNs = Number.NaN;
  private lastNs = Number.NaN;
  private widthNs = 1;

  /**
   * `call_rcu()` at `tsNs` for `tables` tables. `batch`: they ride in a batch page.
   * NaN tables: the trace does not say how many; counted in `unknownBatches`, only the batch page is added.
   */
  queued(tsNs: number, tables: number, batch = false): void {
    const known = Number.isNaN(tables) ? 0 : tables;
    if (Number.isNaN(tables)) this.unknown++;
    this.change(tsNs, known, known + (batch ? 1 : 0));
  }

  /** The callback of an earlier `queued` started at `tsNs`; give the same `tables` and `batch` as there. */
  ran(tsNs: number, tables: number, batch = false): void {
    const known = Number.isNaN(tables) ? 0 : tables;
    this.change(tsNs, -known, -(known + (batch ? 1 : 0)));
  }

  /** A new capture starts: what was pending cannot be followed into it. */
  segment(tsNs: number): void {
    this.change(tsNs, -this.tables, -this.pages);
  }

  get nowTables(): number {
    return this.tables;
  }

  get nowBytes(): number {
    return this.pages * PAGE_BYTES;
  }

  report(time: TimeBase): DeferredReport {
    const series: [string, number][] = [];
    for (let i = 0; i < this.cells; i++) {
      series.push([time.absolute(this.cellTs[i]!), this.cellTables[i]!]);
    }
    const last = this.cells - 1;
    if (last >= 0 && (this.cellTs[last] !== this.lastNs || this.cellTables[last] !== this.tables)) {
      series.push([time.absolute(this.lastNs), this.tables]);
    }
    return {
      nowTables: this.tables,
      nowBytes: this.nowBytes,
      peakTables: this.peakTables,
      peakBytes: this.peakPages * PAGE_BYTES,
      peakAtNs: Number.isNaN(this.peakAtNs) ? '0' : time.absolute(this.peakAtNs),
      series,
      unknownBatches: this.unknown,
    };
  }

  private change(tsNs: number, tables: number, pages: number): void {
    // A fact without a stamp of its own happens now.
    if (Number.isNaN(tsNs)) tsNs = Number.isNaN(this.clockNs) ? 0 : this.clockNs;
    this.tables = Math.max(0, this.tables + tables);
    this.pages = Math.max(0, this.pages + pages);
    if (this.pages > this.peakPages) this.peakPages = this.pages;
    if (this.tables > this.peakTables) {
      this.peakTables = this.tables;
      this.peakAtNs = tsNs;
    }
    this.lastNs = tsNs;
    this.clockNs = tsNs > this.clockNs || Number.isNaN(this.clockNs) ? tsNs : this.clockNs;
    if (Number.isNaN(this.firstNs)) this.firstNs = tsNs;
    this.mark(tsNs);
  }

  private mark(tsNs: number): void {
    const index = Math.floor((this.clockNs - this.firstNs) / this.widthNs);
    const last = this.cells - 1;
    if (last >= 0 && this.cellIndex[last] === index) {
      if (this.tables > this.cellTables[last]!) {
        this.cellTables[last] = this.tables;
        this.cellTs[last] = tsNs;
      }
      return;
    }
    if (this.cells === MAX_CELLS) {
      this.widen(index);
      this.mark(tsNs);
      return;
    }
    this.cellTs[this.cells] = tsNs;
    this.cellTables[this.cells] = this.tables;
    this.cellIndex[this.cells] = index;
    this.cells++;
  }

  /** Double the cell width until something gives way, keeping each new cell's highest point. */
  private widen(index: number): void {
    let factor = 1;
    do {
      factor *= 2;
    } while (Math.floor(index / factor) >= MAX_CELLS);
    this.widthNs *= factor;
    let kept = 0;
    for (let i = 0; i < this.cells; i++) {
      const to = Math.floor(this.cellIndex[i]! / factor);
      if (kept > 0 && this.cellIndex[kept - 1] === to) {
        if (this.cellTables[i]! > this.cellTables[kept - 1]!) {
          this.cellTables[kept - 1] = this.cellTables[i]!;
          this.cellTs[kept - 1] = this.cellTs[i]!;
        }
      } else {
        this.cellIndex[kept] = to;
        this.cellTables[kept] = this.cellTables[i]!;
        this.cellTs[kept] = this.cellTs[i]!;
        kept++;
      }
    }
    this.cells = kept;
  }
}
