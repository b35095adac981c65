import { PROGRAM_RULES } from './program-rules.js';
import type { MmuRule } from './rule.js';

export type { MmuRule };

export const MMU_RULES: readonly MmuRule[] = [
  {
    name: 'flush-gen-zero-skips',
    broken: 'a flush handler given generation 0 compares it with its own and returns without flushing',
    rule: 'generation 0 (TLB_GENERATION_INVALID) skips the comparison: arch_tlbbatch_flush() always flushes',
    source: 'arch/x86/mm/tlb.c flush_tlb_func(); commit 8f1d56f64f8d',
  },
  {
    name: 'flush-ignores-switching',
    broken: 'a CPU between its CR3 write and loaded_mm is not sent the flush',
    rule: 'LOADED_MM_SWITCHING counts as a match: the CPU is interrupted and answers when the switch is done',
    source: 'arch/x86/mm/tlb.c should_flush_tlb(); commit fea4e317f9e7',
  },
  {
    name: 'switch-without-barrier',
    broken: 'the store of LOADED_MM_SWITCHING may still be in the store buffer when tlb_gen is read',
    rule: 'smp_mb() between them, also where the cpumask bit is set already and no atomic RMW orders them',
    source: 'arch/x86/mm/tlb.c switch_mm_irqs_off(); commit 83b0177a6c48',
  },
  {
    name: 'lazy-skips-freed-tables',
    broken: 'a lazy CPU is skipped although the flush says that tables are freed',
    rule: 'freed_tables interrupts every CPU in mm_cpumask, lazy ones too: they may walk speculatively',
    source: 'arch/x86/mm/tlb.c native_flush_tlb_multi(); commit b956575bed91',
  },
  {
    name: 'pv-flush-forgets-entry',
    broken: 'a vCPU that is not running is sent nothing and comes back with its old translations',
    rule: 'it gets KVM_VCPU_FLUSH_TLB instead of an IPI: the hypervisor flushes before it runs again',
    source:
      'arch/x86/kernel/kvm.c kvm_flush_tlb_multi(); Documentation/virt/kvm/x86/msr.rst MSR_KVM_STEAL_TIME',
  },
  {
    name: 'reclaim-without-rescan',
    broken: 'an emptied table is unlinked although its lock was dropped since the scan began',
    rule: 'the table is unlinked only if the lock was held all along, or all entries are read again under both locks',
    source: 'mm/pt_reclaim.c; commit f39edcf6349a',
  },
  {
    name: 'callbacks-before-gp',
    broken: 'callbacks run although the grace period they wait for has not ended',
    rule: 'a segment moves to DONE when gp_seq has reached the number that it got when it was queued',
    source: 'kernel/rcu/rcu_segcblist.c rcu_segcblist_advance(); Documentation/RCU/Design/Requirements',
  },
  {
    name: 'callback-runs-twice',
    broken: 'a callback stays on its list when it has run, and runs again',
    rule: 'rcu_do_batch() takes each callback off the list of those that are ready before it runs it',
    source: 'kernel/rcu/tree.c rcu_do_batch(), kernel/rcu/rcu_segcblist.c rcu_cblist_dequeue()',
    machine: true,
  },
  {
    name: 'gp-ignores-preempted',
    broken: 'a grace period ends although a reader preempted inside its section is not done',
    rule: 'a preempted reader stays on the list of its node and holds the grace period up (PREEMPT_RCU)',
    source:
      'kernel/rcu/tree_plugin.h rcu_note_context_switch(), rcu_preempt_deferred_qs_irqrestore(); Documentation/RCU/Design/Requirements',
  },
  {
    name: 'gp-ignores-irqs-off',
    broken: 'a CPU with interrupts, preemption or bottom halves off is taken for quiescent',
    rule: 'since 4.20 such a CPU is a reader: it reports when they are on again',
    source:
      'kernel/rcu/tree.c rcu_check_callbacks(), rcu_flavor_sched_clock_irq(); Documentation/RCU/Design/Requirements',
  },
  {
    name: 'gp-ignores-readers',
    broken: 'a grace period ends although a reader is inside rcu_read_lock()',
    rule: 'a CPU reports no quiescent state inside a section; a preempted reader is on the list of its node',
    source: 'kernel/rcu/tree_plugin.h rcu_flavor_sched_clock_irq(); Documentation/RCU/Design/Requirements',
    machine: true,
  },
  {
    name: 'skip-target',
    broken: 'one CPU of the mask is sent no interrupt',
    rule: 'every CPU in mm_cpumask that should_flush_tlb() names is interrupted',
    source: 'arch/x86/mm/tlb.c native_flush_tlb_multi()',
    machine: true,
  },
  {
    name: 'generation-not-raised',
    broken:
      'a flush does not raise the generation of the mm: who comes back to it sees nothing to catch up with',
    rule: 'inc_mm_tlb_gen() before anybody is interrupted',
    source: 'arch/x86/mm/tlb.c flush_tlb_mm_range(), inc_mm_tlb_gen()',
    machine: true,
  },
  {
    name: 'no-wait',
    broken: 'the flush returns before the other CPUs have answered',
    rule: 'on_each_cpu_mask() waits for all handlers',
    source: 'kernel/smp.c smp_call_function_many_cond()',
    machine: true,
  },
  {
    name: 'no-tlbsync',
    broken: 'INVLPGB is taken as done before TLBSYNC',
    rule: 'INVLPGB is asynchronous until the TLBSYNC of the CPU that issued it',
    source: 'arch/x86/mm/tlb.c broadcast_tlb_flush(); AMD APM vol. 3',
    machine: true,
  },
  {
    name: 'sync-ipi-left-out',
    broken: 'tlb_remove_table_sync_one() returns without interrupting anybody',
    rule: 'it interrupts every CPU and waits: a walk with interrupts off is over then',
    source: 'mm/mmu_gather.c tlb_remove_table_sync_one(); commit 2ba99c5e0881',
    machine: true,
  },
  {
    name: 'single-without-flush',
    broken: 'a table that found no batch page is freed with its invalidation still pending',
    rule: 'tlb_table_invalidate() before tlb_remove_table_one()',
    source: 'mm/mmu_gather.c tlb_remove_table(); commit 0ed1325967ab',
    machine: true,
  },
  {
    name: 'batch-without-flush',
    broken: 'a batch is handed to RCU with its invalidation still pending',
    rule: 'tlb_table_flush() invalidates before call_rcu()',
    source: 'mm/mmu_gather.c tlb_table_flush(); commit d86564a2f085',
    machine: true,
  },
  {
    name: 'mm-users-shortcut',
    broken: 'with one user of the mm left a table is freed at once, without flush and batch',
    rule: 'tlb_remove_table() has no shortcut: lazy CPUs and speculation walk an mm that has one user',
    source: 'mm/mmu_gather.c tlb_remove_table(); commit a6f572084fbe',
    machine: true,
  },
  {
    name: 'queue-twice',
    broken: 'the head of a lone table is handed to call_rcu() twice',
    rule: 'a head is queued once until its callback has run',
    source: 'kernel/rcu/rcu.h debug_rcu_head_queue(); mm/mmu_gather.c __tlb_remove_table_one()',
    machine: true,
  },
  {
    name: 'unshare-without-flush',
    broken: 'huge_pmd_unshare() returns with the invalidation left out',
    rule: 'tlb_flush_unshared_tables(): flush before the other process may free the table',
    source: 'mm/hugetlb.c huge_pmd_unshare(); commit a4a118f2eead',
    machine: true,
  },
  {
    name: 'free-before-flush',
    broken: 'pages of a gather are freed before its flush',
    rule: 'tlb_flush_mmu(): flush, then the tables, then the pages',
    source: 'mm/mmu_gather.c tlb_flush_mmu(); include/asm-generic/tlb.h',
    machine: true,
  },
  {
    name: 'free-in-call',
    broken: 'tables of a batch are freed by the call that queues them',
    rule: 'only the callback frees them',
    source: 'mm/mmu_gather.c tlb_remove_table_free()',
    machine: true,
  },
  {
    name: 'ptlock-freed-early',
    broken: "a table's split lock is destroyed when it is handed over, not with the table",
    rule: 'pagetable_dtor() runs where the table is freed, after the grace period',
    source: 'mm/mmu_gather.c __tlb_remove_table(); pagetable_dtor() series, 6.14; commit 2f3443770437',
    machine: true,
  },
  {
    name: 'walker-without-recheck',
    broken: 'a walker uses the table it found without reading the entry again under its lock',
    rule: 'pte_offset_map_lock() compares the entry after it has the lock, and starts again',
    source: 'mm/pgtable-generic.c pte_offset_map_lock(); commit 70cbc3cc78a9 for GUP-fast',
    machine: true,
  },
  {
    name: 'switch-in-without-catch-up',
    broken: 'a CPU returns to an mm whose generation has moved and flushes nothing',
    rule: 'switch_mm_irqs_off() compares the generation of the ASID slot and flushes',
    source: 'arch/x86/mm/tlb.c switch_mm_irqs_off()',
    machine: true,
  },
  {
    name: 'collapse-flush-without-tables',
    broken:
      'the flush after a PMD entry of a table is cleared does not say that a table goes: lazy CPUs are skipped',
    rule: 'flush_tlb_range() passes freed_tables',
    source: 'arch/x86/include/asm/tlbflush.h; commit 3ef938c35035',
    machine: true,
  },
  {
    name: 'retract-frees-directly',
    broken: 'khugepaged frees a retracted table right after the flush',
    rule: 'pte_free_defer(): call_rcu() on the head inside the table',
    source: 'mm/khugepaged.c retract_page_tables(), mm/pgtable-generic.c pte_free_defer()',
    machine: true,
  },
  {
    name: 'pgd-through-gather',
    broken: 'a PGD goes through tlb_remove_table(), so that a lone one has its rcu_head written over pt_list',
    rule: 'pgd_free() takes it off pgd_list and frees it; no gather ever gets one',
    source: 'arch/x86/mm/pgtable.c pgd_free(), pgd_dtor(); include/linux/mm_types.h struct ptdesc',
    machine: true,
  },
  {
    name: 'deposit-not-zapped',
    broken:
      'a PMD table is freed with a table still deposited on it: its rcu_head is written over pmd_huge_pte',
    rule: 'zap_deposited_table() before the PMD table is freed',
    source: 'mm/huge_memory.c zap_deposited_table(); include/linux/mm_types.h struct ptdesc',
    machine: true,
  },
  {
    name: 'unshare-skips-lazy',
    broken: 'the flush after huge_pmd_unshare() skips lazy CPUs, as in every release up to 7.3.4',
    rule: 'unshared tables count like freed ones: wake_lazy_cpus of the unreleased series',
    source: 'arch/x86/include/asm/tlb.h tlb_flush(); series "skip redundant sync IPIs" v10',
    machine: true,
  },
  ...PROGRAM_RULES,
];

/** Rules that a litmus test with given orders may switch off; the others are of threads as programs. */
export const LITMUS_RULES: readonly MmuRule[] = MMU_RULES.filter((r) => r.machine !== true);

export const isMmuRule = (name: string): boolean => LITMUS_RULES.some((r) => r.name === name);
