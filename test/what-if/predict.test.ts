import { describe, expect, test } from 'vitest';
import { count, ofText } from './support/run.js';
import { TIMES, trace } from './support/trace.js';

const SHAPE = { munmaps: 12, tables: 6, pages: 9 };
const unpatched = trace({ kernel: 'sync', ...SHAPE });
const patched = trace({ kernel: 'rcu', ...SHAPE });
const us = (values: Float64Array): number[] => Array.from(values, (v) => Math.round(v / 100) / 10);
/** What the two kernels differ by, per munmap, in µs. */
const ADDED = 6 * TIMES.append + TIMES.batchPage + TIMES.callRcu + TIMES.queue;
const REMOVED = 6 * TIMES.pageFree;

describe('a recording whose steps take known times', () => {
  test('unpatched to patched: each call is what the patched kernel took, exactly', async () => {
    const there = await ofText(unpatched, 'C');
    const truth = await ofText(patched, 'C');
    expect(there.report.source).toMatchObject({ leaf: 'sync', how: 'detected' });
    const [a, b] = [us(there.series[0]!.recorded), us(truth.series[0]!.recorded)];
    expect(b[0]! - a[0]!).toBeCloseTo(ADDED - REMOVED, 5);
    expect(new Set(us(there.series[0]!.predicted))).toEqual(new Set(b));
  });

  test('and back', async () => {
    const back = await ofText(patched, 'A1');
    const truth = await ofText(unpatched, 'A1');
    expect(new Set(us(back.series[0]!.predicted))).toEqual(new Set(us(truth.series[0]!.recorded)));
  });

  test('counts are those of the other recording', async () => {
    const there = await ofText(unpatched, 'C');
    const truth = await ofText(patched, 'C');
    for (const name of [
      'gathers',
      'tables',
      'flushes',
      'syncRounds',
      'batchCalls',
      'singleCalls',
      'deferredTables',
      'inlineTables',
    ]) {
      expect([name, count(there, name)[1]]).toEqual([name, count(truth, name)[0]]);
    }
    expect(count(there, 'batchCalls')).toEqual([0, 12]);
    expect(count(there, 'inlineTables')).toEqual([72, 0]);
    expect(there.report.deferred!.after.peakTables).toBe(truth.report.deferred!.before.peakTables);
    expect(there.report.deferred!.after.peakTables).toBe(6);
    expect(there.report.deferred!.after.peakBytes).toBe(7 * 4096);
    expect(there.report.gathers).toMatchObject({ withTables: 12, reproduced: 12, cut: 0, starved: 0 });
  });

  test('a cost seen at another step is called a proxy, one seen nowhere a prior', async () => {
    const there = await ofText(unpatched, 'C');
    const basis = (id: string): unknown => there.report.costs.find((c) => c.id === id);
    expect(basis('append')).toMatchObject({ basis: 'proxy', used: true, median: 3000 });
    expect(basis('batchPage')).toMatchObject({ basis: 'proxy', used: true, median: 6000 });
    expect(basis('callRcu')).toMatchObject({ basis: 'proxy', used: true, median: 7000 });
    const bare = unpatched.replaceAll(
      /^.*(?:pte_alloc|mm_page_alloc|call_rcu|rcu_callback|rcu_invoke).*\n/gm,
      '',
    );
    const blind = await ofText(bare, 'C');
    const of = (id: string): unknown => blind.report.costs.find((c) => c.id === id);
    expect(of('callRcu')).toMatchObject({ basis: 'prior', used: true, low: 50, median: null, high: 200 });
    expect(of('batchPage')).toMatchObject({ basis: 'prior', used: true, low: 50, high: 300 });
    expect(blind.report.notes.join('\n')).toContain('callRcu: a prior of bare metal');
    expect(blind.report.notes.join('\n')).toContain('shows no RCU callback');
    expect(blind.report.deferred!.clock.prior).toBe(12);
  });

  test('the same variant changes nothing at all', async () => {
    for (const [text, target] of [
      [unpatched, 'A1'],
      [patched, 'C'],
      [patched, 'B'],
    ] as const) {
      const d = await ofText(text, target);
      expect(d.series[0]!.predicted).toEqual(d.series[0]!.recorded);
      expect(d.report.series[0]!.changed).toBe(0);
      for (const c of d.report.counts) expect([c.name, c.after]).toEqual([c.name, c.before]);
      for (const s of Object.values(d.report.series[0]!.shift))
        expect(s).toEqual({ value: 0, low: null, high: null });
      expect(d.report.series[0]!.after).toEqual(d.report.series[0]!.before);
      expect(d.report.deferred!.after).toEqual(d.report.deferred!.before);
    }
  });

  test('the interval holds the true shift where costs vary', async () => {
    // Two kinds of munmap: the cost of a page free is 2 µs in one half, 4 µs in the other.
    const slow = trace({ kernel: 'sync', ...SHAPE, clock: '' }, { ...TIMES, pageFree: 4 }).replaceAll(
      /^#.*\n/gm,
      '',
    );
    const later = slow.replaceAll(/ {2}(5)\./g, '  9.').replaceAll(/0x1(\d{4}) order/g, '0x2$1 order');
    const d = await ofText(unpatched + later.replaceAll(/0xffffea00004/g, '0xffffea00008'), 'C');
    const { mean } = d.report.series[0]!.shift;
    expect(mean.low!).toBeLessThanOrEqual(mean.value);
    expect(mean.high!).toBeGreaterThanOrEqual(mean.value);
    expect(mean.high! - mean.low!).toBeGreaterThan(0);
  });

  test('the same input gives the same bytes', async () => {
    const a = await ofText(unpatched, 'C');
    const b = await ofText(unpatched, 'C');
    expect(JSON.stringify(a.report)).toBe(JSON.stringify(b.report));
  });

  test('another syscall is measured on request', async () => {
    const d = await ofText(unpatched, 'C', { syscall: 'madvise' });
    expect(d.report.series[0]).toMatchObject({ name: 'madvise', before: { count: 0 } });
    expect(count(d, 'batchCalls')).toEqual([0, 12]);
  });
});
