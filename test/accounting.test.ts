import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { formatInfo } from '../cli/render/info.js';
import { type Info, info } from '../src/info/info.js';
import { TraceError } from '../src/parsers/input/trace-error.js';
import type { InputReport } from '../src/result/types.js';
import { readSchema } from '../src/schema/read-schema.js';
import { oneOfEachName, partOf } from './support/part.js';

const ROOT = join(import.meta.dirname, '..');
const SHARED = join(ROOT, '../shared');
const files = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name))
    .sort();
const valid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(readSchema('info'));

const { lineCount } = (await import(join(ROOT, 'scripts/formats-table.mjs'))) as {
  lineCount(bytes: Uint8Array): number;
};

/** Lines of the unpacked and decoded bytes, counted without the reader. */
function linesOf(path: string): number {
  const raw = readFileSync(path);
  return lineCount(raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw);
}

/** Every line counted once, and every reason for a skip with its first example. */
function account(input: InputReport, path: string): void {
  const { total, ...kinds } = input.lines;
  expect(Object.values(kinds).reduce((a, b) => a + b, 0)).toBe(total);
  for (const n of Object.values(kinds)) expect(n).toBeGreaterThanOrEqual(0);
  // Records of a binary file count as lines.
  if (input.format !== 'trace-dat') expect(total).toBe(linesOf(path));
  expect(input.skips.reduce((n, s) => n + s.count, 0)).toBe(input.lines.skipped);
  for (const skip of input.skips) {
    expect(skip.reason).not.toBe('');
    expect(skip.count).toBeGreaterThan(0);
    expect(skip.firstLine).toBeGreaterThanOrEqual(1);
    expect(skip.firstLine).toBeLessThanOrEqual(total);
  }
}

/** What is in a file, or the refusal. */
async function look(path: string): Promise<Info | TraceError> {
  try {
    return await info({ paths: [path] });
  } catch (error) {
    if (error instanceof TraceError) return error;
    throw error;
  }
}

async function check(path: string): Promise<Info | TraceError> {
  const found = await look(path);
  if (found instanceof TraceError) {
    expect(found.message.length).toBeGreaterThan(10);
    expect(found.path).toBe(path);
    return found;
  }
  account(found.files[0]!.input, path);
  const json: unknown = JSON.parse(JSON.stringify(found));
  expect(valid(json), JSON.stringify(valid.errors?.slice(0, 3))).toBe(true);
  const lines = formatInfo(found, { events: 40, plain: true }).split('\n');
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.filter((line) => !/^[\x20-\x7e]{0,75}$/.test(line))).toEqual([]);
  return found;
}

const NO_TRACE = /README\.md$|\.litmus$|\.json\.gz$|\.jsonl\.gz$/;
const FIXTURES = files(join(ROOT, 'fixtures'))
  .filter((f) => !NO_TRACE.test(f))
  .map((f) => f.slice(ROOT.length + 1));

describe('every line of every fixture', () => {
  it.each(FIXTURES)('%s', async (fixture) => {
    await check(join(ROOT, fixture));
  });
});

/** Of what is larger the fixtures are pieces. */
const LARGE = partOf(Number.POSITIVE_INFINITY, 300_000);
const RECORDINGS = existsSync(join(SHARED, 'recordings'))
  ? oneOfEachName(
      files(join(SHARED, 'recordings'))
        .filter((f) => statSync(f).size < LARGE)
        .map((f) => f.slice(SHARED.length + 1)),
    )
  : [];
describe.skipIf(RECORDINGS.length === 0)(
  'every kind of recording (skipped where ../shared is absent)',
  () => {
    it.each(RECORDINGS)('%s', async (file) => {
      await check(join(SHARED, file));
    });
  },
);

interface Row {
  readonly file: string;
  readonly events: number | null;
}

const MANIFEST = join(SHARED, 'corpus/MANIFEST.tsv');
const CORPUS: Row[] = existsSync(MANIFEST)
  ? readFileSync(MANIFEST, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
      .map((f) => ({ file: f[0]!, events: /^\d+$/.test(f[7] ?? '') ? Number(f[7]) : null }))
  : [];

/** Files whose events other tools count otherwise, and why. */
const OTHERWISE: Record<string, { events: number; why: string }> = {
  'kernel-docs/timerlat-tracer.rst': { events: 19, why: 'the line `<stack trace>` is a stack, no event' },
  'perf-tools/tpoint_example.txt': { events: 18, why: 'five lines `<stack trace>` are stacks, no events' },
  'perf-tools/iosnoop_example.txt': {
    events: 95,
    why: 'rows of tables whose LATms column says how long each took',
  },
  'perf-tools/uprobe_example.txt': {
    events: 63,
    why: 'four lines `<user stack trace>` are stacks, no events',
  },
  'perf-tools/funcslower_example.txt': {
    events: 18,
    why: 'function_graph lines have no header that a regex for events would match',
  },
};

describe.skipIf(CORPUS.length === 0)('every public trace (skipped where ../shared is absent)', () => {
  it.each(CORPUS)('$file', async ({ file, events }) => {
    const found = await check(join(SHARED, 'corpus', file));
    const counted = found instanceof TraceError ? 0 : found.files[0]!.input.lines.event;
    const said = OTHERWISE[file];
    if (said) expect(said.why.length).toBeGreaterThan(10);
    const expected = said?.events ?? events;
    if (expected !== null) {
      const why = found instanceof TraceError ? `refused: ${found.message}` : found.files[0]!.input.format;
      expect(counted, why).toBe(expected);
    }
  });
});
