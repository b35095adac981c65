import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/result/usage-error.js';
import { addr53, Filter, type FilterSpec } from '../../src/timeline/filter.js';
import { Interner } from '../../src/timeline/interner.js';
import { TimeBase } from '../../src/timeline/time-base.js';

function make(spec: FilterSpec) {
  const names = new Interner();
  const time = new TimeBase();
  const filter = new Filter(spec, names, time);
  return { filter, names, time };
}

describe('Filter', () => {
  it('without any condition is empty', () => {
    expect(Filter.isEmpty(undefined)).toBe(true);
    expect(Filter.isEmpty({ cpus: [], pids: [], comms: [], mms: [] })).toBe(true);
    expect(Filter.isEmpty({ sinceNs: '0' })).toBe(false);
    expect(Filter.isEmpty({ cpus: [0] })).toBe(false);
  });

  it('since and until are inclusive, on the recording’s own clock, exact at epoch size', () => {
    const base = 1_700_000_000;
    const { filter, time } = make({ sinceNs: `${base}000000100`, untilNs: `${base}000000200` });
    time.relative(base, 0);
    expect([99, 100, 200, 201].map((ns) => filter.shows(ns, 0, 0, 0, Number.NaN))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('takes up the base of the timeline when it becomes known', () => {
    const { filter, time } = make({ sinceNs: '5000000000' });
    expect(filter.shows(5e9, 0, 0, 0, Number.NaN)).toBe(true);
    time.relative(4, 0);
    expect(filter.shows(1e9, 0, 0, 0, Number.NaN)).toBe(true);
    expect(filter.shows(1e9 - 1, 0, 0, 0, Number.NaN)).toBe(false);
  });

  it('by CPU, pid, comm and mm, all of which must hold; an unknown mm is hidden', () => {
    const { filter, names } = make({ cpus: [1], pids: [7], comms: ['a b'], mms: ['0xffff888100051300'] });
    const [ab, c] = [names.internString('a b'), names.internString('c')];
    const mm = addr53('ffff888100051300');
    expect(filter.shows(0, 1, 7, ab, mm)).toBe(true);
    expect(filter.shows(0, 1, 7, ab, mm)).toBe(true);
    expect(filter.shows(0, 0, 7, ab, mm)).toBe(false);
    expect(filter.shows(0, 1, 8, ab, mm)).toBe(false);
    expect(filter.shows(0, 1, 7, c, mm)).toBe(false);
    expect(filter.shows(0, 1, 7, ab, mm + 64)).toBe(false);
    expect(filter.shows(0, 1, 7, ab, Number.NaN)).toBe(false);
  });

  it('says what it is', () => {
    const { filter } = make({
      sinceNs: '89370000000',
      untilNs: '90000000000',
      cpus: [1, 2],
      pids: [3],
      comms: ['x'],
      mms: ['ff'],
    });
    expect(filter.describe()).toBe('since 89.37 s; until 90 s; CPU 1,2; pid 3; comm x; mm ff');
    const ticks = make({ sinceNs: '12' });
    ticks.time.unit = 'ticks';
    expect(ticks.filter.describe()).toBe('since 12 ticks');
  });
});

describe('addr53', () => {
  it('keeps the low 53 bits, exactly, with or without 0x', () => {
    expect(addr53('0xffff888100051300')).toBe(Number(0xffff888100051300n & ((1n << 53n) - 1n)));
    expect(addr53(' FFFF888100051300 ')).toBe(addr53('0xffff888100051300'));
    expect(addr53('0')).toBe(0);
  });

  it.each(['', '0x', 'mm', '12345678901234567', '0x1g'])('refuses %j', (text) => {
    expect(() => addr53(text)).toThrow(UsageError);
  });
});
