/**
 * Short recordings written by hand, in the shape tracefs prints them. A recording is a list of labelled steps, so
 * that a test can leave one out or move it; stamps come with printing, 10 µs apart. Knows nothing of `src`.
 */

export interface Actor {
  readonly task: string;
  readonly cpu: number;
  /** irqs-off, need-resched, context, preempt-depth, migrate-disable. */
  readonly flags: string;
}

export interface Step {
  readonly label: string;
  /** Null: a line without task and stamp, such as `CPU:0 [LOST 12 EVENTS]`. */
  readonly who: Actor | null;
  readonly rest: string;
}

export const step = (label: string, who: Actor | null, rest: string): Step => ({ label, who, rest });

export const MUNMAP: Actor = { task: 'ptw-munmap-100', cpu: 0, flags: '.....' };
export const SOFTIRQ: Actor = { task: 'ptw-munmap-100', cpu: 0, flags: '..s..' };
export const SPIN_IRQ: Actor = { task: 'ptw-spin1-101', cpu: 1, flags: 'd.h..' };
export const READER: Actor = { task: 'ptw-gup-102', cpu: 1, flags: 'd....' };
export const RCU_TASK: Actor = { task: 'rcu_preempt-17', cpu: 1, flags: 'd..1.' };

export const VMEMMAP = 'ffffea0000000000';
export const DIRECT_MAP = 'ffff888000000000';
/** What a boot without KASLR has; given to the tool, since a handful of lines is too little to learn them from. */
export const BASES = { vmemmap: VMEMMAP, directMap: DIRECT_MAP } as const;

const hex = (n: bigint): string => `0x${n.toString(16)}`;
export const structPage = (pfn: number): string => hex(BigInt(`0x${VMEMMAP}`) + BigInt(pfn) * 64n);
export const address = (pfn: number): string => hex(BigInt(`0x${DIRECT_MAP}`) + BigInt(pfn) * 4096n);

/** Page frame numbers and keys of cycle `n`. */
export const tablePfn = (n: number): number => 0x11a000 + n;
export const framePfn = (n: number): number => 0x12b000 + n;
export const batchPfn = (n: number): number => 0x13c000 + n;
const rhp = (n: number): string => (0x799eb000 + n).toString(16).padStart(16, '0');
const csd = (n: number): string => (0x1f5af000 + n).toString(16).padStart(16, '0');

export const TLB = '0xffffc90000123d00';
export const MM = '0xffff888100051300';
const WHOLE = `mm=${MM} start=0x100000000000 end=0x100000200000`;
const PROBE_TAIL = 'start=0x100000000000 end=0x100000200000 flags=0x3004';

export const freed = (pfn: number): string =>
  `mm_page_free: page=0000000044f05b9b pfn=0x${pfn.toString(16)} order=0`;
export const allocated = (pfn: number, gfp: string): string =>
  `mm_page_alloc: page=0000000044f05b9b pfn=0x${pfn.toString(16)} order=0 migratetype=1 gfp_flags=${gfp}`;
export const marker = (text: string): string => `tracing_mark_write: pttrace: ${text}`;
export const LOST = (cpu: number, count = 12): Step =>
  step('lost', null, `CPU:${cpu} [LOST ${count} EVENTS]`);

const USER = 'GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP';
const KERNEL = 'GFP_PGTABLE_USER';

/** A page fault that makes table `n` and frame `n`. */
export const fault = (n: number): Step[] => [
  step('table-alloc', MUNMAP, allocated(tablePfn(n), KERNEL)),
  step(
    'birth',
    MUNMAP,
    `pte_alloc_one_ret: (__pte_alloc+0x1a/0xc0 <- pte_alloc_one) page=${structPage(tablePfn(n))}`,
  ),
  step(
    'install',
    MUNMAP,
    `pmd_install: (pmd_install+0x4/0xb0) mm=${MM} pmd=0xffff888118cd0010 page=${structPage(tablePfn(n))}`,
  ),
  step('frame-alloc', MUNMAP, allocated(framePfn(n), USER)),
];

const begin = (n: number): Step[] => [
  step('enter', MUNMAP, 'sys_munmap(addr: 100000000000, len: 200000)'),
  step('gather', MUNMAP, `tlb_gather_mmu: (tlb_gather_mmu+0x4/0x70) tlb=${TLB} mm=${MM}`),
  step(
    'unlink',
    MUNMAP,
    `pte_free_tlb: (___pte_free_tlb+0x4/0x80) tlb=${TLB} mm=${MM} page=${structPage(tablePfn(n))}`,
  ),
];

