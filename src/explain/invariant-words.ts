/** What an invariant means, for someone who does not know the kernel, and the bugs that made it matter. */
export interface InvariantWords {
  readonly words: string;
  /** Litmus tests about it, the most telling first. */
  readonly bugs: readonly string[];
  /** Said where no historic bug is known. */
  readonly instead: string;
}

/** By invariant number. */
export const INVARIANT_WORDS: Readonly<Record<number, InvariantWords>> = {
  1: {
    words:
      'A page table is a page that other pages point to. Before it may be given back, nothing may point to it any more: first the entry in its parent is cleared, then caches are emptied, then the page is released. If the order is turned round, a walker follows the pointer into a page that already belongs to somebody else.',
    bugs: ['L37', 'L38'],
    instead: '',
  },
  2: {
    words:
      "Every CPU keeps a private copy of translations it has used (the TLB). Clearing an entry in memory does not reach these copies. A page may be released only after every CPU that might hold a copy has dropped it; otherwise that CPU goes on reading and writing a page that is no longer the program's.",
    bugs: ['L09', 'L17', 'L18', 'L20', 'L30'],
    instead: '',
  },
  3: {
    words:
      'CPUs do not only cache final translations but also the way to them: the upper levels of the tables (paging-structure cache). A CPU with such a copy goes straight to the lower table without looking at its parent. So a table may be released or reused only after these copies are gone too, on lazy CPUs as well.',
    bugs: ['L02', 'L03', 'L10', 'L21', 'L22', 'L23', 'L24'],
    instead: '',
  },
  4: {
    words:
      'A table that was given to call_rcu() is released by the callback, and by nothing else. If somebody frees it while the callback is pending, walkers lose it under their feet, and the callback frees it a second time.',
    bugs: ['L37'],
    instead: '',
  },
  5: {
    words:
      'Some code walks page tables without taking the lock under which they are freed: it only turns interrupts off, or calls rcu_read_lock(), or relies on another lock. While such a walk that began before the table was unlinked is still going on, the table must not be released or used for anything else.',
    bugs: ['L04', 'L07', 'L28', 'L29'],
    instead: '',
  },
  6: {
    words:
      'There are two ways to wait for lockless walkers. Sending an interrupt to every CPU waits for walkers that have interrupts off, because they answer only when they are done. Walkers under rcu_read_lock() have interrupts on: they answer and go on walking. So a table that such walkers can reach must wait for a grace period; an interrupt is not enough. This is why the series exists.',
    bugs: ['L27'],
    instead: '',
  },
  7: {
    words:
      'When there is no memory for a batch page, tables are freed one at a time, and what then happens step by step depends on the kernel. This rule compares each of them with the steps of the kernel the recording comes from: a missing flush or a missing wait is dangerous, an additional interrupt only costs time.',
    bugs: ['L03', 'L27'],
    instead: '',
  },
  8: {
    words:
      'A batch of tables is one page with room for 509 pointers. More cannot fit, and the callback must release as many tables as were put in.',
    bugs: [],
    instead: 'No release bug is known; an off-by-one here would write beyond the page.',
  },
  9: {
    words:
      'Hardware does not take part in RCU: a grace period waits for software only. So the caches of all CPUs that may walk a table, lazy ones too, must be emptied before the table is handed to call_rcu(), not some time later.',
    bugs: ['L01', 'L11'],
    instead: '',
  },
  10: {
    words:
      'When a gather is flushed, three things happen in a fixed order: the TLB flush finishes, table batches are handed to RCU, data pages are released. Pages released before the flush are still in use by other CPUs.',
    bugs: ['L03'],
    instead: '',
  },
  11: {
    words:
      'An rcu_head is a link in a list. Queuing it again while it is still in the list ties the list into a knot: callbacks are lost or run for ever.',
    bugs: ['L32'],
    instead: '',
  },
  12: {
    words:
      'In one life a table is handed over once and released once. The second time hits a page that has another owner by then.',
    bugs: ['L37'],
    instead: '',
  },
  13: {
    words:
      'The rcu_head of a table lies in the same bytes of struct ptdesc as two other things: the list of all top-level tables, and the pointer to deposited tables. While a table waits for its callback, neither may be used.',
    bugs: ['L34', 'L35'],
    instead: '',
  },
  14: {
    words:
      'The top-level table of a process (PGD) is on a list of its own that shares memory with the rcu_head, and it is freed only when the last CPU has left the process. It must never go the way of the other tables.',
    bugs: ['L34'],
    instead: '',
  },
  15: {
    words:
      'For each huge page the kernel keeps a spare page table at hand (a deposit), hung on the PMD table. When the PMD table goes, the spare ones must have been taken off before, or they are lost.',
    bugs: ['L35'],
    instead: '',
  },
  16: {
    words:
      'On some kernels the lock of a page table is an object of its own. A walker that found the table under rcu_read_lock() may still take the lock, so it has to live as long as the table: until the callback.',
    bugs: ['L26'],
    instead: '',
  },
  17: {
    words:
      'MADV_DONTNEED may remove a page table that has become empty. Empty means all 512 entries at that moment: if the lock was dropped in between, another thread may have put a page there, and it would be lost.',
    bugs: ['L25'],
    instead: '',
  },
  18: {
    words:
      'Unlinking a table while the process lives on needs several locks at once, because different kinds of walkers rely on different ones. One of them missing means that one kind of walker is not kept out.',
    bugs: ['L06', 'L08'],
    instead: '',
  },
  19: {
    words:
      'A walker reads a pointer to a table, then waits for a lock or takes a reference. In between the table may have been unlinked. Before it relies on what it found it must read the pointer again.',
    bugs: ['L05', 'L13'],
    instead: '',
  },
  20: {
    words:
      'Once nothing points to a table, an entry written into it is lost: the page behind it is reachable by nobody and freed by nobody.',
    bugs: ['L38'],
    instead: '',
  },
  21: {
    words:
      'The same address must not be translated by a 4 KiB entry on one CPU and by a 2 MiB entry on another. The hardware may use either, and some CPUs stop with a machine check. First clear, then flush everywhere, then install.',
    bugs: ['L31'],
    instead: '',
  },
  22: {
    words:
      'Tables kept as spares are later released without any waiting. That is safe only if nobody can be inside them, so a table that was in use before must be unlinked, flushed, and waited for with an interrupt to all CPUs before it becomes a spare.',
    bugs: ['L04'],
    instead: '',
  },
  23: {
    words:
      'A flush that is about freed tables has to reach every CPU that may have used the process, except the sender. The trace shows the list and who was interrupted; both must agree.',
    bugs: ['L11', 'L19', 'L21'],
    instead: '',
  },
  24: {
    words:
      'The CPU that asks others to flush must wait until the last of them is done. Whoever goes on earlier frees pages that are still in use.',
    bugs: ['L18'],
    instead: '',
  },
  25: {
    words:
      "Every change of a process's tables gets a number that only grows. A CPU that has caught up with number n skips all requests up to n. If a number is used twice or goes back, flushes are skipped that were needed.",
    bugs: ['L18'],
    instead: '',
  },
  26: {
    words:
      "A CPU that comes back to a process it ran before compares the number it has caught up with. If it is behind, it must flush before it touches the process's memory.",
    bugs: ['L20'],
    instead: '',
  },
  27: {
    words:
      'A CPU that runs a kernel thread keeps the tables of the last process loaded (lazy TLB). It uses no addresses of that process, but its walker may go there by speculation. Before a table of the process is released, that CPU has to leave it.',
    bugs: ['L21', 'L11', 'L10'],
    instead: '',
  },
  28: {
    words:
      'When a page moves from one place to another under a lock, whoever takes the lock next may free it from the new place. So the old place must be flushed everywhere before the lock is dropped.',
    bugs: ['L12'],
    instead: '',
  },
  29: {
    words:
      "When munmap() or mprotect() returns, the program may rely on it: no CPU may still use what was removed. If two calls work on the same range, the one that finds nothing to do must still wait for the other's flush.",
    bugs: ['L15', 'L16', 'L19'],
    instead: '',
  },
  30: {
    words:
      'Pages of a device have no count of users; the driver finds its mappings through the file and removes them itself. So a mapping must be flushed before it disappears from the file, or the driver frees pages that are still reachable.',
    bugs: ['L14'],
    instead: '',
  },
  31: {
    words:
      'With page-table isolation each process has two sets of translations, one for the kernel and one for the program, under different tags. A flush has to reach both; and for kernel addresses, those of every process.',
    bugs: ['L30'],
    instead: '',
  },
  32: {
    words:
      'AMD CPUs can ask all others to flush without an interrupt (INVLPGB). The instruction only starts it: it is done when TLBSYNC has returned on the same CPU.',
    bugs: [],
    instead: 'No release bug is known; cant_migrate() guards against the obvious one.',
  },
  33: {
    words:
      'Devices behind an IOMMU and virtual machines walk the same tables or copies of them. Interrupts and RCU do not reach them: they have to be told, and must have answered, before a page is released.',
    bugs: ['L24'],
    instead: '',
  },
  34: {
    words:
      'A flush waits for other CPUs. If two CPUs with interrupts off wait for each other, neither can answer: the machine hangs.',
    bugs: [],
    instead: 'The kernel checks it itself: lockdep_assert_irqs_enabled().',
  },
  35: {
    words:
      'Large pages of different processes may share one PMD table. When the last but one leaves, the table belongs to the other alone and is changed freely; a lockless walker of the one that left may still be inside. An interrupt to all CPUs comes first.',
    bugs: ['L07', 'L10'],
    instead: '',
  },
  36: {
    words:
      'call_rcu() promises that the callback runs after a full grace period: one that starts after the call and ends before the callback.',
    bugs: ['L33'],
    instead: '',
  },
  37: {
    words:
      'The promise seen from the reader: a section that was open at call_rcu() is over when the callback runs.',
    bugs: ['L33'],
    instead: '',
  },
  38: {
    words:
      'One call, one callback. A callback that never comes leaks its tables; one that comes twice frees them twice.',
    bugs: ['L32'],
    instead: '',
  },
  39: {
    words:
      "The function that runs is the one that was queued. It is stored in the table's own struct, where a stray write shows as another function.",
    bugs: ['L34'],
    instead: '',
  },
  40: {
    words:
      'A grace period that starts after a reader has begun may not end before that reader has ended. All else in RCU follows from this.',
    bugs: ['L33'],
    instead: '',
  },
  41: {
    words:
      'Grace periods are numbered. A jump in the numbers shows that events are missing from the recording or that two recordings were mixed.',
    bugs: [],
    instead: 'A rule on the recording, not on the kernel.',
  },
  42: {
    words: 'Callbacks queued on one CPU run in the order in which they were queued.',
    bugs: [],
    instead: 'No release bug is known; a change of order shows a damaged list.',
  },
  43: {
    words: 'RCU runs only so many callbacks in one go, so that nothing else starves.',
    bugs: [],
    instead: 'Freeing 509 tables is one callback: it may take long although the count is small.',
  },
  44: {
    words:
      'Callbacks run in softirq or in kernel threads made for them. In a hard interrupt the locks they take could be held by the code that was interrupted.',
    bugs: [],
    instead: 'No release bug is known.',
  },
  45: {
    words:
      'Callbacks may be delayed on purpose for up to ten seconds to save power. Much longer than that means that a grace period is stuck.',
    bugs: [],
    instead: 'Not a bug of page tables, but tables pile up meanwhile.',
  },
  46: {
    words:
      'When memory is so short that not even a batch page can be had, tables are queued one by one. If thousands wait for their grace period, memory stays short because of them.',
    bugs: [],
    instead: 'Asked about in the review of the series; no report is known.',
  },
  47: {
    words:
      'Since 7.1 the fallback may wait for a grace period on the spot, which sleeps. Under a spinlock that would hang the CPU.',
    bugs: ['L36'],
    instead: '',
  },
  48: {
    words:
      'Each system call that is entered is left once. Otherwise the measured times belong to different calls.',
    bugs: [],
    instead: 'A rule on the recording.',
  },
  49: {
    words:
      'Tables are collected between tlb_gather_mmu() and tlb_finish_mmu() of the same task and the same process; no table is handed over outside.',
    bugs: [],
    instead: 'mm->tlb_flush_pending would lose count, see L15.',
  },
  50: {
    words:
      "When exit_mmap() has returned, the process's tables are gone. A flush after it is meant for tables that belong to somebody else.",
    bugs: [],
    instead: 'Reference counts (mm_users, mm_count) guard against it.',
  },
  51: {
    words: 'A process that exits leaves no page table behind. The kernel counts them too and complains.',
    bugs: [],
    instead: "Seen in bug reports as 'non-zero pgtables_bytes on freeing mm'.",
  },
  52: {
    words:
      'Time stamps of one CPU do not go back, and an effect is not stamped before its cause. Where clocks differ, the order of close events is not known.',
    bugs: [],
    instead: 'A rule on the recording.',
  },
  53: {
    words:
      'When the recorder was too slow, events are missing. From then on the absence of an event proves nothing.',
    bugs: [],
    instead: 'A rule on the recording.',
  },
  54: {
    words:
      'Names are cut to 15 characters and task numbers are used again; neither identifies a task for good. Where the exit of tasks is recorded, the next system call under the number of a dead task is that of a new one: a call that the dead task had entered can never return, and no time may be measured from one to the other.',
    bugs: [],
    instead:
      'A rule on the recording: the script in the review filtered by name on entry only, so a start could be left behind by a task that changed its name, and paired with the end of another.',
  },
  55: {
    words:
      'Pointers in traces may be hashed. Hashed pointers can be compared with each other, and with nothing else.',
    bugs: [],
    instead: 'A rule on the recording.',
  },
  56: {
    words:
      'Each kernel version frees tables in its own way. One recording shows one way; two ways mean two recordings, or a kernel that is not known.',
    bugs: [],
    instead: 'A rule on the recording.',
  },
};
