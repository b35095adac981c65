import { OP } from '../../kernel/ops.js';
import { ALL_VARIANTS, maskOf } from '../../kernel/variants.js';
import { NAMED_READER } from '../coverage.js';
import { COUNT_CATALOGUE } from './catalogue-counts.js';
import { FACT_CATALOGUE } from './catalogue-facts.js';
import type { InvariantInfo } from './invariant-info.js';

export type { InvariantInfo };

const TR = { op: OP.TR, probe: 'kprobes on ___pte_free_tlb, ___pmd_free_tlb, ___pud_free_tlb' };
const FREE = { op: OP.FREE, probe: 'kmem:mm_page_free' };
const FR = { op: OP.FR, probe: 'a kprobe on flush_tlb_mm_range' };
const FD = { op: OP.FD, probe: 'a kretprobe on flush_tlb_mm_range' };
const CR = { op: OP.CR, probe: 'a kprobe on call_rcu (head, func)' };
const CB = { op: OP.CB, probe: 'a kprobe on tlb_remove_table_rcu (head) or rcu:rcu_invoke_callback' };
const IS = { op: OP.IS, probe: 'csd:csd_queue_cpu (6.5 and later)' };
const RB = {
  op: OP.RB,
  probe: 'reader sections: kprobes on __rcu_read_lock/__rcu_read_unlock, or `pttrace: RB` trace markers',
};
const NAMED_RB = {
  op: NAMED_READER,
  probe: '`pttrace: RB` trace markers that name the table (a probe on __rcu_read_lock names none)',
};
const RCU_FREED = maskOf('A2', 'B', 'Bn', 'C', 'Cn', 'D', 'Dn', 'E', 'En', 'F', 'Fn');
const NO_TABLE_QUEUED = 'no page table was queued to RCU';
const NO_TABLE_FREED = 'no page table handed to a gather was released in this recording';