const append = (n: number): Step =>
  step(
    'append',
    MUNMAP,
    `tlb_remove_table: (tlb_remove_table+0x4/0x230) tlb=${TLB} mm=${MM} table=${structPage(tablePfn(n))}`,
  );

const finish = (n: number): Step =>
  step(
    'finish',
    MUNMAP,
    `tlb_finish_mmu: (tlb_finish_mmu+0x4/0x160) tlb=${TLB} mm=${MM} batch=${address(batchPfn(n))} ${PROBE_TAIL}`,
  );

export const flush = (n: number, caller: string, freedTables = 1): Step[] => [
  step(
    'request',
    MUNMAP,
    `flush_tlb_mm_range: (flush_tlb_mm_range+0x4/0x1e0) ${WHOLE} stride_shift=12 freed_tables=${freedTables}`,
  ),
  step(
    'multi',
    MUNMAP,
    `native_flush_tlb_multi: (native_flush_tlb_multi+0x4/0x160) cpumask=0x3 info=0xffff88811c42d440 ${WHOLE} new_tlb_gen=${n}`,
  ),
  step(
    'send',
    MUNMAP,
    `csd_queue_cpu: cpu=1 callsite=smp_call_function_many_cond+0x123/0x580 func=flush_tlb_func csd=${csd(n)}`,
  ),
  step('handler-in', SPIN_IRQ, `csd_function_entry: func=flush_tlb_func, csd=${csd(n)}`),
  step(
    'invalidate',
    SPIN_IRQ,
    `flush_tlb_func: (flush_tlb_func+0x4/0x1e0) info=0xffff88811c42d440 ${WHOLE} new_tlb_gen=${n}`,
  ),
  step('handler-out', SPIN_IRQ, `csd_function_exit: func=flush_tlb_func, csd=${csd(n)}`),
  step('flushed', MUNMAP, `flush_tlb_mm_range_ret: (${caller}+0xe7/0x160 <- flush_tlb_mm_range)`),
];

const end = (): Step[] => [
  step('finished', MUNMAP, 'tlb_finish_mmu_ret: (vms_clear_ptes+0x11a/0x130 <- tlb_finish_mmu)'),
  step('exit', MUNMAP, 'sys_munmap -> 0x0'),
];

export const gracePeriod = (n: number): Step[] => [
  step('gp-start', RCU_TASK, `rcu_grace_period: rcu_preempt ${8397 + 4 * n} start`),
  step('gp-end', RCU_TASK, `rcu_grace_period: rcu_preempt ${8397 + 4 * n} end`),
];

/** munmap of one table and one page with call_rcu, to the end of its callback (6.14 and later). */
export const munmapRcu = (n: number): Step[] => [
  ...fault(n),
  ...begin(n),
  append(n),
  finish(n),
  ...flush(n, 'tlb_finish_mmu'),
  step(
    'enqueue',
    MUNMAP,
    `call_rcu: (call_rcu+0x4/0x10) head=${address(batchPfn(n))} func=tlb_remove_table_rcu+0x0/0x40`,
  ),
  step('enqueue-traced', MUNMAP, `rcu_callback: rcu_preempt rhp=${rhp(n)} func=tlb_remove_table_rcu 8`),
  step('frame-free', MUNMAP, freed(framePfn(n))),
  ...end(),
  ...gracePeriod(n),
  step('invoke', SOFTIRQ, `rcu_invoke_callback: rcu_preempt rhp=${rhp(n)} func=tlb_remove_table_rcu`),
  step(
    'callback',
    SOFTIRQ,
    `tlb_remove_table_rcu: (tlb_remove_table_rcu+0x4/0x40) head=${address(batchPfn(n))} nr=1 tables={${structPage(tablePfn(n))},0x0}`,
  ),
  step('table-free', SOFTIRQ, freed(tablePfn(n))),
  step('batch-free', SOFTIRQ, freed(batchPfn(n))),
  step('called', SOFTIRQ, 'tlb_remove_table_rcu_ret: (rcu_do_batch+0x1b9/0x4c0 <- tlb_remove_table_rcu)'),
];

/** The same where no memory is left for a batch: the table goes to call_rcu by itself. */
export const singleRcu = (n: number): Step[] => [
  ...fault(n),
  ...begin(n),
  append(n),
  ...flush(n, 'tlb_remove_table'),
  step(
    'enqueue',
    MUNMAP,
    `call_rcu: (call_rcu+0x4/0x10) head=${hex(BigInt(structPage(tablePfn(n))) + 8n)} func=__tlb_remove_table_one_rcu+0x0/0x20`,
  ),
  step('enqueue-traced', MUNMAP, `rcu_callback: rcu_preempt rhp=${rhp(n)} func=__tlb_remove_table_one_rcu 8`),
  finish(n),
  ...end(),
  ...gracePeriod(n),
  step('invoke', SOFTIRQ, `rcu_invoke_callback: rcu_preempt rhp=${rhp(n)} func=__tlb_remove_table_one_rcu`),
  step('table-free', SOFTIRQ, freed(tablePfn(n))),
];

