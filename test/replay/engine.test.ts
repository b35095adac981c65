import { describe, expect, it } from 'vitest';
import type { Decoder } from '../../src/kernel/decoder.js';
import { FuncTable } from '../../src/kernel/func-table.js';
import { OP, type Op } from '../../src/kernel/ops.js';
import { DISORDER } from '../../src/replay/doubts/capture-clocks.js';
import { ReplayEngine } from '../../src/replay/engine.js';
import { timelineReport } from '../../src/replay/timeline-report.js';
import { makeRef, RecordBatch } from '../../src/timeline/batch.js';
import { IN_HANDLERS, LAST_RESERVED, MISPLACED, RESERVED } from '../../src/timeline/events.js';
import { Interner } from '../../src/timeline/interner.js';
import { TimeBase } from '../../src/timeline/time-base.js';
import { replayText, report } from './support/replay.js';
import { BASES, insertBefore, MUNMAP, moveBefore, munmapRcu, print, step } from './support/story.js';

const EVENT = LAST_RESERVED + 1;

interface Row {
  readonly event?: number;
  readonly ts?: number;
  readonly cpu?: number;
  readonly aux?: number;
  /** Operation of the row; none: the line means nothing. */
  readonly op?: Partial<Op>;
}

/** An engine whose operations are given by the rows themselves. */
function engine(): { engine: ReplayEngine; feed: (rows: readonly Row[], input?: number) => void } {
  let rows: readonly Row[] = [];
  const decoder = {
    decode: (batch: RecordBatch, row: number, op: Op): boolean => {
      const given = rows[row]!.op;
      if (!given) return false;
      Object.assign(op, { a0: Number.NaN, a1: Number.NaN, a2: Number.NaN, nTables: 0 }, given);
      op.cpu = batch.cpu[row]!;
      op.tsNs = batch.tsNs[row]!;
      op.ref = batch.ref(row);
      op.pid = 7;
      return true;
    },
    restart: () => {},
  };
  const made = new ReplayEngine({
    names: new Interner(),
    time: new TimeBase(),
    funcs: new FuncTable(),
    decoder: decoder as unknown as Decoder,
    variants: null,
    filter: null,
    listener: null,
    maxFindings: 10,
  });
  let offset = 100;
  return {
    engine: made,
    feed: (given, input = 0) => {
      rows = given;
      const batch = new RecordBatch(given.length);
      batch.length = given.length;
      batch.input = input;
      given.forEach((row, i) => {
        batch.event[i] = row.event ?? EVENT;
        batch.tsNs[i] = row.ts ?? 0;
        batch.cpu[i] = row.cpu ?? 0;
        batch.aux[i] = row.aux ?? 0;
        batch.offset[i] = offset;
        offset += 10;
      });
      made.batch(batch);
    },
  };
}

describe('clocks', () => {
  it('a stamp that goes back is told with both lines, of whatever input', () => {
    const { engine: e, feed } = engine();
    feed([{ ts: 10 }, { ts: 5 }], 3);
    // What comes next could show that another excerpt begins here.
    expect(e.ledger.tally(52).violated).toBe(0);
    e.finish();
    const [violation] = e.ledger.tally(52).violations;
    expect(violation!.events.map((x) => x.ref)).toEqual([makeRef(3, 100), makeRef(3, 110)]);
    expect(violation!.message).toContain('goes back by 5');
  });

  it('each CPU has its own; equal stamps are in order; one of no CPU is not judged', () => {
    const { engine: e, feed } = engine();
    feed([{ ts: 10 }, { ts: 5, cpu: 1 }, { ts: 10 }, { ts: 5, cpu: 1 }, { ts: 1, cpu: -1 }]);
    e.finish();
    expect(e.ledger.tally(52).violated).toBe(0);
    expect(e.ledger.tally(52).pass[0]).toBe(4);
    expect(e.events).toBe(5);
  });

  it('after a loss on that CPU a stamp may go back once', () => {
    const { engine: e, feed } = engine();
    feed([{ ts: 10 }, { event: RESERVED.lost, aux: 3 }, { ts: 5 }, { ts: 4 }]);
    e.finish();
    expect(e.ledger.tally(52).violated).toBe(1);
    expect(e.cpus[0]).toMatchObject({ lost: 3, lossIntervals: 1, events: 3 });
  });

  it('losses add up, and an unknown number makes the sum unknown', () => {
    const { engine: e, feed } = engine();
    const lost = (aux: number): Row => ({ event: RESERVED.lost, aux, cpu: 1 });
    feed([{ cpu: 1 }, lost(3), { cpu: 1 }, lost(4)]);
    expect(e.cpus[1]).toMatchObject({ lost: 7, lossIntervals: 2 });
    feed([lost(-1), { cpu: 1 }, lost(5)]);
    expect(e.cpus[1]).toMatchObject({ lost: -1, lossIntervals: 4 });
    e.finish();
    // CPU 0 was never seen: only CPUs with events can be without loss.
    expect(e.ledger.tally(53).pass[0]).toBe(0);
    expect(e.ledger.tally(53).unknown).toBe(4);
  });
});

