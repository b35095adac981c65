import { OP } from '../../kernel/ops.js';
import { ALL_VARIANTS, maskOf } from '../../kernel/variants.js';
import type { InvariantInfo } from './invariant-info.js';

/** Rules on targets, generations, counts and grace periods: decided from probes alone. */

const RCU_FREED = maskOf('A2', 'B', 'Bn', 'C', 'Cn', 'D', 'Dn', 'E', 'En', 'F', 'Fn');
const CR = { op: OP.CR, probe: 'a kprobe on call_rcu (head, func)' };
const CB = { op: OP.CB, probe: 'a kprobe on tlb_remove_table_rcu (head) or rcu:rcu_invoke_callback' };
const FR = { op: OP.FR, probe: 'a kprobe on flush_tlb_mm_range' };
const FMULTI = { op: OP.FMULTI, probe: 'a kprobe on native_flush_tlb_multi (cpumask, new_tlb_gen)' };
const IS = { op: OP.IS, probe: 'csd:csd_queue_cpu (6.5 and later)' };
const GP = { op: OP.GP, probe: 'rcu:rcu_grace_period (CONFIG_RCU_TRACE)' };
const EXIT = { op: OP.EXITMM, probe: 'a kprobe and a kretprobe on exit_mmap' };

type Row = Omit<InvariantInfo, 'id' | 'variants'> & { readonly variants?: InvariantInfo['variants'] };

