import { isKernelAddr } from '../../kernel/bytes.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { isKnown } from '../../timeline/is-known.js';
import { newPageIndex, type PageIndex } from './page-index.js';

/**
 * What is known for certain of page tables and of who may cache them: filled by facts only (`OP_FIRST_FACT` and
 * beyond), so a recording without such facts has an empty one. Plain data.
 */
export interface Mech {
  pages: Map<number, MechPage>;
  /** Which pages have an entry in `pages`. */
  pageIndex: PageIndex;
  /** Tables linked at (mm, address), outermost first; key `linkKey`. */
  links: Map<string, number[]>;
  /** Who may cache something of an mm; key `cacheKey`. */
  holders: Map<string, Holder[]>;
  /** Those of them that may hold something, by all that they are about; key `holderKey`. */
  held: Map<string, Holder>;
  /** Translations by what they translate; key `linkKey`. Some may be gone. */
  heldAt: Map<string, Holder[]>;
  /** Tables on the way to an address, by who holds them; key `wayKey`. Some may be gone. */
  ways: Map<string, Holder[]>;
  /** What nothing has thrown doubt on yet, by CPU. Some may be gone. */
  sure: Map<number, Holder[]>;
  /** Number of lists of `holders` by CPU. */
  cpuLists: Map<number, number>;
  /** CR3 history: who may walk an mm; key `cacheKey`. */
  loaded: Map<string, Loaded>;
  /** The same by mm, and what each CPU has in CR3. */
  loadedByMm: Map<number, Map<number, Loaded>>;
  current: Map<number, Loaded>;
  /** What each CPU has in CR3, where that is told; 0 init_mm. */
  cr3: Map<number, number>;
  /** CPUs that have loaded CR3 and shown nothing since but flushes: CPU → mm. */
  arrived: Map<number, number>;
  lazy: Map<number, { mm: number; ref: EvidenceRef }>;
  /** By task key, in the order in which they were taken. */
  locks: Map<number, HeldLock[]>;
  /** Per CPU: a flush handler that has begun and not yet shown that it invalidates. */
  begun: (Invalidation | null)[];
  /** Per CPU: `tlb:tlb_flush` was seen, so a handler without one did not invalidate. */
  flushTraced: boolean[];
  broadcasts: Broadcast[];
  /** Top-level tables told so far. */
  pgds: number;
  /** When the entry for (mm, address) was cleared last; key `linkKey`. */
  removed: Map<string, Removal>;
  /** By mm: those that no flush has covered yet that has returned. */
  unflushed: Map<number, Removal[]>;
  /** Newest return of `tlb_remove_table_sync_one()` and of a wait for a grace period. */
  sync: Moment;
  gp: Moment;
}

export interface Moment {
  seq: number;
  ref: EvidenceRef;
}

/** An entry was cleared. */
export interface Removal extends Moment {
  readonly va: number;
  /** A flush that covers it began after it and has returned. */
  flushed: boolean;
}

export interface Invalidation {
  readonly mm: number;
  readonly start: number;
  readonly end: number;
  readonly leaf: boolean;
  /** Only what was cached under the kernel PCID (page-table isolation has one for user mode too). */
  readonly kernelOnly: boolean;
}

export interface Broadcast {
  readonly cpu: number;
  readonly mm: number;
  readonly ref: EvidenceRef;
  readonly seq: number;
}

export interface Loaded {
  readonly cpu: number;
  readonly mm: number;
  /** In CR3 now; false: left behind under its PCID. */
  now: boolean;
  readonly ref: EvidenceRef;
  readonly ts: number;
  readonly seq: number;
}

/** 0: gone, 1: may be cached, 2: whether it was invalidated cannot be told. */
export type Hold = 0 | 1 | 2;

/** One CPU or device that may cache a way through a table (`leaf` false) or a translation to a frame. */
export interface Holder {
  readonly page: number;
  readonly leaf: boolean;
  /** -1 for a device. */
  readonly cpu: number;
  /** NaN for a CPU. */
  readonly device: number;
  readonly mm: number;
  readonly va: number;
  hold: Hold;
  /** Cached in user mode, under the user PCID. */
  readonly user: boolean;
  /** An invalidation has come by since that reached the kernel PCID only. */
  halfDone: boolean;
  /** The CPU was lazy on the mm while it held this. */
  lazy: boolean;
  /** A broadcast invalidation removed it. */
  broadcast: boolean;
  readonly ref: EvidenceRef;
  readonly seq: number;
  /** The page was given away while the CPU had another mm loaded: it must not come back with this. */
  parkedRef: EvidenceRef;
}

export interface HeldLock {
  readonly lock: number;
  readonly task: number;
  /** `LOCK_TYPE`. */
  readonly type: number;
  readonly ref: EvidenceRef;
}

export interface MechPage {
  readonly key: number;
  level: number;
  pgd: boolean;
  links: { mm: number; va: number }[];
  everLinked: boolean;
  /** Number of processes it was linked in at once, at most. */
  sharers: number;
  ul: Moment;
  ulTs: number;
  ulCpu: number;
  /** Address → frame. */
  entries: Map<number, number>;
  holders: Holder[];
  /** It was taken for empty: the path that unlinks it is reclaim, under readers that only RCU protects. */
  emptied: EvidenceRef;
  depositedOn: number;
  deposits: number[];
  everDeposits: boolean;
  ptlFreed: EvidenceRef;
  /** Named reader sections on it that are over. */
  readsOver: number;
}

export function newMech(): Mech {
  return {
    pages: new Map(),
    pageIndex: newPageIndex(),
    links: new Map(),
    holders: new Map(),
    loaded: new Map(),
    cr3: new Map(),
    arrived: new Map(),
    lazy: new Map(),
    locks: new Map(),
    held: new Map(),
    heldAt: new Map(),
    ways: new Map(),
    sure: new Map(),
    cpuLists: new Map(),
    loadedByMm: new Map(),
    current: new Map(),
    begun: [],
    flushTraced: [],
    broadcasts: [],
    pgds: 0,
    removed: new Map(),
    unflushed: new Map(),
    sync: { seq: 0, ref: -1 },
    gp: { seq: 0, ref: -1 },
  };
}

export function newMechPage(key: number): MechPage {
  return {
    key,
    level: 0,
    pgd: false,
    links: [],
    everLinked: false,
    sharers: 0,
    ul: { seq: 0, ref: -1 },
    ulTs: Number.NaN,
    ulCpu: -1,
    entries: new Map(),
    holders: [],
    emptied: -1,
    depositedOn: Number.NaN,
    deposits: [],
    everDeposits: false,
    ptlFreed: -1,
    readsOver: 0,
  };
}

export const linkKey = (mm: number, va: number): string => `${mm}:${va}`;
export const wayKey = (cache: string, va: number): string => `${cache}@${va}`;
/** Devices have caches of their own beside the CPUs'. */
export const cacheKey = (cpu: number, device: number, mm: number): string =>
  isKnown(device) ? `d${device}:${mm}` : `${cpu}:${mm}`;

/**
 * The CPU is known to have another mm in CR3: it cannot use what it holds of this one until it comes back. Kernel
 * addresses are the same in every mm.
 */
export const isAway = (mech: Mech, h: Holder): boolean => {
  if (isKernelAddr(h.va)) return false;
  const now = mech.cr3.get(h.cpu);
  return now !== undefined && now !== h.mm;
};
