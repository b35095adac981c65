import {
  type Actor,
  address,
  allocated,
  DIRECT_MAP,
  eventLine,
  freed,
  type Step,
  step,
  structPage,
  VMEMMAP,
} from '../support/story.js';

/**
 * Short logs of four CPUs, written from kernel source and none of them cut from a recording: three threads of one process
 * on CPUs 0 to 2, CPU 3 idle. A cycle makes a table and takes it away again; a case is an odd cycle between plain ones.
 */

export const task = (cpu: number): Actor => ({ task: `app-${100 + cpu}`, cpu, flags: '.....' });
export const irq = (cpu: number): Actor => ({
  task: cpu === 3 ? '<idle>-0' : `app-${100 + cpu}`,
  cpu,
  flags: 'd.h1.',
});
export const softirq = (cpu: number): Actor => ({ ...irq(cpu), flags: '..s1.' });
export const idle = (cpu: number): Actor => ({ task: '<idle>-0', cpu, flags: 'd..2.' });
export const khugepaged: Actor = { task: 'khugepaged-45', cpu: 3, flags: '.....' };
const GP: Actor = { task: 'rcu_preempt-17', cpu: 3, flags: '.....' };

export const MM = '0xffff888100050e40';
export const TLB = '0xffffc90000347c90';
/** Below it on the stack. */
export const INNER_TLB = '0xffffc90000347a10';
const MIB2 = 0x200000;
const hex = (n: number): string => `0x${n.toString(16)}`;

/** 2 MiB of region `n`. */
export const low = (n: number): number => 0x100000000000 + n * MIB2;
export const rangeOf = (n: number): string => `start=${hex(low(n))} end=${hex(low(n) + MIB2)}`;
export const WHOLE = 'start=0x0 end=0xffffffffffffffff';
export const tablePfn = (n: number, k = 0): number => 0x114000 + n * 16 + k;
export const framePfn = (n: number): number => 0x225000 + n;
export const batchPfn = (n: number): number => 0x126000 + n;
export const singleHead = (n: number): string => `0x${(BigInt(structPage(tablePfn(n))) + 8n).toString(16)}`;

export const probe = (label: string, who: Actor, name: string, fields = '', symbol = name): Step =>
  step(label, who, `${name}: (${symbol}+0x4/0x1e0)${fields && ` ${fields}`}`);
export const returns = (label: string, who: Actor, symbol: string, from: string, fields = ''): Step =>
  step(label, who, `${symbol}_ret: (${from}+0x52/0x160 <- ${symbol})${fields && ` ${fields}`}`);

export interface Flush {
  readonly by?: Actor;
  readonly gen: number;
  readonly mask?: string;
  /** CPUs that are sent a request, and answer it. */
  readonly asked?: readonly number[];
  readonly range: string;
  readonly freedTables?: 0 | 1;
  readonly from?: string;
  readonly mm?: string;
}

const maskOf = (by: Actor, asked: readonly number[]): string =>
  hex([by.cpu, ...asked].reduce((bits, cpu) => bits | (1 << cpu), 0));

/** flush_tlb_mm_range() with the request to each CPU and its handler. */
export function flush(f: Flush): Step[] {
  const { by = task(0), gen, asked = [1, 2], range, freedTables = 1, from = 'tlb_finish_mmu', mm = MM } = f;
  const info = `info=0xffffc90000347b00 mm=${mm} ${range} new_tlb_gen=${gen}`;
  const csd = (cpu: number): string =>
    `func=flush_tlb_func csd=ffff88811c4${cpu}a0${(gen % 256).toString(16).padStart(2, '0')}`;
  return [
    probe(
      'request',
      by,
      'flush_tlb_mm_range',
      `mm=${mm} ${range} stride_shift=12 freed_tables=${freedTables}`,
    ),
    probe('multi', by, 'native_flush_tlb_multi', `cpumask=${f.mask ?? maskOf(by, asked)} ${info}`),
    step('told', by, 'tlb_flush: pages:-1 reason:remote IPI send (4)'),
    ...asked.map((cpu) =>
      step(
        `send${cpu}`,
        by,
        `csd_queue_cpu: cpu=${cpu} callsite=on_each_cpu_cond_mask+0x40/0x70 ${csd(cpu)}`,
      ),
    ),
    probe('local', { ...by, flags: 'd..1.' }, 'flush_tlb_func', info),
    ...asked.flatMap((cpu) => [
      step(`in${cpu}`, irq(cpu), `csd_function_entry: ${csd(cpu).replace(' csd', ', csd')}`),
      probe(`inv${cpu}`, irq(cpu), 'flush_tlb_func', info),
      step(`out${cpu}`, irq(cpu), `csd_function_exit: ${csd(cpu).replace(' csd', ', csd')}`),
    ]),
    returns('flushed', by, 'flush_tlb_mm_range', from),
  ];
}

