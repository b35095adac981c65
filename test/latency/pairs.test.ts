import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeBases } from '../../src/kernel/bases.js';
import { Decoder } from '../../src/kernel/decoder.js';
import { FuncTable } from '../../src/kernel/func-table.js';
import { parseKeyParts } from '../../src/latency/group-keys.js';
import { PairCollector } from '../../src/latency/pair-collector.js';
import { ENDED, PairMatcher } from '../../src/latency/pairs.js';
import { parseMatch, type SpanSource } from '../../src/latency/span-source.js';
import { UsageError } from '../../src/result/usage-error.js';
import { RecordBatch } from '../../src/timeline/batch.js';
import { type EventHead, EventTable, RESERVED } from '../../src/timeline/events.js';
import { Interner } from '../../src/timeline/interner.js';
import { TimeBase } from '../../src/timeline/time-base.js';
import { ReferenceSpans } from './support/reference-spans.js';

interface Row {
  what: string;
  ts: number;
  pid?: number;
  cpu?: number;
  comm?: string;
  body?: string;
  aux?: number;
}

const head = (kind: EventHead['kind'], name: string, symbol = ''): EventHead => ({
  kind,
  name,
  symbol,
  caller: '',
});

const HEADS: Record<string, EventHead> = {
  enter: head('syscall-enter', 'munmap'),
  exit: head('syscall-exit', 'munmap'),
  rawEnter: head('tracepoint', 'sys_enter'),
  rawExit: head('tracepoint', 'sys_exit'),
  other: head('tracepoint', 'sched_switch'),
  f: head('probe', 'my_probe', 'flush_tlb_mm_range'),
  f2: head('probe', 'second_probe', 'flush_tlb_mm_range'),
  fret: head('retprobe', 'my_probe_ret', 'flush_tlb_mm_range'),
  fgEntry: head('function', 'g', 'g'),
  fgLeaf: { ...head('span', 'g', 'g'), stamp: 'start' },
  fgReturn: { ...head('span', 'g', 'g'), stamp: 'end' },
  a: head('tracepoint', 'csd_queue_cpu'),
  b: head('tracepoint', 'csd_function_entry'),
  callRcu: head('probe', 'call_rcu', 'call_rcu'),
  cb: head('probe', 'cb', 'my_callback'),
  rcuCallback: head('tracepoint', 'rcu_callback'),
  rcuInvoke: head('tracepoint', 'rcu_invoke_callback'),
};
const FACTS: Record<string, number> = {
  lost: RESERVED.lost,
  segment: RESERVED.segment,
  bufferStart: RESERVED.bufferStart,
  silentLoss: RESERVED.silentLoss,
};

function feed(
  rows: readonly Row[],
  sinks: (setup: Setup) => { observeBatch(b: RecordBatch): void }[],
): Setup {
  const setup = { events: new EventTable(), names: new Interner(), funcs: new FuncTable() };
  const ids = Object.fromEntries(Object.entries(HEADS).map(([k, h]) => [k, setup.events.internHead(k, h)]));
  const list = sinks(setup);
  const b = new RecordBatch(1);
  b.length = 1;
  for (const row of rows) {
    b.bytes = new TextEncoder().encode(row.body ?? '');
    b.bodyStart[0] = 0;
    b.bodyEnd[0] = b.bytes.length;
    b.tsNs[0] = row.ts;
    b.pid[0] = row.pid ?? 7;
    b.tgid[0] = 5;
    b.cpu[0] = row.cpu ?? 0;
    b.aux[0] = row.aux ?? 0;
    b.comm[0] = setup.names.internString(row.comm ?? 'a');
    b.event[0] = FACTS[row.what] ?? ids[row.what]!;
    for (const s of list) s.observeBatch(b);
  }
  return setup;
}
interface Setup {
  events: EventTable;
  names: Interner;
  funcs: FuncTable;
}

