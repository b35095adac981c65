import { describe, expect, test } from 'vitest';
import { BASIS, GP_EVENT, READER } from '../../src/kernel/ops.js';
import { CONTEXT } from '../../src/timeline/flags.js';
import { decodeAll, one } from './support/decode.js';

const TLB = '0x1fc90000787c20';
const MM = '0x1f88810006cac0';
const A = 'tlb=0xffffc90000787c20 mm=0xffff88810006cac0';

describe('every kind of event', () => {
  test.each([
    [`tlb_gather_mmu: (tlb_gather_mmu+0x4/0x90) ${A}`, `GB ${TLB} ${MM} 0x0`],
    [`tlb_gather_mmu_fullmm: (tlb_gather_mmu_fullmm+0x4/0x70) ${A}`, `GB ${TLB} ${MM} 0x1`],
    [
      `tlb_finish_mmu: (tlb_finish_mmu+0x4/0x180) ${A} batch=0xffff8880bd173000 start=0x100000000000 end=0xffffffffffffffff flags=0xf4`,
      `GE ${TLB} ${MM} 0xbd173 0x100000000000 0x1fffffffffffff 0xf4`,
    ],
    [
      `tlb_flush_mmu: (tlb_flush_mmu+0x4/0x100) ${A} batch=0x0 start=0x7ffffffff000 end=0x0 flags=0x0`,
      `FMMU ${TLB} ${MM} 0x0 0x7ffffffff000 0x0 0x0`,
    ],
    ['tlb_finish_mmu_ret: (vms_clear_ptes+0x145/0x160 <- tlb_finish_mmu)', 'GEret'],
    [`pte_free_tlb: (___pte_free_tlb+0x4/0x40) ${A} page=0xffffea0002f44100`, `TR ${TLB} ${MM} 0xbd104 0x1`],
    [`pmd_free_tlb: (___pmd_free_tlb+0x4/0x90) ${A} pmd=0xffff8880bd90b000`, `TR ${TLB} ${MM} 0xbd90b 0x2`],
    [`pud_free_tlb: (___pud_free_tlb+0x4/0x90) ${A} pud=0xffff8880bd14d000`, `TR ${TLB} ${MM} 0xbd14d 0x3`],
    [`x: (___p4d_free_tlb+0x4/0x90) ${A} p4d=0xffff8880bd14d000`, `TR ${TLB} ${MM} 0xbd14d 0x4`],
    [
      `tlb_remove_table: (tlb_remove_table+0x4/0x220) ${A} table=0xffffea0002f44100`,
      `APP ${TLB} ${MM} 0xbd104`,
    ],
    [`p: (native_tlb_remove_table+0x4/0x10) ${A} table=0xffffea0002f44100`, `PVOP ${TLB} ${MM} 0xbd104`],
    [
      'free_pte: (free_pte+0x4/0xb0) mm=0xffff88810006cac0 addr=0x100000000000 tlb=0xffffc90000787c20 pmdval=0x80000000053b3067',
      `UL ${MM} 0x100000000000 0x53b3 ${TLB}`,
    ],
    [
      'try_get_and_clear_pmd_ret: (unmap_page_range+0x1129/0x16f0 <- try_get_and_clear_pmd) ret=1',
      'ULret 0x1',
    ],
    [
      'pmd_install: (pmd_install+0x4/0xe0) mm=0xffff88810006cac0 pmd=0xffff8880bd187010 page=0xffffea0002f64100',
      `PUB ${MM} 0x1f8880bd187010 0xbd904 0xbd187`,
    ],
    [
      'pte_alloc: (__pte_alloc+0x4/0xb0) mm=0xffff88810006cac0 pmd=0xffff8880bd187010',
      `PTEA ${MM} 0x1f8880bd187010 - 0xbd187`,
    ],
    [
      'pmd_alloc: (__pmd_alloc+0x4/0x220) mm=0xffff88810006cac0 pud=0xffff8880bd88f000 addr=0x5db000',
      `PMDA ${MM} 0x1f8880bd88f000 0x5db000 0xbd88f`,
    ],
    ['pte_alloc_one_ret: (__pte_alloc+0x27/0xb0 <- pte_alloc_one) page=0xffffea0002f64100', 'PTEN 0xbd904'],
    ['pte_alloc_one_ret: (__pte_alloc+0x27/0xb0 <- pte_alloc_one) page=0x0', 'PTEN 0x0'],
    [
      'f: (flush_tlb_mm_range+0x4/0x750) mm=0xffff88810006cac0 start=0x0 end=0xffffffffffffffff stride_shift=12 freed_tables=1',
      `FR ${MM} 0x0 0x1fffffffffffff 0xc 0x1`,
    ],
    ['f_ret: (tlb_finish_mmu+0x10c/0x180 <- flush_tlb_mm_range)', 'FD'],
    [
      'm: (native_flush_tlb_multi+0x4/0x130) cpumask=0x5 info=0xffff88811c430940 mm=0xffff88810006cac0 start=0x0 end=0x1000 new_tlb_gen=484',
      `FMULTI 0x5 ${MM} 0x0 0x1000 0x1e4 0x1`,
    ],
    [
      'g: (flush_tlb_func+0x4/0x300) info=0xffff88811c430940 mm=0xffff88810006cac0 start=0x0 end=0x1000 new_tlb_gen=484',
      `INV 0x1f88811c430940 ${MM} 0x0 0x1000 0x1e4`,
    ],
    ['tlb_flush: pages:-1 reason:local mm shootdown (3)', 'TLBF -1 0x3'],
    ['tlb_flush: pages:0 reason:0x5 (5)', 'TLBF 0x0 0x5'],
    ['tlb_flush: pages=7 reason= (4)', 'TLBF 0x7 0x4'],
    [
      'csd_queue_cpu: cpu=2 callsite=on_each_cpu_cond_mask+0x24/0x40 func=flush_tlb_func csd=00000000f73266ad',
      'IS 0x2 0x4 0xf73266ad',
    ],
    ['csd_function_entry: func=tlb_remove_table_smp_sync, csd=00000000b39559fd', 'IE - 0x5 0xb39559fd'],
    ['csd_function_exit: func=flush_tlb_func, csd=0000000000000000', 'IX - 0x4 0x0'],
    ['call_function_single_entry: vector=251', 'CALLF 0x1'],
    ['call_function_exit: vector=252', 'CALLF 0x0'],
    ['tlb_remove_table_smp_sync: (tlb_remove_table_smp_sync+0x4/0x10)', 'SSYNC'],
    ['s: (tlb_remove_table_sync_one+0x4/0x10)', 'SYNC1 0x1'],
    ['s: (collapse_huge_page+0x4 <- tlb_remove_table_sync_one)', 'SYNC1 0x0'],
    ['s: (tlb_remove_table_sync_rcu+0x4/0x10)', 'SYNCR 0x1'],
    [
      'call_rcu: (call_rcu+0x4/0x20) head=0xffff8880053a2000 func=tlb_remove_table_rcu+0x0/0x80',
      'CR 0x1f8880053a2000 0x1 0x53a2 - 0x0',
    ],
    [
      'call_rcu: (call_rcu+0x4/0x10) head=0xffffea0001c37148 func=__tlb_remove_table_one_rcu+0x0/0x30',
      'CR 0x1fea0001c37148 0x2 0x70dc5 0x1 0x0',
    ],
    [
      'c: (__call_rcu_common+0x0/0x6b0) head=0xffff8880053a2000 func=tlb_remove_table_rcu+0x0/0x80 lazy=1 nr=9',
      'CR 0x1f8880053a2000 0x1 0x53a2 0x9 0x1',
    ],
    [
      'c: (__call_rcu_common+0x0/0x6b0) head=0xffff8880bdedb308 func=mt_free_rcu+0x0/0x20 lazy=1 nr=3791351807',
      'CR 0x1f8880bdedb308 0xa 0xbdedb - 0x1',
    ],
    ['pte_free_now: (pte_free_now+0x4/0x20) head=0xffffea0001c37148', 'CB 0x1fea0001c37148 0x3 0x70dc5 0x1'],
    ['r: (rcu_do_batch+0x1c5/0x570 <- tlb_remove_table_rcu)', 'CBret - 0x1'],
    ['rcu_callback: rcu_preempt rhp=000000008859d1a2 func=tlb_remove_table_rcu 11', 'RQ 0x8859d1a2 0x1'],
    ['rcu_invoke_callback: rcu_preempt rhp=00000000986eb504 func=mt_free_rcu.cfi_jt', 'RI 0x986eb504 0xa'],
    ['rcu_utilization: Start context switch', 'QS 0x1'],
    ['rcu_utilization: Start scheduler-tick', null],
    ['rcu_utilization: End context switch', null],
    ['rcu_segcb_stats: SegCBQueued seglen: (DONE=0, WAIT=4) gp_seq: (DONE=0)', null],
    ['mm_page_free: page=000000001ca7c0b7 pfn=0xbd186 order=0', 'FREE 0xbd186 0x0'],
    ['mm_page_free: page=ffffea0001fa31c0 pfn=774534 order=9', 'FREE 0xbd186 0x9'],
    ['mm_page_free_batched: page=00000000ec455741 pfn=0xbffcb order=0', null],
    [
      'mm_page_alloc: page=000000000a612d79 pfn=0xbd184 order=1 migratetype=0 gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO',
      'ALLOC 0xbd184 0x1 0x0',
    ],
    [
      'mm_page_alloc: page=000000000a612d79 pfn=0xbd184 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP',
      'ALLOC 0xbd184 0x0 0x1',
    ],
    ['mm_page_alloc: page=0000000000000000 pfn=0x0 order=0 migratetype=0 gfp_flags=GFP_NOWAIT', null],
    ['f: (free_page_and_swap_cache+0x4/0x40) page=0xffffea0001fb1ac0', 'FPSC 0x7ec6b'],
    ['f: (free_folio_and_swap_cache+0x4/0x40) folio=0xffffea0001fb1ac0', 'FPSC 0x7ec6b'],
    ['sys_munmap(addr: 7f15f6646000, len: 200000)', 'SE 0x6 0x7f15f6646000 0x200000'],
    ['sys_munmap(addr: 0x7f15f6646000, len: 0x200000)', 'SE 0x6 0x7f15f6646000 0x200000'],
    ['sys_munmap(unsigned long addr: 7f15f6646000, size_t len: 1000)', 'SE 0x6 0x7f15f6646000 0x1000'],
    ['sys_enter_munmap:     addr: 0x7f15f6646000, len: 0x00200000', 'SE 0x6 0x7f15f6646000 0x200000'],
    ['sys_munmap -> 0x0', 'SX 0x6 0x0'],
    ['sys_madvise -> 0xfffffffffffffff5', 'SX 0x7 -11'],
    ['sys_exit_munmap:      0x0', 'SX 0x6 0x0'],
    ['sys_enter: NR 11 (7f15f6646000, 1000, 0, 0, 0, 0)', 'SE 0x6 0x7f15f6646000 0x1000 0x0 0x0'],
    ['sys_madvise(start: 7f15f6646000, len_in: 1000, behavior: 15)', 'SE 0x7 0x7f15f6646000 0x1000 0x15'],
    ['sys_enter_madvise: start=0x7f15f6646000 len_in=4096 behavior=21', 'SE 0x7 0x7f15f6646000 0x1000 0x15'],
    ['sys_exit: NR 28 = -22', 'SX 0x7 -22'],
    [
      'sched_switch: prev_comm=a next_pid=9 prev_pid=1 prev_pid=240 prev_prio=120 prev_state=R+ ==> next_comm=x ==> y next_pid=15 next_prio=120',
      'SW 0xf0 0xf',
    ],
    ['sched_switch:         swapper/0:0 [120] R ==> rcu:preempt:15 [120]', 'SW 0x0 0xf'],
    ['e: (exit_mmap+0x4/0x3b0) mm=0xffff88810006cac0', `EXITMM ${MM} 0x1`],
    ['e: (__mmput+0x3e/0x130 <- exit_mmap)', 'EXITMM - 0x0'],
    ['unmap_vmas: (unmap_vmas+0x4/0x180) tlb=0xffffc90000787c20', `UVMA ${TLB}`],
    [`free_pgtables: (free_pgtables+0x4/0x330) ${A}`, `FPGT ${TLB} ${MM}`],
    [
      'f: (free_pgd_range+0x4/0x7c0) tlb=0xffffc90000787c20 addr=0x1000 end=0x2000 floor=0x0 ceiling=0x7f31e17b6000',
      `FPGD ${TLB} 0x1000 0x2000 0x1`,
    ],
    ['f: (free_pgtables+0x1ea/0x330 <- free_pgd_range)', 'FPGD - - - 0x0'],
    [
      'g: (gup_fast_fallback+0x0/0x10c0) start=0x1000000a5000 nr_pages=1 flags=0x3',
      'GUP 0x1 0x1000000a5000 0x1',
    ],
    ['g: (get_futex_key+0xfe/0x4e0 <- internal_get_user_pages_fast) ret=1', 'GUP 0x0'],
    [
      'pte_free_defer: (pte_free_defer+0x4/0x40) mm=0xffff88810006cac0 pgtable=0xffffea0002f64100',
      `DEFER ${MM} 0xbd904`,
    ],
    ['zap: (zap_page_range_single_batched+0x4/0x190) vma=0xffff8880be62f180', 'other'],
    ['tlb_remove_table <-native_tlb_remove_table', 'APP'],
    [
      'call_rcu(head=0xffff8880053a2000, func=0xffffffff81664454) <-tlb_finish_mmu',
      'CR 0x1f8880053a2000 0x100000 0x53a2 - 0x0',
    ],
    ['kfree <-do_exit', null],
    ['exit_mmap: mt_mod 00000000cde6b781, DESTROY', null],
    ['do_exit: (do_exit+0x0/0x10) code=1', null],
  ])('%s', (body, want) => expect(one(body)).toBe(want));

  test('grace periods: signed, unsigned and all words', () => {
    const words = {
      start: GP_EVENT.start,
      end: GP_EVENT.end,
      cpuend: GP_EVENT.cpuend,
      cpustart: GP_EVENT.cpustart,
      cpuqs: GP_EVENT.cpuqs,
      AccWaitCB: GP_EVENT.other,
    };
    for (const [word, value] of Object.entries(words)) {
      for (const seq of ['-111', '18446744073709551505']) {
        expect(decodeAll([`rcu_grace_period: rcu_preempt ${seq} ${word}`])[0]!.slots).toEqual([-111, value]);
      }
    }
  });

  test('columns of the row are carried over', () => {
    const { op } = decodeAll(['sys_munmap -> 0x0'])[0]!;
    expect(op).toMatchObject({ cpu: 2, pid: 901, context: CONTEXT.hardirq, basis: BASIS.observed });
    expect(op.tsNs).toBe(51_114_697_000);
  });
});

