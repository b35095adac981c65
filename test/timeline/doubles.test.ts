import { describe, expect, it } from 'vitest';
import { Doubles } from '../../src/timeline/doubles.js';
import { RESERVED } from '../../src/timeline/events.js';
import { events, inBatches, KINDS, kindOf, type Row } from './support/rows.js';

/** What comes out of batches of `size` rows, each with bytes that are wiped afterwards; lines that were left out. */
function run(rows: readonly Row[], size: number): { out: string[]; left: number } {
  const out: string[] = [];
  const doubles = new Doubles(events, (b) => {
    for (let i = 0; i < b.length; i++) out.push(`${b.tsNs[i]} ${b.event[i]} ${b.body(i)}`);
  });
  inBatches(rows, size, (batch) => doubles.push(batch));
  doubles.finish();
  return { out, left: doubles.leftOut.count };
}

const said = (rows: readonly Row[]): string[] => rows.map((r) => `${r.ts} ${r.event} ${r.body}`);
/** `n` events, no two alike, `apart` ns from each other. */
const story = (n: number, apart = 5000): Row[] =>
  Array.from({ length: n }, (_, i) => ({
    ts: i * apart,
    event: KINDS[i % KINDS.length]!,
    body: `n=${i}`,
    cpu: i % 2,
  }));
const twice = (rows: readonly Row[]): Row[] => rows.flatMap((r) => [r, r]);
const SIZES = [1, 2, 7, 64, 10_000];

describe('Doubles', () => {
  const once = story(400);

  it.each(SIZES)('batches of %i: what is written once passes', (size) => {
    expect(run(once, size)).toEqual({ out: said(once), left: 0 });
  });

  it.each(SIZES)('batches of %i: what is written twice is left once', (size) => {
    expect(run(twice(once), size)).toEqual({ out: said(once), left: once.length });
  });

  it.each(SIZES)('batches of %i: twice in the middle only', (size) => {
    const rows = [...once.slice(0, 100), ...twice(once.slice(100, 250)), ...once.slice(250)];
    expect(run(rows, size)).toEqual({ out: said(once), left: 150 });
  });

  it.each([64, 10_000])(
    'batches of %i: several of one microsecond, the buffers one behind the other',
    (size) => {
      const rows: Row[] = [];
      for (let i = 0; i < once.length; i += 4) {
        const some = once.slice(i, i + 4).map((r) => ({ ...r, ts: i * 5000, cpu: 0 }));
        rows.push(...(i % 8 === 0 ? twice(some) : [...some, ...some]));
      }
      expect(run(rows, size).left).toBe(once.length);
    },
  );

  it('what happens twice and is written twice stays twice', () => {
    const rows = [...once.slice(0, 200), once[199]!, ...once.slice(200)];
    expect(run(twice(rows), 64)).toEqual({ out: said(rows), left: rows.length });
  });

  it('one event that is there twice stays, also many of one kind', () => {
    const one = [...once.slice(0, 200), once[199]!, ...once.slice(200)];
    expect(run(one, 64)).toEqual({ out: said(one), left: 0 });
    const kind = once.flatMap((r) => (r.event === KINDS[0] ? [r, r] : [r]));
    expect(run(kind, 64)).toEqual({ out: said(kind), left: 0 });
  });

  it('a loop that repeats itself within a microsecond stays', () => {
    const loop = Array.from({ length: 400 }, (_, i) => ({
      ts: i * 200,
      event: KINDS[i % KINDS.length]!,
      body: 'x',
    }));
    expect(run(loop, 64)).toEqual({ out: said(loop), left: 0 });
  });

  describe('locks and reader sections', () => {
    const entry = (symbol: string): number =>
      events.internHead(`p ${symbol}`, { kind: 'probe', name: symbol, symbol, caller: '' });
    const LOCK = entry('_raw_spin_lock');
    const BEGIN = entry('__rcu_read_lock');
    const END = entry('__rcu_read_unlock');
    /** An interrupt thread of a serial port (6.1-rt, 5.10-rt): one lock taken in pairs, nested sections ended in pairs. */
    const polling = Array.from({ length: 40 }, (_, turn) =>
      [LOCK, LOCK, LOCK, LOCK, BEGIN, BEGIN, END, END].map((event, i) => ({
        ts: turn * 20_000 + (i >> 1) * 4000 + (i % 2) * 1000,
        event,
        body: event === LOCK ? 'lock=0xffff8ba28112cea4' : '',
      })),
    ).flat();

    it('a driver that polls its device takes each lock twice: those stay', () => {
      expect(run(polling, 64)).toEqual({ out: said(polling), left: 0 });
    });

    it('written twice among other events they are left once', () => {
      const one = once.map((r, i) => (i % 2 === 0 ? { ...r, event: LOCK, body: `lock=${i}` } : r));
      expect(run(twice(one), 64)).toEqual({ out: said(one), left: one.length });
    });

    it('entries of other functions, written twice, are left once', () => {
      const kinds = ['call_rcu', 'flush_tlb_mm_range', 'tlb_gather_mmu'].map(entry);
      const one = once.map((r, i) => ({ ...r, event: kinds[i % kinds.length]! }));
      expect(run(twice(one), 64)).toEqual({ out: said(one), left: one.length });
    });
  });

  it('function lines that repeat themselves stay', () => {
    const loop = Array.from({ length: 400 }, (_, i) => ({
      ts: i * 200,
      event: kindOf(`f${(i >> 1) % 4}`, 'function'),
      body: '',
    }));
    expect(run(loop, 64)).toEqual({ out: said(loop), left: 0 });
  });

  it('another capture begins anew', () => {
    const rows = [
      ...twice(once.slice(0, 100)),
      { ts: Number.NaN, event: RESERVED.segment, body: '' },
      once[99]!,
      once[99]!,
      ...once.slice(100),
    ];
    expect(run(rows, 64).left).toBe(100);
  });
});