function collect(source: SpanSource, rows: readonly Row[], by = '', rcuWay?: 'probes' | 'tracepoints') {
  let c: PairCollector | undefined;
  const order: number[] = [];
  feed(rows, ({ events, names, funcs }) => {
    c = new PairCollector({
      source,
      by: parseKeyParts(by),
      events,
      names,
      funcs,
      decoder: new Decoder({ events, funcs, bases: makeBases(Number.NaN, Number.NaN, 'none') }),
      rcuWay,
      onSpan: (_g, ns) => order.push(ns),
    });
    return [c];
  });
  c!.finish();
  c!.finish();
  const groups = c!.results().map((g) => ({
    key: g.keys.join(', '),
    values: [...(g.durations.sortedValues() ?? [])],
    cut: Object.fromEntries(Object.entries(g.censored).filter(([, n]) => n > 0)),
  }));
  return { groups, notes: c!.notes(), order, rows: c!.rows };
}

const munmap: SpanSource = { kind: 'syscall', name: 'munmap' };

describe('PairCollector', () => {
  const rowArb = fc.record({
    what: fc.constantFrom('enter', 'exit', 'enter', 'exit', 'other', 'lost', 'segment', 'bufferStart'),
    step: fc.integer({ min: -2, max: 50 }),
    pid: fc.integer({ min: -1, max: 4 }).filter((p) => p !== 0),
    cpu: fc.integer({ min: -1, max: 6 }),
    comm: fc.constantFrom('a', 'b'),
  });

  test('syscalls: the same as the pairing of replay, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(rowArb, { maxLength: 80 }), (steps) => {
        let ts = 1000;
        const rows = steps.map(({ step, ...r }) => {
          ts += step;
          // A row without a CPU leaves the span on an unknown one here; replay passes over such rows.
          return { ...r, ts, cpu: r.what === 'other' ? Math.max(0, r.cpu) : r.cpu };
        });
        let ours: PairCollector | undefined;
        let theirs: ReferenceSpans | undefined;
        feed(rows, ({ events, names, funcs }) => {
          theirs = new ReferenceSpans({ events, names, groupBy: 'comm' });
          ours = new PairCollector({
            source: munmap,
            by: ['comm'],
            events,
            names,
            funcs,
            decoder: new Decoder({ events, funcs, bases: makeBases(Number.NaN, Number.NaN, 'none') }),
          });
          return [ours, theirs];
        });
        ours!.finish();
        theirs!.finish();
        const mine = ours!
          .results()
          .map((g) => ({
            key: g.keys[0],
            sum: g.durations.sumNs.toString(),
            count: g.durations.count,
            censored: { start: g.censored.start, end: g.censored.end, loss: g.censored.loss },
          }))
          .sort((x, y) => (x.key! < y.key! ? -1 : 1));
        const want = theirs!
          .reports(new TimeBase())
          .map((r) => ({ key: r.key, sum: r.sumNs, count: r.count, censored: r.censored }))
          .sort((x, y) => (x.key < y.key ? -1 : 1));
        expect(mine).toEqual(want);
      }),
      { numRuns: 500 },
    );
  });

  test('raw syscalls count by number, and only one way counts', () => {
    const r = collect(munmap, [
      { what: 'rawEnter', ts: 0, body: ' NR 11 (7f00, 1000)' },
      { what: 'enter', ts: 1, body: 'addr: 7f00, len: 1000)' },
      { what: 'exit', ts: 8, body: ' -> 0x0' },
      { what: 'rawExit', ts: 9, body: ' NR 11 = 0' },
      { what: 'rawEnter', ts: 20, body: ' NR 9 (0, 1000)' },
      { what: 'rawExit', ts: 29, body: ' NR 9 = 0' },
    ]);
    expect(r.groups).toEqual([{ key: '', values: [8], cut: {} }]);
    expect(r.notes.join()).toContain('not used: munmap');
  });

  test('a recorder that does not mark its losses is named', () => {
    const rows: Row[] = [
      { what: 'enter', ts: 0 },
      { what: 'exit', ts: 5 },
    ];
    expect(collect(munmap, rows).notes).toEqual([]);
    const r = collect(munmap, [{ what: 'silentLoss', ts: 0, cpu: -1 }, ...rows]);
    expect(r.groups[0]!.values).toEqual([5]);
    expect(r.notes.join()).toContain('does not mark lost events');
  });

  test('functions nest; one of two probes on the same function counts', () => {
    const r = collect({ kind: 'func', name: 'flush_tlb_mm_range' }, [
      { what: 'f', ts: 0 },
      { what: 'f2', ts: 0 },
      { what: 'f', ts: 10 },
      { what: 'fret', ts: 15 },
      { what: 'fret', ts: 30 },
      { what: 'fret', ts: 40 },
      { what: 'f', ts: 50, pid: 0, cpu: 1 },
      { what: 'f', ts: 51, pid: 0, cpu: 2 },
      { what: 'fret', ts: 60, pid: 0, cpu: 1 },
      { what: 'fret', ts: 71, pid: 0, cpu: 2 },
    ]);
    expect(r.groups).toEqual([{ key: '', values: [5, 10, 20, 30], cut: { start: 1 } }]);
    expect(r.notes.join()).toContain('second_probe');
  });

  test('function_graph durations are the kernel’s own; what never returns is censored', () => {
    const r = collect({ kind: 'span', name: 'g' }, [
      { what: 'fgLeaf', ts: 0, aux: 120 },
      { what: 'fgEntry', ts: 10 },
      { what: 'fgReturn', ts: 100, aux: 88 },
      { what: 'fgReturn', ts: 200, aux: 44 },
      { what: 'fgLeaf', ts: 210, aux: Number.NaN },
      { what: 'fgEntry', ts: 300, pid: -1, cpu: 3 },
    ]);
    expect(r.groups).toEqual([{ key: '', values: [44, 88, 120], cut: { end: 1 } }]);
    expect(r.order).toEqual([120, 88, 44]);
    expect(r.notes.join()).toContain('1 spans were printed without a duration');
  });

  test('event pairs by argument, by CPU, by nothing, and an event to itself', () => {
    const pair = (match: string, to = 'b'): SpanSource => ({
      kind: 'events',
      from: 'csd:csd_queue_cpu',
      to: to === 'b' ? 'csd_function_entry' : 'csd_queue_cpu',
      match: parseMatch(match),
    });
    const rows: Row[] = [
      { what: 'a', ts: 0, cpu: 0, body: 'cpu=1 func=f csd=0xffff888000000010' },
      { what: 'a', ts: 5, cpu: 0, pid: 8, body: 'cpu=2 func=f csd=0xffff888000000020' },
      { what: 'b', ts: 20, cpu: 2, pid: 9, body: 'func=f csd=0xffff888000000020' },
      { what: 'b', ts: 30, cpu: 1, pid: 7, body: 'func=f csd=0xffff888000000010' },
      { what: 'b', ts: 31, cpu: 0, pid: 7, body: 'func=f csd=0x0' },
    ];
    expect(collect(pair('arg:csd'), rows).groups[0]!.values).toEqual([15, 30]);
    expect(collect(pair('arg:csd'), rows).notes.join()).toContain('1 ends have no begin');
    expect(collect(pair('tid'), rows).groups[0]!.values).toEqual([30]);
    expect(collect(pair('cpu'), rows).groups[0]!.values).toEqual([26]);
    expect(collect(pair('none'), rows).groups[0]!.values).toEqual([15]);
    expect(collect(pair('none', 'a'), rows).groups[0]!.values).toEqual([5]);
    expect(collect(pair('arg:nothing'), rows).rows.keyless).toBe(5);
    // The CPU it was sent to is the CPU it runs on.
    const sent = rows.map((r) => (r.what === 'b' ? { ...r, body: `${r.body} on=${r.cpu}` } : r));
    expect(collect(pair('arg:cpu=on'), sent).groups[0]!.values).toEqual([15, 30]);
  });

  test('call_rcu to callback: by pointer from probes, by the tracepoints’ own key from those', () => {
    const rows: Row[] = [
      { what: 'callRcu', ts: 0, body: 'head=0xffff888000001000 func=my_callback+0x0/0x40' },
      { what: 'rcuCallback', ts: 1, body: 'rcu_preempt rhp=000000008859d1a2 func=my_callback 11' },
      { what: 'callRcu', ts: 2, body: 'head=0xffff888000002000 func=other+0x0/0x40' },
      {
        what: 'rcuInvoke',
        ts: 90,
        pid: 0,
        cpu: 1,
        body: 'rcu_preempt rhp=000000008859d1a2 func=my_callback',
      },
      { what: 'cb', ts: 91, pid: 0, cpu: 1, body: 'head=0xffff888000001000' },
      { what: 'cb', ts: 95, pid: 0, cpu: 1, body: 'head=0xffff888000009000' },
    ];
    const source: SpanSource = { kind: 'rcu', name: 'my_callback' };
    expect(collect(source, rows).groups).toEqual([{ key: '', values: [91], cut: { start: 1 } }]);
    expect(collect(source, rows, '', 'tracepoints').groups).toEqual([{ key: '', values: [89], cut: {} }]);
    const lossy = [...rows.slice(0, 3), { what: 'lost', ts: 5, cpu: 3 }, ...rows.slice(3)];
    expect(collect(source, lossy).groups).toEqual([{ key: '', values: [], cut: { loss: 2 } }]);
  });

  test('keys: the end’s task and CPU, arguments of either end, numbers as bpftrace prints them', () => {
    const r = collect(
      munmap,
      [
        { what: 'enter', ts: 0, comm: 'old', body: 'addr: 7f15f6646000, len: 10)' },
        { what: 'exit', ts: 9, comm: 'new', cpu: 3, body: ' -> 0x0' },
        { what: 'enter', ts: 10, body: 'addr: ffff888000000000, len: 10)' },
      ],
      'comm,cpu,arg:len,arg:addr,tgid',
    );
    expect(r.groups).toEqual([
      { key: 'new, 3, 16, 139732304814080, 5', values: [9], cut: {} },
      { key: 'a, 0, 16, -131391639519232, 5', values: [], cut: { end: 1 } },
    ]);
    expect(() => parseKeyParts('comm,what')).toThrow(UsageError);
    expect(() => parseMatch('arg:')).toThrow(UsageError);
  });
});

