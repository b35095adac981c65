import type { FuncTable } from '../kernel/func-table.js';
import { FUNC, GP_EVENT, OP, READER } from '../kernel/ops.js';
import type { ProgramOp } from '../machine/emitter.js';
import { structPage } from '../machine/names.js';
import { FLUSH_ALL } from '../mmu/kernel-model.js';
import { FLAG } from '../timeline/flags.js';
import { isKnown } from '../timeline/is-known.js';
import type { Program } from './program.js';
import { STEP_NS } from './run.js';

/** Recordings do not begin at zero. */
const START_NS = 100_000_000_000;
const REASONS = [
  'flush on task switch',
  'remote shootdown',
  'local shootdown',
  'local mm shootdown',
  'remote ipi send',
] as const;
const READER_NAMES = Object.keys(READER);
const GP_NAMES = Object.keys(GP_EVENT);
const HIGH_BITS = 0xffe0_0000_0000_0000n;

const HEADER = `# pttrace: model 7.2
# tracer: nop
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;

/**
 * A program as an ftrace log: the line of the real probe or tracepoint where there is one, and `tracing_mark_write:
 * pttrace: …` where no probe shows it (docs/litmus.md lists those; anybody may write them).
 */
export function toFtrace(program: Program): string {
  return HEADER + program.ops.map((op) => `${lineOf(op, program.funcs)}\n`).join('');
}

function lineOf(op: ProgramOp, funcs: FuncTable): string {
  const us = Math.round((START_NS + op.ref * STEP_NS) / 1000);
  const stamp = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
  const task = `litmus-${op.pid}`.padStart(16);
  const cpu = String(op.cpu).padStart(3, '0');
  return `${task}    [${cpu}] ${flagsOf(op.flags)} ${stamp.padStart(12)}: ${bodyOf(op, funcs)}`;
}

const flagsOf = (flags: number): string => {
  if (flags & FLAG.hardirq) return 'd.h1.';
  return `${flags & FLAG.irqsOff ? 'd' : '.'}.${flags & FLAG.softirq ? 's' : '.'}${flags & FLAG.softirq ? '1' : '.'}.`;
};

/** A number as the kernel prints it: pointers with the bits above the 53 kept ones, which are all set. */
function hex(value: number): string {
  const big = BigInt(value);
  return `0x${(value >= 2 ** 52 ? big | HIGH_BITS : big).toString(16)}`;
}
const bare = (value: number): string => hex(value).slice(2).padStart(16, '0');

type Print = (a: readonly number[], funcs: FuncTable) => string;

const given = (value: number | undefined): value is number => value !== undefined && isKnown(value);

/** `key=value` of those that are known. */
function pairs(...list: readonly (readonly [string, number | undefined, 'hex' | 'dec'])[]): string {
  return list
    .filter(([, value]) => given(value))
    .map(([key, value, base]) => ` ${key}=${base === 'hex' ? hex(value!) : value}`)
    .join('');
}

const mark = (text: string): string => `tracing_mark_write: pttrace: ${text}`;
const at = (a: readonly number[]): string => pairs(['mm', a[0], 'hex'], ['addr', a[1], 'hex']);
const pfn = (value: number | undefined): string => pairs(['pfn', value, 'hex']);
const lock = (id: number | undefined, funcs: FuncTable): string =>
  given(id) ? ` lock=${funcs.name(id)}` : '';
const probe = (name: string, args: string): string => `${name}: (${name}+0x4/0x200)${args}`;
const returns = (name: string, caller: string): string => `${name}_ret: (${caller}+0x40/0x200 <- ${name})`;
const reader = (kind: number): string => (given(kind) ? ` kind=${READER_NAMES[kind]}` : '');

const entryOrReturn =
  (name: string, caller: string): Print =>
  (a) =>
    a[0] === 1 ? probe(name, '') : returns(name, caller);

const PRINT: Readonly<Record<number, Print>> = {
  [OP.LINK]: (a) => mark(`LINK${at(a)}${pfn(a[2])}${pairs(['level', a[3], 'dec'])}`),
  [OP.UL]: (a) => mark(`UL${at(a)}${pfn(a[2])}`),
  [OP.SETE]: (a) => mark(`SETE${pfn(a[0])}${pairs(['addr', a[1], 'hex'], ['frame', a[2], 'hex'])}`),
  [OP.CLRE]: (a) => mark(`CLRE${pfn(a[0])}${pairs(['addr', a[1], 'hex'])}`),
  [OP.HW]: (a) => mark(`HW${at(a)}${pairs(['dev', a[2], 'dec'], ['user', a[3], 'dec'])}`),
  [OP.IOTLB]: (a) => mark(`IOTLB${pairs(['mm', a[0], 'hex'], ['dev', a[1], 'dec'])}`),
  [OP.BIND]: (a) => mark(`BIND${pairs(['head', a[0], 'hex'])}${pfn(a[2])}`),
  [OP.REUSE]: (a) => mark(`REUSE${pfn(a[0])}`),
  [OP.LK]: (a, f) => mark(`LK${lock(a[0], f)}${pairs(['spin', a[1], 'dec'])}`),
  [OP.UN]: (a, f) => mark(`UN${lock(a[0], f)}${at(a.slice(1))}`),
  [OP.NEED]: (a, f) => mark(`NEED${lock(a[0], f)}`),
  [OP.VMAUL]: (a) => mark(`VMAUL${at(a)}`),
  [OP.GONE]: (a) => mark(`GONE${at(a)}`),
  [OP.EMPTY]: (a) => mark(`EMPTY${pfn(a[0])}`),
  [OP.PTL]: (a) => mark(`PTL${pfn(a[0])}${pairs(['use', a[1], 'dec'])}`),
  [OP.PGD]: (a) => mark(`PGD${pfn(a[0])}`),
  [OP.DEP]: (a) => mark(`DEP${pfn(a[0])}${pairs(['on', a[1], 'hex'])}`),
  [OP.WDR]: (a) => mark(`WDR${pfn(a[0])}`),
  [OP.HUGE]: (a) => mark(`HUGE${at(a)}${pairs(['frame', a[2], 'hex'])}`),
  [OP.PIN]: (a) => mark(`PIN${pfn(a[0])}${pairs(['recheck', a[1], 'dec'])}`),
  [OP.MOVE]: (a) => mark(`MOVE${at(a)}${pfn(a[2])}`),
  [OP.LZ]: (a) => mark(`LZ${pairs(['mm', a[0], 'hex'], ['on', a[1], 'dec'])}`),
  [OP.CR3]: (a) => mark(`CR3${pairs(['mm', a[0], 'hex'])}`),
  [OP.BCAST]: (a) => mark(`BCAST${pairs(['mm', a[0], 'hex'])}`),
  [OP.TLBSYNC]: () => mark('TLBSYNC'),
  [OP.RB]: (a, f) => mark(`RB${reader(a[0]!)}${pfn(a[1])}${lock(a[3], f)}`),
  [OP.RE]: (a) => mark(`RE${reader(a[0]!)}${pfn(a[1])}`),
  [OP.DR]: (a) => mark(`DR${reader(a[0]!)}${pfn(a[1])}`),
  [OP.INV]: (a) =>
    given(a[5])
      ? mark(
          `INV${pairs(['mm', a[1], 'hex'], ['start', a[2], 'hex'])} end=${end(a[3]!)} gen=${a[4]} only=${a[5]}`,
        )
      : probe(
          'flush_tlb_func',
          ` info=0xffff88811c42d440 mm=${hex(a[1]!)} start=${hex(a[2]!)} end=${end(a[3]!)} new_tlb_gen=${a[4]}`,
        ),
  [OP.TLBF]: (a) => `tlb_flush: pages:${a[0]} reason:${REASONS[a[1]!]} (${a[1]})`,
  [OP.FR]: (a) =>
    probe(
      'flush_tlb_mm_range',
      ` mm=${hex(a[0]!)} start=${hex(a[1]!)} end=${end(a[2]!)} stride_shift=${a[3]} freed_tables=${a[4]}`,
    ),
  [OP.FD]: () => returns('flush_tlb_mm_range', 'tlb_finish_mmu'),
  [OP.FMULTI]: (a) =>
    probe(
      'native_flush_tlb_multi',
      ` cpumask=${hex(a[0]!)} info=0xffff88811c42d440 mm=${hex(a[1]!)} start=${hex(a[2]!)} end=${end(a[3]!)} new_tlb_gen=${a[4]}`,
    ),
  [OP.IS]: (a, f) =>
    `csd_queue_cpu: cpu=${a[0]} callsite=on_each_cpu_cond_mask+0x40/0x70 func=${f.name(a[1]!)} csd=${csd(a[2]!)}`,
  [OP.IE]: (a, f) => `csd_function_entry: func=${f.name(a[1]!)}, csd=${csd(a[2]!)}`,
  [OP.IX]: (a, f) => `csd_function_exit: func=${f.name(a[1]!)}, csd=${csd(a[2]!)}`,
  [OP.APP]: (a) =>
    probe(
      'tlb_remove_table',
      ` tlb=0xffffc9000135fac0 mm=${isKnown(a[1] ?? Number.NaN) ? hex(a[1]!) : '0xffff888100001000'} table=${pageAt(a[2]!)}`,
    ),
  [OP.DEFER]: (a) => probe('pte_free_defer', ` mm=${hex(a[0]!)} table=${pageAt(a[1]!)}`),
  [OP.CR]: (a, f) => probe('call_rcu', ` head=${hex(a[0]!)} func=${f.name(a[1]!)}+0x0/0x40`),
  [OP.RQ]: (a, f) => `rcu_callback: rcu_preempt rhp=${bare(a[0]!)} func=${f.name(a[1]!)} 1`,
  [OP.RI]: (a, f) => `rcu_invoke_callback: rcu_preempt rhp=${bare(a[0]!)} func=${f.name(a[1]!)}`,
  [OP.CB]: (a) => probe(FUNC_NAME, ` head=${hex(a[0]!)}`),
  [OP.CBret]: () => returns(FUNC_NAME, 'rcu_do_batch'),
  [OP.FREE]: (a) => `mm_page_free: page=${pageAt(a[0]!).slice(2)} pfn=${hex(a[0]!)} order=${a[1]}`,
  [OP.ALLOC]: (a) =>
    `mm_page_alloc: page=${pageAt(a[0]!).slice(2)} pfn=${hex(a[0]!)} order=${a[1]} migratetype=0 gfp_flags=GFP_KERNEL`,
  [OP.QS]: () => 'rcu_utilization: Start context switch',
  [OP.GP]: (a) => `rcu_grace_period: rcu_preempt ${a[0]} ${GP_NAMES[a[1]!]}`,
  [OP.SYNC1]: entryOrReturn('tlb_remove_table_sync_one', 'collapse_huge_page'),
  [OP.SYNCR]: entryOrReturn('tlb_remove_table_sync_rcu', 'tlb_remove_table'),
};

const FUNC_NAME = Object.keys(FUNC)[FUNC.tlb_remove_table_rcu]!;
const end = (value: number): string => (value === FLUSH_ALL ? '0xffffffffffffffff' : hex(value));
const csd = (value: number): string => bare(0x1_0000 + value * 0x40);
const pageAt = (frame: number): string => `0x${structPage(frame).toString(16)}`;

function bodyOf(op: ProgramOp, funcs: FuncTable): string {
  const print = PRINT[op.kind];
  if (!print) throw new Error(`operation ${op.kind} has no line`);
  return print(op.slots, funcs);
}
