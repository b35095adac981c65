import { byName } from '../result/by-name.js';
import { FUNC, OP, READER } from './ops.js';
import { type SymbolMeaning, spec } from './symbol-spec.js';
import { READER_SYMBOLS } from './symbols-readers.js';

/**
 * What probes on kernel functions mean: probed symbol → operation and the roles of the arguments.
 * Data only. Signatures read in Linux 6.1, 6.12 and 7.0 (mm/mmu_gather.c, mm/memory.c, mm/pt_reclaim.c, mm/gup.c,
 * arch/x86/mm/pgtable.c, arch/x86/mm/tlb.c, kernel/rcu/tree.c).
 */

export type { Convert, Role, SymbolMeaning, SymbolSpec } from './symbol-spec.js';

const TLB = 'tlb 0 addr 1';
const TLB_MM = 'mm 1 addr 1+0';
const GATHER = ['tlb 0 addr 1', 'mm 1 addr 2'];
/** struct mmu_gather: mm @0, batch @8, start @16, end @24, bits @32 (with MMU_GATHER_TABLE_FREE). */
const GATHER_STATE = [
  TLB,
  TLB_MM,
  'batch 2 va 1+8',
  'start 3 addr 1+16',
  'end 4 addr 1+24',
  'flags 5 num 1+32',
];
/** struct mm_struct differs from build to build. */
const GATHER_END = [...GATHER_STATE, 'nsub 6 addr *', 'pend 7 num *'];
/** struct flush_tlb_info: mm @0, start @8, end @16, new_tlb_gen @24. */
const FLUSH_INFO = ['mm 1 addr 1+0', 'start 2 addr 1+8', 'end 3 addr 1+16', 'new_tlb_gen 4 num 1+24'];
const TABLE_PAGE = [TLB, TLB_MM, 'table 2 page 2'];
const TABLE_VA = [TLB, TLB_MM, 'table 2 va 2'];
const CALL_RCU = ['head 0 head 1 2', 'func 1 func 2'];

const seen: SymbolMeaning = { entry: spec(OP.other), ret: spec(OP.other) };
const removed = (roles: readonly string[], level: number): SymbolMeaning => ({
  entry: spec(OP.TR, roles, [[3, level]]),
});
const enqueue = (source: number, roles: readonly string[] = CALL_RCU): SymbolMeaning => ({
  entry: spec(OP.CR, roles, [[4, source]]),
});
const singleCallback = (func: number): SymbolMeaning => ({
  entry: spec(
    OP.CB,
    ['head 0 head 1 2'],
    [
      [1, func],
      [3, 1],
    ],
  ),
  ret: spec(OP.CBret, [], [[1, func]]),
});
const flushWait: SymbolMeaning = { entry: spec(OP.SYNC1, [], [[0, 1]]), ret: spec(OP.SYNC1, [], [[0, 0]]) };

