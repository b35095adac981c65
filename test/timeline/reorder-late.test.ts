import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeBases } from '../../src/kernel/bases.js';
import { Decoder } from '../../src/kernel/decoder.js';
import { scanInput } from '../../src/parsers/input/open-input.js';
import { newPipeline } from '../../src/read/pipeline.js';
import { ReplayEngine } from '../../src/replay/engine.js';
import { type BatchSink, RecordBatch } from '../../src/timeline/batch.js';
import { Reorder } from '../../src/timeline/reorder.js';
import { ROOT } from '../support/built.js';

/** A record that comes later than the window reaches was absent where it belongs: no verdict may rest on that. */
const WINDOW = 64;
const LATE = 500;
const pipeline = newPipeline();
const { events, names, time, funcs } = pipeline;
interface Row {
  readonly ts: number;
  readonly cpu: number;
  readonly pid: number;
  readonly flags: number;
  readonly comm: number;
  readonly event: number;
  readonly offset: number;
  readonly body: string;
}
const rows: Row[] = [];

beforeAll(async () => {
  await scanInput(join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz'), {
    input: 0,
    context: pipeline,
    sink: (b) => {
      for (let i = 0; i < b.length; i++) {
        rows.push({
          ts: b.tsNs[i]!,
          cpu: b.cpu[i]!,
          pid: b.pid[i]!,
          flags: b.flags[i]!,
          comm: b.comm[i]!,
          event: b.event[i]!,
          offset: b.offset[i]!,
          body: b.body(i),
        });
      }
    },
  });
});

/** Ids of the invariants that are violated when the rows come in this order. */
function violated(
  order: readonly Row[],
  sink: (engine: BatchSink) => { push: BatchSink; finish(): void },
): string[] {
  const engine = new ReplayEngine({
    names,
    time,
    funcs,
    decoder: new Decoder({ events, funcs, bases: makeBases(0x1fea0000000000, 0x1f888000000000, 'given') }),
    variants: null,
    filter: null,
    listener: null,
    maxFindings: 50,
  });
  const to = sink((b) => engine.batch(b));
  const batch = new RecordBatch(256);
  for (let at = 0; at < order.length; at += 256) {
    const part = order.slice(at, at + 256);
    batch.bytes = Buffer.from(part.map((r) => r.body).join(''), 'latin1');
    let used = 0;
    part.forEach((r, i) => {
      batch.tsNs[i] = r.ts;
      batch.cpu[i] = r.cpu;
      batch.pid[i] = r.pid;
      batch.tgid[i] = -1;
      batch.flags[i] = r.flags;
      batch.comm[i] = r.comm;
      batch.event[i] = r.event;
      batch.offset[i] = r.offset;
      batch.aux[i] = 0;
      batch.bodyStart[i] = used;
      used += r.body.length;
      batch.bodyEnd[i] = used;
    });
    batch.length = part.length;
    to.push(batch);
  }
  to.finish();
  engine.finish();
  return [...engine.ledger.tallies].filter(([, t]) => t.violated > 0).map(([id]) => `I${id}`);
}

const direct = (engine: BatchSink) => ({ push: engine, finish: () => {} });
const sorted = (engine: BatchSink) => {
  const reorder = new Reorder(engine, WINDOW, WINDOW);
  return { push: (b: RecordBatch) => reorder.push(b), finish: () => reorder.finish() };
};

/** The row at `at` comes `LATE` rows after its place. */
const displaced = (at: number): Row[] => [
  ...rows.slice(0, at),
  ...rows.slice(at + 1, at + LATE),
  rows[at]!,
  ...rows.slice(at + LATE),
];

/** Rows of every kind of event, spread over the capture. */
function sample(): number[] {
  const seen = new Map<number, number>();
  const picked: number[] = [];
  for (let at = 300; at < rows.length - LATE - 200; at++) {
    const n = seen.get(rows[at]!.event) ?? 0;
    seen.set(rows[at]!.event, n + 1);
    if (n % 8 === 0 && n < 24) picked.push(at);
  }
  return picked;
}

describe('a record that comes too late', () => {
  test('would look like a violation if nothing were said of it', () => {
    const found = sample().flatMap((at) => violated(displaced(at), direct).filter((id) => id !== 'I52'));
    expect(found.length).toBeGreaterThan(0);
  });

  test('is never the ground of one, whatever it is', () => {
    expect(violated(rows, sorted)).toEqual([]);
    const picked = sample();
    expect(picked.length).toBeGreaterThan(40);
    for (const at of picked) {
      expect([events.head(rows[at]!.event).name, ...violated(displaced(at), sorted)]).toEqual([
        events.head(rows[at]!.event).name,
      ]);
    }
  });
});