describe('PairMatcher', () => {
  test('memory is bounded: the oldest is given up and counted', () => {
    const cuts: string[] = [];
    const m = new PairMatcher({ discipline: 'single', scope: 'everywhere', maxOpen: 3 }, (_o, _s, why) =>
      cuts.push(why),
    );
    for (let i = 0; i < 1000; i++) m.begin(2 ** 40 + i, i, 0);
    expect(m.open.count).toBe(3);
    expect(cuts).toEqual(new Array(997).fill('evicted'));
    expect(m.end(2 ** 40, 2000, 0)).toBe(ENDED.unmatched);
    expect(m.end(2 ** 40 + 998, 2000, 0)).toBe(ENDED.span);
    expect(m.durationNs).toBe(1002);
  });

  test('against a slow model with a list per key', () => {
    const step = fc.record({
      begin: fc.boolean(),
      key: fc.constantFrom(0, 3, 2 ** 21, 2 ** 33, -5),
      dt: fc.integer({ min: 0, max: 9 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.constantFrom('single', 'nested'),
        (steps, discipline) => {
          const m = new PairMatcher({ discipline: discipline as 'single', scope: 'thread' }, () => {});
          const model = new Map<number, number[]>();
          let ts = 0;
          for (const s of steps) {
            ts += s.dt;
            const stack = model.get(s.key) ?? [];
            model.set(s.key, stack);
            if (s.begin) {
              if (discipline === 'single') stack.length = 0;
              stack.push(ts);
              if (stack.length > 64) stack.shift();
              m.begin(s.key, ts, 0);
            } else {
              const start = stack.pop();
              const outcome = m.end(s.key, ts, 0);
              expect(outcome).toBe(start === undefined ? ENDED.unmatched : ENDED.span);
              if (start !== undefined) expect(m.durationNs).toBe(ts - start);
            }
          }
          expect(m.open.count).toBe([...model.values()].reduce((n, l) => n + l.length, 0));
        },
      ),
    );
  });
});