export const SYMBOLS: Readonly<Record<string, SymbolMeaning>> = byName({
  // gather
  tlb_gather_mmu: { entry: spec(OP.GB, GATHER, [[2, 0]]) },
  tlb_gather_mmu_fullmm: { entry: spec(OP.GB, GATHER, [[2, 1]]) },
  /** 6.19+: hugetlb, second parameter is the vma (8ce720d5bd91). */
  tlb_gather_mmu_vma: { entry: spec(OP.GB, [TLB], [[2, 2]]) },
  tlb_finish_mmu: { entry: spec(OP.GE, GATHER_END), ret: spec(OP.GEret) },
  tlb_flush_mmu: { entry: spec(OP.FMMU, GATHER_STATE) },
  ___pte_free_tlb: removed([...TABLE_PAGE, 'set 4 num *'], 1),
  ___pmd_free_tlb: removed(TABLE_VA, 2),
  ___pud_free_tlb: removed(TABLE_VA, 3),
  ___p4d_free_tlb: removed(TABLE_VA, 4),
  tlb_remove_table: { entry: spec(OP.APP, TABLE_PAGE) },
  native_tlb_remove_table: { entry: spec(OP.PVOP, TABLE_PAGE) },
  // unlink and publish
  free_pte: { entry: spec(OP.UL, ['mm 0 addr 1', 'addr 1 addr 2', 'tlb 3 addr 3', 'pmdval 2 entry 4']) },
  try_get_and_clear_pmd: { entry: spec(OP.other), ret: spec(OP.ULret, ['ret 0 num ret']) },
  /** 7.0 names of the fast and the slow half of reclaim (mm/memory.c). */
  zap_empty_pte_table: { entry: spec(OP.other), ret: spec(OP.ULret, ['ret 0 num ret']) },
  zap_pte_table_if_empty: { entry: spec(OP.other), ret: spec(OP.ULret, ['ret 0 num ret']) },
  try_to_free_pte: seen,
  zap_page_range_single: seen,
  zap_page_range_single_batched: seen,
  pmd_install: { entry: spec(OP.PUB, ['mm 0 addr 1', 'pmd 1 slot 2 3', 'page 2 page 3+0']) },
  __pte_alloc: { entry: spec(OP.PTEA, ['mm 0 addr 1', 'pmd 1 slot 2 3']) },
  __pmd_alloc: { entry: spec(OP.PMDA, ['mm 0 addr 1', 'pud 1 slot 2 3', 'addr 2 addr 3']) },
  __pud_alloc: seen,
  __p4d_alloc: seen,
  pte_alloc_one: { entry: spec(OP.other), ret: spec(OP.PTEN, ['page 0 page ret']) },
  // flush
  flush_tlb_mm_range: {
    entry: spec(OP.FR, [
      'mm 0 addr 1',
      'start 1 addr 2',
      'end 2 addr 3',
      'stride_shift 3 num 4',
      'freed_tables 4 num 5',
    ]),
    ret: spec(OP.FD),
  },
  native_flush_tlb_multi: {
    entry: spec(OP.FMULTI, [
      'cpumask 0 mask 1+0 5',
      'mm 1 addr 2+0',
      'start 2 addr 2+8',
      'end 3 addr 2+16',
      'new_tlb_gen 4 num 2+24',
    ]),
  },
  kvm_flush_tlb_multi: seen,
  hyperv_flush_tlb_multi: seen,
  xen_flush_tlb_multi: seen,
  flush_tlb_func: { entry: spec(OP.INV, ['info 0 addr 1', ...FLUSH_INFO]) },
  // whole-system synchronisation
  tlb_remove_table_sync_one: flushWait,
  tlb_remove_table_smp_sync: { entry: spec(OP.SSYNC) },
  /** 7.1+: synchronize_rcu() before a synchronous free (1fb3d8c20bfa). */
  tlb_remove_table_sync_rcu: {
    entry: spec(OP.SYNCR, [], [[0, 1]]),
    ret: spec(OP.SYNCR, [], [[0, 0]]),
  },
  // RCU
  call_rcu: enqueue(0),
  call_rcu_hurry: enqueue(0),
  __call_rcu_common: enqueue(1, [...CALL_RCU, 'nr 3 num 1+16']),
  tlb_remove_table_rcu: {
    entry: spec(
      OP.CB,
      ['head 0 head 1 2', 'nr 3 num 1+16', 'tables -1 tables 1+24'],
      [[1, FUNC.tlb_remove_table_rcu]],
    ),
    ret: spec(OP.CBret, [], [[1, FUNC.tlb_remove_table_rcu]]),
  },
  __tlb_remove_table_one_rcu: singleCallback(FUNC.__tlb_remove_table_one_rcu),
  pte_free_now: singleCallback(FUNC.pte_free_now),
  pte_free_defer: { entry: spec(OP.DEFER, ['mm 0 addr 1', 'table 1 page 2']) },
  free_page_and_swap_cache: { entry: spec(OP.FPSC, ['page 0 page 1']) },
  /** 6.15+: takes a folio, which is its first struct page. */
  free_folio_and_swap_cache: { entry: spec(OP.FPSC, ['page 0 page 1']) },
  // readers and walks
  /** Out of line with CONFIG_PREEMPT_RCU only (kernel/rcu/tree_plugin.h). */
  __rcu_read_lock: { entry: spec(OP.RB, [], [[0, READER.rcu]]) },
  __rcu_read_unlock: { entry: spec(OP.RE, [], [[0, READER.rcu]]) },
  // address space
  exit_mmap: { entry: spec(OP.EXITMM, ['mm 0 addr 1'], [[1, 1]]), ret: spec(OP.EXITMM, [], [[1, 0]]) },
  unmap_vmas: { entry: spec(OP.UVMA, [TLB]) },
  free_pgtables: { entry: spec(OP.FPGT, [TLB, TLB_MM]) },
  free_pgd_range: {
    entry: spec(OP.FPGD, [TLB, 'addr 1 addr 2', 'end 2 addr 3'], [[3, 1]]),
    ret: spec(OP.FPGD, [], [[3, 0]]),
  },
  ...READER_SYMBOLS,
});

/**
 * Event names that stand for a symbol when the line itself names none (perf prints only an address) or names one
 * we do not know: the usual names with underscores dropped or `_ret` added. Basis: inferred.
 */
export const EVENT_ALIASES: Readonly<Record<string, string>> = byName({
  pte_free_tlb: '___pte_free_tlb',
  pmd_free_tlb: '___pmd_free_tlb',
  pud_free_tlb: '___pud_free_tlb',
  p4d_free_tlb: '___p4d_free_tlb',
  pte_alloc: '__pte_alloc',
  pmd_alloc: '__pmd_alloc',
  call_rcu_common: '__call_rcu_common',
  tlb_remove_table_one_rcu: '__tlb_remove_table_one_rcu',
});

