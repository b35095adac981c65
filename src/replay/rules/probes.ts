import { OP } from '../../kernel/ops.js';
import { NAMED_READER } from '../coverage.js';
import type { Need } from './rule.js';

/** Probes that show an operation, in the words of reports. */
export const PROBES = {
  TR: { op: OP.TR, probe: 'kprobes on ___pte_free_tlb, ___pmd_free_tlb, ___pud_free_tlb' },
  FREE: { op: OP.FREE, probe: 'kmem:mm_page_free' },
  FR: { op: OP.FR, probe: 'a kprobe on flush_tlb_mm_range' },
  FD: { op: OP.FD, probe: 'a kretprobe on flush_tlb_mm_range' },
  CR: { op: OP.CR, probe: 'a kprobe on call_rcu (head, func)' },
  NAMED_RB: {
    op: NAMED_READER,
    probe: '`pttrace: RB` trace markers that name the table',
  },
  BIND: { op: OP.BIND, probe: '`pttrace: BIND` trace markers (which tables a call_rcu carries)' },
  DEP: {
    op: OP.DEP,
    probe:
      'kprobes on pgtable_trans_huge_deposit and pgtable_trans_huge_withdraw, or `pttrace: DEP` trace markers (tables deposited)',
  },
  PTL: { op: OP.PTL, probe: '`pttrace: PTL` trace markers (locks destroyed and used)' },
  EMPTY: { op: OP.EMPTY, probe: '`pttrace: EMPTY` trace markers (tables taken for empty)' },
  NEED: { op: OP.NEED, probe: '`pttrace: NEED` trace markers (locks a step relies on)' },
  LK: { op: OP.LK, probe: '`pttrace: LK` trace markers (locks taken)' },
  PIN: { op: OP.PIN, probe: '`pttrace: PIN` trace markers (pages kept)' },
  MOVE: { op: OP.MOVE, probe: '`pttrace: MOVE` trace markers (entries moved)' },
  SETE: { op: OP.SETE, probe: '`pttrace: SETE` trace markers (entries set)' },
  HUGE: { op: OP.HUGE, probe: '`pttrace: HUGE` trace markers (huge entries)' },
  HW: { op: OP.HW, probe: '`pttrace: HW` trace markers (what the hardware walks)' },
  FMULTI: { op: OP.FMULTI, probe: 'a kprobe on native_flush_tlb_multi (cpumask, new_tlb_gen)' },
  IS: { op: OP.IS, probe: 'csd:csd_queue_cpu (6.5 and later)' },
  CR3: { op: OP.CR3, probe: '`pttrace: CR3` trace markers (CR3 loads)' },
  LZ: { op: OP.LZ, probe: '`pttrace: LZ` trace markers (lazy CPUs)' },
  UN: { op: OP.UN, probe: '`pttrace: UN` trace markers (locks dropped)' },
  GONE: { op: OP.GONE, probe: '`pttrace: GONE` trace markers (promises to user space)' },
  VMAUL: { op: OP.VMAUL, probe: '`pttrace: VMAUL` trace markers (mappings unlinked from their file)' },
  BCAST: { op: OP.BCAST, probe: '`pttrace: BCAST` trace markers (INVLPGB)' },
  TLBSYNC: { op: OP.TLBSYNC, probe: '`pttrace: TLBSYNC` trace markers (its completion)' },
  IOTLB: { op: OP.IOTLB, probe: '`pttrace: IOTLB` trace markers (device invalidations)' },
  REUSE: { op: OP.REUSE, probe: '`pttrace: REUSE` trace markers (tables reused)' },
  CB: { op: OP.CB, probe: 'a kprobe on tlb_remove_table_rcu (head) or rcu:rcu_invoke_callback' },
  GP: {
    op: OP.GP,
    probe: 'kprobes on rcu_gp_init and rcu_gp_cleanup (gp_seq), or rcu:rcu_grace_period (CONFIG_RCU_TRACE)',
  },
  RB: {
    op: OP.RB,
    probe: 'reader sections: kprobes on __rcu_read_lock/__rcu_read_unlock, or `pttrace: RB` trace markers',
  },
  BATCHE: { op: OP.BATCHE, probe: 'rcu:rcu_batch_start and rcu:rcu_batch_end (CONFIG_RCU_TRACE)' },
  SYNCR: { op: OP.SYNCR, probe: 'kprobes on tlb_remove_table_sync_rcu (7.1 and later)' },
  SX: { op: OP.SX, probe: 'syscalls:sys_enter_*, sys_exit_*' },
  GE: { op: OP.GE, probe: 'kprobes on tlb_gather_mmu and tlb_finish_mmu' },
  EXITMM: { op: OP.EXITMM, probe: 'a kprobe and a kretprobe on exit_mmap' },
  PUB: { op: OP.PUB, probe: 'a kprobe on pmd_install' },
  EXIT: { op: OP.EXIT, probe: 'sched:sched_process_exit (and sched:sched_process_fork)' },
  RQ: { op: OP.RQ, probe: 'rcu:rcu_callback (CONFIG_RCU_TRACE)' },
  MAPR: {
    op: OP.MAPR,
    probe:
      'kprobes on __pte_offset_map (6.16 to 7.1: ___pte_offset_map) and its return, with __rcu_read_lock and __rcu_read_unlock',
  },
  MAPLOCK: { op: OP.MAPR, probe: 'kprobes on pte_offset_map_lock (__pte_offset_map_lock) and its return' },
  COLL: { op: OP.COLL, probe: 'a kprobe on pmdp_collapse_flush (pmdv, lock words)' },
  DEPOSIT: { op: OP.DEP, probe: 'kprobes on pgtable_trans_huge_deposit and pgtable_trans_huge_withdraw' },
  HUGEI: { op: OP.HUGEI, probe: 'a kprobe on map_anon_folio_pmd_nopf (map_anon_folio_pmd)' },
  SWMM: { op: OP.SWMM, probe: 'a kprobe on switch_mm_irqs_off (tlb_gen, ctx_id)' },
  TLBF: { op: OP.TLBF, probe: 'tlb:tlb_flush' },
  INV: { op: OP.INV, probe: 'a kprobe on flush_tlb_func' },
  PLK: { op: OP.PLK, probe: 'kprobes on _raw_spin_lock and _raw_spin_unlock (level locks)' },
  VMAOFF: { op: OP.VMAOFF, probe: 'a kprobe on unlink_file_vma_batch_add (unlink_file_vma) with vm_flags' },
  NSUB: { op: OP.NSUB, probe: 'a kprobe on tlb_finish_mmu with mm->notifier_subscriptions' },
  PTES: {
    op: OP.PTES,
    probe: 'bpftrace (`record --print bpftrace --level readers`): all entries of a table that is handed over',
  },
  UNSH: { op: OP.UNSH, probe: 'kprobes on __huge_pmd_unshare (huge_pmd_unshare) and its return' },
} as const satisfies Record<string, Need>;
