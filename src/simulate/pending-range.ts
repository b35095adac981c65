import { PAGE } from './address-range.js';

/** Shift of a page; what else a gather flushes by. */
const PAGE_SHIFT = 12;
const TASK_END = 0x7fff_ffff_f000;

/** What a mmu_gather has not flushed yet (include/asm-generic/tlb.h, `__tlb_adjust_range()`, `tlb_get_unmap_shift()`). */
export class PendingRange {
  /** First and behind the last byte. */
  start = TASK_END;
  end = 0;
  /** Of what it is flushed by: log2 of bytes. */
  shift = PAGE_SHIFT;
  private tables = false;
  private zapped = false;

  /** A page whose entry was cleared. */
  page(addr: number): void {
    this.cover(addr);
    this.zapped = true;
  }

  /** A table that mapped 2^`shift` bytes at `addr`. */
  table(addr: number, shift: number): void {
    this.shift = this.zapped || (this.tables && this.shift !== shift) ? PAGE_SHIFT : shift;
    this.cover(addr);
    this.tables = true;
  }

  /** The folded p4d_free_tlb() of a top-level entry. */
  folded(addr: number): void {
    this.cover(addr);
    this.tables = true;
    this.shift = PAGE_SHIFT;
  }

  /** Nothing is pending any more. */
  flushed(): void {
    this.start = TASK_END;
    this.end = 0;
    this.shift = PAGE_SHIFT;
    this.tables = false;
    this.zapped = false;
  }

  /** The bits freed_tables and cleared_ptes, those of 6.12. */
  get flags(): number {
    return (this.tables ? 0x04 : 0) | (this.zapped ? 0x10 : 0);
  }

  private cover(addr: number): void {
    this.start = Math.min(this.start, addr);
    this.end = Math.max(this.end, addr + PAGE);
  }
}
