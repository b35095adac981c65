import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Result } from '../../src/result/types.js';
import { traceCmd } from './support/dialects.js';
import { replayText, violatedIds } from './support/replay.js';

const read = (name: string): string =>
  gunzipSync(readFileSync(`fixtures/wrong-orders/${name}.txt.gz`)).toString('latin1');

interface Case {
  readonly name: string;
  readonly ids: readonly string[];
  readonly message: RegExp;
  /** The same recording without its fault. */
  readonly right: (text: string) => string;
}

const without = (pattern: RegExp) => (text: string) =>
  text
    .split('\n')
    .filter((l) => !pattern.test(l))
    .join('\n');

const CASES: readonly Case[] = [
  {
    name: 'busy-cpu2-of-mask-not-flushed-ft0',
    ids: ['I23'],
    message: /CPU 2 .* ran task 70622 .* was not interrupted/,
    // CPU 2 is asked as well, and answers.
    right: (text) => {
      const lines = text.split('\n');
      const sent = lines.findIndex((l) => l.includes('200.009357: csd_queue_cpu'));
      const done = lines.findIndex((l) => l.includes('200.009734: r_flush_tlb_mm_range'));
      const csd = 'func=flush_tlb_func csd=000000003bfd1d34';
      const handler = ['entry', 'exit'].map(
        (w, i) =>
          `             app-70622   [002] d.h..   200.0096${i}0: csd_function_${w}: func=flush_tlb_func, csd=000000003bfd1d34`,
      );
      lines.splice(done, 0, ...handler);
      lines.splice(
        sent + 1,
        0,
        `             app-70620   [000] ...2.   200.009360: csd_queue_cpu: cpu=2 callsite=on_each_cpu_cond_mask+0x40/0x70 ${csd}`,
      );
      return lines.join('\n');
    },
  },
  {
    name: '6.1-handler-runs-after-the-frees',
    ids: ['I24'],
    message: /before CPU 2 had finished its handler/,
    right: without(/200\.0102\d\d: (call_function|flush_tlb_func|tlb_flush)/),
  },
  {
    name: 'neighbour-range-flushed',
    ids: ['I02', 'I03', 'I29'],
    message: /after a flush of 0x7e00db400000-0x7e00db405000, which leaves out 0x7e009b400000-0x7e009c400000/,
    right: (text) =>
      text.replace('start=0x7e00db400000 end=0x7e00db405000', 'start=0x7e009b400000 end=0x7e009c400000'),
  },
  {
    name: 'neighbour-range-flushed-C',
    ids: ['I02', 'I03', 'I09', 'I29'],
    message: /which leaves out 0x7e009b400000-0x7e009c400000/,
    right: (text) =>
      text.replace(/start=0x7e00db\w+ end=0x7e00db\w+ stride/, 'start=0x0 end=0xffffffffffffffff stride'),
  },
  {
    name: 'generation-goes-back',
    ids: ['I25'],
    message: /goes back from 82 to 81/,
    right: (text) => text.replace(/(200\.0093.*|200\.0094.*|200\.0095.*)new_tlb_gen=81/g, '$1new_tlb_gen=83'),
  },
  {
    name: 'callback-leaks-one-of-four',
    ids: ['I12'],
    message: /pfn 0x242191 was not released by the RCU callback/,
    right: (text) =>
      text.replace(
        /^(.*200\.099998: mm_page_free: ).*$/m,
        (l) => `${l}\n${l.replace('200.099998', '200.100005').replace('pfn=0x24218f', 'pfn=0x242191')}`,
      ),
  },
  {
    name: 'I06-reclaimed-table-freed-after-sync-ipi',
    ids: ['I06', 'I07'],
    message: /reclaimed and released after an IPI to all CPUs only/,
    // Reclaimed tables go to call_rcu.
    right: (text) => {
      const at = '200.070080: mm_page_free: page=ffffea00090863c0 pfn=0x24218f order=0';
      return without(/smp_sync/)(text)
        .replace(
          at,
          '200.070080: call_rcu: (call_rcu+0x4/0xa0) head=0xffffea00090863c8 func=__tlb_remove_table_one_rcu+0x0/0x30',
        )
        .replace(
          /^.*200\.070111: sys_madvise.*$/m,
          `$&\n     ksoftirqd/0-30      [000] ..s1.   ${at.replace('070080', '070200')}`,
        );
    },
  },
  {
    name: 'hand-over-outside-any-gather',
    ids: ['I49'],
    message: /was handed to a gather that had ended/,
    right: without(/200\.0123\d\d: (___pte_free_tlb|native_tlb_remove_table)|pfn=0x242190/),
  },
];

const found = (r: Result): string[] => violatedIds(r).sort();

describe('wrong orders in real probes', () => {
  for (const { name, ids, message, right } of CASES) {
    it(`${name}: ${ids.join(' ')}`, async () => {
      const text = read(name);
      const r = await replayText(text);
      expect(found(r)).toEqual([...ids].sort());
      const messages = r.invariants.flatMap((i) => i.findings.map((f) => f.message));
      expect(messages.some((m) => message.test(m))).toBe(true);
      // Every rule of it once per object, however many lines show it.
      expect(found(await replayText(traceCmd(text)))).toEqual([...ids].sort());
      expect(found(await replayText(right(text)))).toEqual([]);
    });
  }

  it('a handler that is shown and in time is no violation', async () => {
    const r = await replayText(
      read('6.1-handler-runs-after-the-frees').replace(/200\.0102(\d\d): /g, '200.0095$1: '),
    );
    expect(violatedIds(r)).not.toContain('I02');
  });

  it('a lower generation after the mm has ended is that of a new mm', async () => {
    const text = read('generation-goes-back').replace(
      /(200\.005086: flush_tlb_mm_range.*)start=0x7e009b400000 end=0x7e009c400000/,
      '$1start=0x0 end=0xffffffffffffffff',
    );
    expect(violatedIds(await replayText(text))).not.toContain('I25');
  });
});
