import { type EvidenceRef, NO_REF } from '../timeline/batch.js';
import type { Context } from '../timeline/flags.js';

/**
 * Operations: what a record *means* to the machine, whatever probe or dialect it came from.
 * Names follow the notation of docs/invariants.md (GB, TR, FR …).
 *
 * Addresses are the low 53 bits of the kernel pointer (`Addr`): exact in a double, canonical bits are implied.
 * Pages are `PageKey`: the pfn where the trace lets us translate the pointer, otherwise a negative number that
 * is only good for identity (`kernel/bases.ts`). NaN = the trace does not say. 0 = NULL for addresses.
 */
export const OP = {
  none: 0,
  /** Ring buffer lost events on `cpu`; a0 = count or -1. */
  lost: 1,
  /** A new capture starts: nothing may be carried across. */
  segment: 2,
  /** `tlb_gather_mmu[_fullmm|_vma]`: a0 tlb, a1 mm, a2 1 = fullmm, 2 = of one VMA. */
  GB: 3,
  /**
   * `tlb_finish_mmu` entry: a0 tlb, a1 mm, a2 batch page key (0 none), a3 start, a4 end, a5 flag bits, a6
   * mm->notifier_subscriptions, a7 mm->tlb_flush_pending.
   */
  GE: 4,
  /** `tlb_finish_mmu` return. */
  GEret: 5,
  /** `tlb_flush_mmu` entry: a0 tlb, a1 mm, a2 batch page key, a3 start, a4 end, a5 flag bits. */
  FMMU: 6,
  /**
   * `___p{te,md,ud,4d}_free_tlb`: a0 tlb, a1 mm, a2 table page key, a3 level (1 PTE, 2 PMD, 3 PUD, 4 P4D), a4 1 = an entry of the
   * PTE table is set, 0 = none is.
   */
  TR: 7,
  /** `tlb_remove_table`: a0 tlb, a1 mm, a2 table page key. */
  APP: 8,
  /** `native_tlb_remove_table`: a0 tlb, a1 mm, a2 table page key. */
  PVOP: 9,
  /** `free_pte` (DONTNEED reclaim): a0 mm, a1 user address, a2 table page key (from pmdval), a3 tlb. UL observed. */
  UL: 10,
  /** `try_get_and_clear_pmd` return: a0 return value. */
  ULret: 11,
  /** `pmd_install` entry (an attempt): a0 mm, a1 slot address, a2 child table page key, a3 page key of the slot. */
  PUB: 12,
  /** `__pte_alloc` entry: a0 mm, a1 slot address, a3 page key of the PMD table that holds the slot. */
  PTEA: 13,
  /** `__pmd_alloc` entry: a0 mm, a1 slot address, a2 user address, a3 page key of the PUD table. */
  PMDA: 14,
  /** `pte_alloc_one` return: a0 table page key. */
  PTEN: 15,
  /** `flush_tlb_mm_range` entry: a0 mm, a1 start, a2 end, a3 stride shift, a4 freed_tables. */
  FR: 16,
  /** `flush_tlb_mm_range` return. */
  FD: 17,
  /** `native_flush_tlb_multi`: a0 cpumask (low 53 bits), a1 mm, a2 start, a3 end, a4 new_tlb_gen, a5 1 = mask is whole. */
  FMULTI: 18,
  /** `flush_tlb_func` (on the CPU that invalidates): a0 info, a1 mm, a2 start, a3 end, a4 new_tlb_gen, a5 1 = leaf entries only, 2 = kernel PCID only. */
  INV: 19,
  /** `tlb:tlb_flush`: a0 pages (-1 full), a1 reason 0..5. */
  TLBF: 20,
  /** `csd_queue_cpu`: a0 target cpu, a1 FuncId, a2 csd key. */
  IS: 21,
  /** `csd_function_entry`: a1 FuncId, a2 csd key (0 = local call). */
  IE: 22,
  /** `csd_function_exit`: a1 FuncId, a2 csd key. */
  IX: 23,
  /** `call_function[_single]_{entry,exit}`: a0 1 = entry, 0 = exit. */
  CALLF: 24,
  /** `tlb_remove_table_smp_sync` on a target of a SYNC1 broadcast. */
  SSYNC: 25,
  /** `tlb_remove_table_sync_one` entry (a0 = 1) or return (a0 = 0). */
  SYNC1: 26,
  /** Enqueue: a0 head Addr, a1 FuncId, a2 page key of the page the head lies in, a3 batch nr (NaN unknown), a4 CR_SOURCE. */
  CR: 27,
  /** Callback starts, seen by a probe on the callback itself: a0 head Addr, a1 FuncId, a2 page key of head, a3 nr; `tables[0, nTables)`. */
  CB: 28,
  /** Return of that callback: a1 FuncId. */
  CBret: 29,
  /** `rcu:rcu_callback` (enqueue tracepoint): a0 rhp key, a1 FuncId. rhp may be hashed: never compare with a head. */
  RQ: 30,
  /** `rcu:rcu_invoke_callback`: a0 rhp key, a1 FuncId. */
  RI: 31,
  /** `rcu:rcu_grace_period`, or probes that print gp_seq: a0 gp_seq, a1 GP_EVENT. */
  GP: 32,
  /** `kmem:mm_page_free`: a0 pfn, a1 order. */
  FREE: 33,
  /** `kmem:mm_page_alloc`: a0 pfn, a1 order, a2 1 = user frame (GFP_HIGHUSER*), 0 = not. */
  ALLOC: 34,
  /** `free_page_and_swap_cache`: a0 page key. */
  FPSC: 35,
  /** Syscall entry: a0 SyscallId (FuncId of its name), a1 to a4 its first four arguments. */
  SE: 36,
  /** Syscall exit: a0 SyscallId, a1 return value (NaN if not printed). */
  SX: 37,
  /** `sched_switch`: a0 prev pid, a1 next pid. */
  SW: 38,
  /** Reader begins: a0 READER kind, a1 table page key (NaN: any table of its mm), a2 mm (NaN unknown), a3 lock. */
  RB: 39,
  /** Reader ends: as RB. */
  RE: 40,
  /** `gup_fast_fallback` bracket: a0 1 = entry, 0 = return. NOT the IRQ-off section itself. a1 start, a2 pages. */
  GUP: 41,
  /** `exit_mmap`: a0 mm, a1 1 = entry, 0 = return. */
  EXITMM: 42,
  /** `unmap_vmas`: a0 tlb. */
  UVMA: 43,
  /** `free_pgtables`: a0 tlb, a1 mm. */
  FPGT: 44,
  /** `free_pgd_range`: a0 tlb, a1 addr, a2 end, a3 1 = entry, 0 = return. */
  FPGD: 45,
  /** A reader dereferences a table: a0 READER kind, a1 table page key. */
  DR: 46,
  /** `pte_free_defer`: a0 mm, a1 table page key. */
  DEFER: 47,
  /** `rcu:rcu_utilization` Start/End context switch, user, idle: a0 1 = quiescent state of `cpu`. */
  QS: 48,
  /** Some probe or tracepoint fired that has no operation of its own but shows coverage. */
  other: 49,
  /** `tlb_remove_table_sync_rcu` (7.1+): a whole grace period is waited for. a0 1 = entry, 0 = return. */
  SYNCR: 50,
  // Facts no probe shows: written by hand as trace markers, or stepped by a litmus test (docs/litmus.md).
  /** The parent entry for (mm, address) points to a table: a0 mm, a1 user address, a2 table page key, a3 level. */
  LINK: 51,
  /** A leaf entry is set: a0 table page key, a1 user address, a2 frame page key. */
  SETE: 52,
  /** A leaf entry is cleared: a0 table page key, a1 user address. */
  CLRE: 53,
  /** Hardware walks (mm, address) and may cache what it read: a0 mm, a1 user address, a2 device (NaN: this CPU), a3 1 = in user mode, under the user PCID. */
  HW: 54,
  /** A device drops what it cached (IOTLB, secondary MMU): a0 mm, a1 device. NaN: this CPU, by its hypervisor. */
  IOTLB: 55,
  /** A table goes with the pending call_rcu on a head: a0 head Addr, a2 table page key. */
  BIND: 56,
  /** A page is used for something else without having been released: a0 page key. */
  REUSE: 57,
  /** Lock taken: a0 lock (FuncId of its name), a1 `LOCK_TYPE`, a2 page key of the table it belongs to. */
  LK: 58,
  /** Lock dropped: a0 lock, a1 mm, a2 user address whose old translation must be gone by now (NaN none). */
  UN: 59,
  /** What follows is only correct under this lock: a0 lock. */
  NEED: 60,
  /** The VMA of (mm, address) can no longer be found through its file: a0 mm, a1 user address. */
  VMAUL: 61,
  /** Return to user space with the promise that (mm, address) is gone: a0 mm, a1 user address. */
  GONE: 62,
  /** A table is taken for empty: a0 table page key. */
  EMPTY: 63,
  /** The split lock of a table: a0 table page key, a1 0 = destroyed, 1 = used. */
  PTL: 64,
  /** A page is the top-level table of a process: a0 page key. */
  PGD: 65,
  /**
   * A spare PTE table is deposited: a0 table page key, a1 page key of the PMD table it is kept on; by a probe also a2
   * address of the PMD entry, a3 mmap_lock.count.
   */
  DEP: 66,
  /** A deposited table is withdrawn: a0 table page key. */
  WDR: 67,
  /** A huge leaf entry is installed: a0 mm, a1 user address, a2 frame page key. */
  HUGE: 68,
  /** A page found through a table is kept: a0 table page key, a1 1 = the parent entry was read again after that. */
  PIN: 69,
  /** An entry read earlier is installed elsewhere: a0 mm, a1 user address, a2 page key it points to. */
  MOVE: 70,
  /** The CPU becomes lazy (a1 = 1) or stops being it (0), keeping the mm a0 in CR3. */
  LZ: 71,
  /** CR3 of the CPU is loaded: a0 mm, 0 = init_mm. */
  CR3: 72,
  /** INVLPGB is issued: a0 mm. It takes effect on all CPUs at the TLBSYNC of this one. */
  BCAST: 73,
  /** TLBSYNC: this CPU's INVLPGB are done everywhere. */
  TLBSYNC: 74,
  /** `rcu:rcu_batch_start`: a0 callbacks in all segments, a1 limit for this batch. */
  BATCH: 75,
  /** `rcu:rcu_batch_end`: a0 callbacks invoked, a1 FuncId of the printed state (`C.I.`). */
  BATCHE: 76,
  /** `sched:sched_process_exit`: a0 thread id. */
  EXIT: 77,
  /** `sched:sched_process_fork`: a0 thread id of the child. */
  FORK: 78,
  /**
   * A walker looks a PTE table up (`__pte_offset_map`, `pte_offset_map_lock` …): a0 address of the PMD entry, a1 user
   * address, a2 page key of the table the entry points to (0 none, NaN not printed), a3 page key of the table that
   * holds the entry, a4 mm, a5 `LOOKUP`.
   */
  MAP: 79,
  /** Return of a lookup: a0 address of the PTE (0 refused), a1 page key of the table it lies in, a5 `LOOKUP`. */
  MAPR: 80,
  /** A spinlock inside a struct ptdesc: a0 its address, a1 page key of the table (NaN: no page-table lock), a5 `SPIN`. */
  PLK: 81,
  /**
   * `pmdp_collapse_flush` (mm/pgtable-generic.c), which clears the entry: a0 mm, a1 user address, a2 page key of the
   * table, a3 address of the PMD entry, a4 mmap_lock.count, a5 count of the anon_vma's lock, a6 of the file's i_mmap_rwsem,
   * a7 page key of the PMD table.
   */
  COLL: 82,
  /** Its return. */
  COLLR: 83,
  /** `rcu_report_qs_rnp`: a0 mask of those that report, a1 node, a2 grace period, a3 what is still missing. */
  QSR: 84,
  /** `switch_mm_irqs_off`: a0 next mm, a1 its tlb_gen, a2 its ctx_id. */
  SWMM: 85,
  /** A mapping is taken off its file (`unlink_file_vma[_batch_add]`): a0 vma, a1 vm_flags. */
  VMAOFF: 86,
  /** `set_pte_range`: a0 address of the first PTE, a1 page key of the table, a2 user address. */
  SETP: 87,
  /** `__mmu_notifier_invalidate_range_start`. */
  MNI: 88,
  /** `huge_pmd_unshare`: a5 1 = entry, 0 = return with a0. */
  UNSH: 89,
  /** A huge PMD is about to be installed (`map_anon_folio_pmd_*`): a0 address of the entry, a1 user address. */
  HUGEI: 90,
  /** No operation of its own: `GE` printed mm->notifier_subscriptions (a6). */
  NSUB: 91,
  /** `rcu:rcu_exp_grace_period`: a0 sequence number, a1 GP_EVENT. */
  GPX: 92,
  /** `cpuhp:*`: CPU a0 is being taken offline or online. */
  HOTPLUG: 93,
  /** No operation: a marker `pttrace: misses EVENT=N …`. `tables`: pairs of a name's id and its count. */
  MISSES: 94,
  /** No operation of its own: `TR` of a PTE table printed whether an entry was set (a4). */
  PTES: 95,
  /**
   * Return of `switch_mm_irqs_off`, read from `cpu_tlbstate`: a0 ctx_id and a1 tlb_gen of the slot that is loaded, a2 number
   * of the slot.
   */
  SWMMR: 96,
} as const;
export type OpKind = (typeof OP)[keyof typeof OP];
export const OP_COUNT = 97;
/** Kinds as a table: 1 for those named. A switch with many cases compares them one after the other; this looks once. */
export function kindSet(...kinds: readonly OpKind[]): Uint8Array {
  const set = new Uint8Array(OP_COUNT);
  for (const kind of kinds) set[kind] = 1;
  return set;
}
/** Operations from here on concern facts (`replay/steps/mech.ts`): most of them only markers and programs give. */
export const OP_FIRST_FACT = 51;

