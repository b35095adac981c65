/** Rules of the catalogue that no event read so far can decide: known by name, never reported as passed. */
export const UNDECIDABLE: Readonly<Record<number, { name: string; statement: string; source: string }>> = {
  26: {
    name: 'switch-in-catchup',
    statement:
      'a CPU that loads an mm whose generation moved on flushes before it uses it; LOADED_MM_SWITCHING is visible before tlb_gen is read',
    source: 'arch/x86/mm/tlb.c switch_mm_irqs_off(); commit 83b0177a6c48',
  },
  31: {
    name: 'all-contexts',
    statement: 'an invalidation covers kernel and user PCID, and every ASID for kernel ranges',
    source: 'arch/x86/mm/tlb.c invalidate_user_asid(), clear_asid_other(); commit ce0b15d11ad8',
  },
  43: {
    name: 'batch-limits',
    statement: 'a softirq batch runs at most max(blimit, ready/128) callbacks unless the CPU is idle',
    source: 'kernel/rcu/tree.c rcu_do_batch()',
  },
  54: {
    name: 'pid-reuse',
    statement:
      'a tid stands for one task between sched_process_exit events; a name of 15 characters may be cut',
    source: 'include/linux/sched.h TASK_COMM_LEN',
  },
  55: {
    name: 'addr-domain',
    statement: 'hashed pointers are compared for equality with hashed pointers only',
    source: 'lib/vsprintf.c ptr_to_hashval()',
  },
};
