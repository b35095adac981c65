import { freed, insertAfter, insertBefore, moveAfter, moveBefore, step } from '../support/story.js';
import type { NearCase } from './cases.js';
import { of, old, pv } from './paths.js';
import { framePfn, RUNNING, rcu, sync, task, write } from './steps.js';

const eventTail = (k: number): string => freed(framePfn(0x400 + k));

/** One event under two names or on one line with another, several captures in a text, PV guests, text of 6.1. */

export const CAPTURES: readonly NearCase[] = [
  // one event under two names, on one line, in two captures
  {
    name: 'call_rcu and __call_rcu_common',
    text: of(rcu({ n: 3 })).replace(
      /^(.*): call_rcu: \(call_rcu\+0x4\/0x1e0\) (.*)$/gm,
      '$1: call_rcu: (call_rcu+0x4/0x1e0) $2\n$1: call_rcu_common: (__call_rcu_common+0x4/0x1e0) $2 lazy=1',
    ),
  },
  {
    name: 'call_rcu and __call_rcu_common, an interrupt releases many pages in between',
    text: of(rcu({ n: 3 })).replace(
      /^(.*): call_rcu: \(call_rcu\+0x4\/0x1e0\) (head=(\S+) .*)$/gm,
      (_, at: string, rest: string) => {
        const released = Array.from({ length: 100 }, (__, k) => eventTail(k));
        const softirq = released.map((tail) => `${at.replace(/ \.{5} /, ' ..s1. ')}: ${tail}`);
        const entered = `${at}: call_rcu: (call_rcu+0x4/0x1e0) ${rest}`;
        return [
          entered,
          ...softirq,
          `${at}: call_rcu_common: (__call_rcu_common+0x4/0x1e0) ${rest} lazy=1`,
        ].join('\n');
      },
    ),
  },
  {
    name: 'two probes on one function',
    text: of(rcu({ n: 3 })).replace(
      /^(.*): (call_rcu|tlb_remove_table|___pte_free_tlb|flush_tlb_mm_range|tlb_finish_mmu): (\(.*)$/gm,
      '$1: $2: $3\n$1: mine_$2: $3',
    ),
  },
  {
    name: 'events on one line',
    text: of(insertBefore(rcu({ n: 3 }), 'enqueue', step('glue', task(0), 'rcu_utilization: '))).replace(
      /(rcu_utilization: )\n/g,
      '$1',
    ),
  },
  {
    name: 'events on one line, released before the flush',
    text: of(
      insertBefore(
        moveBefore(sync({ n: 3 }), 'free0', 'request'),
        'request',
        step('glue', task(0), 'rcu_utilization: '),
      ),
      sync,
    ).replace(/(rcu_utilization: )\n/g, '$1'),
    wrong: ['I02', 'I03'],
  },
  {
    name: 'capture of one kernel behind that of another',
    text: of(rcu({ n: 3 })) + of(sync({ n: 3 }), sync),
  },
  {
    name: 'second capture is wrong',
    text: of(rcu({ n: 3 })) + of(moveBefore(sync({ n: 3 }), 'free0', 'request'), sync),
    wrong: ['I02', 'I03'],
  },
  {
    name: 'a table open at the end of a capture',
    text: write([...RUNNING, ...rcu({ n: 1 }), ...rcu({ n: 2 }).slice(0, 9)]) + of(rcu({ n: 3 })),
  },
  // PV guests ask the hypervisor: no requests are seen, and no handlers.
  { name: 'PV guest', text: write([...RUNNING, ...[1, 2, 3, 4].flatMap((n) => pv(rcu({ n })))]) },
  {
    name: 'PV guest, released before its flush returned',
    text: write([
      ...RUNNING,
      ...[1, 2].flatMap((n) => pv(rcu({ n }))),
      ...moveBefore(pv(rcu({ n: 3 })), 'enqueue', 'flushed'),
      ...pv(rcu({ n: 4 })),
    ]),
    wrong: ['I09', 'I02', 'I03'],
  },
  // 6.1: no csd events, no new_tlb_gen in some probes; batch addresses are not printed
  { name: '6.1 text', text: old(of(sync({ n: 3 }), sync)), kernel: '6.1' },
  {
    name: '6.1 text, table released before the flush',
    text: old(of(moveBefore(sync({ n: 3 }), 'free0', 'request'), sync)),
    kernel: '6.1',
    wrong: ['I02', 'I03'],
  },
  {
    name: '6.1 text, handler behind the releases',
    text: old(
      of(
        insertAfter(
          ['in2', 'inv2', 'out2'].reduceRight((s, l) => moveAfter(s, l, 'exit'), sync({ n: 3 })),
          'exit',
          ...Array.from({ length: 40 }, (_, k) =>
            step(`wait${k}`, task(1), 'rcu_utilization: Start context switch'),
          ),
        ),
        sync,
      ),
    ),
    kernel: '6.1',
    wrong: ['I02', 'I03', 'I24'],
  },
];
