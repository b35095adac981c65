import {
  change,
  freed,
  insertAfter,
  insertBefore,
  moveAfter,
  moveBefore,
  type Step,
  step,
  without,
} from '../support/story.js';
import type { NearCase } from './cases.js';
import {
  ahead,
  among,
  flush,
  framePfn,
  idle,
  irq,
  low,
  MM,
  probe,
  RUNNING,
  rangeOf,
  rcu,
  softirq,
  sync,
  task,
  WHOLE,
  write,
} from './steps.js';

/** Masks, ranges, generations, handlers, clocks, lazy and offline CPUs. */

const FAR = rangeOf(900);
const of = (odd: readonly Step[], plain = sync): string => write(among(plain, odd));
const cpuDown = (cpu: number, from: number, to: number): Step[] => [
  step(
    'hp',
    task(0),
    `cpuhp_enter: cpu: ${String(cpu).padStart(4, '0')} target: ${to} step: ${from} (cpuhp_kick_ap)`,
  ),
  step(
    'hp-done',
    task(0),
    `cpuhp_exit:  cpu: ${String(cpu).padStart(4, '0')}  state: ${to} step: ${from} ret: 0`,
  ),
];
/** Thread 2 gives CPU 2 to the idle task, which keeps the process's tables loaded. */
const lazy2: Step[] = [
  step(
    'rest',
    { ...task(2), flags: 'd..2.' },
    'sched_switch: prev_comm=app prev_pid=102 prev_prio=120 prev_state=S ==> next_comm=swapper/2 next_pid=0 next_prio=120',
  ),
];
const range = (steps: Step[], to: string): Step[] =>
  change(change(change(steps, 'request', rangeOf(3), to), 'multi', rangeOf(3), to), 'local', rangeOf(3), to);
const anywhere = (steps: Step[], to: string): Step[] =>
  ['inv1', 'inv2'].reduce((all, label) => change(all, label, rangeOf(3), to), range(steps, to));
const silent2 = (steps: Step[]): Step[] => without(steps, 'in2', 'inv2', 'out2');
const gone2 = (steps: Step[]): Step[] => without(silent2(steps), 'send2');

const TABLES = ['I02', 'I03', 'I09', 'I29'];

