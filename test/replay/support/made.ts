import { type Actor, eventLine, freed, MM, MUNMAP, marker, SPIN_IRQ, structPage, TLB } from './story.js';

/**
 * Short traces, one kept and one broken for each invariant that no recording under fixtures/ both keeps and can break.
 * Stamps are given by the second, since two of them are about what has not happened after a minute.
 */

interface Row {
  readonly who: Actor;
  readonly rest: string;
  /** Seconds between it and the row before, beside 10 µs. */
  readonly after?: number;
}

function text(rows: readonly Row[]): string {
  let us = 100_000_000;
  const lines = rows.map(({ who, rest, after = 0 }) => {
    us += 10 + after * 1_000_000;
    return eventLine(who, us, rest);
  });
  return `# tracer: nop\n#\n${lines.join('\n')}\n`;
}

const task = (rest: string, after = 0): Row => ({ who: MUNMAP, rest, after });
const other = (rest: string): Row => ({ who: { ...SPIN_IRQ, flags: '.....' }, rest });

const flush = (gen: number): Row[] => [
  task(
    `flush_tlb_mm_range: (flush_tlb_mm_range+0x4/0x1e0) mm=${MM} start=0x0 end=0xffffffffffffffff stride_shift=12 freed_tables=1`,
  ),
  task(
    `native_flush_tlb_multi: (native_flush_tlb_multi+0x4/0x100) cpumask=0x3 info=0xffff88811c42d440 mm=${MM} start=0x0 end=0xffffffffffffffff new_tlb_gen=${gen}`,
  ),
  task(
    'csd_queue_cpu: cpu=1 callsite=on_each_cpu_cond_mask+0x40/0x70 func=flush_tlb_func csd=ffff88811c4b1f41',
  ),
  { who: SPIN_IRQ, rest: 'csd_function_entry: func=flush_tlb_func, csd=ffff88811c4b1f41' },
  { who: SPIN_IRQ, rest: 'csd_function_exit: func=flush_tlb_func, csd=ffff88811c4b1f41' },
  task('flush_tlb_mm_range_ret: (tlb_finish_mmu+0x72/0x160 <- flush_tlb_mm_range)'),
];
const exits = (...between: Row[]): Row[] => [
  task(`exit_mmap: (exit_mmap+0x4/0x3d0) mm=${MM}`),
  ...between,
  task('exit_mmap_ret: (mmput+0x5e/0x130 <- exit_mmap)'),
];

const install = (pfn: number): Row =>
  task(`pmd_install: (pmd_install+0x4/0xb0) mm=${MM} pmd=0xffff88807afde010 page=${structPage(pfn)}`);
const handOver = (pfn: number): Row =>
  task(`pte_free_tlb: (___pte_free_tlb+0x4/0x90) tlb=${TLB} mm=${MM} page=${structPage(pfn)}`);
const shown = [0x100, 0x101, 0x102].map((pfn) => task(freed(pfn)));

const reader = (op: string, after = 0): Row => ({ ...other(marker(`${op} kind=rcu pfn=0x300`)), after });
const readers: Row[] = [task, other].flatMap((on) =>
  ['RB', 'RE'].map((op) => on(marker(`${op} kind=rcu pfn=0x301`))),
);
const gp = (what: string, after = 0): Row => task(`rcu_grace_period: rcu_preempt 5 ${what}`, after);
/** Seconds: more than clocks are taken to be apart that nothing compares. */
const APART = 0.0001;

const enter = task('sys_munmap(addr: 100000000000, len: 200000)');
const leave = task('sys_munmap -> 0x0');
const died = task('sched_process_exit: comm=ptw-munmap pid=100 prio=120');
const born = other('sched_process_fork: comm=sh pid=101 child_comm=sh child_pid=100');

export const KEPT: Readonly<Record<string, string>> = {
  I40: text([...readers, reader('RB'), gp('start'), reader('RE'), gp('end'), ...readers]),
  I50: text([...flush(5), ...exits(), ...flush(1)]),
  I51: text([...shown, install(0x200), ...exits(handOver(0x200))]),
  I54: text([enter, leave, died, born, enter, leave]),
};

export const BROKEN_TRACES: Readonly<Record<string, string>> = {
  I40: text([reader('RB'), gp('start', APART), gp('end'), reader('RE', APART)]),
  I50: text([...flush(5), ...exits(), ...flush(6)]),
  I51: text([...shown, install(0x200), install(0x201), ...exits(handOver(0x200)), task(freed(0x104), 120)]),
  I54: text([enter, leave, enter, died, leave, enter, leave]),
};