/** Largest block of the page allocator on x86, as a power of two (include/linux/mmzone.h): beyond it a number is damage. */
export const MAX_PAGE_ORDER = 10;

/** How many pages a FREE or an ALLOC is about, from `a0` on; 0 where it does not name them. */
export function pagesOf(op: Op): number {
  if (op.a0 !== op.a0) return 0;
  return op.a1 > 0 && op.a1 <= MAX_PAGE_ORDER && Number.isSafeInteger(op.a0) ? 2 ** op.a1 : 1;
}

/** Whether a lock may be held while sleeping. */
export const LOCK_TYPE = { sleeping: 0, spin: 1 } as const;

/** Well-known functions; further ones are numbered from `FUNC_FIRST_FREE` by `FuncTable`. */
export const FUNC = {
  unknown: 0,
  tlb_remove_table_rcu: 1,
  __tlb_remove_table_one_rcu: 2,
  pte_free_now: 3,
  flush_tlb_func: 4,
  tlb_remove_table_smp_sync: 5,
  munmap: 6,
  madvise: 7,
  mmap: 8,
  process_madvise: 9,
} as const;
export const FUNC_FIRST_FREE = 10;
/** From here on: functions of which an address is printed instead of the name. */
export const FUNC_ADDRESS = 1 << 20;
/** Page-table callbacks: their CR/CB carry tables. */
export const isTableFunc = (func: number): boolean => func >= 1 && func <= 3;

