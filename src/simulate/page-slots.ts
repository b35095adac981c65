import { MAX_PAGE_SLOTS, PAGE_BUNDLE } from '../kernel/free-paths.js';

/** Slots of a further page of the page batch: 510, full one early. */
const PAGE_BATCH = 509;

/** Pages that a gather is about to free, as include/asm-generic/tlb.h `mmu_gather_batch` holds them: a bundle, then further pages. */
export class PageSlots {
  pages: number[] = [];
  /** How many of them are page tables. */
  tables = 0;
  /** Pages taken for more slots, until the gather ends. */
  readonly further: number[] = [];
  private capacity = PAGE_BUNDLE;

  page(pfn: number): void {
    this.pages.push(pfn);
  }

  table(pfn: number): void {
    this.tables++;
    this.pages.push(pfn);
  }

  get hasRoom(): boolean {
    return this.pages.length < this.capacity;
  }

  /** Whether the gather may have another page for slots (mm/mmu_gather.c `tlb_next_batch()`). */
  get mayGrow(): boolean {
    return this.capacity + PAGE_BATCH <= MAX_PAGE_SLOTS;
  }

  grow(pfn: number): void {
    this.further.push(pfn);
    this.capacity += PAGE_BATCH;
  }

  empty(): void {
    this.pages = [];
    this.tables = 0;
    this.capacity = PAGE_BUNDLE;
  }
}
