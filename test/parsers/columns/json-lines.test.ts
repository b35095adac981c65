import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JSON_LINES } from '../../../src/parsers/columns/json-lines.js';
import { RESERVED } from '../../../src/timeline/events.js';
import { bytes, cutEverywhere, fixture, golden, runDialect, text } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const input = fixture('json-lines/6.12.117-lab-y/mt-munmap.jsonl');
const line = (o: object): Uint8Array => bytes(`${JSON.stringify(o)}\n`);
const OK = { tsNs: '5000', event: 'tlb_flush' };

describe('the fixture', () => {
  test('golden, accounting, score', async () => {
    const run = runDialect(JSON_LINES, input);
    const objects = text(input)
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    const events = objects.filter((o) => o.mark === undefined);
    expect(run.counts).toMatchObject({
      event: events.length,
      header: objects.length - events.length,
      skipped: 0,
    });
    expect(run.rows.map((r) => [r.ts, r.cpu, r.pid, r.comm, r.kind, r.name, r.symbol, r.body])).toEqual(
      events.map((e) => [e.tsNs, e.cpu, e.pid, e.comm, e.kind, e.event, e.symbol ?? '', e.args]),
    );
    expect(JSON_LINES.score(input)).toBeGreaterThan(0.9);
    await expect(golden(run)).toMatchFileSnapshot('../golden/json-lines.txt');
  });

  test.each(CHUNKS)('chunks of %i bytes', (size) => {
    expect(scanChunks(JSON_LINES, input, size)).toEqual(scanChunks(JSON_LINES, input, 1 << 20));
  });

  test('cut at every byte', () => {
    cutEverywhere(JSON_LINES, input.subarray(0, 1200));
  });
});

test('any text, any number', () => {
  const plain = fc.string({ unit: 'binary', maxLength: 20 }).filter((s) => !/[\ud800-\udfff]/.test(s));
  fc.assert(
    fc.property(
      fc.record({
        tsNs: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 62n }).map(String),
        cpu: fc.nat(8191),
        pid: fc.nat(1 << 22),
        comm: plain,
        event: plain.filter((s) => s !== ''),
        args: plain,
        kind: fc.constantFrom('tracepoint', 'probe', 'function', 'print'),
      }),
      (e) => {
        const [row] = runDialect(JSON_LINES, line(e)).rows;
        expect(row).toMatchObject({
          ts: e.tsNs,
          cpu: e.cpu,
          pid: e.pid,
          comm: e.comm,
          kind: e.kind,
          name: e.event,
        });
        expect(Buffer.from(row!.body, 'latin1').toString()).toBe(e.args);
      },
    ),
  );
});

describe('lines that do not keep to the schema', () => {
  test.each<[string, string, string]>([
    ['{"tsNs":"5000","event":"a","cpu":"1"}', 'field "cpu" must be integer', '34'],
    ['{"tsNs":"5000","event":"a","cpu":9000}', 'field "cpu" must be <= 8191', '34'],
    ['{"tsNs":"5.1","event":"a"}', 'field "tsNs" must match pattern', '9'],
    ['{"tsNs": 1e300, "event":"a"}', 'field "tsNs" must be', '10'],
    ['{"event":"a"}', "must have required property 'tsNs'", '1'],
    ['{"tsNs":"1","event":"a","kind":"kprobe"}', 'allowed values: tracepoint, probe', '32'],
    ['{"tsNs":"1","event":"a","args":{"b":1}}', 'field "args" must be string', '32'],
    ['{"tsNs":"1","event":"a","x":[1]}', 'field "x" must be', '29'],
    ['{"tsNs":"1","event":"a","argsHex":"0"}', 'field "argsHex" must match pattern', '35'],
    ['{"mark":"lots"}', 'field "mark" must be equal to one of the allowed values: lost', '9'],
    ['{"mark":"lost","cpus":1,"x":2}', 'a mark has no field "x"', '29'],
    ['{"tsNs":"1","event":"a"', 'is no valid JSON', '24'],
    ['{"tsNs":"1",,"event":"a"}', 'is no valid JSON', '13'],
    ['[1]', '', ''],
  ])('%s', (bad, what, column) => {
    const run = runDialect(JSON_LINES, bytes(`${JSON.stringify(OK)}\n${bad}\n${JSON.stringify(OK)}\n`));
    expect(run.rows.length).toBe(2);
    if (what === '') expect(run.counts.foreign).toBe(1);
    else {
      const [reason] = [...run.skips.keys()];
      expect(reason).toContain(what);
      expect(reason).toContain(`(first at column ${column})`);
    }
  });

  test('bytes that are no UTF-8', () => {
    const bad = Buffer.from('{"tsNs":"1","event":"a\xff"}\n', 'latin1');
    expect([...runDialect(JSON_LINES, bad).skips.keys()]).toEqual([
      'JSON lines: is no valid UTF-8 (first at column 23)',
    ]);
  });

  test('one reason for many lines of one fault', () => {
    const many = Array.from(
      { length: 500 },
      (_, i) => `{"tsNs":"${10 ** (i % 9)}","cpu":-1,"event":"a"}`,
    ).join('\n');
    const run = runDialect(JSON_LINES, bytes(many));
    expect([...run.skips.values()]).toEqual([500]);
  });
});

test('marks', () => {
  const run = runDialect(
    JSON_LINES,
    bytes(
      [
        { mark: 'clock', unit: 'ticks', resolutionNs: 1 },
        { mark: 'lost', cpu: 3, count: 264 },
        { mark: 'lost' },
        { mark: 'segment' },
        { mark: 'buffer-start', cpu: 1 },
        { mark: 'silent-loss' },
        { mark: 'recording', cpus: 4, tracer: 'nop', clock: 'mono' },
      ]
        .map((o) => JSON.stringify(o))
        .join('\n'),
    ),
  );
  expect(run.facts.map((f) => [f.event, f.cpu, f.aux])).toEqual([
    [RESERVED.lost, 3, 264],
    [RESERVED.lost, -1, -1],
    [RESERVED.segment, -1, 0],
    [RESERVED.bufferStart, 1, 0],
    [RESERVED.silentLoss, -1, 0],
  ]);
  expect(run.counts).toMatchObject({ lost: 2, header: 5 });
  expect(run.unit).toBe('ticks');
  expect(run.header).toMatchObject({ cpus: 4, tracer: 'nop', clock: 'mono' });
});

test('other fields are arguments, the kind may be left out', () => {
  const run = runDialect(
    JSON_LINES,
    bytes(
      '{"tsNs":5000,"event":"kprobe:tlb_remove_table","tlb":"0x1","n":2,"args":"a=1"}\n{"tsNs":6000,"event":"sys_exit_munmap","args":"ret=0"}\n',
    ),
  );
  expect(run.rows[0]).toMatchObject({
    kind: 'probe',
    symbol: 'tlb_remove_table',
    body: 'a=1 tlb=0x1 n=2',
    cpu: -1,
    pid: -1,
  });
  expect(run.rows[1]).toMatchObject({ kind: 'syscall-exit', name: 'munmap' });
  expect(run.notes.map((n) => n.code)).toEqual(['other-fields']);
});

test('a line is deep or long without harm', () => {
  const deep = `{"tsNs":"1","event":"a","args":${'['.repeat(100_000)}`;
  expect(runDialect(JSON_LINES, bytes(deep)).counts.skipped).toBe(1);
});
