/**
 * What may be reported beside the expected id of each damage, and why. The same table in prose is
 * docs/co-firing.md; a test holds the two together.
 */

const ENQUEUE_MOVED = {
  I10: 'order of one tlb_flush_mmu: flush returns, then call_rcu, then the first page is freed',
  I07: 'if the call_rcu is that of a single table: its shape demands flush before call_rcu',
} as const;

const NO_FLUSH = {
  I01: 'where unlink is inferred from the covering flush',
  I02: 'tables (and frames) reach the allocator without an invalidation on their holders',
  I03: 'the same for the paging-structure caches of those CPUs',
  I07: 'if the table went the no-memory way: its shape demands the flush',
  I10: 'the free of the page batch has no flush before it in this cycle',
  I25: 'the generation of the mm steps by two at the next flush',
  I29: 'the syscall returns without the flush its unmap needs',
} as const;

const FREED_EARLY = {
  I02: 'the table is free before the CPUs that may hold a translation through it invalidated',
  I03: 'the same for the paging-structure caches',
  I07: 'a table of the no-memory way is freed in another order than its variant demands',
  I09: 'call_rcu over a table whose hand-over no longer precedes a flush in its life',
  I10: 'a free of the cycle precedes the return of its flush',
  I12: 'the life of the table now ends before one of its steps',
} as const;

const NO_ENQUEUE = {
  I04: 'its tables are freed without the call_rcu they belong to',
  I07: 'a table of the no-memory way lacks its call_rcu',
  I08: 'the tables of that call_rcu are counted for the next one of the task',
  I09: 'the same, when no flush lies between them and the next call_rcu',
  I12: 'its tables have no path from hand-over to free',
  I36: 'the callback has no enqueue before a grace period',
  I39: 'no function to compare with, or that of another enqueue of the same head',
  I42: 'the callback is not in the order of enqueues',
} as const;

