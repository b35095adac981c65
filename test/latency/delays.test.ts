import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FUNC } from '../../src/kernel/ops.js';
import { DeferredTables } from '../../src/latency/deferred.js';
import { CallbackDelays, delayKind } from '../../src/latency/delays.js';
import { TimeBase } from '../../src/timeline/time-base.js';

const time = new TimeBase();
time.relative(100, 0);

describe('CallbackDelays', () => {
  test('overall first, then each kind that occurred', () => {
    const d = new CallbackDelays();
    expect(d.reports(time)).toEqual([]);
    d.ran(1000, 5000, 32, 'batch');
    d.ran(1000, 2000, 1, 'single');
    d.ran(9000, 1000, 1, 'single');
    d.censored('defer', 'end', 2);
    const reports = d.reports(time);
    expect(reports.map((r) => [r.key, r.count, r.sumNs, r.censored.end])).toEqual([
      ['', 2, '5000', 2],
      ['batch', 1, '4000', 0],
      ['single', 1, '1000', 0],
      ['defer', 0, '0', 2],
    ]);
    expect(reports[3]!.quantiles).toBeNull();
    expect([d.badClock, d.tablesFreed('batch')]).toEqual([1, 32]);
  });

  test('kinds go by the callback', () => {
    expect([
      delayKind(FUNC.tlb_remove_table_rcu),
      delayKind(FUNC.__tlb_remove_table_one_rcu),
      delayKind(FUNC.pte_free_now),
      delayKind(FUNC.flush_tlb_func),
    ]).toEqual(['batch', 'single', 'defer', null]);
  });
});

describe('DeferredTables', () => {
  test('tables, the batch page, the peak and what is left', () => {
    const d = new DeferredTables();
    d.queued(10, 32, true);
    d.queued(20, 1);
    d.ran(30, 32, true);
    d.queued(40, Number.NaN, true);
    expect(d.report(time)).toEqual({
      nowTables: 1,
      nowBytes: 2 * 4096,
      peakTables: 33,
      peakBytes: 34 * 4096,
      peakAtNs: '100000000020',
      series: [
        ['100000000010', 32],
        ['100000000020', 33],
        ['100000000030', 1],
        ['100000000040', 1],
      ],
      unknownBatches: 1,
    });
  });

  test('a segment drops what is pending; a fact without stamp happens now', () => {
    const d = new DeferredTables();
    for (let i = 0; i < 500; i++) d.queued(i % 3 === 0 ? Number.NaN : i, 1);
    expect(d.nowTables).toBe(500);
    d.segment(Number.NaN);
    expect([d.nowTables, d.nowBytes, d.report(time).peakTables]).toEqual([0, 0, 500]);
  });

  test('an unused one says zero', () => {
    expect(new DeferredTables().report(time)).toEqual({
      nowTables: 0,
      nowBytes: 0,
      peakTables: 0,
      peakBytes: 0,
      peakAtNs: '0',
      series: [],
      unknownBatches: 0,
    });
  });

  test('any run: never negative, at most 200 points, the series shows the peak and the end', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 10 ** 7 }), fc.integer({ min: 0, max: 509 }));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 900 }), (steps) => {
        const d = new DeferredTables();
        const pending: number[] = [];
        let ts = 0;
        let now = 0;
        let peak = 0;
        for (const [dt, n] of steps) {
          ts += dt;
          if (n % 2 === 0 && pending.length > 0) {
            const first = pending.shift()!;
            d.ran(ts, first, true);
            now -= first;
          } else {
            pending.push(n);
            d.queued(ts, n, true);
            now += n;
          }
          peak = Math.max(peak, now);
        }
        const r = d.report(time);
        expect([r.nowTables, r.nowBytes, r.peakTables]).toEqual([now, (now + pending.length) * 4096, peak]);
        expect(r.series.length).toBeLessThanOrEqual(200);
        expect(Math.max(...r.series.map(([, n]) => n))).toBe(peak);
        expect(r.series.at(-1)![1]).toBe(now);
        const stamps = r.series.map(([t]) => BigInt(t));
        for (let i = 1; i < stamps.length; i++) expect(stamps[i]! >= stamps[i - 1]!).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
