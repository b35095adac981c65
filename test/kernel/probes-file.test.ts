import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveLayout } from '../../src/kernel/probe-args.js';
import { parseProbesFile, placeOf } from '../../src/kernel/probes-file.js';
import { SYMBOLS } from '../../src/kernel/symbols.js';

const FIXTURES = join(import.meta.dirname, '../../fixtures/kprobe-events');

describe('placeOf', () => {
  test.each([
    ['%di', '1'],
    ['%r9', '6'],
    ['$arg3', '3'],
    ['+16(%di)', '1+16'],
    ['+0x10($arg1)', '1+16'],
    ['+8(+0(%si))', '2+0+8'],
    ['+u0(%si)', '2+0'],
    ['-8(%dx)', '3-8'],
    ['$retval', 'ret'],
    ['%bx', null],
    ['@jiffies', null],
    ['$stack0', null],
  ])('%s → %s', (text, place) => expect(placeOf(text)).toBe(place));
});

describe('kprobe_events', () => {
  test('every form of a line', () => {
    const file = parseProbesFile(
      [
        '# comment',
        '',
        'p:grp/one ___pte_free_tlb+0x4 a=%di:x64 b=+0(%di):x64 c=%si:x64',
        'r10:grp.two flush_tlb_mm_range',
        'p tlb_remove_table %di %si',
        'p:three mod:some_func+99 x=%di:x64',
        'f:four call_rcu%return r=$retval:s64',
        'p:five call_rcu head func',
        'nonsense',
        'p:six call_rcu h=+0(%di',
        't:seven sched_switch',
        '-:grp/two',
      ].join('\n'),
    );
    expect([...file.byEvent.keys()]).toEqual(['one', 'p_tlb_remove_table_0', 'three', 'four', 'five']);
    expect(file.byEvent.get('one')).toMatchObject({
      group: 'grp',
      symbol: '___pte_free_tlb',
      ret: false,
      line: 3,
      args: [
        { name: 'a', at: '1' },
        { name: 'b', at: '1+0' },
        { name: 'c', at: '2' },
      ],
    });
    expect(file.byEvent.get('p_tlb_remove_table_0')!.args.map((a) => a.name)).toEqual(['arg1', 'arg2']);
    // In the middle of a function a register no longer holds the parameter.
    expect(file.byEvent.get('three')).toMatchObject({ symbol: 'some_func', args: [{ name: 'x', at: null }] });
    expect(file.byEvent.get('four')).toMatchObject({ symbol: 'call_rcu', ret: true });
    expect(file.byEvent.get('five')!.args.map((a) => a.name)).toEqual(['head', 'func']);
    expect(file.errors.map((e) => e.line)).toEqual([9, 10, 11]);
  });

  test.each(['6.12.117-lab-y', 'debian-6.16.12'])('the whole file of %s is understood', (kernel) => {
    const text = readFileSync(join(FIXTURES, kernel, 'kprobe_events.txt'), 'utf8');
    const file = parseProbesFile(text);
    expect(file.errors).toEqual([]);
    expect(file.byEvent.size).toBe(text.trim().split('\n').length);
    for (const d of file.byEvent.values()) {
      const meaning = SYMBOLS[d.symbol];
      expect(meaning, d.symbol).toBeDefined();
      const spec = d.ret ? meaning!.ret : meaning!.entry;
      expect(spec, `${d.event} ${d.ret}`).toBeDefined();
      // Names alone lead to the same roles as the registers do.
      const names = d.args.map((a) => a.name);
      const byName = resolveLayout(d.symbol, spec!, names, undefined);
      const byPlace = resolveLayout(d.symbol, spec!, names, d);
      expect(byName.args.map((a) => a.role?.role)).toEqual(byPlace.args.map((a) => a.role?.role));
      expect(byName.basis).toBe(0);
    }
  });
});
