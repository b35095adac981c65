import type { Level } from './levels.js';
import { OLDER, type ProbeRow, row } from './probe-row.js';
import { READER_PROBES } from './probe-table-readers.js';

const TLB = 'tlb=%di:x64 mm=+0(%di):x64';
const GATHER = `${TLB} batch=+8(%di):x64 start=+16(%di):x64 end=+24(%di):x64 flags=+32(%di):x32`;
/** Read where the layout of struct mm_struct is known. */
const GATHER_MM =
  'nsub=+{mm_struct.notifier_subscriptions}(+0(%di)):x64 pend=+{mm_struct.tlb_flush_pending}(+0(%di)):s32';
const GATHER_WITHOUT = `${TLB} start=+8(%di):x64 end=+16(%di):x64 flags=+24(%di):x32`.split(' ');
const FLUSH_INFO = (reg: string): string =>
  `info=%${reg}:x64 mm=+0(%${reg}):x64 start=+8(%${reg}):x64 end=+16(%${reg}):x64 new_tlb_gen=+24(%${reg}):u64`;

/**
 * What `record` asks a kernel for. Data only. Arguments are taken from the registers of the x86-64 calling convention
 * at the first instruction; what they mean is said by `src/kernel/symbols.ts`, which every row must agree with
 * (tested). Signatures read in Linux 6.1, 6.12, 6.16 and 7.0.
 */
