import { type Mapped, PAGE } from './address-range.js';

/** A data page that munmap unmaps. */
export interface Zap {
  readonly pfn: number;
  readonly addr: number;
}

/** A table that munmap unlinks, and what its probe is called. */
export interface Removal {
  readonly pfn: number;
  readonly addr: number;
  readonly level: 0 | 1 | 2;
  readonly name: 'pte_free_tlb' | 'pmd_free_tlb' | 'pud_free_tlb';
  /** log2 of what one entry of it maps. */
  readonly shift: 21 | 30 | 39;
}

/** zap_pte_range(): page after page. */
export function* zapsOf(mapped: Mapped | null): Generator<Zap, undefined> {
  for (const pmd of mapped?.pmds ?? []) {
    for (const table of pmd.tables) {
      for (const [i, pfn] of table.frames.entries()) yield { pfn, addr: table.addr + i * PAGE };
    }
  }
}

/** free_pgd_range(): the tables of each level after those below them. */
export function* removalsOf(mapped: Mapped | null): Generator<Removal, undefined> {
  if (!mapped) return;
  for (const pmd of mapped.pmds) {
    for (const { pfn, addr } of pmd.tables) yield { pfn, addr, level: 0, name: 'pte_free_tlb', shift: 21 };
    yield { pfn: pmd.pfn, addr: pmd.addr, level: 1, name: 'pmd_free_tlb', shift: 30 };
  }
  yield { pfn: mapped.pudPfn, addr: mapped.start, level: 2, name: 'pud_free_tlb', shift: 39 };
}
