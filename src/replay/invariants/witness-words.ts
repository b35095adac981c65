/**
 * What a violation of each rule is about, for findings whose own event does not say it more exactly: who still held
 * what, and the operation that should have come before the last event.
 */
export interface WitnessWords {
  readonly held: string;
  readonly missing: string;
}

const RCU = 'RCU: the head is pending on the list of the CPU that queued it';
const MASK = 'TLB and paging-structure caches of every CPU in mm_cpumask';
const BEFORE_FLUSH = 'flush_tlb_mm_range() with freed_tables=1, begun after the unlink and returned';
const SYNC = 'tlb_remove_table_sync_one(): an IPI to all CPUs, answered';
const FLUSHED = 'an invalidation of that address on that CPU';

const words = (held: string, missing: string): WitnessWords => ({ held, missing });

/** By invariant number. */
export const WITNESS_WORDS: Readonly<Record<number, WitnessWords>> = {
  1: words('the entry in the parent table: it still points to the page', 'clearing that entry (the unlink)'),
  2: words(`${MASK}: translations to the page`, 'flush_tlb_mm_range() of the range, returned'),
  3: words('paging-structure caches of every CPU in mm_cpumask: the way through the table', BEFORE_FLUSH),
  4: words(RCU, 'the RCU callback, after a grace period'),
  5: words('a lockless walker on the table', 'the end of that reader section'),
  6: words(
    'walkers under rcu_read_lock(): no IPI waits for them',
    'call_rcu() and its callback, or synchronize_rcu()',
  ),
  7: words(
    'walkers and caches that the skipped step waits for',
    'the step that the fallback of this kernel prescribes',
  ),
  8: words('one page of 509 slots: struct mmu_table_batch', 'call_rcu() of the full batch (tlb_table_flush)'),
  9: words(`${MASK}: the way through the table`, BEFORE_FLUSH),
  10: words('the table batch of the same gather', 'tlb_table_flush(): the hand-over of the batch to RCU'),
  11: words(RCU, 'the callback of the first call_rcu()'),
  12: words(
    'the owner that the first release gave the page to',
    'an allocation that begins a new life of the page',
  ),
  13: words(
    'the rcu_head of a pending call_rcu(), in the same words of struct ptdesc',
    'the callback, or the withdrawal of the deposit',
  ),
  14: words(
    'the mm: its top-level table stays until __mmdrop()',
    'pgd_free() after the last user, in place of the gather',
  ),
  15: words('the deposited PTE tables, listed in the PMD table', 'zap_deposited_table() for each of them'),
  16: words('RCU walkers that still find the table and its lock', 'the RCU callback of the table'),
  17: words('the entry that is still set', 'a look at all 512 entries under the lock'),
  18: words('whoever relies on the lock: rmap walkers, faults', 'taking that lock'),
  19: words('a pointer found before the table was unlinked', 'reading the parent entry again (pmd_same)'),
  20: words('a pointer found before the table was unlinked', 'reading the parent entry again under the lock'),
  21: words('TLB: translations of the small size', FLUSHED),
  22: words('GUP-fast walkers with interrupts off', SYNC),
  23: words('the TLB of the CPU that was not interrupted', 'an IPI with flush_tlb_func() to that CPU'),
  24: words('the TLB of the CPU whose handler had not ended', 'the end of flush_tlb_func() on that CPU'),
  25: words('CPUs that take the first generation for both', 'inc_mm_tlb_gen() for the second flush'),
  26: words('the PCID of that mm on the CPU', 'the catch-up flush in switch_mm_irqs_off()'),
  27: words(
    'the lazy CPU: CR3 still holds the mm',
    'leaving the mm for init_mm (flush_tlb_func on that CPU)',
  ),
  28: words('TLB: the translation at the old address', FLUSHED),
  29: words('TLB: the translation that was removed', FLUSHED),
  30: words('TLB: a translation to a page of the driver', FLUSHED),
  31: words('the user PCID of the CPU', 'invalidate_user_asid() as well'),
  32: words('CPUs that the INVLPGB has not reached', 'TLBSYNC on the CPU that issued it'),
  33: words('the IOTLB of the device', 'mmu_notifier invalidation of the device'),
  34: words('the caller: interrupts off', 'interrupts on, before the flush'),
  35: words('GUP-fast walkers of the process that left', SYNC),
  36: words('readers that were running at call_rcu()', 'a grace period, begun after call_rcu() and ended'),
  37: words('the reader section', 'its end, then the end of the grace period'),
  38: words(RCU, 'exactly one callback for each call_rcu()'),
  39: words('the function that was queued on the head', 'a call of that function'),
  40: words('the reader section', 'its end'),
  41: words('the grace period before', 'its end, and the next number'),
  42: words('the callback that was queued first', 'its turn'),
  43: words('the CPU: callbacks keep all else from running', 'the end of the batch at its limit'),
  44: words('the interrupted code and its locks', 'raise_softirq(RCU_SOFTIRQ) and return'),
  45: words('the tables of the batch: memory that nobody can use', 'the end of a grace period'),
  46: words('the tables that await their grace period', 'the end of a grace period, or a batch'),
  47: words('the spinlock, or a context that cannot sleep', 'dropping it before the wait'),
  48: words('the task: inside the call it has entered', 'the other event of the pair'),
  49: words('the task: struct mmu_gather on its stack', 'the other event of the pair'),
  50: words('nobody: the tables of the mm are gone', 'mmget() before exit_mmap(), or no flush'),
  51: words(
    'the mm: tables counted in mm->pgtables_bytes',
    'the hand-over of each to a gather (free_pgtables)',
  ),
  52: words('every order that rests on this clock', 'a stamp not older than the one before'),
  53: words('whatever was lost', 'the lost events'),
  54: words('the task that had this tid', 'its sched_process_exit'),
  55: words('the address that the probe printed', 'the same address, or its one hash'),
  56: words('the rules of the kernel that the trace had shown', 'the shape that this kernel has there'),
};