export const PROBE_TABLE: readonly ProbeRow[] = [
  // RCU and flushes: what a latency is made of
  row('latency', 'call_rcu', 'call_rcu', 'head=%di:x64 func=%si:symbol'),
  row('latency', 'call_rcu_hurry', 'call_rcu_hurry', 'head=%di:x64 func=%si:symbol', { optional: OLDER }),
  row(
    'latency',
    'tlb_remove_table_rcu',
    'tlb_remove_table_rcu',
    'head=%di:x64 nr=+16(%di):u32 tables=+24(%di):x64[24]',
    {
      instead: ['rcu_invoke_callback'],
      optional: 'this kernel does not free page tables by RCU',
    },
  ),
  row('latency', 'tlb_remove_table_rcu_ret', 'tlb_remove_table_rcu', '', { optional: OLDER }),
  row(
    'latency',
    'flush_tlb_mm_range',
    'flush_tlb_mm_range',
    'mm=%di:x64 start=%si:x64 end=%dx:x64 stride_shift=%cx:u32 freed_tables=%r8:u8',
    {
      instead: ['tlb_flush'],
    },
  ),
  row('latency', 'flush_tlb_mm_range_ret', 'flush_tlb_mm_range'),
  // page tables
  row('tables', 'tlb_gather_mmu', 'tlb_gather_mmu', 'tlb=%di:x64 mm=%si:x64'),
  row('tables', 'tlb_gather_mmu_fullmm', 'tlb_gather_mmu_fullmm', 'tlb=%di:x64 mm=%si:x64'),
  row('tables', 'tlb_gather_mmu_vma', 'tlb_gather_mmu_vma', 'tlb=%di:x64', { optional: OLDER }),
  row('tables', 'tlb_finish_mmu', 'tlb_finish_mmu', `${GATHER} ${GATHER_MM}`, {
    argsWithoutTableFree: GATHER_WITHOUT,
  }),
  row('tables', 'tlb_finish_mmu_ret', 'tlb_finish_mmu'),
  row('tables', 'tlb_flush_mmu', 'tlb_flush_mmu', GATHER, { argsWithoutTableFree: GATHER_WITHOUT }),
  row('tables', 'pte_free_tlb', '___pte_free_tlb', `${TLB} page=%si:x64`, {
    instead: ['tlb_remove_table', 'native_tlb_remove_table'],
  }),
  row('tables', 'pmd_free_tlb', '___pmd_free_tlb', `${TLB} pmd=%si:x64`, { instead: ['tlb_remove_table'] }),
  row('tables', 'pud_free_tlb', '___pud_free_tlb', `${TLB} pud=%si:x64`, { instead: ['tlb_remove_table'] }),
  row('tables', 'p4d_free_tlb', '___p4d_free_tlb', `${TLB} p4d=%si:x64`, {
    optional: 'used with five levels of page tables only',
  }),
  row('tables', 'tlb_remove_table', 'tlb_remove_table', `${TLB} table=%si:x64`, {
    optional: 'this kernel does not free page tables by RCU',
  }),
  row('tables', 'native_tlb_remove_table', 'native_tlb_remove_table', `${TLB} table=%si:x64`, {
    optional: 'there is no such paravirt operation from 6.15 on, and it is inlined in some kernels before',
  }),
  row(
    'tables',
    'call_rcu_common',
    '__call_rcu_common',
    'head=%di:x64 func=%si:symbol lazy=%dx:u8 nr=+16(%di):u32',
    {
      instead: ['call_rcu'],
      optional: 'call_rcu shows the same, without the number of tables',
    },
  ),
  row('tables', 'tlb_remove_table_one_rcu', '__tlb_remove_table_one_rcu', 'head=%di:x64', {
    instead: ['rcu_invoke_callback', 'mm_page_free'],
    optional: 'it may not be traced, or does not exist',
  }),
  row('tables', 'tlb_remove_table_sync_one', 'tlb_remove_table_sync_one', '', { optional: OLDER }),
  row('tables', 'tlb_remove_table_sync_one_ret', 'tlb_remove_table_sync_one', '', { optional: OLDER }),
  row('tables', 'tlb_remove_table_smp_sync', 'tlb_remove_table_smp_sync', '', { optional: OLDER }),
  row('tables', 'tlb_remove_table_sync_rcu', 'tlb_remove_table_sync_rcu', '', { optional: OLDER }),
  row('tables', 'tlb_remove_table_sync_rcu_ret', 'tlb_remove_table_sync_rcu', '', { optional: OLDER }),
  row(
    'tables',
    'native_flush_tlb_multi',
    'native_flush_tlb_multi',
    `cpumask=+0(%di):x64 ${FLUSH_INFO('si')}`,
    {
      instead: ['csd_queue_cpu', 'call_function_entry'],
    },
  ),
  row('tables', 'flush_tlb_func', 'flush_tlb_func', FLUSH_INFO('di'), {
    instead: ['csd_function_entry', 'tlb_flush'],
  }),
  row('tables', 'free_pgtables', 'free_pgtables', TLB, { instead: ['free_pgd_range'] }),
  row(
    'tables',
    'free_pgd_range',
    'free_pgd_range',
    'tlb=%di:x64 addr=%si:x64 end=%dx:x64 floor=%cx:x64 ceiling=%r8:x64',
    {
      instead: ['free_pgtables'],
    },
  ),
  row('tables', 'free_pgd_range_ret', 'free_pgd_range'),
  row('tables', 'unmap_vmas', 'unmap_vmas', 'tlb=%di:x64'),
  row('tables', 'free_pte', 'free_pte', 'mm=%di:x64 addr=%si:x64 tlb=%dx:x64 pmdval=%cx:x64', {
    optional: 'this kernel does not reclaim empty page tables',
  }),
  row('tables', 'try_get_and_clear_pmd_ret', 'zap_empty_pte_table try_get_and_clear_pmd', 'ret=$retval:u8', {
    optional: 'this kernel does not reclaim empty page tables',
  }),
  row('tables', 'try_to_free_pte', 'zap_pte_table_if_empty try_to_free_pte', '', {
    optional: 'this kernel does not reclaim empty page tables',
  }),
  row('tables', 'pte_free_defer', 'pte_free_defer', 'mm=%di:x64 table=%si:x64', { optional: OLDER }),
  row('tables', 'pte_free_now', 'pte_free_now', 'head=%di:x64', { optional: OLDER }),
  row('tables', 'pte_alloc_one_ret', 'pte_alloc_one', 'page=$retval:x64', { instead: ['mm_page_alloc'] }),
  row('tables', 'pte_alloc', '__pte_alloc', 'mm=%di:x64 pmd=%si:x64', { instead: ['pmd_install'] }),
  row('tables', 'pmd_alloc', '__pmd_alloc', 'mm=%di:x64 pud=%si:x64 addr=%dx:x64'),
  row('tables', 'pmd_install', 'pmd_install', 'mm=%di:x64 pmd=%si:x64 page=+0(%dx):x64', {
    instead: ['pte_alloc'],
  }),
  row('tables', 'exit_mmap', 'exit_mmap', 'mm=%di:x64'),
  row('tables', 'exit_mmap_ret', 'exit_mmap'),
  // readers
  row(
    'full',
    'free_page_and_swap_cache',
    'free_folio_and_swap_cache free_page_and_swap_cache',
    'page=%di:x64',
    {
      optional: 'inlined in this kernel',
    },
  ),
  ...READER_PROBES,
];