export const CO_FIRING: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'enqueue-before-flush': ENQUEUE_MOVED,
  'enqueue-inside-flush': ENQUEUE_MOVED,
  'flush-dropped': { ...NO_FLUSH, I09: 'on kernels with call_rcu the expected id itself' },
  'handler-exit-after-return': {
    I02: 'a free after the return, before the moved end of the handler, precedes that invalidation',
    I03: 'the same for paging-structure caches',
    I09: 'a call_rcu after the return precedes the end of that handler',
    I23: 'the handler is no longer inside the flush that targeted it',
  },
  'return-before-handler': {
    I02: 'a free between the moved return and the handler precedes an invalidation',
    I03: 'the same for paging-structure caches',
    I09: 'a call_rcu between the moved return and the handler precedes an invalidation',
    I10: 'the cycle ends at the moved return',
    I23: 'the handlers are no longer inside the flush that targeted them',
  },
  'frame-freed-before-flush': {
    I10: 'the free of the page batch precedes the return of its flush',
    I12: 'the page may be one that was a table in an earlier life',
  },
  'table-freed-before-flush': FREED_EARLY,
  'table-freed-before-hand-over': {
    ...FREED_EARLY,
    I04: 'the table handed over after its free is bound to a call_rcu that never frees it',
    I05: 'readers may still reach it: it is linked',
    I38: 'its callback frees fewer tables than were enqueued',
    I08: 'the same: nr and frees differ',
    I51: 'one more PTE table freed than was allocated',
  },
  'sync-dropped': {
    I02: 'the table is freed in task context without call_rcu or sync',
    I06: 'the free is synchronised by the flush alone',
    I12: 'an appended table is freed without either of its two ways',
    I56: 'the shape is that of no variant with tlb_remove_table',
  },
  'sync-added': {
    I24: 'csd entry and exit without a wait on the sender',
    I56: 'the sync marks variants (A2, B, Dn) that the other slow tables exclude',
  },
  'enqueue-doubled': {
    I08: 'the second call_rcu takes no table',
    I09: 'the second call_rcu takes no flushed table',
    I36: 'the second enqueue has no grace period and callback of its own',
    I38: 'two enqueues, one callback',
    I42: 'the second enqueue is overtaken by later ones',
  },
  'enqueue-dropped': NO_ENQUEUE,
  'enqueue-func-changed': {
    ...NO_ENQUEUE,
    I38: 'seen as an enqueue of something else: the callback of the table has none',
    I55: 'call_rcu and rcu_callback name different functions where only one of them prints the head',
  },
  'callback-func-changed': {
    I04: 'the tables are freed in softirq without a callback of their own',
    I12: 'the same, as lives without a callback',
    I36: 'the table callback is inferred from its frees, the named one has no enqueue',
    I38: 'the callback named by the event has no enqueue, the one enqueued shows only as frees',
    I42: 'the same two callbacks in the order of enqueues',
  },
  'callback-doubled': {
    I04: 'the second run frees nothing: its tables are gone',
    I08: 'the second run frees no table although nr is not 0',
    I12: 'the second run would free its tables again',
    I36: 'the second run has no enqueue before a grace period',
    I39: 'the second run has no enqueue to compare with',
    I42: 'the second run is not in the order of enqueues',
    I43: 'one callback more than the batch announces',
  },
  'callback-dropped': {
    I03: 'pages of its tables are in use again without a release: the walk caches may still point to them',
    I11: 'the head is enqueued again while the first enqueue is still pending',
    I12: 'pages of its tables are allocated and handed over again without a free between',
    I42: 'later enqueues of that CPU are called back, this one is not',
    I43: 'one callback less than the batch announces',
    I04: 'a page of a pending table is freed in a later life',
  },
  'free-before-callback': {
    I02: 'freed in task context inside the gather',
    I05: 'freed while readers that began before the call_rcu may run',
    I08: 'the callback frees one table less than it lists',
    I10: 'a free before the rest of the cycle',
    I12: 'freed by the task and listed by the callback: both ways',
    I38: 'the callback frees one table less than was enqueued',
    I56: 'a synchronous table free beside call_rcu is the shape of another variant',
  },
  'free-before-enqueue': {
    I01: 'call_rcu over a page that is free',
    I04: 'freed and then pending: the free is not behind its callback',
    I06: 'a reclaimed table released by the task itself',
    I07: 'a single table freed before its call_rcu',
    I08: 'the callback frees one table less than it lists',
    I09: 'the call_rcu takes one table less than the flush covered',
    I10: 'a page is freed before the call_rcu of the cycle',
    I38: 'the callback frees one table less than was enqueued',
    I39: 'a single callback whose table is already free cannot be linked',
    I56: 'a synchronous table free is the shape of another variant',
  },
  'table-freed-twice': {
    I01: 'the second free has no unlink in its life',
    I02: 'the second free is of a page that is not known any more',
    I04: 'the second free of a page of a call_rcu',
    I08: 'one free more than nr',
  },
  'handed-over-twice': {
    I01: 'two unlinks, one free',
    I04: 'the second hand-over of the table stays pending',
    I07: 'the second hand-over has no flush and call_rcu of its own',
    I08: 'one append more than nr',
    I09: 'the second hand-over may come after the flush of the first (no-memory way)',
    I51: 'one PTE table more than allocated',
  },
  'rcu-reader-spliced': {
    I05: 'a reader without a table may reach any table unlinked after it began',
    I36: 'the grace period ends inside a reader that began before it',
    I40: 'the same, of the grace period itself',
    I37: 'the reader spans other table call_rcus and their callbacks too',
  },
  'irq-off-reader-spliced': {
    I03: 'a walker is a holder',
    I06: 'the free is not behind the reader',
    I24: 'a target with interrupts off cannot have answered',
    I37: 'interrupts off is an RCU reader too: it spans call_rcu and callback',
    I40: 'the same, of the grace period',
  },
  'gp-started-before-enqueue': {
    I40: 'readers begun between the moved start and the old place',
    I41: 'two starts without an end between them',
  },
  'callback-before-gp-end': {
    I04: 'a table of that callback whose free stayed behind',
    I37: 'a reader that would have ended before the grace period is now inside',
    I38: 'pairing by head of a page that is enqueued again',
    I42: 'the callback overtakes those enqueued before it on that CPU',
    I43: 'a callback outside of rcu_batch_start … rcu_batch_end',
    I44: 'a softirq callback inside another context',
    I45: 'the delay is no longer what a grace period takes',
  },
  'callbacks-reordered': {
    I36: 'the later callback runs one grace period early when the two had different ones',
    I41: 'the same, by numbers',
    I43: 'a batch holds other callbacks than announced',
  },
  'syscall-exit-dropped': { I29: 'the span of the syscall reaches to its next exit' },
  'syscall-exit-doubled': { I29: 'an exit without a flush since its entry' },
  'gather-end-dropped': {
    I02: 'frees after the gather count as frees inside it',
    I10: 'two gathers read as one: frees of the first before the flush of the second',
    I29: 'the flush at the end of the gather is no longer before its end',
    I50: 'hand-overs of one mm inside a gather of another',
  },
  'gather-begin-dropped': {
    I02: 'frees whose gather is unknown',
    I09: 'tables without a gather have no flush of their own',
    I10: 'no cycle to belong to',
    I12: 'hand-overs without a gather are another life',
  },
  'clock-backwards': {
    I48: 'sorted by time the line lands outside its pair',
    I24: 'sorted by time an end lands behind the return',
  },
  'events-lost': {},
  'variant-contradiction': {
    I02: 'tables in the page batch are freed in the gather',
    I04: 'tables of a kernel with call_rcu freed in task context',
    I06: 'a reclaimed table released by the task itself',
    I07: 'tables freed by the task without the sync of the no-memory way',
    I08: 'appends without a call_rcu',
    I09: 'tables of the gather without a call_rcu',
    I10: 'the order of that gather is that of another variant',
    I12: 'freed without either way its variant has',
    I38: 'the call_rcu and the callback of the gather are both gone: neither should be missed',
    I42: 'the same in the order of enqueues',
  },
};
