import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import { quoteLines } from '../../../src/parsers/input/evidence.js';
import { scanInput } from '../../../src/parsers/input/open-input.js';
import { newPipeline } from '../../../src/read/pipeline.js';
import type { Result } from '../../../src/result/types.js';
import type { RecordBatch } from '../../../src/timeline/batch.js';
import { LAST_RESERVED } from '../../../src/timeline/events.js';
import { ROOT } from '../../support/built.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-spool-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const PACKED = join(ROOT, 'fixtures/trace-dat/6.12.117-lab-y/v6.dat.gz');
const plain = gunzipSync(readFileSync(PACKED));
const file = join(dir, 'v6.dat');
writeFileSync(file, plain);
const left = (): string[] => readdirSync(tmpdir()).filter((f) => f.startsWith('pttrace-dat-'));
const sum = (r: Result) => ({
  lines: r.inputs[0]!.lines,
  timeline: r.timeline,
  verdicts: r.invariants.map((i) => [i.id, i.verdict, i.instances]),
});

test('compressed, and from standard input in pieces, it is what the file is', async () => {
  const before = left();
  const want = await analyse({ paths: [file] });
  const packed = await analyse({ paths: [PACKED] });
  expect(sum(packed)).toEqual(sum(want));
  expect(packed.inputs[0]).toMatchObject({ path: PACKED, format: 'trace-dat', compression: 'gzip' });
  for (const [bytes, size] of [
    [plain, 4096],
    [plain, 7],
    [readFileSync(PACKED), 1000],
  ] as const) {
    const pieces = size === 7 ? 3000 : bytes.length;
    const chunks: Buffer[] = [];
    for (let i = 0; i < bytes.length; i += i < pieces ? size : 65_536) {
      chunks.push(bytes.subarray(i, i + (i < pieces ? size : 65_536)));
    }
    const piped = await analyse({ paths: ['-'], stdin: Readable.from(chunks) });
    expect(sum(piped)).toEqual(sum(want));
    expect(piped.inputs[0]).toMatchObject({ path: '-', format: 'trace-dat' });
  }
  expect(left()).toEqual(before);
});

test('records are quoted from the copy that is kept, or made once more', async () => {
  const quotes = async (path: string, more: object): Promise<(string | undefined)[]> => {
    const context = newPipeline();
    const refs: number[] = [];
    const sink = (b: RecordBatch): void => {
      for (let i = 0; i < b.length; i += 50) if (b.event[i]! > LAST_RESERVED) refs.push(b.ref(i));
    };
    const input = await scanInput(path, { input: 0, context, sink, ...more });
    const found = await quoteLines(refs, [input], context);
    return refs.map((ref) => found.get(ref)?.text);
  };
  const before = left();
  const want = await quotes(file, {});
  expect(want.length).toBeGreaterThan(5);
  expect(want.every((q) => q !== undefined && q !== '')).toBe(true);
  expect(await quotes(PACKED, {})).toEqual(want);
  expect(await quotes('-', { stdin: Readable.from([plain]), spoolDir: dir })).toEqual(want);
  expect(left()).toEqual(before);
});

test('cut in the middle: what can be read is, the cause is told, nothing is left behind', async () => {
  const before = left();
  const cut = join(dir, 'cut.dat.gz');
  const packed = readFileSync(PACKED);
  writeFileSync(cut, packed.subarray(0, packed.length - 2000));
  const { error } = await analyse({ paths: [cut] }).then(
    (r) => ({ error: r.inputs[0]!.error }),
    (e: { code: string }) => ({ error: e }),
  );
  expect(error?.code).toBe('truncated');
  expect(left()).toEqual(before);
});
