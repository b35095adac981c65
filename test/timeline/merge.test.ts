import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordBatch } from '../../src/timeline/batch.js';
import { RESERVED } from '../../src/timeline/events.js';
import { BatchMerge } from '../../src/timeline/merge.js';

/** A row: stamp, NaN for a fact. */
type Stream = readonly number[];

function batchOf(input: number, stamps: readonly number[], from: number): RecordBatch {
  const batch = new RecordBatch(stamps.length);
  batch.input = input;
  batch.length = stamps.length;
  batch.bytes = Buffer.from(stamps.map((_, i) => String.fromCharCode(65 + ((from + i) % 26))).join(''));
  stamps.forEach((ts, i) => {
    batch.tsNs[i] = ts;
    batch.line[i] = from + i + 1;
    batch.event[i] = Number.isNaN(ts) ? RESERVED.lost : 9;
    batch.bodyStart[i] = i;
    batch.bodyEnd[i] = i + 1;
  });
  return batch;
}

interface Out {
  readonly input: number;
  readonly line: number;
  readonly ts: number;
  readonly body: string;
}

function collect(out: Out[]) {
  return (batch: RecordBatch): void => {
    for (let row = 0; row < batch.length; row++) {
      out.push({ input: batch.input, line: batch.line[row]!, ts: batch.tsNs[row]!, body: batch.body(row) });
    }
  };
}

/** Pushes the streams in pieces, in the order `turns` says. */
function run(streams: readonly Stream[], turns: readonly { input: number; rows: number }[]): Out[] {
  const out: Out[] = [];
  const merge = new BatchMerge(streams.length, collect(out));
  const at = streams.map(() => 0);
  const push = (i: number, rows: number): void => {
    const piece = streams[i]!.slice(at[i], at[i]! + rows);
    merge.push(i, batchOf(i, piece, at[i]!));
    at[i]! += piece.length;
  };
  for (const turn of turns) push(turn.input % streams.length, turn.rows);
  streams.forEach((stream, i) => {
    push(i, stream.length);
    merge.end(i);
  });
  return out;
}

/** Sorts by place: a fact has that of the event behind it, at the end that of the last event. */
function expected(streams: readonly Stream[]): string[] {
  return streams
    .flatMap((stream, input) => {
      let place = Number.NEGATIVE_INFINITY;
      const rows = stream.map((ts, i) => {
        const next = stream.slice(i).find((t) => !Number.isNaN(t));
        const own = Number.isNaN(ts) ? (next ?? Number.NEGATIVE_INFINITY) : ts;
        place = Math.max(place, own);
        return { input, line: i + 1, place };
      });
      return rows;
    })
    .sort((a, b) => (a.place === b.place ? a.input - b.input || a.line - b.line : a.place - b.place))
    .map((r) => `${r.input}:${r.line}`);
}

const stamp = fc.integer({ min: 0, max: 12 });
const stream = fc
  .array(fc.oneof({ weight: 4, arbitrary: stamp }, { weight: 1, arbitrary: fc.constant(Number.NaN) }), {
    maxLength: 25,
  })
  .map((list) => {
    const sorted = list.filter((n) => !Number.isNaN(n)).sort((a, b) => a - b);
    return list.map((n) => (Number.isNaN(n) ? n : sorted.shift()!));
  });

describe('merging by time', () => {
  it('gives the stable order, however the batches come in', () => {
    const turns = fc.array(fc.record({ input: fc.nat(5), rows: fc.integer({ min: 0, max: 7 }) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.array(stream, { minLength: 1, maxLength: 4 }), turns, (streams, order) => {
        const out = run(streams, order);
        expect(out.map((r) => `${r.input}:${r.line}`)).toEqual(expected(streams));
        for (const row of out) {
          expect(row.ts).toEqual(streams[row.input]![row.line - 1]);
          expect(row.body).toBe(String.fromCharCode(65 + ((row.line - 1) % 26)));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('facts that fill a batch wait for the next stamp as well', () => {
    const nan = Number.NaN;
    const streams = [[1], [0, 0, 0, 0, nan, nan, 1]];
    const out = run(streams, [
      { input: 1, rows: 5 },
      { input: 1, rows: 1 },
    ]);
    expect(out.map((r) => `${r.input}:${r.line}`)).toEqual(expected(streams));
  });

  it('holds nothing back that can go on, and keeps the order of an input whose stamps fall', () => {
    const out: Out[] = [];
    const merge = new BatchMerge(2, collect(out));
    merge.push(0, batchOf(0, [1, 5, 4, 9], 0));
    expect(out).toEqual([]);
    merge.push(1, batchOf(1, [6], 0));
    expect(out.map((r) => r.ts)).toEqual([1, 5, 4, 6]);
    merge.end(1);
    expect(out.map((r) => r.ts)).toEqual([1, 5, 4, 6, 9]);
  });

  it('makes the reader wait that is ahead, and never the one that is waited for', async () => {
    const out: Out[] = [];
    const merge = new BatchMerge(2, collect(out));
    const many = Array.from({ length: 40_000 }, (_, i) => i);
    merge.push(0, batchOf(0, many, 0));
    const gate = merge.gate(0);
    expect(gate).toBeInstanceOf(Promise);
    expect(merge.gate(1)).toBeNull();
    merge.push(1, batchOf(1, [50_000], 0));
    await gate;
    expect(merge.gate(0)).toBeNull();
    expect(out).toHaveLength(40_000);
  });

  it('an input that ends lets a waiting reader go on', async () => {
    const merge = new BatchMerge(2, () => {});
    merge.push(
      0,
      batchOf(
        0,
        Array.from({ length: 40_000 }, (_, i) => i),
        0,
      ),
    );
    const gate = merge.gate(0);
    merge.end(1);
    await gate;
    expect(merge.gate(0)).toBeNull();
  });

  it('a stated loss stands before the first event of its input', () => {
    const facts: string[] = [];
    const merge = new BatchMerge(2, (b) => {
      for (let row = 0; row < b.length; row++) {
        facts.push(b.event[row] === RESERVED.lost ? `lost ${b.cpu[row]}` : `${b.input}@${b.tsNs[row]}`);
      }
    });
    merge.lost(1, 1, [2, 3]);
    merge.push(0, batchOf(0, [1, 9], 0));
    merge.push(1, batchOf(1, [4, 5], 0));
    merge.end(0);
    merge.end(1);
    expect(facts).toEqual(['0@1', 'lost 2', 'lost 3', '1@4', '1@5', '0@9']);
  });
});