export interface TracepointRow {
  readonly level: Level;
  /** `system:event`; of several names the first that the kernel has. */
  readonly names: readonly string[];
  /** Why a kernel may not have it. */
  readonly why: string;
  /** Event that shows the same, where it is recorded for another reason. */
  readonly shownBy?: string;
}

const RCU_TRACE = 'needs CONFIG_RCU_TRACE';
const NEWER = 'came with 6.5';
const SYSCALLS = 'needs CONFIG_FTRACE_SYSCALLS';
const points = (level: Level, why: string, names: string): TracepointRow[] =>
  names.split(' ').map((name) => ({ level, why, names: name.split('|') }));

/** Syscalls that map, unmap or change mappings: their spans, and what a table was freed for. */
const SYSCALL_NAMES = ['munmap', 'mmap', 'mremap', 'madvise', 'brk'];

export const TRACEPOINT_TABLE: readonly TracepointRow[] = [
  ...points(
    'latency',
    SYSCALLS,
    SYSCALL_NAMES.flatMap((name) => [
      `syscalls:sys_enter_${name}|raw_syscalls:sys_enter`,
      `syscalls:sys_exit_${name}|raw_syscalls:sys_exit`,
    ]).join(' '),
  ),
  ...points('latency', '', 'tlb:tlb_flush'),
  ...points(
    'latency',
    RCU_TRACE,
    'rcu:rcu_grace_period rcu:rcu_exp_grace_period rcu:rcu_callback rcu:rcu_invoke_callback rcu:rcu_batch_start rcu:rcu_batch_end',
  ),
  ...points('tables', NEWER, 'csd:csd_queue_cpu csd:csd_function_entry csd:csd_function_exit'),
  ...points(
    'tables',
    'needs CONFIG_SMP',
    'irq_vectors:call_function_entry irq_vectors:call_function_exit irq_vectors:call_function_single_entry irq_vectors:call_function_single_exit',
  ),
  ...points(
    'tables',
    '',
    'kmem:mm_page_alloc kmem:mm_page_free sched:sched_switch sched:sched_process_fork sched:sched_process_exit',
  ),
  // Which CPUs are offline: the masks of flushes keep them.
  ...points('tables', 'needs CONFIG_SMP', 'cpuhp:cpuhp_enter cpuhp:cpuhp_multi_enter cpuhp:cpuhp_exit'),
  // The advice that marks pages of another process and unmaps none. A kernel that lacks the call is not asked for all others.
  ...['enter', 'exit'].map(
    (edge): TracepointRow => ({
      level: 'tables',
      why: 'came with 5.10',
      names: [`syscalls:sys_${edge}_process_madvise`],
      shownBy: `raw_syscalls:sys_${edge}`,
    }),
  ),
  ...points('full', '', 'rcu:rcu_utilization'),
  ...points('full', RCU_TRACE, 'rcu:rcu_watching|rcu:rcu_dyntick'),
];
