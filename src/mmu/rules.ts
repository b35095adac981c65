/** A rule of the kernel that a litmus test may switch off by name (`broken: NAME`) to get the bug it prevents. */
export interface MmuRule {
  readonly name: string;
  /** What goes wrong without it. */
  readonly broken: string;
  /** What the kernel does. */
  readonly rule: string;
  readonly source: string;
}

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
];

export const isMmuRule = (name: string): boolean => MMU_RULES.some((r) => r.name === name);
