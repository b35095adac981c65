import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CSV } from '../../../src/parsers/columns/csv.js';
import { csvHeader, toNs } from '../../../src/parsers/columns/csv-columns.js';
import { RESERVED } from '../../../src/timeline/events.js';
import { bytes, cutEverywhere, fixture, golden, runDialect } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const FIXTURES = ['csv/6.12.117-lab-y/mt-munmap.csv', 'csv/other-columns.csv'];

describe.each(FIXTURES)('%s', (name) => {
  const input = fixture(name);

  test('golden, accounting, score', async () => {
    const run = runDialect(CSV, input);
    expect(run.counts).toMatchObject({ skipped: 0, foreign: 0 });
    expect(run.rows.length).toBeGreaterThan(90);
    expect(CSV.score(input)).toBeGreaterThan(0.9);
    await expect(golden(run)).toMatchFileSnapshot(
      `../golden/csv-${name.includes('other') ? 'other' : 'own'}.txt`,
    );
  });

  test.each(CHUNKS)('chunks of %i bytes', (size) => {
    expect(scanChunks(CSV, input, size)).toEqual(scanChunks(CSV, input, 1 << 20));
  });

  test('cut at every byte', () => {
    cutEverywhere(CSV, input.subarray(0, 1200));
  });
});

test('the same capture in both forms of fixture rows: a log and its CSV', () => {
  const rows = runDialect(CSV, fixture(FIXTURES[1]!)).rows;
  expect(rows[0]).toMatchObject({
    ts: '48092593357',
    cpu: 1,
    pid: 75,
    tgid: 75,
    name: 'tlb_flush',
    body: 'reason=0 pages=-1',
  });
});

describe('headers', () => {
  test.each([
    ['ts_ns,cpu,event', 'ts cpu event', 0],
    ['Time (s);CPU;TID;Task;Event;addr', 'ts cpu pid comm event free', 9],
    ['timestamp_us\tpid\ttid\tname\tlen', 'ts tgid pid event free', 3],
    ['"time_ms","cpu","func"', 'ts cpu event', 6],
    ['nsecs,cpu,probe,name', 'ts cpu event free', 0],
    ['time,cpu,event', 'ts cpu event', null],
  ])('%s', (line, columns, digits) => {
    const { columns: got, digits: unit } = csvHeader(line) ?? {};
    // Two names for the event: refused rather than guessed.
    if (line.startsWith('nsecs')) expect(csvHeader(line)).toBeNull();
    else expect([got?.join(' '), unit]).toEqual([columns, digits]);
  });

  test.each(['a,b,c', 'event,cpu,pid', 'ts,cpu,pid', 'ts event', '# ts,cpu,event', 'ts,ts,event'])(
    'none: %s',
    (line) => {
      expect(csvHeader(line)).toBeNull();
    },
  );
});

test.each<[string, number, string | null]>([
  ['12.5', 9, '12500000000'],
  ['12', 0, '12'],
  ['0', 9, '0'],
  ['-3', 3, '-3000'],
  ['1.23456', 3, '1234'],
  ['1700000000123456789', 0, '1700000000123456789'],
  ['1,5', 9, null],
  ['', 9, null],
])('stamp %s with %i digits', (text, digits, want) => {
  expect(toNs(text, digits)).toBe(want);
});

describe('records', () => {
  const HEAD = 'ts_ns,cpu,pid,comm,event,args\n';
  test('quotes, delimiters and line breaks in cells', () => {
    const run = runDialect(
      CSV,
      bytes(`${HEAD}1000,0,1,"a, ""b""",e,"x=1, y=2"\n2000,0,1,"two\nlines",e,k=v\n3000,0,1,c,e,\n`),
    );
    expect(run.rows.map((r) => [r.comm, r.body])).toEqual([
      ['a, "b"', 'x=1, y=2'],
      ['two\nlines', 'k=v'],
      ['c', ''],
    ]);
    expect(run.counts).toMatchObject({ event: 3, continuation: 1, header: 1 });
  });

  test.each([
    ['x,0,1,a,e,', 'field "ts_ns" is no stamp (first at column 1: "x")'],
    ['1000,z,1,a,e,', 'field "cpu" is no CPU number (first at column 6: "z")'],
    ['1000,9999,1,a,e,', 'field "cpu" is no CPU number'],
    ['1000,0,1,a,,', 'field "event" is empty (first at column 12'],
    ['1000,0,1', 'the record has 3 cells, the header 6'],
    ['1000,0,1,a"b"c,e,', 'a quoted cell is not well-formed'],
  ])('%s', (bad, reason) => {
    const run = runDialect(CSV, bytes(`${HEAD}500000,0,1,a,e,\n${bad}\n600000,0,1,a,e,\n`));
    expect(run.rows.length).toBe(2);
    expect([...run.skips.keys()][0]).toContain(reason);
  });

  test('a quote that is never closed is bounded, and told', () => {
    const run = runDialect(CSV, bytes(`${HEAD}1000,0,1,"a,e,\n${'2000,0,1,a,e,\n'.repeat(200)}`));
    expect(run.counts.continuation).toBe(64);
    expect(run.rows.length).toBe(136);
    expect([...run.skips.keys()]).toEqual(['CSV: a quoted cell is not closed']);
    expect(runDialect(CSV, bytes(`${HEAD}1000,0,1,"a,e,\n`)).notes.map((n) => n.code)).toEqual(['csv-quote']);
  });

  test('free columns are arguments; files put end to end are captures', () => {
    const csv = 'time_s,event,addr,len\n1.5,sys_enter_munmap,0x1000,4096\n';
    const run = runDialect(CSV, bytes(csv + csv));
    expect(run.rows[0]).toMatchObject({
      ts: '1500000000',
      kind: 'syscall-enter',
      name: 'munmap',
      body: 'addr=0x1000 len=4096',
    });
    expect(run.facts.map((f) => f.event)).toEqual([RESERVED.segment]);
  });

  test('a unit that is not said is told', () => {
    expect(runDialect(CSV, bytes('time,cpu,event\n1.000000001,0,a\n'))).toMatchObject({
      rows: [{ ts: '1000000001' }],
      notes: [{ code: 'stamp-unit' }],
    });
  });
});

test('any bytes in cells', () => {
  const quote = (s: string): string => `"${s.replaceAll('"', '""')}"`;
  const cell = fc.string({ unit: 'binary', maxLength: 12 }).filter((s) => !/[\ud800-\udfff\r\n]/.test(s));
  fc.assert(
    fc.property(cell, cell, fc.bigInt({ min: 0n, max: 2n ** 62n }), (comm, args, ts) => {
      const run = runDialect(CSV, bytes(`ts_ns,comm,event,args\n${ts},${quote(comm)},e,${quote(args)}\n`));
      expect(run.rows[0]).toMatchObject({ ts: String(ts), comm });
      expect(Buffer.from(run.rows[0]!.body, 'latin1').toString()).toBe(args);
    }),
  );
});
