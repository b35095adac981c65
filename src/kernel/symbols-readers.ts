import { GP_EVENT, LOOKUP, OP, SPIN } from './ops.js';
import { type SymbolMeaning, spec } from './symbol-spec.js';

/**
 * Functions that show who walks page tables, and what keeps them alive meanwhile: lookups, page-table locks, grace periods,
 * huge-page collapse, mm switches. Signatures read in Linux 6.1, 6.12, 6.18 and 7.3 (mm/pgtable-generic.c, mm/gup.c,
 * mm/khugepaged.c, mm/huge_memory.c, kernel/rcu/tree.c, arch/x86/mm/tlb.c).
 */

const ENTRY = ['pmd 0 slot 1 3', 'addr 1 addr 2', 'pmdv 2 pmd 1+0'];
const ENTRY_OF_MM = ['mm 4 addr 1', 'pmd 0 slot 2 3', 'addr 1 addr 3', 'pmdv 2 pmd 2+0'];

const lookup = (how: number, roles: readonly string[]): SymbolMeaning => ({
  entry: spec(OP.MAP, roles, [[5, how]]),
  ret: spec(OP.MAPR, ['pte 0 slot ret 1'], [[5, how]]),
});
const spin = (what: number): SymbolMeaning => ({
  entry: spec(OP.PLK, ['lock 0 ptl 1 1'], [[5, what]]),
});
const gup: SymbolMeaning = {
  entry: spec(OP.GUP, ['start 1 addr 1', 'nr_pages 2 num 2'], [[0, 1]]),
  ret: spec(OP.GUP, [], [[0, 0]]),
};
const unshare: SymbolMeaning = {
  entry: spec(OP.UNSH, [], [[5, 1]]),
  ret: spec(OP.UNSH, ['ret 0 num ret'], [[5, 0]]),
};
/** The number stands in rcu_state, whose layout differs from build to build. */
const GP_SEQ = 'gp_seq 0 num *';
const hugeInstall: SymbolMeaning = { entry: spec(OP.HUGEI, ['pmdp 0 addr 2', 'haddr 1 addr 4']) };
const offFile = (parameter: number): SymbolMeaning => ({
  entry: spec(OP.VMAOFF, [`vma 0 addr ${parameter}`, 'vm_flags 1 addr *']),
});

export const READER_SYMBOLS: Readonly<Record<string, SymbolMeaning>> = {
  // lookups of a PTE table
  __pte_offset_map: lookup(LOOKUP.plain, ENTRY),
  /** 6.16 to 7.1. */
  ___pte_offset_map: lookup(LOOKUP.plain, ENTRY),
  pte_offset_map_lock: lookup(LOOKUP.lock, ENTRY_OF_MM),
  __pte_offset_map_lock: lookup(LOOKUP.lock, ENTRY_OF_MM),
  pte_offset_map_nolock: lookup(LOOKUP.readOnly, ENTRY_OF_MM),
  pte_offset_map_ro_nolock: lookup(LOOKUP.readOnly, ENTRY_OF_MM),
  pte_offset_map_rw_nolock: lookup(LOOKUP.readWrite, ENTRY_OF_MM),
  gup_fast_fallback: gup,
  /** Name up to 6.9. */
  internal_get_user_pages_fast: gup,
  set_pte_range: { entry: spec(OP.SETP, ['pte 0 slot * 1', 'addr 2 addr 5']) },
  // locks
  _raw_spin_lock: spin(SPIN.lock),
  _raw_spin_unlock: spin(SPIN.unlock),
  _raw_spin_trylock: spin(SPIN.trylock),
  // grace periods
  rcu_gp_init: {
    entry: spec(OP.GP, [GP_SEQ], [[1, GP_EVENT.init]]),
    ret: spec(OP.GP, [GP_SEQ, 'ret 2 num ret'], [[1, GP_EVENT.start]]),
  },
  rcu_gp_cleanup: {
    entry: spec(OP.GP, [GP_SEQ], [[1, GP_EVENT.end]]),
    ret: spec(OP.GP, [GP_SEQ], [[1, GP_EVENT.endret]]),
  },
  rcu_report_qs_rnp: {
    entry: spec(OP.QSR, ['mask 0 addr 1', 'rnp 1 addr 2', 'gps 2 num 3', 'qsmask 3 addr *']),
  },
  // huge pages
  pmdp_collapse_flush: {
    entry: spec(OP.COLL, [
      'mm 0 addr *',
      'addr 1 addr 2',
      'pmdv 2 pmd 3+0',
      'pmdp 3 slot 3 7',
      'mmlock 4 addr *',
      'anonlock 5 addr *',
      'imaplock 6 addr *',
    ]),
    ret: spec(OP.COLLR),
  },
  pgtable_trans_huge_deposit: {
    entry: spec(OP.DEP, ['page 0 page 3', 'pmdp 2 slot 2 1', 'mmlock 3 addr *']),
  },
  pgtable_trans_huge_withdraw: { entry: spec(OP.other), ret: spec(OP.WDR, ['page 0 page ret']) },
  map_anon_folio_pmd_nopf: hugeInstall,
  map_anon_folio_pmd: hugeInstall,
  zap_huge_pmd: { entry: spec(OP.other) },
  retract_page_tables: { entry: spec(OP.other) },
  huge_pmd_unshare: unshare,
  /** What it calls from 7.0 on, and in stable releases. */
  __huge_pmd_unshare: unshare,
  huge_pmd_share: { ret: spec(OP.other) },
  // address spaces
  switch_mm_irqs_off: {
    entry: spec(OP.SWMM, ['next 0 addr 2', 'gen 1 num *', 'ctx 2 num *']),
    ret: spec(OP.SWMMR, ['ctx 0 num *', 'gen 1 num *', 'asid 2 num *']),
  },
  enter_lazy_tlb: { entry: spec(OP.other) },
  unlink_file_vma_batch_add: offFile(2),
  unlink_file_vma: offFile(1),
  __mmu_notifier_invalidate_range_start: { entry: spec(OP.MNI) },
};