/** The same in a PV guest up to 6.14: an IPI to all CPUs, then the release by the task itself. */
export const singleSync = (n: number): Step[] => [
  ...fault(n),
  ...begin(n),
  append(n),
  ...flush(n, 'tlb_remove_table'),
  ...smpSync(n),
  step('table-free', MUNMAP, freed(tablePfn(n))),
  finish(n),
  ...end(),
];

/** The broadcast of tlb_remove_table_sync_one(), answered by CPU 1. */
export const smpSync = (n: number): Step[] => [
  step(
    'sync-send',
    MUNMAP,
    `csd_queue_cpu: cpu=1 callsite=smp_call_function+0x3d/0x70 func=tlb_remove_table_smp_sync csd=${csd(n + 500)}`,
  ),
  step('sync-in', SPIN_IRQ, `csd_function_entry: func=tlb_remove_table_smp_sync, csd=${csd(n + 500)}`),
  step('sync-out', SPIN_IRQ, `csd_function_exit: func=tlb_remove_table_smp_sync, csd=${csd(n + 500)}`),
];

/** munmap on a kernel without call_rcu for tables: released by the task, after the flush. */
export const munmapSync = (n: number): Step[] => [
  ...fault(n),
  ...begin(n),
  finish(n),
  ...flush(n, 'tlb_finish_mmu'),
  step('frame-free', MUNMAP, freed(framePfn(n))),
  step('table-free', MUNMAP, freed(tablePfn(n))),
  ...end(),
];

const place = (steps: readonly Step[], label: string): number => {
  const i = steps.findIndex((s) => s.label === label);
  if (i < 0) throw new RangeError(`no step ${label}`);
  return i;
};

export function without(steps: readonly Step[], ...labels: string[]): Step[] {
  for (const label of labels) place(steps, label);
  return steps.filter((s) => !labels.includes(s.label));
}

export function insertBefore(steps: readonly Step[], label: string, ...added: Step[]): Step[] {
  const at = place(steps, label);
  return [...steps.slice(0, at), ...added, ...steps.slice(at)];
}

export function insertAfter(steps: readonly Step[], label: string, ...added: Step[]): Step[] {
  const at = place(steps, label) + 1;
  return [...steps.slice(0, at), ...added, ...steps.slice(at)];
}

export const moveBefore = (steps: readonly Step[], label: string, target: string): Step[] =>
  insertBefore(without(steps, label), target, steps[place(steps, label)]!);

export const moveAfter = (steps: readonly Step[], label: string, target: string): Step[] =>
  insertAfter(without(steps, label), target, steps[place(steps, label)]!);

export const again = (steps: readonly Step[], label: string): Step[] =>
  insertAfter(steps, label, steps[place(steps, label)]!);

/** Another doer of one step. */
export const by = (steps: readonly Step[], label: string, who: Actor): Step[] =>
  steps.map((s) => (s.label === label ? { ...s, who } : s));

export const change = (steps: readonly Step[], label: string, from: string | RegExp, to: string): Step[] =>
  steps.map((s) => (s.label === label ? { ...s, rest: s.rest.replace(from, to) } : s));

const STAMP_STEP_US = 10;

export function eventLine(who: Actor, us: number, rest: string): string {
  const stamp = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
  return `${who.task.padStart(16)}${' '.repeat(6)}[${String(who.cpu).padStart(3, '0')}] ${who.flags} ${stamp.padStart(12)}: ${rest}`;
}

/** The recording as text: header, then one line per step. `cpus` as the header announces them. */
export function print(steps: readonly Step[], cpus = 2, written = steps.length): string {
  let us = 89_361_870;
  const lines = steps.map(({ who, rest }) => {
    if (who === null) return rest;
    us += STAMP_STEP_US;
    return eventLine(who, us, rest);
  });
  const header = [
    '# tracer: nop',
    '#',
    `# entries-in-buffer/entries-written: ${written}/${written}   #P:${cpus}`,
    '#',
    '#                                _-----=> irqs-off/BH-disabled',
    '#                               / _----=> need-resched',
    '#                              | / _---=> hardirq/softirq',
    '#                              || / _--=> preempt-depth',
    '#                              ||| / _-=> migrate-disable',
    '#                              |||| /     delay',
    '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
    '#              | |         |   |||||     |         |',
  ];
  return `${[...header, ...lines].join('\n')}\n`;
}
