/** Who walks page tables without the lock under which they are freed (kernel-semantics §2). */
export interface ReaderWords {
  readonly kind: string;
  readonly who: string;
  readonly protectedBy: string;
  readonly waitedForBy: string;
  readonly notBy: string;
  readonly note: string;
}

export const READER_WORDS: readonly ReaderWords[] = [
  {
    kind: 'irqoff',
    who: 'GUP-fast (get_user_pages_fast() → gup_fast_fallback()), perf_get_page_size()',
    protectedBy: 'interrupts are off on this CPU for the whole walk',
    waitedForBy:
      'a flush IPI to this CPU, tlb_remove_table_sync_one(), and any RCU grace period (since 4.20 a CPU with interrupts off counts as a reader)',
    notBy: 'a flush done by the hypervisor, INVLPGB, a plain pte_free()',
    note: 'the walk reads the parent entry again after taking its reference (70cbc3cc78a9)',
  },
  {
    kind: 'rcu',
    who: 'pte_offset_map(), pte_offset_map_lock(), pte_offset_map_rw_nolock(), userfaultfd',
    protectedBy: 'rcu_read_lock(), held from the lookup to pte_unmap(); interrupts stay on',
    waitedForBy: 'a grace period only',
    notBy: 'any IPI: the walker simply takes the interrupt and goes on. This is the point of the series',
    note: 'after taking the page-table lock the parent entry is read again and the walk retried if it changed',
  },
  {
    kind: 'preemptoff',
    who: 'code between preempt_disable() and preempt_enable(), softirqs with bottom halves off',
    protectedBy: 'no context switch can happen on this CPU',
    waitedForBy: 'a grace period (since 4.20)',
    notBy: 'IPIs, locks',
    note: '',
  },
  {
    kind: 'lock',
    who: 'page faults under mmap_lock or the per-VMA lock, rmap walks, /proc/*/smaps, ptdump on init_mm',
    protectedBy: 'a lock: mmap_lock, per-VMA lock, i_mmap or anon_vma lock, page-table lock, init_mm',
    waitedForBy: 'whoever frees the table takes the same lock for writing, or detaches the VMA first',
    notBy: 'grace periods and IPIs (StackRot and ptdump were bugs of that kind)',
    note: '',
  },
  {
    kind: 'hw',
    who: "the CPU's page walker, speculation included; lazy CPUs; IOMMUs and KVM's secondary MMU",
    protectedBy: 'nothing: it may walk at any time what CR3 or a cached upper entry leads to',
    waitedForBy: 'an invalidation on that CPU (TLB and paging-structure cache) or of that device',
    notBy: 'RCU and locks',
    note: 'a cached upper entry is used without reading memory again: the table below it must not be reused before',
  },
];
