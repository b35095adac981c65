import { OLDER, type ProbeRow, row } from './probe-row.js';

/**
 * Probes that show who walks page tables and what keeps the tables alive meanwhile. Tried on Debian's stock 6.1, 6.12,
 * 6.18 and 7.3 kernels, which have neither RCU_TRACE nor lockdep.
 */

const PLAIN = 'pmd=%di:x64 addr=%si:x64 pmdv=+0(%di):x64';
const OF_MM = 'mm=%di:x64 pmd=%si:x64 addr=%dx:x64 pmdv=+0(%si):x64';
const RETURNS = 'pte=$retval:x64';
const GP_SEQ = 'gp_seq=@rcu_state+{rcu_state.gp_seq}:u64';
const needsGpSeq = { requires: 'gp_seq' } as const;
const hot = { hot: true } as const;
const PREEMPT_RCU = { hot: true, optional: 'out of line with CONFIG_PREEMPT_RCU only' } as const;
const MAPS = '__pte_offset_map ___pte_offset_map';
const LOCKS = 'pte_offset_map_lock __pte_offset_map_lock';
const GUP = 'gup_fast_fallback internal_get_user_pages_fast';
const UNSHARES = '__huge_pmd_unshare huge_pmd_unshare';
const NONE = { optional: OLDER } as const;
const VMA_MM = '+{vm_area_struct.vm_mm}(%di)';
const LOCK_WORDS = [
  `mm=${VMA_MM}:x64`,
  `mmlock=+{mm_struct.mmap_lock.count}(${VMA_MM}):x64`,
  'anonlock=+{anon_vma.rwsem.count}(+0(+{vm_area_struct.anon_vma}(%di))):x64',
  'imaplock=+{address_space.i_mmap_rwsem.count}(+{file.f_mapping}(+{vm_area_struct.vm_file}(%di))):x64',
].join(' ');

export const READER_PROBES: readonly ProbeRow[] = [
  // lookups
  row('readers', 'pte_map', MAPS, PLAIN, hot),
  row('readers', 'pte_map_ret', MAPS, RETURNS, hot),
  row('readers', 'pte_map_lock', LOCKS, OF_MM, hot),
  row('readers', 'pte_map_lock_ret', LOCKS, RETURNS, hot),
  row('readers', 'pte_map_ro', 'pte_offset_map_ro_nolock pte_offset_map_nolock', OF_MM, { ...hot, ...NONE }),
  row('readers', 'pte_map_rw', 'pte_offset_map_rw_nolock', OF_MM, { ...hot, ...NONE }),
  row('readers', 'rcu_read_lock', '__rcu_read_lock', '', PREEMPT_RCU),
  row('readers', 'rcu_read_unlock', '__rcu_read_unlock', '', PREEMPT_RCU),
  row('readers', 'gup_fast_fallback', GUP, 'start=%di:x64 nr_pages=%si:s32 flags=%dx:x32', hot),
  row('readers', 'gup_fast_fallback_ret', GUP, 'ret=$retval:s32', hot),
  row('readers', 'set_pte_range', 'set_pte_range', 'pte=+{vm_fault.pte}(%di):x64 addr=%r8:x64', NONE),
  // grace periods
  row('readers', 'rcu_gp_init', 'rcu_gp_init', GP_SEQ, needsGpSeq),
  row('readers', 'rcu_gp_init_ret', 'rcu_gp_init', `ret=$retval:u8 ${GP_SEQ}`, needsGpSeq),
  row('readers', 'rcu_gp_cleanup', 'rcu_gp_cleanup', GP_SEQ, needsGpSeq),
  row('readers', 'rcu_gp_cleanup_ret', 'rcu_gp_cleanup', GP_SEQ, needsGpSeq),
  row(
    'readers',
    'rcu_report_qs_rnp',
    'rcu_report_qs_rnp',
    'mask=%di:x64 rnp=%si:x64 gps=%dx:u64 qsmask=+{rcu_node.qsmask}(%si):x64',
    NONE,
  ),
  // huge pages
  row(
    'readers',
    'deposit',
    'pgtable_trans_huge_deposit',
    'mm=%di:x64 pmdp=%si:x64 page=%dx:x64 mmlock=+{mm_struct.mmap_lock.count}(%di):x64',
    NONE,
  ),
  row('readers', 'withdraw_ret', 'pgtable_trans_huge_withdraw', 'page=$retval:x64', NONE),
  row(
    'readers',
    'collapse_flush',
    'pmdp_collapse_flush',
    `vma=%di:x64 addr=%si:x64 pmdp=%dx:x64 pmdv=+0(%dx):x64 ${LOCK_WORDS}`,
    NONE,
  ),
  row('readers', 'collapse_flush_ret', 'pmdp_collapse_flush', '', NONE),
  row(
    'readers',
    'huge_install',
    'map_anon_folio_pmd_nopf map_anon_folio_pmd',
    'folio=%di:x64 pmdp=%si:x64 vma=%dx:x64 haddr=%cx:x64',
    NONE,
  ),
  // hugetlb
  // huge_pmd_unshare() is inlined where mm/hugetlb.c calls it; __huge_pmd_unshare(), where a kernel has it, is not.
  row('readers', 'unshare', UNSHARES, '', { clones: true, ...NONE }),
  row('readers', 'unshare_ret', UNSHARES, 'ret=$retval:s32', { clones: true, ...NONE }),
  // address spaces
  row(
    'readers',
    'switch_mm',
    'switch_mm_irqs_off',
    'next=%si:x64 gen=+{mm_struct.context.tlb_gen}(%si):u64 ctx=+{mm_struct.context.ctx_id}(%si):u64',
    NONE,
  ),
  row(
    'readers',
    'unlink_file_vma',
    'unlink_file_vma_batch_add',
    'vma=%si:x64 vm_flags=+{vm_area_struct.vm_flags}(%si):x64',
    { optional: 'before 6.10 the mapping is taken off by unlink_file_vma', requires: 'vm_flags' },
  ),
  row('readers', 'mmu_notifier_start', '__mmu_notifier_invalidate_range_start', '', NONE),
  // locks of page tables
  row('locks', 'spin_lock', '_raw_spin_lock', 'lock=%di:x64', hot),
  row('locks', 'spin_unlock', '_raw_spin_unlock', 'lock=%di:x64', hot),
  row('locks', 'spin_trylock', '_raw_spin_trylock', 'lock=%di:x64', hot),
];

/** Members whose offsets these texts name, each once: `{struct.member}`. */
export const membersOf = (texts: readonly string[]): string[] => [
  ...new Set(texts.flatMap((text) => [...text.matchAll(/\{([\w.]+)\}/g)].map((m) => m[1]!))),
];
