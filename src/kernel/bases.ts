/** Low 53 bits of a kernel pointer, exact in a double. */
export type Addr = number;
/** Page frame number, or a negative identity where the pointer cannot be translated; 0 = no page (NULL). */
export type PageKey = number;

/** sizeof(struct page) on x86-64. */
export const STRUCT_PAGE = 64;
export const PAGE = 4096;
/** offsetof(struct ptdesc, ptl), where the lock is embedded (no lockdep, no PREEMPT_RT). */
const PTL_OFFSET = 40;
/** Direct map and vmemmap of 4-level paging cover 64 TiB (Documentation/arch/x86/x86_64/mm.rst); 5-level 32 PiB. */
const PFN_LIMIT = 2 ** 34;
/** Struct-page identities lie below this, direct-map identities above it. */
const STRUCT_PAGE_DOMAIN = -(2 ** 49);

/**
 * Where the kernel's direct map and its array of struct page begin. KASLR moves both, so they are inferred
 * (`base-learner.ts`) or given, never built in.
 */
export interface Bases {
  /** Low 53 bits of `vmemmap_base`; NaN unknown. */
  readonly vmemmap: Addr;
  /** Low 53 bits of `page_offset_base`; NaN unknown. */
  readonly directMap: Addr;
  /** How they are known, with the support, for the report. */
  readonly how: string;
  /** Page described by the struct page (or ptdesc) that contains `addr`. */
  pageOfStructPage(addr: Addr): PageKey;
  /** Page that contains the direct-map address `addr`. */
  pageOfVa(addr: Addr): PageKey;
  /** Page whose struct ptdesc holds the spinlock at `addr`; NaN: it is no page-table lock, or the base is not known. */
  pageOfPtl(addr: Addr): PageKey;
}

/** Translation with known or unknown (NaN) bases. */
export function makeBases(vmemmap: Addr, directMap: Addr, how: string): Bases {
  return new LinearBases(vmemmap, directMap, how);
}

export const unknownBases = (): Bases => makeBases(Number.NaN, Number.NaN, 'unknown');

class LinearBases implements Bases {
  readonly vmemmap: Addr;
  readonly directMap: Addr;
  readonly how: string;

  constructor(vmemmap: Addr, directMap: Addr, how: string) {
    this.vmemmap = vmemmap;
    this.directMap = directMap;
    this.how = how;
  }

  pageOfStructPage(addr: Addr): PageKey {
    if (addr === 0 || Number.isNaN(addr)) return addr;
    const pfn = Math.floor((addr - this.vmemmap) / STRUCT_PAGE);
    if (pfn >= 0 && pfn < PFN_LIMIT) return pfn;
    // The direct map lies below vmemmap in every layout: a recorder that printed the VA is still understood.
    if (pfn < 0 && addr >= this.directMap) return this.pageOfVa(addr);
    return STRUCT_PAGE_DOMAIN - Math.floor(addr / STRUCT_PAGE);
  }

  pageOfPtl(addr: Addr): PageKey {
    const at = addr - this.vmemmap;
    if (!(at >= 0 && at < PFN_LIMIT * STRUCT_PAGE) || at % STRUCT_PAGE !== PTL_OFFSET) return Number.NaN;
    return Math.floor(at / STRUCT_PAGE);
  }

  pageOfVa(addr: Addr): PageKey {
    if (addr === 0 || Number.isNaN(addr)) return addr;
    if (addr >= this.vmemmap && addr < this.vmemmap + PFN_LIMIT * STRUCT_PAGE) {
      return Math.floor((addr - this.vmemmap) / STRUCT_PAGE);
    }
    const pfn = Math.floor((addr - this.directMap) / PAGE);
    return pfn >= 0 && pfn < PFN_LIMIT ? pfn : -1 - Math.floor(addr / PAGE);
  }
}