export const FLUSHES: readonly NearCase[] = [
  // the range
  { name: 'whole flush instead of the range', text: of(anywhere(sync({ n: 3 }), WHOLE)) },
  {
    name: 'wider flush than the range',
    text: of(anywhere(sync({ n: 3 }), `start=0x${low(2).toString(16)} end=0x${low(6).toString(16)}`)),
  },
  { name: 'flush of another range', text: of(anywhere(sync({ n: 3 }), FAR)), wrong: TABLES },
  {
    name: 'flush of another range, then call_rcu',
    text: of(anywhere(rcu({ n: 3 }), FAR), rcu),
    wrong: TABLES,
  },
  {
    name: 'flush that ends a page short',
    text: of(
      anywhere(sync({ n: 3 }), `start=0x${low(3).toString(16)} end=0x${(low(4) - 4096).toString(16)}`),
    ),
    wrong: TABLES,
  },
  {
    name: 'another range first, the right one before the release',
    text: of(insertBefore(sync({ n: 3, gen: 20 }), 'request', ...flush({ gen: 19, range: FAR })), (c) =>
      sync({ ...c, gen: c.n > 3 ? c.n + 20 : c.n }),
    ),
  },
  {
    name: 'flush of another process',
    text: of(change(sync({ n: 3 }), 'request', MM, '0xffff888100099000')),
    wrong: TABLES,
  },
  {
    name: 'a gather that releases nothing flushes elsewhere',
    text: of(
      without(
        anywhere(sync({ n: 3 }), FAR),
        'unlink0',
        'frame-free',
        'free0',
        'alloc0',
        'birth0',
        'install0',
      ),
    ),
    wrong: ['I29'],
  },
  {
    name: 'return of free_pgd_range() not shown, then another range',
    text: of(without(sync({ n: 3 }), 'pgd-done')),
  },
  {
    name: 'return of free_pgd_range() not shown, then madvise() elsewhere',
    text: write([
      ...among(rcu, without(rcu({ n: 3 }), 'pgd-done')),
      ...change(
        without(rcu({ n: 6 }), 'pgd', 'pgd-done'),
        'enter',
        /sys_munmap\(addr: (\S+), len: 0x200000\)/,
        'sys_madvise(start: $1, len_in: 0x200000, behavior: 4)',
      ).map((s) => (s.label === 'exit' ? { ...s, rest: 'sys_madvise -> 0x0' } : s)),
      ...rcu({ n: 7 }),
    ]),
  },
  // the mask
  { name: 'one CPU of the mask not asked', text: of(gone2(sync({ n: 3 }))), wrong: ['I23', 'I02', 'I03'] },
  {
    name: 'one CPU of the mask not asked, with call_rcu',
    text: of(gone2(rcu({ n: 3 })), rcu),
    wrong: ['I23', 'I09', 'I03'],
  },
  { name: 'no other CPU in the mask', text: of(without(sync({ n: 3, asked: [] }), 'multi', 'told')) },
  {
    name: 'CPU 3 has the process no more',
    text: of(sync({ n: 3, asked: [1] })).replace(/cpumask=0x3 /, 'cpumask=0x3 '),
  },
  {
    name: 'asked, and something else runs there',
    text: of(
      without(
        change(
          change(sync({ n: 3 }), 'in2', 'flush_tlb_func', 'do_sync_core'),
          'out2',
          'flush_tlb_func',
          'do_sync_core',
        ),
        'inv2',
      ),
    ),
    wrong: ['I24', 'I02', 'I03'],
  },
  {
    name: 'one CPU asked twice, the other not',
    text: of(change(silent2(sync({ n: 3 })), 'send2', 'cpu=2', 'cpu=1')),
    wrong: ['I23', 'I02', 'I03'],
  },
  {
    name: 'a mask printed in full',
    text: of(sync({ n: 3 })).replace(/cpumask=0x7 /g, 'cpumask=0x0000000000000007 '),
  },
  { name: 'asked, and never answers', text: of(silent2(sync({ n: 3 }))), wrong: ['I24', 'I02', 'I03'] },
  {
    name: 'answers behind the return',
    text: of(moveAfter(moveAfter(moveAfter(sync({ n: 3 }), 'in2', 'exit'), 'inv2', 'in2'), 'out2', 'inv2')),
    wrong: ['I24', 'I02', 'I03'],
  },
  {
    name: 'answers in any order',
    text: of(moveBefore(moveBefore(moveBefore(sync({ n: 3 }), 'in2', 'in1'), 'inv2', 'in1'), 'out2', 'in1')),
  },
  {
    name: 'offline CPU stays in the mask',
    text: write([
      ...RUNNING,
      ...cpuDown(2, 237, 0),
      ...[1, 2, 3, 4].flatMap((n) => sync({ n, asked: [1], mask: '0x7' })),
    ]),
  },
  {
    name: 'CPU back online, and not asked',
    text: write([
      ...RUNNING,
      ...cpuDown(2, 237, 0),
      ...sync({ n: 1, asked: [1], mask: '0x7' }),
      ...cpuDown(2, 0, 237),
      ...RUNNING.slice(2),
      ...sync({ n: 2 }),
      ...gone2(sync({ n: 3 })),
      ...sync({ n: 4 }),
    ]),
    wrong: ['I23', 'I02', 'I03'],
  },
  {
    name: 'one CPU offline, another not asked',
    text: write([
      ...RUNNING,
      ...sync({ n: 1 }),
      ...sync({ n: 2 }),
      ...cpuDown(1, 237, 0),
      ...gone2(sync({ n: 3, asked: [2], mask: '0x7' })),
      ...sync({ n: 4, asked: [2], mask: '0x7' }),
      ...sync({ n: 5, asked: [2], mask: '0x7' }),
    ]),
    wrong: ['I23', 'I02', 'I03'],
  },
  // lazy CPUs
  {
    name: 'lazy CPU skipped, no tables freed',
    text: write([
      ...among(sync, sync({ n: 3 })),
      ...lazy2,
      ...flush({
        gen: 6,
        asked: [1],
        mask: '0x7',
        range: rangeOf(8),
        freedTables: 0,
        from: 'change_protection',
      }),
      ...sync({ n: 7, asked: [1, 2] }),
    ]),
  },
  {
    name: 'lazy CPU skipped by a flush of tables',
    text: write([
      ...RUNNING,
      ...sync({ n: 1 }),
      ...sync({ n: 2 }),
      ...lazy2,
      ...gone2(sync({ n: 3 })),
      ...sync({ n: 4 }),
    ]),
    wrong: ['I23', 'I27', 'I02', 'I03'],
  },
  {
    name: 'lazy CPU asked, goes to init_mm',
    text: write([
      ...RUNNING,
      ...sync({ n: 1 }),
      ...lazy2,
      ...insertAfter(
        sync({ n: 3 }),
        'inv2',
        step('to-init', irq(2), 'tlb_flush: pages:-1 reason:flush on task switch (0)'),
      ).map((s) => (/^(?:in|inv|out)2$/.test(s.label) ? { ...s, who: { ...idle(2), flags: 'd.h1.' } } : s)),
      ...sync({ n: 4, asked: [1] }),
    ]),
  },
  // generations
  {
    name: 'generations that no line shows',
    text: of(sync({ n: 3, gen: 3 }), (c) => sync({ ...c, gen: c.n >= 4 ? c.n + 40 : c.n })),
  },
  { name: 'generation twice', text: of(sync({ n: 3, gen: 2 })), wrong: ['I25'] },
  { name: 'generation goes back', text: of(sync({ n: 3, gen: 20 })), wrong: ['I25'] },
  {
    name: 'generations leave out many',
    text: of(sync({ n: 3, gen: 300 }), (c) => sync({ ...c, gen: c.n > 3 ? 300 + c.n : c.n })),
  },
  {
    name: 'generation 0, that of no mm',
    text: of(change(change(sync({ n: 3 }), 'multi', 'gen=3', 'gen=0'), 'inv1', 'gen=3', 'gen=0')),
    wrong: ['I25'],
  },
  {
    name: 'a handler flushes up to an older generation',
    text: of(change(sync({ n: 3 }), 'inv2', 'gen=3', 'gen=2')),
    wrong: ['I25'],
  },
  {
    name: 'generations of two processes',
    text: write([
      ...among(sync, sync({ n: 3, gen: 13 })).map((s) => ({
        ...s,
        rest: s.rest.replace(/gen=([1245])\b/, 'gen=1$1'),
      })),
      ...[3, 4].flatMap((gen) => flush({ gen, range: rangeOf(8), freedTables: 0, mm: '0xffff888100777000' })),
    ]),
  },
  {
    name: 'generation goes back after fork has flushed all',
    text: write([
      ...RUNNING,
      ...sync({ n: 1, gen: 11 }),
      ...flush({ gen: 12, range: WHOLE, from: 'dup_mmap' }).map((s) => ({
        ...s,
        rest: s.rest.replace('stride_shift=12', 'stride_shift=0'),
      })),
      ...sync({ n: 2, gen: 9 }),
      ...sync({ n: 3, gen: 13 }),
    ]),
    wrong: ['I25'],
  },
  {
    name: 'a new process at the same address begins anew',
    text: write([
      ...among(sync, sync({ n: 3 })),
      probe('ends', task(0), 'exit_mmap', `mm=${MM}`),
      step('ended', task(0), 'exit_mmap_ret: (mmput+0x5e/0x130 <- exit_mmap)'),
      step('gone', task(0), 'sched_process_exit: comm=app pid=100 prio=120'),
      ...sync({ n: 7, gen: 2 }),
      ...sync({ n: 8, gen: 3 }),
    ]),
  },
  // releases and returns
  {
    name: 'table released before the flush',
    text: of(moveBefore(sync({ n: 3 }), 'free0', 'request')),
    wrong: TABLES,
  },
  {
    name: 'table released within the flush',
    text: of(moveBefore(sync({ n: 3 }), 'free0', 'flushed')),
    wrong: TABLES,
  },
  {
    name: 'page released before the flush',
    text: of(moveBefore(sync({ n: 3 }), 'frame-free', 'request')),
    wrong: TABLES,
  },
  {
    name: 'page of the slab released in a gather',
    text: of(insertBefore(sync({ n: 3 }), 'request', step('slab', task(0), freed(framePfn(77))))),
  },
  { name: 'return of the flush not shown', text: of(without(sync({ n: 3 }), 'flushed')) },
  { name: 'return of the flush not shown, with call_rcu', text: of(without(rcu({ n: 3 }), 'flushed'), rcu) },
  { name: 'return of tlb_finish_mmu() not shown', text: of(without(rcu({ n: 3 }), 'finished'), rcu) },
  { name: 'return of pte_alloc_one() not shown', text: of(without(sync({ n: 3 }), 'birth0')) },
  {
    name: 'an interrupt releases pages within the flush',
    text: of(insertBefore(sync({ n: 3 }), 'flushed', step('other', softirq(0), freed(framePfn(99))))),
  },
  // clocks
  { name: 'clock of CPU 1 ahead by 15 us', text: ahead(of(sync({ n: 3 })), 1, 15) },
  { name: 'clock of CPU 2 behind by 15 us', text: ahead(of(sync({ n: 3 })), 2, -15) },
  { name: 'clock of CPU 0 ahead by 25 us', text: ahead(of(rcu({ n: 3 }), rcu), 0, 25) },
  { name: 'clock of CPU 1 ahead by 70 us', text: ahead(of(sync({ n: 3 })), 1, 70) },
  { name: 'clock of CPU 2 behind by 70 us', text: ahead(of(sync({ n: 3 })), 2, -70) },
  {
    name: 'clock of the CPU that sees grace periods ahead by 15 us, without IPIs',
    text: ahead(of(rcu({ n: 3 }), rcu), 3, 15),
    kernel: '6.12',
  },
];
