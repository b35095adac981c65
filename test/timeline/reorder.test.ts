import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordBatch } from '../../src/timeline/batch.js';
import { RESERVED } from '../../src/timeline/events.js';
import { Reorder } from '../../src/timeline/reorder.js';

interface Row {
  readonly ts: number;
  readonly cpu: number;
  readonly event: number;
  readonly body: string;
  readonly line: number;
}

const EVENT = 7;
const event = (ts: number, line: number): Row => ({
  ts,
  cpu: line % 3,
  event: EVENT,
  body: `n=${line}`,
  line,
});
const fact = (kind: number, line: number): Row => ({ ts: Number.NaN, cpu: 1, event: kind, body: '', line });

/** Feeds rows in batches of `size`, each with its own bytes that are wiped afterwards, as a scanner's are. */
function run(
  rows: readonly Row[],
  held: number,
  size: number,
  most = held,
): { out: Row[]; reorder: Reorder } {
  const out: Row[] = [];
  const reorder = new Reorder(
    (b) => {
      for (let i = 0; i < b.length; i++) {
        const lost = b.event[i] === RESERVED.lost || b.event[i] === RESERVED.silentLoss;
        out.push({
          ts: b.tsNs[i]!,
          cpu: b.cpu[i]!,
          event: b.event[i]!,
          body: b.body(i),
          line: lost ? 0 : b.line[i]!,
        });
      }
    },
    held,
    most,
  );
  for (let at = 0; at < rows.length; at += size) {
    const part = rows.slice(at, at + size);
    const batch = new RecordBatch(part.length);
    batch.bytes = new TextEncoder().encode(part.map((r) => r.body).join(''));
    let used = 0;
    part.forEach((r, i) => {
      batch.tsNs[i] = r.ts;
      batch.cpu[i] = r.cpu;
      batch.event[i] = r.event;
      batch.line[i] = r.line;
      batch.bodyStart[i] = used;
      used += r.body.length;
      batch.bodyEnd[i] = used;
    });
    batch.length = part.length;
    reorder.push(batch);
    batch.bytes.fill(0);
  }
  reorder.finish();
  return { out, reorder };
}

describe('Reorder', () => {
  it('is a stable sort with bodies kept, when everything is within reach', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 80 }), fc.constantFrom(1, 7, 64), (stamps, size) => {
        const rows = stamps.map((ts, i) => event(ts, i + 1));
        const { out, reorder } = run(rows, 200, size);
        expect(out).toEqual([...rows].sort((a, b) => a.ts - b.ts || a.line - b.line));
        expect(reorder.late).toBe(0);
      }),
    );
  });

  it('keeps every record in a small window, and puts a loss of its CPU before each late one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(500), { maxLength: 120 }),
        fc.integer({ min: 1, max: 9 }),
        (stamps, held) => {
          const rows = stamps.map((ts, i) => event(ts, i + 1));
          const { out, reorder } = run(rows, held, 7);
          const events = out.filter((r) => r.event === EVENT);
          expect([...events].sort((a, b) => a.line - b.line)).toEqual(rows);
          let newest = Number.NEGATIVE_INFINITY;
          let late = 0;
          out.forEach((r, i) => {
            if (r.event !== EVENT) return;
            if (r.ts < newest) {
              late++;
              expect(out[i - 1]).toMatchObject({ event: RESERVED.lost, cpu: r.cpu });
            } else newest = r.ts;
          });
          expect(reorder.late).toBe(late);
          // And one fact for all of them, before the first: what is absent anywhere proves nothing.
          const silent = out.filter((r) => r.event === RESERVED.silentLoss);
          expect(silent.length).toBe(late > 0 ? 1 : 0);
          expect(out.length - events.length).toBe(late + silent.length);
          if (late > 0) {
            const first = out.findIndex((r) => r.event === RESERVED.lost);
            expect(out[first - 1]?.event).toBe(RESERVED.silentLoss);
          }
        },
      ),
    );
  });

  it('says how many records were behind, and by how much', () => {
    const { reorder } = run([event(10, 1), event(4, 2), event(12, 3), event(3, 4)], 100, 64);
    expect([reorder.displaced, reorder.worst, reorder.late]).toEqual([2, 9, 0]);
  });

  it('gives facts no time of their own, also at the start, and leaves them behind what came before', () => {
    const { out } = run(
      [fact(RESERVED.bufferStart, 1), event(9, 2), fact(RESERVED.bufferStart, 3), event(5, 4)],
      100,
      64,
    );
    expect(out.map((r) => r.line)).toEqual([1, 4, 2, 3]);
    expect(out.filter((r) => r.event !== EVENT).every((r) => Number.isNaN(r.ts))).toBe(true);
  });

  it('sorts nothing across captures, and a capture that starts earlier is not late', () => {
    const { out, reorder } = run(
      [event(90, 1), event(80, 2), fact(RESERVED.segment, 3), event(5, 4), event(2, 5)],
      4,
      7,
    );
    expect(out.map((r) => r.line)).toEqual([2, 1, 3, 5, 4]);
    expect([reorder.displaced, reorder.worst, reorder.late]).toEqual([2, 10, 0]);
  });
});

