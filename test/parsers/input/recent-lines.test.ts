import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { quoteLines } from '../../../src/parsers/input/evidence.js';
import { type KeptLine, RecentLines } from '../../../src/parsers/input/recent-lines.js';
import { temporaryFolder } from '../../../src/parsers/input/temporary-folder.js';
import { newPipeline, runPipeline } from '../../../src/read/pipeline.js';
import { type EvidenceRef, makeRef } from '../../../src/timeline/batch.js';
import { LAST_RESERVED } from '../../../src/timeline/events.js';

const INPUT = 3;
const EVERY = 4096;

/** Where each line of a text begins, and what stands in it. */
function linesOf(text: string): { at: number; text: string }[] {
  let at = 0;
  return text.split('\n').map((line) => {
    const begins = at;
    at += line.length + 1;
    return { at: begins, text: line };
  });
}

const said = (kept: KeptLine | undefined) =>
  kept && { line: kept.line, text: Buffer.from(kept.bytes).toString() };

/** Pushes `text` in pieces; `checkpoints` are known as soon as the text of their line is. */
function push(recent: RecentLines, text: string, sizes: readonly number[]): void {
  const all = linesOf(text).filter((_, i) => i % EVERY === 0);
  const known: number[] = [];
  recent.countedBy(known);
  const bytes = Buffer.from(text);
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = Buffer.from(bytes.subarray(at, at + sizes[i % sizes.length]!));
    recent.push(piece);
    piece.fill(0);
    at += sizes[i % sizes.length]!;
    while (known.length < all.length && all[known.length]!.at < at) known.push(all[known.length]!.at);
  }
}

describe('the last text of a packed recording', () => {
  it('gives any of its lines, however it came and wherever its room turned', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\r'), maxLength: 30 }), {
          maxLength: 200,
        }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 64, max: 4000 }),
        (rows, sizes, room) => {
          const text = `${rows.join('\n')}\n`;
          const recent = new RecentLines(() => [], room);
          recent.begin(INPUT);
          push(recent, text, sizes);
          const lines = linesOf(text).slice(0, -1);
          recent.keep(lines.map((l) => makeRef(INPUT, l.at)));
          // The first line is the only one that is counted from: where it is gone, none has a number.
          const whole = text.length <= room;
          lines.forEach((l, i) => {
            expect(said(recent.get(makeRef(INPUT, l.at)))).toEqual(
              whole ? { line: i + 1, text: l.text } : undefined,
            );
          });
        },
      ),
    );
  });

  it('keeps what is wanted before newer text takes its place, and nothing of what is wanted too late', () => {
    const room = 256 << 10;
    const text = Array.from({ length: 60_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 40)}\n`).join('');
    const lines = linesOf(text).slice(0, -1);
    expect(text.length).toBeGreaterThan(6 * room);
    const wanted: EvidenceRef[] = [];
    const recent = new RecentLines(() => wanted, room);
    recent.begin(INPUT);
    const bytes = Buffer.from(text);
    const known: number[] = [];
    recent.countedBy(known);
    const picked = lines.filter((_, i) => i % 997 === 5);
    const late = lines[10]!;
    let next = 0;
    const size = 8 << 10;
    for (let at = 0; at < bytes.length; at += size) {
      recent.push(bytes.subarray(at, at + size));
      for (let nth = known.length * EVERY; nth < lines.length && lines[nth]!.at < at + size; nth += EVERY)
        known.push(lines[nth]!.at);
      // It is found out some text later that a line matters.
      for (; next < picked.length && picked[next]!.at < at + size - (16 << 10); next++)
        wanted.push(makeRef(INPUT, picked[next]!.at));
    }
    wanted.push(makeRef(INPUT, late.at), makeRef(INPUT + 1, picked[0]!.at));
    recent.keep(wanted);
    const numbers = new Map(lines.map((l, i) => [l.at, i + 1]));
    for (const l of picked.slice(0, next)) {
      expect(said(recent.get(makeRef(INPUT, l.at)))).toEqual({ line: numbers.get(l.at), text: l.text });
    }
    expect(next).toBeGreaterThan(50);
    expect(recent.get(makeRef(INPUT, late.at))).toBeUndefined();
    expect(recent.get(makeRef(INPUT + 1, picked[0]!.at))).toBeUndefined();
  });

  it('of the end of a text without a newline it has nothing', () => {
    const recent = new RecentLines(() => []);
    recent.begin(INPUT);
    push(recent, 'whole\nhalf', [3]);
    recent.keep([makeRef(INPUT, 0), makeRef(INPUT, 6), makeRef(INPUT, 10)]);
    expect([0, 6, 10].map((at) => said(recent.get(makeRef(INPUT, at))))).toEqual([
      { line: 1, text: 'whole' },
      undefined,
      undefined,
    ]);
  });

  it('another input takes the room; what was wanted of the one before stays', () => {
    const recent = new RecentLines(() => [makeRef(1, 2)]);
    recent.begin(1);
    push(recent, 'a\nb\n', [4]);
    recent.begin(2);
    push(recent, 'c\nd\n', [4]);
    recent.keep([makeRef(1, 0), makeRef(1, 2), makeRef(2, 2)]);
    expect(recent.get(makeRef(1, 0))).toBeUndefined();
    expect(said(recent.get(makeRef(1, 2)))).toEqual({ line: 2, text: 'b' });
    expect(said(recent.get(makeRef(2, 2)))).toEqual({ line: 2, text: 'd' });
  });
});

describe('quotes of a packed recording', () => {
  const folder = temporaryFolder('pttrace-recent-');
  afterAll(() => folder.release());

  it('are those of another pass over it, without the file', async () => {
    const text = gunzipSync(readFileSync('fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz'));
    const path = join(folder.path, 'run.gz');
    writeFileSync(path, gzipSync(text));
    const refs: EvidenceRef[] = [];
    const pipeline = newPipeline();
    const run = await runPipeline(pipeline, { paths: [path], wanted: () => refs }, () => ({
      boundary: () => {},
      batch: (batch) => {
        for (let row = 0; row < batch.length; row += 17)
          if (batch.event[row]! > LAST_RESERVED) refs.push(batch.ref(row));
      },
    }));
    run.recent!.keep(refs);
    const again = await quoteLines(refs, run.inputs, pipeline);
    rmSync(path);
    const kept = await quoteLines(refs, run.inputs, pipeline, run.recent);
    expect(kept.size).toBeGreaterThan(100);
    expect([...kept]).toEqual([...again]);
  });
});