export interface Cycle {
  readonly n: number;
  readonly by?: Actor;
  readonly asked?: readonly number[];
  readonly mask?: string;
  readonly gen?: number;
  readonly tables?: number;
}

const birth = ({ n, by = task(0), tables = 1 }: Cycle): Step[] =>
  Array.from({ length: tables }, (_, k) => [
    step(`alloc${k}`, by, allocated(tablePfn(n, k), 'GFP_PGTABLE_USER')),
    returns(`birth${k}`, by, 'pte_alloc_one', '__pte_alloc', `page=${structPage(tablePfn(n, k))}`),
    probe(
      `install${k}`,
      by,
      'pmd_install',
      `mm=${MM} pmd=0xffff888118cd0${n}10 page=${structPage(tablePfn(n, k))}`,
    ),
  ]).flat();

const begin = ({ n, by = task(0), tables = 1 }: Cycle, rcu: boolean): Step[] => [
  step('frame-alloc', by, allocated(framePfn(n), 'GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP')),
  step('enter', by, `sys_munmap(addr: ${hex(low(n))}, len: 0x200000)`),
  probe('gather', by, 'tlb_gather_mmu', `tlb=${TLB} mm=${MM}`),
  probe('unmap', by, 'unmap_vmas', `tlb=${TLB}`),
  probe(
    'pgd',
    by,
    'free_pgd_range',
    `tlb=${TLB} addr=${hex(low(n))} end=${hex(low(n) + MIB2)} floor=0x0 ceiling=0x0`,
  ),
  ...Array.from({ length: tables }, (_, k) => [
    probe(`unlink${k}`, by, '___pte_free_tlb', `tlb=${TLB} mm=${MM} page=${structPage(tablePfn(n, k))}`),
    ...(rcu
      ? [
          probe(
            `append${k}`,
            by,
            'tlb_remove_table',
            `tlb=${TLB} mm=${MM} table=${structPage(tablePfn(n, k))}`,
          ),
        ]
      : []),
  ]).flat(),
  returns('pgd-done', by, 'free_pgd_range', 'free_pgtables'),
];

const finish = ({ n, by = task(0), gen = n, asked, mask }: Cycle, rcu: boolean): Step[] => [
  probe(
    'finish',
    by,
    'tlb_finish_mmu',
    `tlb=${TLB} mm=${MM} batch=${rcu ? address(batchPfn(n)) : '0x0'} ${rangeOf(n)} flags=0x3004`,
  ),
  ...flush({ by, gen, range: rangeOf(n), ...(asked && { asked }), ...(mask && { mask }) }),
];

const end = (by: Actor): Step[] => [
  returns('finished', by, 'tlb_finish_mmu', 'unmap_region'),
  step('exit', by, 'sys_munmap -> 0x0'),
];

/** munmap() on a kernel that releases tables with the pages (A1). */
export function sync(cycle: Cycle): Step[] {
  const { n, by = task(0), tables = 1 } = cycle;
  return [
    ...birth(cycle),
    ...begin(cycle, false),
    ...finish(cycle, false),
    step('frame-free', by, freed(framePfn(n))),
    ...Array.from({ length: tables }, (_, k) => step(`free${k}`, by, freed(tablePfn(n, k)))),
    ...end(by),
  ];
}

