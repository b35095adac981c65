import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PairCollector, type SpanFilter } from '../../src/latency/pair-collector.js';
import { spanReports } from '../../src/latency/spans.js';
import { RecordBatch } from '../../src/timeline/batch.js';
import { EventTable, RESERVED } from '../../src/timeline/events.js';
import { Interner } from '../../src/timeline/interner.js';
import { TimeBase } from '../../src/timeline/time-base.js';

type Row = { what: string; ts: number; pid?: number; cpu?: number; comm?: string };

class Feed {
  readonly events = new EventTable();
  readonly names = new Interner();
  readonly batch = new RecordBatch(1);
  private readonly ids: Record<string, number> = {
    enter: this.head('syscall-enter', 'munmap'),
    exit: this.head('syscall-exit', 'munmap'),
    mmap: this.head('syscall-enter', 'mmap'),
    other: this.head('tracepoint', 'munmap'),
    lost: RESERVED.lost,
    segment: RESERVED.segment,
    bufferStart: RESERVED.bufferStart,
  };

  private head(kind: 'syscall-enter' | 'syscall-exit' | 'tracepoint', name: string): number {
    return this.events.internHead(`${kind} ${name}`, { kind, name, symbol: '', caller: '' });
  }

  run(rows: Row[], groupBy: 'all' | 'comm' = 'all', filter?: SpanFilter) {
    const spans = new PairCollector({
      source: { kind: 'syscall', name: 'munmap' },
      by: groupBy === 'comm' ? ['comm'] : [],
      events: this.events,
      names: this.names,
      filter,
    });
    const b = this.batch;
    b.length = 1;
    for (const row of rows) {
      b.tsNs[0] = row.ts;
      b.pid[0] = row.pid ?? 7;
      b.cpu[0] = row.cpu ?? 0;
      b.comm[0] = this.names.internString(row.comm ?? 'a');
      b.event[0] = this.ids[row.what]!;
      spans.observeBatch(b);
    }
    spans.finish();
    spans.finish();
    return {
      reports: (time: TimeBase) => spanReports(spans, 'munmap', time),
      distribution: () => spans.results()[0]?.durations,
      anomalies: { ...spans.dropped, unknownTask: spans.rows.keyless },
    };
  }
}

const run = (rows: Row[], groupBy: 'all' | 'comm' = 'all') => new Feed().run(rows, groupBy);
const time = new TimeBase();
const only = (rows: Row[]) => run(rows).reports(time)[0]!;

