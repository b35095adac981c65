import { baseFrom, Poll } from './base-poll.js';
import { type Addr, type Bases, PAGE, PFN_LIMIT, STRUCT_PAGE } from './bases.js';
import { distance53 } from './bytes.js';

const MAX_SAMPLES = 4096;
/** Tables seen by both addresses that show the direct map where it was before. */
const MIN_PAIRS = 2;

/** Page tables that were seen by their address in the direct map and by their struct page: either base tells the other. */
export class TablePairs {
  private readonly pairs: { va: number; page: number }[] = [];

  get size(): number {
    return this.pairs.length;
  }

  add(va: number, page: number): void {
    if (this.pairs.length < MAX_SAMPLES) this.pairs.push({ va, page });
  }

  /** Whether the direct map begins where it did with `before`, whose vmemmap is that of the pairs; null: too few to tell. */
  mapIsAsBefore(before: Bases): boolean | null {
    const there = this.pairs.filter(
      ({ va, page }) => baseFrom(va, PAGE, before.pageOfStructPage(page)) === before.directMap,
    ).length;
    return there >= MIN_PAIRS ? there > this.pairs.length / 2 : null;
  }

  /** Where the direct map begins, vmemmap beginning at `vmemmap`. */
  directMapPoll(vmemmap: Addr): Poll {
    return this.poll(
      ({ page }) => distance53(vmemmap, page) / STRUCT_PAGE,
      ({ va }) => va,
      PAGE,
    );
  }

  /** Where vmemmap begins, the direct map beginning at `directMap`. */
  vmemmapPoll(directMap: Addr): Poll {
    return this.poll(
      ({ va }) => distance53(directMap, va) / PAGE,
      ({ page }) => page,
      STRUCT_PAGE,
    );
  }

  private poll(
    frame: (pair: { va: number; page: number }) => number,
    pointer: (pair: { va: number; page: number }) => number,
    size: number,
  ): Poll {
    const poll = new Poll('tables seen by address and by struct page', 2);
    for (const pair of this.pairs) {
      const pfn = Math.floor(frame(pair));
      if (pfn > 0 && pfn < PFN_LIMIT) poll.vote(baseFrom(pointer(pair), size, pfn), pfn);
      else poll.abstain(pair.page);
    }
    return poll;
  }
}