describe('however far rows are from their place, the order is that of a stable sort', () => {
  const n = 700;
  it.each<[string, (i: number) => number]>([
    ['in order', (i) => i],
    ['neighbours changed', (i) => i ^ 1],
    ['groups of eight turned round', (i) => i ^ 7],
    ['backwards', (i) => n - i],
    ['one per CPU behind the other', (i) => (i % 100) * 7 + Math.floor(i / 100)],
    ['many of one stamp', (i) => Math.floor(((i * 7919) % n) / 50)],
    ['no order', (i) => (i * 7919) % n],
  ])('%s', (_, stamp) => {
    const rows = Array.from({ length: n }, (_, i) => event(stamp(i), i));
    const sorted = [...rows].sort((a, b) => a.ts - b.ts || a.line - b.line);
    expect(run(rows, n, 64).out).toEqual(sorted);
  });

  it('bodies of any length', () => {
    const rows = [0, 1, 95, 96, 97, 5000].map((length, i) => ({
      ...event(9 - i, i),
      body: 'x'.repeat(length),
    }));
    expect(run(rows, 3, 2).out.map((r) => r.body.length)).toEqual(
      run(rows, 3, 1).out.map((r) => r.body.length),
    );
    expect(run(rows, 9, 2).out.map((r) => r.body.length)).toEqual([5000, 97, 96, 95, 1, 0]);
  });
});

describe('more rows are held the further they are from their place', () => {
  /** Buffers of `cpus` CPUs that are read in turn, `each` rows of one after the other, all filled at the same time. */
  const inTurn = (cpus: number, each: number, rounds: number): Row[] =>
    Array.from({ length: cpus * each * rounds }, (_, i) => {
      const round = Math.floor(i / (cpus * each));
      const inRound = i % (cpus * each);
      return event((round * each + (inRound % each)) * cpus + Math.floor(inRound / each), i + 1);
    });

  it.each([
    [2, 60],
    [7, 60],
    [16, 20],
  ])('%i CPUs, %i rows of each', (cpus, each) => {
    const rows = inTurn(cpus, each, 6);
    const sorted = [...rows].sort((a, b) => a.ts - b.ts);
    for (const size of [1, 7, 64]) {
      const { out, reorder } = run(rows, 64, size, 1024);
      expect(reorder.late).toBe(0);
      expect(out).toEqual(sorted);
    }
  });

  it('to a limit: then they are late', () => {
    expect(run(inTurn(7, 60, 6), 64, 7, 128).reorder.late).toBeGreaterThan(0);
  });

  it('and no more than that', () => {
    const held = (rows: readonly Row[]): number => {
      let passed = 0;
      const reorder = new Reorder((b) => void (passed += b.length), 64, 1024);
      const batch = new RecordBatch(1);
      batch.length = 1;
      let most = 0;
      rows.forEach((r, i) => {
        batch.tsNs[0] = r.ts;
        batch.event[0] = EVENT;
        reorder.push(batch);
        most = Math.max(most, i + 1 - passed);
      });
      return most;
    };
    expect(held(inTurn(2, 3, 100))).toBe(64);
    expect(held(inTurn(2, 60, 10))).toBe(256);
  });
});