const BY_PROBES: readonly InvariantInfo[] = [
  {
    number: 1,
    id: 'I01',
    name: 'unlink-before-free',
    statement: 'for every published table T: UL(T) → FREE(T)',
    why: 'a table still reachable from its parent is walked by hardware and software alike',
    source: 'include/asm-generic/tlb.h ("unhook, invalidate, free"); mm/memory.c free_pgd_range()',
    needs: [TR, FREE],
    idle: NO_TABLE_FREED,
    variants: ALL_VARIANTS,
    severity: 'S1',
  },
  {
    number: 2,
    id: 'I02',
    name: 'tlb-before-free',
    statement:
      'for every frame or table X and every CPU c that may hold a translation to it: INV(c) → FREE(X)',
    why: 'a stale translation lets a CPU read or write a page that belongs to somebody else',
    source: 'mm/mmu_gather.c tlb_flush_mmu()',
    needs: [FR, FD, FREE],
    idle: 'no page was released inside a gather',
    variants: ALL_VARIANTS,
    severity: 'S1',
  },
  {
    number: 3,
    id: 'I03',
    name: 'pwc-before-reuse',
    statement:
      'for every table T and every CPU that may cache a walk through it: a walk-cache invalidation lies between UL(T) and FREE(T) or ALLOC(T)',
    why: 'a paging-structure cache entry makes the CPU read arbitrary data as page-table entries',
    source: 'SDM vol. 3A §4.10.3, §4.10.4; commits d86564a2f085, b956575bed91',
    needs: [TR, FR, FD, FREE],
    idle: NO_TABLE_FREED,
    variants: ALL_VARIANTS,
    severity: 'S1',
  },
  {
    number: 4,
    id: 'I04',
    name: 'free-after-callback',
    statement: 'T in a pending call_rcu: CB(h) → FREE(T), on the CPU and in the context that runs CB',
    why: 'a table released early is pulled from under lockless walkers, and released again by the callback',
    source: 'mm/mmu_gather.c __tlb_remove_table_free()',
    needs: [CR, FREE],
    idle: NO_TABLE_QUEUED,
    afterQueue: true,
    variants: RCU_FREED,
    severity: 'S1',
  },
  {
    number: 5,
    id: 'I05',
    name: 'no-reader-at-free',
    statement:
      'no reader section on T that began before UL(T) is open at FREE(T); no dereference of T after FREE(T)',
    why: 'the walker would follow entries of a page that has been given away',
    source: 'commits 2ba99c5e0881, 1013af4f585f; mm/gup.c gup_fast_fallback()',
    needs: [NAMED_RB, FREE],
    idle: NO_TABLE_FREED,
    variants: ALL_VARIANTS,
    severity: 'S1',
  },
  {
    number: 7,
    id: 'I07',
    name: 'single-path-shape',
    statement:
      'batch allocation failed, per table: A2/Dn FR,FD,SYNC1,FREE · B FR,FD,SYNC1,CR · C/D/E FR,FD,CR · En FR,FD,GP,FREE',
    why: 'the fallback has no batch to hide in: each step it skips is a window for a walker',
    source: 'mm/mmu_gather.c tlb_remove_table(), tlb_remove_table_one(); commit 718b13861d22',
    needs: [TR, FR, FD],
    idle: 'the fallback for a failed batch allocation was never taken',
    variants: RCU_FREED,
    severity: 'S1',
  },
  {
    number: 9,
    id: 'I09',
    name: 'invalidate-before-callrcu',
    statement:
      'for every table T in a call_rcu: a finished flush with freed_tables=1, begun after UL(T) → CR',
    why: 'hardware does not take part in RCU: after the grace period it may still walk a cached table',
    source: 'mm/mmu_gather.c tlb_table_flush(); commit d86564a2f085',
    needs: [TR, FR, FD, CR],
    idle: NO_TABLE_QUEUED,
    afterQueue: true,
    variants: RCU_FREED,
    severity: 'S1',
  },
  {
    number: 10,
    id: 'I10',
    name: 'flush-mmu-order',
    statement: 'within one flush cycle: FD → CR → first FREE of the page batch',
    why: 'tlb_flush_mmu_free() hands tables to RCU before it releases data pages',
    source: 'mm/mmu_gather.c tlb_flush_mmu_free()',
    needs: [FD, FREE],
    idle: 'no gather released a page',
    variants: ALL_VARIANTS,
    severity: 'S3',
  },
  {
    number: 11,
    id: 'I11',
    name: 'no-double-call_rcu',
    statement: 'CR(h) ⇒ no CR(h) until CB(h)',
    why: 'queuing a head twice corrupts the callback list',
    source: 'kernel/rcu/rcu.h debug_rcu_head_queue()',
    needs: [CR],
    idle: NO_TABLE_QUEUED,
    afterQueue: true,
    variants: RCU_FREED,
    severity: 'S1',
  },
  {
    number: 12,
    id: 'I12',
    name: 'remove-once',
    statement: 'per life of T: at most one hand-over, exactly one FREE',
    why: 'a second hand-over or release frees a page that belongs to somebody else',
    source: 'mm/memory.c free_pte_range(); mm/mmu_gather.c',
    needs: [TR, FREE],
    idle: NO_TABLE_FREED,
    variants: ALL_VARIANTS,
    severity: 'S1',
  },
  {
    number: 24,
    id: 'I24',
    name: 'ipi-wait',
    statement: 'the sender of a flush broadcast returns after the last handler has finished',
    why: 'everything after the flush relies on no CPU still holding the old translations',
    source: 'kernel/smp.c smp_call_function_many_cond() (wait); arch/x86/mm/tlb.c',
    needs: [FD, IS],
    idle: 'no flush interrupted another CPU',
    variants: ALL_VARIANTS,
    severity: 'S1',
  },
  {
    number: 36,
    id: 'I36',
    name: 'cb-after-gp',
    statement: 'CR(h) → GPs(n) → GPe(n) → CB(h) for some grace period n',
    why: 'the callback must not run before every reader that could see the object has finished',
    source: 'kernel/rcu/rcu_segcblist.c rcu_segcblist_advance()',
    needs: [CB, { op: OP.GP, probe: 'rcu:rcu_grace_period (CONFIG_RCU_TRACE)' }],
    idle: 'no callback ran whose enqueue is in the trace',
    variants: ALL_VARIANTS,
    severity: 'S1',
  },
  {
    number: 37,
    id: 'I37',
    name: 'cb-not-inside-reader',
    statement: 'no reader R with RB(R) ≤ CR(h) and CB(h) < RE(R)',
    why: 'this is the guarantee of RCU itself',
    source: 'Documentation/RCU/Design/Requirements; LKMM rcu-order',
    needs: [CR, CB, RB],
    idle: NO_TABLE_QUEUED,
    afterQueue: true,
    variants: RCU_FREED,
    severity: 'S1',
  },
  {
    number: 38,
    id: 'I38',
    name: 'cb-exactly-once',
    statement: 'every CB has exactly one earlier unmatched CR; every CR has a CB or is open at the end',
    why: 'a lost callback leaks tables, a repeated one frees them twice',
    source: 'kernel/rcu/tree.c rcu_do_batch()',
    needs: [CR],
    idle: NO_TABLE_QUEUED,
    afterQueue: true,
    variants: RCU_FREED,
    severity: 'S1',
  },
  {
    number: 39,
    id: 'I39',
    name: 'cb-func-match',
    statement: 'the function that runs is the one that was queued',
    why: 'rcu_head.func overlaps pmd_huge_pte in struct ptdesc: overwriting it shows here',
    source: 'include/linux/mm_types.h struct ptdesc',
    needs: [CR, CB],
    idle: NO_TABLE_QUEUED,
    afterQueue: true,
    variants: RCU_FREED,
    severity: 'S1',
  },
  {
    number: 42,
    id: 'I42',
    name: 'fifo',
    statement: 'callbacks queued on one CPU run in the order of their call_rcu',
    why: 'the segmented list keeps order; a change of order shows a corrupted list',
    source: 'kernel/rcu/rcu_segcblist.c',
    needs: [CB],
    idle: 'no callback ran whose enqueue is in the trace',
    variants: ALL_VARIANTS,
    severity: 'S3',
  },
  {
    number: 48,
    id: 'I48',
    name: 'syscall-pair',
    statement: 'per task, syscall entry and exit alternate and name the same call',
    why: 'a span with a foreign end is no latency',
    source: 'kernel/entry/common.c syscall_trace_enter(), syscall_exit_work()',
    needs: [{ op: OP.SX, probe: 'syscalls:sys_enter_*, sys_exit_*' }],
    idle: 'no syscall returned',
    variants: ALL_VARIANTS,
    severity: 'S4',
  },
  {
    number: 49,
    id: 'I49',
    name: 'gather-pair',
    statement:
      'tlb_gather_mmu and tlb_finish_mmu nest per task with the same mm; no table is handed over outside',
    why: 'mm->tlb_flush_pending and the flush range live in the gather',
    source: 'mm/mmu_gather.c',
    needs: [{ op: OP.GE, probe: 'kprobes on tlb_gather_mmu and tlb_finish_mmu' }],
    idle: 'no gather was finished',
    variants: ALL_VARIANTS,
    severity: 'S3',
  },
  {
    number: 52,
    id: 'I52',
    name: 'clock',
    statement:
      'stamps of one CPU never go back; an effect is not stamped before its cause by more than the clock error',
    why: 'order verdicts rest on the stamps and the file order',
    source: 'kernel/trace/ring_buffer.c; kernel/trace/trace_clock.c',
    needs: [],
    idle: 'no event',
    variants: ALL_VARIANTS,
    severity: 'S4',
  },
  {
    number: 53,
    id: 'I53',
    name: 'lost-events',
    statement: 'over an interval in which events were lost, absence proves nothing',
    why: 'a missing event may have been dropped by the ring buffer',
    source: 'kernel/trace/trace.c print_trace_line() "LOST EVENTS"',
    needs: [],
    idle: 'no event',
    variants: ALL_VARIANTS,
    severity: 'S4',
  },
  {
    number: 56,
    id: 'I56',
    name: 'variant-consistency',
    statement: 'all free-path shapes of one recording belong to one kernel variant',
    why: 'rules differ between variants; a mixed recording would be judged by the wrong ones',
    source: 'docs/variants.md; mm/mmu_gather.c, arch/x86/kernel/paravirt.c of each release',
    needs: [],
    idle: 'no event that tells variants apart',
    variants: ALL_VARIANTS,
    severity: 'S4',
  },
];

/** All rules, by number. */
export const CATALOGUE: readonly InvariantInfo[] = [...BY_PROBES, ...COUNT_CATALOGUE, ...FACT_CATALOGUE].sort(
  (a, b) => a.number - b.number,
);

export const invariantId = (n: number): string => `I${String(n).padStart(2, '0')}`;
