import { describe, expect, test } from 'vitest';
import { unknownBases } from '../../src/kernel/bases.js';
import { Decoder } from '../../src/kernel/decoder.js';
import { FuncTable } from '../../src/kernel/func-table.js';
import { GP_EVENT, OP, Op } from '../../src/kernel/ops.js';
import { printfHead } from '../../src/parsers/bpftrace/bpftrace-log.js';
import { RecordBatch } from '../../src/timeline/batch.js';
import { EventTable } from '../../src/timeline/events.js';

const NAMES = Object.fromEntries(Object.entries(OP).map(([name, kind]) => [kind, name]));

/** `event fields` as a bpftrace program prints them → operation and slots; null if it means nothing. */
function decoded(text: string): [string, ...(number | null)[]] | null {
  const events = new EventTable();
  const funcs = new FuncTable();
  const blank = text.indexOf(' ');
  const name = blank < 0 ? text : text.slice(0, blank);
  const batch = new RecordBatch(1);
  batch.bytes = new TextEncoder().encode(`xx${text}9=9`);
  batch.bodyStart[0] = 2 + (blank < 0 ? text.length : blank + 1);
  batch.bodyEnd[0] = 2 + text.length;
  batch.event[0] = events.internHead(name, printfHead(name));
  batch.length = 1;
  const op = new Op();
  if (!new Decoder({ events, funcs, bases: unknownBases() }).decode(batch, 0, op)) return null;
  const slots = [op.a0, op.a1, op.a2, op.a3, op.a4, op.a5].map((n) => (Number.isNaN(n) ? null : n));
  while (slots.length > 0 && slots.at(-1) === null) slots.pop();
  // FuncIds are numbers of no meaning: their names are compared.
  if (op.kind === OP.SE || op.kind === OP.SX)
    return [`${NAMES[op.kind]} ${funcs.name(op.a0)}`, ...slots.slice(1)];
  return [NAMES[op.kind]!, ...slots];
}

describe('name=value bodies, as printf logs have them', () => {
  test.each<[string, ReturnType<typeof decoded>]>([
    ['tlb_flush reason=1 pages=-1', ['TLBF', -1, 1]],
    ['tlb_flush pages=33, reason=4', ['TLBF', 33, 4]],
    ['tlb_flush pages=18446744073709551615 reason=0', ['TLBF', -1, 0]],
    ['tlb_flush pages=0xffffffffffffffff reason=0x3', ['TLBF', -1, 3]],
    ['tlb_flush pages=2', ['TLBF', 2]],
    ['sys_enter_munmap addr=0x7f15f6646000 len=200704', ['SE munmap', 0x7f15f6646000, 200704]],
    ['sys_enter_munmap addr=0x7f15f6646000, len=0x31000', ['SE munmap', 0x7f15f6646000, 0x31000]],
    ['sys_exit_munmap ret=0', ['SX munmap', 0]],
    ['sys_exit_munmap ret=-22', ['SX munmap', -22]],
    ['sys_exit_mmap ret=139731', ['SX mmap', 139731]],
    ['sys_exit_mmap ret=0xfffffffffffffff4', ['SX mmap', -12]],
    ['sys_exit_munmap addr=0x1000 ret=0', ['SX munmap', 0]],
    ['raw_syscalls:sys_enter id=11', ['SE munmap']],
    ['raw_syscalls:sys_exit id=11 ret=-1', ['SX munmap', -1]],
    ['rcu_grace_period rcuname=rcu_preempt gp_seq=7077 gpevent=cpuend', ['GP', 7077, GP_EVENT.cpuend]],
    ['rcu_grace_period gp=-111 event=start', ['GP', -111, GP_EVENT.start]],
    ['rcu_grace_period gp_seq=18446744073709551505 gpevent=end', ['GP', -111, GP_EVENT.end]],
    ['rcu_utilization s=Start context switch', ['QS', 1]],
    ['rcu_utilization s=End context switch', null],
    ['sched_switch prev_pid=0 next_pid=17', ['SW', 0, 17]],
    ['sched_switch prev=12 next=0', ['SW', 12, 0]],
    ['mm_page_free pfn=0x10c932 order=0', ['FREE', 0x10c932, 0]],
    ['mm_page_free pfn=1100082 order=3', ['FREE', 1100082, 3]],
    ['mm_page_alloc pfn=1100082 order=0 gfp=0x100cca', ['ALLOC', 1100082, 0, 1]],
    ['mm_page_alloc order=1 pfn=1100082 gfp_flags=3264', ['ALLOC', 1100082, 1, 0]],
    ['mm_page_alloc pfn=7 order=0 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP', ['ALLOC', 7, 0, 1]],
    [
      'call_rcu head=0xffff88807c814608 func=mt_free_rcu',
      ['CR', 0x1f88807c814608, expect.any(Number), expect.any(Number), null, 0],
    ],
    [
      'flush_tlb_mm_range mm=0xffff88810006cac0 start=0x1000 end=0x3000 stride=12 freed_tables=1',
      ['FR', 0x1f88810006cac0, 0x1000, 0x3000, 12, 1],
    ],
    ['kretprobe:flush_tlb_mm_range', ['FD']],
    ['flush_tlb_mm_range%return ret=0', ['FD']],
    ['flush_tlb_mm_range_ret', ['FD']],
  ])('%s', (text, want) => {
    expect(decoded(text)).toEqual(want);
  });
});

test("the kernel's own forms keep their meaning", () => {
  expect(decoded('tlb_flush pages:-1 reason:local mm shootdown (3)')).toEqual(['TLBF', -1, 3]);
  expect(decoded('tlb_flush pages=-1 reason= (4)')).toEqual(['TLBF', -1, 4]);
  expect(decoded('rcu_grace_period rcu_preempt 7077 end')).toEqual(['GP', 7077, GP_EVENT.end]);
  expect(decoded('sys_enter_munmap addr: 7f15f6646000, len: 200000)')).toEqual([
    'SE munmap',
    0x7f15f6646000,
    0x200000,
  ]);
  expect(decoded('sys_exit_munmap 0xfffffffffffffff5')).toEqual(['SX munmap', -11]);
});