describe('losses reach back', () => {
  it('on one CPU, to its last event', () => {
    const { engine: e, feed } = engine();
    feed([{ cpu: 0 }, { cpu: 1 }, { cpu: 0 }, { cpu: 0 }, { event: RESERVED.lost, cpu: 1, aux: 1 }]);
    expect([1, 2, 3, 4].map((n) => e.ledger.gapAround(n))).toEqual([false, false, true, true]);
  });

  it('on an unknown CPU, to the earliest of all last events', () => {
    const { engine: e, feed } = engine();
    feed([{ cpu: 2 }, { cpu: 0 }, { cpu: 1 }, { cpu: 0 }, { event: RESERVED.lost, cpu: -1, aux: -1 }]);
    expect([1, 2, 3, 4].map((n) => e.ledger.gapAround(n))).toEqual([false, true, true, true]);
  });

  it('not beyond the capture', () => {
    const { engine: e, feed } = engine();
    feed([{ cpu: 0 }, { cpu: 1 }, { event: RESERVED.segment }, { cpu: 0 }, { cpu: 0 }]);
    feed([{ event: RESERVED.lost, cpu: 1, aux: 1 }]);
    expect([1, 2, 3, 4].map((n) => e.ledger.gapAround(n))).toEqual([false, false, true, true]);
    expect(e.segments).toBe(2);
  });

  it('losses told of elsewhere are everywhere, in every capture', () => {
    const { engine: e, feed } = engine();
    const state = (): number => e.session.state.lossSeq;
    feed([{ event: RESERVED.silentLoss }, { cpu: 0 }]);
    expect(state()).toBe(Number.POSITIVE_INFINITY);
    feed([{ event: RESERVED.segment }, { cpu: 0 }]);
    expect(state()).toBe(Number.POSITIVE_INFINITY);
    expect(e.ledger.tally(53).unknown).toBe(1);
  });

  it('those in handlers only hold nothing of what a task does, in the capture that says so', () => {
    const { engine: e, feed } = engine();
    const lost = (): number[] => [e.session.state.lossSeq, e.session.state.taskLossSeq];
    const everywhere = Number.POSITIVE_INFINITY;
    feed([{ event: RESERVED.silentLoss, aux: IN_HANDLERS }, { cpu: 0 }, { cpu: 0 }]);
    expect(lost()).toEqual([everywhere, 0]);
    feed([{ event: RESERVED.lost, cpu: 0, aux: 1 }]);
    expect(lost()).toEqual([everywhere, e.session.state.seq]);
    feed([{ event: RESERVED.segment }, { cpu: 0 }]);
    expect(lost()).toEqual([everywhere, everywhere]);
    // Behind it stand events that belong elsewhere.
    const { engine: misplaced, feed: feedMisplaced } = engine();
    feedMisplaced([{ cpu: 0 }, { event: RESERVED.silentLoss, aux: MISPLACED }, { cpu: 0 }]);
    expect([misplaced.disorder, misplaced.ledger.tally(52).unknown]).toEqual([DISORDER, 1]);
    expect([e.disorder, e.ledger.tally(52).unknown]).toEqual([null, 0]);
    const { engine: silent, feed: feedSilent } = engine();
    feedSilent([{ event: RESERVED.silentLoss, aux: 0 }, { cpu: 0 }]);
    expect(silent.session.state.taskLossSeq).toBe(everywhere);
  });
});