export const gracePeriod = (n: number): Step[] => [
  step('gp-start', GP, `rcu_grace_period: rcu_preempt ${2401 + 4 * n} start`),
  step('gp-end', GP, `rcu_grace_period: rcu_preempt ${2401 + 4 * n} end`),
];
export const expedited = (n: number): Step[] => [
  step('exp-start', GP, `rcu_exp_grace_period: rcu_preempt ${hex(800 + 4 * n)} start`),
  step('exp-end', GP, `rcu_exp_grace_period: rcu_preempt ${hex(800 + 4 * n)} end`),
];

/** … on one that hands a batch of them to call_rcu() (D and later), to the end of the callback. */
export function rcu(cycle: Cycle): Step[] {
  const { n, by = task(0), tables = 1 } = cycle;
  const pages = Array.from({ length: tables }, (_, k) => structPage(tablePfn(n, k)));
  return [
    ...birth(cycle),
    ...begin(cycle, true),
    ...finish(cycle, true),
    probe('enqueue', by, 'call_rcu', `head=${address(batchPfn(n))} func=tlb_remove_table_rcu+0x0/0xa0`),
    step('frame-free', by, freed(framePfn(n))),
    ...end(by),
    ...gracePeriod(n),
    probe(
      'callback',
      softirq(0),
      'tlb_remove_table_rcu',
      `head=${address(batchPfn(n))} nr=${tables} tables={${[...pages, '0x0'].join(',')}}`,
    ),
    ...pages.map((_, k) => step(`free${k}`, softirq(0), freed(tablePfn(n, k)))),
    step('batch-free', softirq(0), freed(batchPfn(n))),
    returns('called', softirq(0), 'tlb_remove_table_rcu', 'rcu_do_batch'),
  ];
}

/** What makes the clocks comparable and the bases known, then the steps 10 µs apart. */
export function write(steps: readonly Step[], facts: readonly string[] = []): string {
  let us = 41_000_000;
  const known = [`base vmemmap 0x${VMEMMAP}`, `base direct-map 0x${DIRECT_MAP}`, ...facts];
  const lines = steps.map(({ who, rest }) => (who === null ? rest : eventLine(who, (us += 10), rest)));
  // Grace periods are numbered without a gap.
  let seq = 2397;
  const text = lines
    .join('\n')
    .replace(/(rcu_grace_period: rcu_preempt )\d+ (start|end)/g, (_, head, what) => {
      if (what === 'start') seq += 4;
      return `${head}${seq} ${what}`;
    });
  return `# tracer: nop\n#\n${known.map((f) => `# pttrace: ${f}\n`).join('')}${text}\n`;
}

/** Each thread on its CPU, as the scheduler put it there. */
export const RUNNING: readonly Step[] = [0, 1, 2].map((cpu) =>
  step(
    `runs${cpu}`,
    idle(cpu),
    `sched_switch: prev_comm=swapper/${cpu} prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=app next_pid=${100 + cpu} next_prio=120`,
  ),
);

/** The odd cycle is the third of five. */
export const among = (plain: (c: Cycle) => Step[], odd: readonly Step[]): Step[] => [
  ...RUNNING,
  ...plain({ n: 1 }),
  ...plain({ n: 2 }),
  ...odd,
  ...plain({ n: 4 }),
  ...plain({ n: 5 }),
];

/** The clock of one CPU ahead by so much: lines stand where their stamps put them. */
export function ahead(text: string, cpu: number, us: number): string {
  const stamped = text.split('\n').map((line, i) => {
    const m = /^(.* \[(\d{3})\] \S+ +)(\d+)\.(\d{6})(: .*)$/.exec(line);
    if (!m) return { line, at: i < 20 ? -1 : Number.POSITIVE_INFINITY, i };
    const at = Number(m[3]) * 1e6 + Number(m[4]) + (Number(m[2]) === cpu ? us : 0);
    const stamp = `${Math.floor(at / 1e6)}.${String(at % 1e6).padStart(6, '0')}`;
    return { line: `${m[1]}${stamp}${m[5]}`, at, i };
  });
  return stamped
    .sort((a, b) => a.at - b.at || a.i - b.i)
    .map(({ line }) => line)
    .join('\n');
}