describe('hand-written markers', () => {
  test.each([
    [
      'tracing_mark_write: pttrace: RB kind=irqoff pfn=0x1234 mm=0xffff88810006cac0',
      `RB 0x${READER.irqoff} 0x1234 ${MM}`,
    ],
    ['reader: pttrace: DR kind=rcu page=ffffea0002f44100', `DR 0x${READER.rcu} 0xbd104`],
    ['tracing_mark_write: pttrace: RE kind=hw va=0xffff8880bd90b123', `RE 0x${READER.hw} 0xbd90b`],
    ['tracing_mark_write: pttrace: UL mm=0xffff88810006cac0 addr=0x1000 pfn=7', `UL ${MM} 0x1000 0x7`],
    [
      'tracing_mark_write: pttrace: PUB mm=0xffff88810006cac0 slot=0xffff8880bd187010 pfn=7',
      `PUB ${MM} 0x1f8880bd187010 0x7 0xbd187`,
    ],
    ['tracing_mark_write: pttrace: INV cpu=3 mm=0xffff88810006cac0 gen=5', `INV - ${MM} - - 0x5`],
    ['tracing_mark_write: pttrace: QS', 'QS 0x1'],
    ['tracing_mark_write: pttrace: NONSENSE a=1', null],
  ])('%s', (body, want) => expect(one(body)).toBe(want));

  test('cpu= and pid= name another actor', () => {
    const { op } = decodeAll(['tracing_mark_write: pttrace: QS cpu=7 pid=12'])[0]!;
    expect(op).toMatchObject({ cpu: 7, pid: 12 });
  });
});