describe('captures', () => {
  it('a jump back of more than a second on the same CPU begins one, a late line does not', () => {
    const { engine: e, feed } = engine();
    feed([{ ts: 5e9 }, { ts: 1e9, cpu: 1 }]);
    expect(e.segments).toBe(1);
    feed([{ ts: 1e9 }]);
    expect(e.segments).toBe(2);
    const late = engine();
    late.feed([{ ts: 5e9 }, { ts: 3e9, cpu: 1 }, { ts: 5e9, cpu: 1 }, { ts: 3.9e9, cpu: 1 }]);
    expect(late.engine.segments).toBeGreaterThan(1);
    const within = engine();
    within.feed([{ ts: 5e9 }, { ts: 4.5e9, cpu: 1 }, { ts: 4.1e9, cpu: 1 }]);
    expect(within.engine.segments).toBe(1);
  });

  it('an empty one is none', () => {
    const { engine: e, feed } = engine();
    e.boundary();
    feed([{ event: RESERVED.segment }, { ts: 1 }]);
    expect(e.segments).toBe(1);
    e.boundary();
    expect(e.segments).toBe(2);
    expect(e.extent()).toEqual({ firstNs: 1, lastNs: 1, coveredNs: 0 });
  });

  it('finishing twice counts once', () => {
    const { engine: e, feed } = engine();
    feed([{ ts: 1 }, { ts: 2 }]);
    e.finish();
    e.finish();
    expect(e.ledger.tally(52).pass[0]).toBe(2);
    expect(e.ledger.tally(53).pass[0]).toBe(1);
  });
});

describe('the timeline as a whole', () => {
  const of = (e: ReplayEngine, clock = '') =>
    timelineReport(e, [{ clock: '' }, { clock }], new TimeBase(), null);

  it('names the CPUs that have events, and those that lost some', () => {
    const { engine: e, feed } = engine();
    feed([
      { ts: 4, cpu: 3 },
      { event: RESERVED.lost, cpu: 1, aux: 5 },
      { ts: 9, cpu: 5 },
    ]);
    expect(of(e)).toMatchObject({ cpus: [3, 5], lost: [{ cpu: 1, count: 5, intervals: 1 }], events: 2 });
    expect(of(e).spanNs).toBe('5');
  });

  it('one event, or none, spans nothing', () => {
    const { engine: e, feed } = engine();
    expect(of(e)).toMatchObject({ spanNs: '0', firstNs: '0', lastNs: '0', events: 0 });
    feed([{ ts: 4 }]);
    expect(of(e)).toMatchObject({ spanNs: '0', events: 1, segments: 1 });
  });

  it('names the first clock that any input states', () => {
    const { engine: e } = engine();
    expect(of(e, 'mono').clock).toBe('mono');
    expect(of(e).clock).toBe('ns clock, kind not stated');
    expect(timelineReport(e, [], new TimeBase(), null).clock).toBe('ns clock, kind not stated');
  });
});

describe('CPUs', () => {
  it('one that is only spoken of is one more than the highest that was sent to', () => {
    const { engine: e, feed } = engine();
    feed([{ op: { kind: OP.IS, a0: 5, a1: 4, a2: 1 } }, { op: { kind: OP.IS, a0: 2, a1: 4, a2: 2 } }]);
    e.finish();
    expect([...e.recorded.lacking([0]).keys()].join()).toMatch(/^only 1 of 6 CPUs have events in this trace/);
    expect(e.operations[OP.IS]).toBe(2);
  });

  it('a violation that another CPU could make right is unknown where one was not recorded', async () => {
    const bad = moveBefore(munmapRcu(2), 'table-free', 'unlink');
    const text = (steps: typeof bad) =>
      print([...munmapRcu(1), ...steps, ...munmapRcu(3)]).replace(/#P:2/, '');
    const all = report(await replayText(text(bad), BASES), 'I01');
    expect(all.instances.violated).toBe(1);
    const sent = insertBefore(
      bad,
      'unlink',
      step(
        'send',
        MUNMAP,
        'csd_queue_cpu: cpu=7 callsite=x+0x0/0x1 func=flush_tlb_func csd=000000001f5af999',
      ),
    );
    const some = report(await replayText(text(sent), BASES), 'I01');
    expect(some.instances.violated).toBe(0);
    expect(some.unknowns.map((u) => u.reason).join()).toContain('only 2 of 8 CPUs have events');
  });
});
