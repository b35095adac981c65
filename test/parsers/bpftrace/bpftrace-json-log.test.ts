import { describe, expect, test } from 'vitest';
import { BPFTRACE_JSON_LOG } from '../../../src/parsers/bpftrace/bpftrace-json-log.js';
import { BPFTRACE_LOG } from '../../../src/parsers/bpftrace/bpftrace-log.js';
import { RESERVED } from '../../../src/timeline/events.js';
import { bytes, cutEverywhere, fixture, golden, runDialect, text } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const FIXTURES = ['6.12.117-lab-y', 'debian-6.16.12'].map((k) => `bpftrace-json/${k}/events.json`);

/** What the program printed, without JSON around it. */
const printed = (input: Uint8Array): string =>
  text(input)
    .trim()
    .split('\n')
    .map((l) => JSON.parse(l) as { type: string; data: string })
    .filter((o) => o.type === 'printf')
    .map((o) => o.data)
    .join('');

describe.each(FIXTURES)('%s', (name) => {
  const input = fixture(name);

  test('gives the rows of the text it wraps', () => {
    const run = runDialect(BPFTRACE_JSON_LOG, input);
    const plain = runDialect(BPFTRACE_LOG, bytes(printed(input)));
    const bare = (rows: typeof run.rows) => rows.map(({ line, offset, ...row }) => row);
    expect(bare(run.rows)).toEqual(bare(plain.rows));
    expect(run.rows.length).toBe(198);
    expect(run.counts).toMatchObject({ event: 198, header: 2, skipped: 0, foreign: 0 });
    expect(BPFTRACE_JSON_LOG.score(input)).toBeGreaterThan(0.8);
  });

  test.each(CHUNKS)('chunks of %i bytes', (size) => {
    expect(scanChunks(BPFTRACE_JSON_LOG, input, size)).toEqual(scanChunks(BPFTRACE_JSON_LOG, input, 1 << 20));
  });
});

test('golden', async () => {
  const head = text(fixture(FIXTURES[0]!)).split('\n').slice(0, 60).join('\n');
  await expect(golden(runDialect(BPFTRACE_JSON_LOG, bytes(`${head}\n`)))).toMatchFileSnapshot(
    '../golden/bpftrace-json.txt',
  );
});

test('cut at every byte', () => {
  cutEverywhere(BPFTRACE_JSON_LOG, fixture(FIXTURES[0]!).subarray(0, 1500));
});

const HEAD = '{"type": "printf", "data": "# nsecs cpu pid tid comm probe args\\n"}\n';
const event = (ts: number, end = '\\n'): string => `${ts} 1 93 93 task tlb_flush reason=0 pages=-1${end}`;
const print = (data: string): string => `{"type": "printf", "data": "${data}"}\n`;

test('losses, maps, notices and damage in the stream', () => {
  const run = runDialect(
    BPFTRACE_JSON_LOG,
    bytes(
      `${HEAD}${print(event(200000001))}{"type": "lost_events", "data": {"events": 12}}\n` +
        `${print(event(200000002))}\n{"type": "hist", "data": {"@ns": [{"min": 1, "max": 1, "count": 2}]}}\n` +
        `WARNING: stack too small\n{"type": "printf", "data": "20000\n{"type": "time", "data": "12:00\\n"}\n`,
    ),
  );
  expect(run.facts).toMatchObject([{ event: RESERVED.lost, cpu: -1, aux: 12 }]);
  expect(run.counts).toMatchObject({ event: 2, lost: 1, foreign: 2, skipped: 1, header: 2, blank: 1 });
});

test('a line printed in parts, and several lines printed at once', () => {
  const run = runDialect(
    BPFTRACE_JSON_LOG,
    bytes(
      `${HEAD}${print('200000001 1 93 93 task ')}${print('tlb_flush pages=1\\n')}${print(event(200000002) + event(200000003))}`,
    ),
  );
  expect(run.rows.map((r) => [r.ts, r.name])).toEqual([
    ['200000001', 'tlb_flush'],
    ['200000002', 'tlb_flush'],
    ['200000003', 'tlb_flush'],
  ]);
  expect(run.counts).toMatchObject({ event: 2, continuation: 1 });
  const cut = runDialect(BPFTRACE_JSON_LOG, bytes(`${HEAD}${print(event(200000001, ''))}`));
  expect(cut.notes.map((n) => n.code)).toEqual(['cut-line']);
});

test('a stream of maps alone is none', () => {
  const maps =
    '{"type": "attached_probes", "data": {"probes": 2}}\n{"type": "hist", "data": {"@ns": {"a": []}}}\n';
  expect(BPFTRACE_JSON_LOG.score(bytes(maps))).toBe(0);
  expect(BPFTRACE_JSON_LOG.score(bytes(print('hello\\n').repeat(20)))).toBe(0);
});

test('an object that prints good and bad lines is one line, skipped, with one reason counted', () => {
  const input = fixture(FIXTURES[0]!);
  const lines = text(input).trim().split('\n');
  const at = lines.findIndex((l, i) => i > 50 && l.includes('"printf"'));
  const { data } = JSON.parse(lines[at]!) as { data: string };
  const bad = data.replace(/^(\d+) \d+ /, '$1 x ');
  expect(bad).not.toBe(data);
  const whole = scanChunks(BPFTRACE_JSON_LOG, input, 4096);
  lines[at] = JSON.stringify({ type: 'printf', data: data + bad + bad });
  const found = scanChunks(BPFTRACE_JSON_LOG, Buffer.from(`${lines.join('\n')}\n`), 4096);
  // All that is good in it, and the mark that something may be missing.
  expect(found.rows.length).toBe(whole.rows.length + 1);
  expect(found.counts.reduce((sum, n) => sum + n, 0)).toBe(lines.length);
  expect(found.skips.reduce((sum, s) => sum + s.count, 0)).toBe(1);
});

test('an object of several texts, two of them skipped and one beyond any stamp, is one line with one reason', () => {
  const says = (data: string): string => `${JSON.stringify({ type: 'printf', data })}\n`;
  const data = [
    '1000 x 841 841 bpftrace tlb_flush reason=0',
    '1001 y 841 841 bpftrace tlb_flush reason=0',
    '18446744073709551615 3 841 841 bpftrace tlb_flush reason=0',
  ];
  const input = bytes(`${says('# nsecs cpu pid tid comm probe args\n')}${says(`${data.join('\n')}\n`)}`);
  const { skips } = scanChunks(BPFTRACE_JSON_LOG, input, 1 << 20);
  expect(skips.map((s) => [s.reason, s.count])).toEqual([['an event whose stamp is beyond 64 bits', 1]]);
});