export const CR_SOURCE = { call_rcu: 0, __call_rcu_common: 1, other: 2 } as const;

/** `init`, `endret`: entry of `rcu_gp_init`, return of `rcu_gp_cleanup`; their other ends are `start` and `end`. */
export const GP_EVENT = {
  other: 0,
  start: 1,
  end: 2,
  cpuend: 3,
  cpustart: 4,
  cpuqs: 5,
  init: 6,
  endret: 7,
} as const;

/** How a PTE table is looked up; all but `plain` name the mm. */
export const LOOKUP = { plain: 0, lock: 1, readOnly: 2, readWrite: 3 } as const;
export const SPIN = { lock: 0, unlock: 1, trylock: 2 } as const;

/** Reader kinds: what protects the walk. */
export const READER = { irqoff: 0, rcu: 1, preemptoff: 2, lock: 3, hw: 4 } as const;

export const LEVEL_NAMES = ['?', 'PTE', 'PMD', 'PUD', 'P4D', 'PGD'] as const;

/** How sure the trace makes us of an operation. */
export const BASIS = { observed: 0, inferred: 1, assumed: 2 } as const;
export type Basis = (typeof BASIS)[keyof typeof BASIS];
export const BASIS_NAMES = ['observed', 'inferred', 'assumed'] as const;

/**
 * One operation. A driver owns one object and refills it for every step; the machine keeps nothing of it but
 * numbers, so an `Op` may also be built once and stepped many times (programs, schedulers).
 */
export class Op {
  kind: number = OP.none;
  ref: EvidenceRef = NO_REF;
  tsNs = 0;
  cpu = -1;
  /** Thread id; -1 unknown. */
  pid = -1;
  /** Packed flags column, see `timeline/flags.ts`. */
  flags = 0;
  context: Context = 4;
  basis: Basis = BASIS.observed;
  a0 = Number.NaN;
  a1 = Number.NaN;
  a2 = Number.NaN;
  a3 = Number.NaN;
  a4 = Number.NaN;
  a5 = Number.NaN;
  a6 = Number.NaN;
  a7 = Number.NaN;
  /** CB: tables printed by the probe. */
  nTables = 0;
  readonly tables = new Float64Array(512);
}