describe('spans of a syscall', () => {
  test('pairs enter and exit of a thread, whatever lies between', () => {
    const r = only([
      { what: 'enter', ts: 1000 },
      { what: 'enter', ts: 1100, pid: 8, cpu: 1 },
      { what: 'other', ts: 1150 },
      { what: 'mmap', ts: 1160 },
      { what: 'exit', ts: 1200, pid: 8, cpu: 1 },
      { what: 'exit', ts: 4000, cpu: 2 },
    ]);
    expect(r).toEqual({
      name: 'munmap',
      key: '',
      count: 2,
      censored: { start: 0, end: 0, loss: 0 },
      histogram: [
        { lowNs: 64, highNs: 128, count: 1 },
        { lowNs: 128, highNs: 256, count: 0 },
        { lowNs: 256, highNs: 512, count: 0 },
        { lowNs: 512, highNs: 1024, count: 0 },
        { lowNs: 1024, highNs: 2048, count: 0 },
        { lowNs: 2048, highNs: 4096, count: 1 },
      ],
      quantiles: { p50: 100, p90: 3000, p99: 3000, p999: 3000, max: 3000 },
      sumNs: '3100',
    });
  });

  test('edges of the recording and of a segment censor', () => {
    const r = only([
      { what: 'exit', ts: 1 },
      { what: 'enter', ts: 2 },
      { what: 'segment', ts: 3 },
      { what: 'exit', ts: 4 },
      { what: 'enter', ts: 5 },
    ]);
    expect([r.count, r.censored]).toEqual([0, { start: 2, end: 2, loss: 0 }]);
  });

  test('a second enter drops the first and is counted', () => {
    const spans = run([
      { what: 'enter', ts: 1 },
      { what: 'enter', ts: 5 },
      { what: 'exit', ts: 7 },
    ]);
    expect(spans.anomalies.restarted).toBe(1);
    expect(spans.distribution()!.maxNs).toBe(2);
  });

  test.each([
    [
      'on the CPU of the enter',
      [
        { what: 'enter', ts: 1, cpu: 0 },
        { what: 'lost', ts: 2, cpu: 0 },
        { what: 'exit', ts: 3, cpu: 1 },
      ],
      1,
      1,
    ],
    [
      'on the CPU of the exit',
      [
        { what: 'enter', ts: 1, cpu: 0 },
        { what: 'lost', ts: 2, cpu: 1 },
        { what: 'exit', ts: 3, cpu: 1 },
      ],
      1,
      1,
    ],
    [
      'on a CPU it passed',
      [
        { what: 'enter', ts: 1, cpu: 0 },
        { what: 'other', ts: 2, cpu: 3 },
        { what: 'lost', ts: 2, cpu: 3 },
        { what: 'exit', ts: 3, cpu: 0 },
      ],
      1,
      1,
    ],
    [
      'on an unknown CPU',
      [
        { what: 'enter', ts: 1 },
        { what: 'lost', ts: 2, cpu: -1 },
        { what: 'exit', ts: 3 },
      ],
      1,
      1,
    ],
    [
      'anywhere, on a CPU the trace does not name',
      [
        { what: 'enter', ts: 1, cpu: -1 },
        { what: 'lost', ts: 2, cpu: 5 },
        { what: 'exit', ts: 3, cpu: 0 },
      ],
      1,
      1,
    ],
    [
      'elsewhere',
      [
        { what: 'enter', ts: 1, cpu: 0 },
        { what: 'lost', ts: 2, cpu: 5 },
        { what: 'exit', ts: 3, cpu: 0 },
      ],
      0,
      0,
    ],
    [
      'before it',
      [
        { what: 'lost', ts: 0, cpu: 0 },
        { what: 'enter', ts: 1 },
        { what: 'exit', ts: 3 },
      ],
      0,
      0,
    ],
    [
      'before an exit without enter',
      [
        { what: 'lost', ts: 0, cpu: 0 },
        { what: 'exit', ts: 3 },
      ],
      1,
      1,
    ],
    [
      'between two enters',
      [
        { what: 'enter', ts: 1 },
        { what: 'lost', ts: 2 },
        { what: 'enter', ts: 3 },
        { what: 'exit', ts: 4 },
      ],
      1,
      0,
    ],
    [
      'before the end',
      [
        { what: 'enter', ts: 1 },
        { what: 'lost', ts: 2 },
      ],
      1,
      0,
    ],
  ] as [string, Row[], number, number][])('loss %s', (_name, rows, lost, dropped) => {
    const r = only(rows);
    expect(r.censored).toEqual({ start: 0, end: 0, loss: lost });
    const pairs = rows.filter((x) => x.what === 'exit').length;
    expect(r.count).toBe(pairs - dropped);
  });

  test('a CPU history that begins inside a span cuts its start', () => {
    const r = only([
      { what: 'enter', ts: 1, cpu: 0 },
      { what: 'bufferStart', ts: 2, cpu: 1 },
      { what: 'exit', ts: 3, cpu: 1 },
    ]);
    expect([r.count, r.censored]).toEqual([0, { start: 1, end: 0, loss: 0 }]);
  });

  test('clocks running back and rows without thread are counted, not measured', () => {
    const spans = run([
      { what: 'enter', ts: 9 },
      { what: 'exit', ts: 3 },
      { what: 'enter', ts: 4 },
      { what: 'exit', ts: 1e17 },
      { what: 'enter', ts: 10, pid: -1 },
    ]);
    expect(spans.anomalies).toEqual({ restarted: 0, badClock: 2, unknownTask: 1 });
    expect(spans.reports(time)[0]!.count).toBe(0);
  });

  test('groups by the name at exit, busiest first', () => {
    const spans = run(
      [
        { what: 'enter', ts: 1, comm: 'x' },
        { what: 'exit', ts: 2, comm: 'y' },
        { what: 'enter', ts: 3, comm: 'z' },
        { what: 'exit', ts: 5, comm: 'z' },
        { what: 'enter', ts: 6, comm: 'z' },
        { what: 'exit', ts: 9, comm: 'z' },
      ],
      'comm',
    );
    expect(spans.reports(time).map((r) => [r.key, r.count, r.sumNs])).toEqual([
      ['z', 2, '5'],
      ['y', 1, '1'],
    ]);
  });

  test('a filter takes spans by their exit, or by their enter where there is none', () => {
    const rows: Row[] = [
      { what: 'exit', ts: 5, pid: 1 },
      { what: 'enter', ts: 10, pid: 2 },
      { what: 'enter', ts: 20, pid: 3 },
      { what: 'enter', ts: 25, pid: 4 },
      { what: 'exit', ts: 30, pid: 2 },
      { what: 'exit', ts: 50, pid: 3 },
    ];
    const seen = (filter: SpanFilter) => {
      const r = new Feed().run(rows, 'all', filter).reports(time)[0]!;
      return [r.count, r.sumNs, r.censored];
    };
    expect(seen(() => false)).toEqual([0, '0', { start: 0, end: 0, loss: 0 }]);
    expect(seen((ts) => ts >= 12 && ts < 40)).toEqual([1, '20', { start: 0, end: 1, loss: 0 }]);
    expect(seen((_ts, _cpu, pid) => pid === 1 || pid === 3)).toEqual([
      1,
      '30',
      { start: 1, end: 0, loss: 0 },
    ]);
  });

  test('ticks are not ns', () => {
    const ticks = new TimeBase();
    ticks.unit = 'ticks';
    const r = run([
      { what: 'enter', ts: 1 },
      { what: 'exit', ts: 3 },
    ]).reports(ticks)[0]!;
    expect([r.count, r.quantiles, r.histogram, r.sumNs]).toEqual([1, null, [], '0']);
  });

  test('agrees with the obvious pairing on any sequence, for any thread ids', () => {
    const pid = fc.constantFrom(1, 2, 3, 70000, 2 ** 22 + 5);
    const step = fc.record({ what: fc.constantFrom('enter', 'exit', 'other', 'mmap'), pid });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const rows = steps.map((s, i) => ({ ...s, ts: i * i }));
        const open = new Map<number, number>();
        const durations: number[] = [];
        let start = 0;
        let restarted = 0;
        for (const row of rows) {
          if (row.what === 'enter') {
            if (open.has(row.pid)) restarted++;
            open.set(row.pid, row.ts);
          } else if (row.what === 'exit') {
            const from = open.get(row.pid);
            if (from === undefined) start++;
            else durations.push(row.ts - from);
            open.delete(row.pid);
          }
        }
        const spans = run(rows);
        expect([...(spans.distribution()?.sortedValues() ?? [])]).toEqual(durations.sort((a, b) => a - b));
        expect(spans.reports(time)[0]!.censored).toEqual({ start, end: open.size, loss: 0 });
        expect(spans.anomalies.restarted).toBe(restarted);
      }),
    );
  });
});