const COUNTS: readonly Row[] = [
  {
    number: 8,
    name: 'batch-bound',
    statement: 'a batch holds at most 509 tables, and its callback releases as many as were appended',
    why: 'the batch is one page: a header of 24 bytes and 509 pointers',
    source: 'include/asm-generic/tlb.h MAX_TABLE_BATCH; mm/mmu_gather.c tlb_remove_table()',
    needs: [CR],
    idle: 'no batch of tables was queued to RCU',
    afterQueue: true,
    variants: RCU_FREED,
    severity: 'S3',
  },
  {
    number: 23,
    name: 'target-coverage',
    statement: 'a flush with freed_tables=1 interrupts every CPU of mm_cpumask but its own',
    why: 'a CPU that is left out goes on walking the freed tables',
    source: 'arch/x86/mm/tlb.c native_flush_tlb_multi(), should_flush_tlb(); commit fea4e317f9e7',
    needs: [FR, FMULTI, IS],
    idle: 'no flush interrupted another CPU',
    severity: 'S1',
  },
  {
    number: 25,
    name: 'gen-rules',
    statement: 'every flush of an mm has a generation of its own, one higher than the last',
    why: 'a CPU that has seen a generation skips flushes up to it',
    source: 'arch/x86/mm/tlb.c inc_mm_tlb_gen(), flush_tlb_func(); commit 8f1d56f64f8d',
    needs: [FR, FMULTI],
    idle: 'no two flushes of one mm show their generation',
    severity: 'S1',
  },
  {
    number: 34,
    name: 'no-flush-with-irqs-off',
    statement: 'flush_tlb_mm_range() is called in task context with interrupts on',
    why: 'two senders that wait for each other with interrupts off deadlock',
    source: 'kernel/smp.c smp_call_function_many_cond() lockdep_assert_irqs_enabled()',
    needs: [FR],
    idle: 'no flush shows its context',
    severity: 'S1',
  },
  {
    number: 40,
    name: 'gp-waits-readers',
    statement: 'a grace period ends after every reader that began before it started',
    why: 'this is what a grace period is',
    source: 'kernel/rcu/tree.c rcu_gp_cleanup(); Documentation/RCU/Design/Requirements',
    needs: [
      GP,
      {
        op: OP.RB,
        probe:
          'reader sections: kprobes on __rcu_read_lock/__rcu_read_unlock, or `pttrace: RB` trace markers',
      },
    ],
    idle: 'no grace period ended',
    severity: 'S1',
  },
  {
    number: 41,
    name: 'gp-seq',
    statement: 'grace periods start with 4k+1, each 4 higher than the last, and end before the next starts',
    why: 'gaps show events lost without a mark, or a mixed recording',
    source: 'kernel/rcu/rcu.h rcu_seq_start(), rcu_seq_end()',
    needs: [GP],
    idle: 'no grace period started',
    severity: 'S4',
  },
  {
    number: 43,
    name: 'batch-limits',
    statement: 'a softirq batch runs no more callbacks than its limit (bl), unless the CPU is idle',
    why: 'a flood of callbacks would keep everything else from running',
    source: 'kernel/rcu/tree.c rcu_do_batch()',
    needs: [{ op: OP.BATCHE, probe: 'rcu:rcu_batch_start and rcu:rcu_batch_end (CONFIG_RCU_TRACE)' }],
    idle: 'no batch of callbacks ended',
    severity: 'S4',
  },
  {
    number: 44,
    name: 'cb-context',
    statement: 'callbacks run in softirq or in a kthread made for them, never in a hard interrupt',
    why: 'releasing a page takes locks that a hard interrupt must not wait for',
    source: 'kernel/rcu/tree.c rcu_do_batch()',
    needs: [CB],
    idle: 'no page-table callback ran whose enqueue is in the trace',
    afterQueue: true,
    variants: RCU_FREED,
    severity: 'S3',
  },
  {
    number: 45,
    name: 'lazy-delay',
    statement: 'a callback runs within 10 s (lazy flush) and a grace period of its call_rcu',
    why: 'later is a stall: tables pile up',
    source: 'kernel/rcu/tree_nocb.h jiffies_lazy_flush; Documentation/RCU/stallwarn.rst',
    needs: [CR, CB],
    idle: 'no page-table callback ran whose enqueue is in the trace',
    afterQueue: true,
    variants: RCU_FREED,
    severity: 'S3',
  },
  {
    number: 46,
    name: 'gp-storm',
    statement: 'no more than 10000 single tables await a grace period at once',
    why: 'the fallback is taken when memory is short: what it queues is the memory that is missing',
    source: 'kernel/rcu/tree.c qhimark; mm/mmu_gather.c tlb_remove_table_one()',
    needs: [CR],
    idle: 'no single table was queued to RCU',
    afterQueue: true,
    variants: maskOf('B', 'C', 'D', 'E', 'F'),
    severity: 'S3',
  },
  {
    number: 50,
    name: 'mm-lifetime',
    statement: 'no flush of an mm after its exit_mmap() has returned',
    why: 'its tables are gone; the address belongs to the next process',
    source: 'mm/mmap.c exit_mmap(); kernel/fork.c mmput()',
    needs: [EXIT, FMULTI],
    idle: 'no mm was seen again after its exit',
    severity: 'S1',
  },
  {
    number: 51,
    name: 'nr-ptes',
    statement: 'when exit_mmap() returns, every PTE table of the process has been handed over',
    why: 'the kernel itself complains: "non-zero pgtables_bytes on freeing mm"',
    source: 'kernel/fork.c check_mm()',
    needs: [EXIT, { op: OP.PUB, probe: 'a kprobe on pmd_install' }],
    idle: 'no process whose tables are in the trace has exited',
    severity: 'S3',
  },
  {
    number: 54,
    name: 'pid-reuse',
    statement:
      'a tid stands for one task until its sched_process_exit; the next bracket under it begins a new task',
    why: 'a span or a gather that begins in one task and ends in the next is neither',
    source: 'kernel/exit.c do_exit(); kernel/pid.c alloc_pid(); include/linux/sched.h TASK_COMM_LEN',
    needs: [{ op: OP.EXIT, probe: 'sched:sched_process_exit (and sched:sched_process_fork)' }],
    idle: 'no tid was used again after its task had exited',
    severity: 'S4',
  },
  {
    number: 55,
    name: 'addr-domain',
    statement:
      'all pointers of a recording come from one kernel: one address has one spelling, raw or hashed',
    why: 'hashed pointers can be compared with each other only, and only within one boot',
    source: 'lib/vsprintf.c ptr_to_hashval(); tracefs option hash-ptr',
    needs: [CR, { op: OP.RQ, probe: 'rcu:rcu_callback (CONFIG_RCU_TRACE)' }],
    idle: 'no head was shown by two events',
    severity: 'S4',
  },
];

export const COUNT_CATALOGUE: readonly InvariantInfo[] = COUNTS.map((row) => ({
  ...row,
  id: `I${String(row.number).padStart(2, '0')}`,
  variants: row.variants ?? ALL_VARIANTS,
}));
