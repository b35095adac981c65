import { distance53 } from './bytes.js';

/** Low 53 bits of a kernel pointer, exact in a double. */
export type Addr = number;
/** Page frame number, or a negative identity where the pointer cannot be translated; 0 = no page (NULL). */
export type PageKey = number;

/** sizeof(struct page) on x86-64. */
export const STRUCT_PAGE = 64;
export const PAGE = 4096;
/** offsetof(struct ptdesc, ptl), where the lock is embedded (no lockdep, no PREEMPT_RT). */
const PTL_OFFSET = 40;
/**
 * Direct map and vmemmap of 4-level paging cover 64 TiB (Documentation/arch/x86/x86_64/mm.rst). Those of 5-level have room
 * for 32 PiB, of which no more is taken to be there: with 53 bits kept, all of it would leave room for nothing else.
 */
export const PFN_LIMIT = 2 ** 34;
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
  /** Bits 53 and up of both, for print: all ones with 4-level paging. */
  readonly tops: Tops;
  /** How they are known, with the support, for the report. */
  readonly how: string;
  /** Page described by the struct page (or ptdesc) that contains `addr`. */
  pageOfStructPage(addr: Addr): PageKey;
  /** Page that contains the direct-map address `addr`. */
  pageOfVa(addr: Addr): PageKey;
  /** Page whose struct ptdesc holds the spinlock at `addr`; NaN: it is no page-table lock, or the base is not known. */
  pageOfPtl(addr: Addr): PageKey;
}

export interface Tops {
  readonly vmemmap: number;
  readonly directMap: number;
}
/** Bits 53 and up of an address of 4-level paging. */
export const ALL_ONES = 0x7ff;
export const CANONICAL_TOPS: Tops = { vmemmap: ALL_ONES, directMap: ALL_ONES };

/** Translation with known or unknown (NaN) bases. */
export function makeBases(vmemmap: Addr, directMap: Addr, how: string, tops: Tops = CANONICAL_TOPS): Bases {
  return new LinearBases(vmemmap, directMap, how, tops);
}

export const unknownBases = (): Bases => makeBases(Number.NaN, Number.NaN, 'unknown');

class LinearBases implements Bases {
  readonly vmemmap: Addr;
  readonly directMap: Addr;
  readonly tops: Tops;
  readonly how: string;

  constructor(vmemmap: Addr, directMap: Addr, how: string, tops: Tops) {
    this.vmemmap = vmemmap;
    this.directMap = directMap;
    this.how = how;
    this.tops = tops;
  }

  pageOfStructPage(addr: Addr): PageKey {
    if (addr === 0 || Number.isNaN(addr)) return addr;
    const at = distance53(this.vmemmap, addr);
    const ofVa = distance53(this.directMap, addr);
    // An address belongs to the region that begins next below it: a recorder that printed the VA is still understood.
    if (ofVa < at && ofVa < PFN_LIMIT * PAGE) return Math.floor(ofVa / PAGE);
    return at < PFN_LIMIT * STRUCT_PAGE
      ? Math.floor(at / STRUCT_PAGE)
      : STRUCT_PAGE_DOMAIN - Math.floor(addr / STRUCT_PAGE);
  }

  pageOfPtl(addr: Addr): PageKey {
    const at = distance53(this.vmemmap, addr);
    if (!(at < PFN_LIMIT * STRUCT_PAGE) || at % STRUCT_PAGE !== PTL_OFFSET) return Number.NaN;
    return Math.floor(at / STRUCT_PAGE);
  }

  pageOfVa(addr: Addr): PageKey {
    if (addr === 0 || Number.isNaN(addr)) return addr;
    const at = distance53(this.vmemmap, addr);
    const ofVa = distance53(this.directMap, addr);
    if (at < PFN_LIMIT * STRUCT_PAGE && !(ofVa < at)) return Math.floor(at / STRUCT_PAGE);
    return ofVa < PFN_LIMIT * PAGE ? Math.floor(ofVa / PAGE) : -1 - Math.floor(addr / PAGE);
  }
}