/** What people, perf probe and bpftrace put around the name of a function; true: it is of its return. */
const AROUND: readonly (readonly [RegExp, boolean])[] = [
  [/^(.+)__return$/, true],
  [/^(.+)_(?:ret|return|exit)$/, true],
  [/^(.+)_(?:entry|enter)$/, false],
  [/^(?:r|kr|ret|kret|kretprobe)_(.+)$/, true],
  [/^(?:p|k|kp|kprobe|probe|my|mine)_(.+)$/, false],
  [/^(.+)_(?:0x)?[0-9a-f]+$/, false],
];

/** At most so much is put around a name, `kprobe_sym_ret_0`: without a bound a name of many parts would be taken apart in 2^n ways. */
const MAX_AROUND = 3;

/** `p_sym_0`, `r_sym`, `sym__return`, `sym_ret`, `sym` → symbol and side; null if no symbol is known by that name. */
export function symbolOfEventName(
  name: string,
  around = MAX_AROUND,
): { symbol: string; ret: boolean } | null {
  const found = Object.hasOwn(SYMBOLS, name) ? name : (EVENT_ALIASES[name] ?? null);
  if (found !== null) return { symbol: found, ret: false };
  if (around === 0) return null;
  for (const [pattern, ret] of AROUND) {
    const inner = pattern.exec(name)?.[1];
    const known = inner === undefined ? null : symbolOfEventName(inner, around - 1);
    if (known !== null) return { symbol: known.symbol, ret: ret || known.ret };
  }
  return null;
}

/** Names an argument may have per role, besides the role's own name. Lower case. */
export const ARGUMENT_SYNONYMS: Readonly<Record<string, readonly string[]>> = byName({
  tlb: ['gather', 'mmu_gather'],
  mm: ['mm_struct', 'tlb_mm'],
  table: ['page', 'pmd', 'pud', 'p4d', 'pte', 'pt', 'ptdesc', 'pgtable', 'tbl', 'pud_t', 'pmd_t'],
  page: ['table', 'pt', 'pte', 'pgtable', 'ptdesc', 'new', 'ret', 'retval', 'folio'],
  batch: ['table_batch', 'tlb_batch'],
  start: ['addr_start', 'from'],
  end: ['addr_end', 'to'],
  flags: ['bits'],
  addr: ['address', 'va', 'vaddr'],
  pmd: ['pmdp', 'slot'],
  pud: ['pudp', 'slot'],
  pmdval: ['pmd', 'val', 'entry'],
  stride_shift: ['stride', 'shift'],
  freed_tables: ['ft', 'freed'],
  cpumask: ['mask', 'cpus'],
  new_tlb_gen: ['gen', 'tlb_gen'],
  info: ['f', 'flush_info'],
  head: ['rhp', 'rcu_head', 'rcu', 'h'],
  func: ['f', 'fn', 'function', 'callback'],
  nr: ['count', 'nr_tables', 'n'],
  tables: ['pages', 'tbls', 'list'],
  ret: ['retval', 'rc'],
});

/**
 * Argument orders of the reference probe sets, by role; `.` is an argument without a role. Used only when names
 * tell nothing and the number of arguments is the same; the basis is then `assumed`.
 */
export const REFERENCE_LAYOUTS: Readonly<Record<string, readonly string[]>> = byName({
  tlb_gather_mmu: ['tlb mm'],
  tlb_gather_mmu_fullmm: ['tlb mm'],
  tlb_finish_mmu: ['tlb mm batch start end flags'],
  tlb_flush_mmu: ['tlb mm batch start end flags'],
  ___pte_free_tlb: ['tlb mm table', 'tlb table'],
  ___pmd_free_tlb: ['tlb mm table', 'tlb table'],
  ___pud_free_tlb: ['tlb mm table', 'tlb table'],
  ___p4d_free_tlb: ['tlb mm table', 'tlb table'],
  tlb_remove_table: ['tlb mm table', 'tlb table'],
  native_tlb_remove_table: ['tlb mm table', 'tlb table'],
  call_rcu: ['head func'],
  __call_rcu_common: ['head func . nr', 'head func .', 'head func'],
  tlb_remove_table_rcu: ['head nr tables', 'head nr', 'head'],
  flush_tlb_mm_range: ['mm start end stride_shift freed_tables'],
  native_flush_tlb_multi: ['cpumask . mm start end new_tlb_gen'],
  flush_tlb_func: ['info mm start end new_tlb_gen'],
  free_pgd_range: ['tlb addr end . .', 'tlb addr end'],
  free_pgtables: ['tlb mm', 'tlb'],
  unmap_vmas: ['tlb'],
  free_pte: ['mm addr tlb pmdval'],
  __pte_alloc: ['mm pmd'],
  __pmd_alloc: ['mm pud addr'],
  pmd_install: ['mm pmd page'],
  pte_alloc_one: ['page'],
  try_get_and_clear_pmd: ['ret'],
  free_page_and_swap_cache: ['page'],
  free_folio_and_swap_cache: ['page'],
  exit_mmap: ['mm'],
  pte_free_defer: ['mm table'],
});
