import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BPFTRACE_LOG } from '../../../src/parsers/bpftrace/bpftrace-log.js';
import { headerShape, shapeOf } from '../../../src/parsers/bpftrace/printf-columns.js';
import { RESERVED } from '../../../src/timeline/events.js';
import { bytes, cutEverywhere, fixture, golden, runDialect, text } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const FIXTURES = [
  'bpftrace-log/6.12.117-lab-y/events.txt.gz',
  'bpftrace-log/6.12.117-lab-n/events.txt.gz',
  'bpftrace-log/debian-6.16.12/events.txt',
];

describe.each(FIXTURES)('%s', (name) => {
  const input = fixture(name);
  const lines = text(input).split('\n').slice(0, -1);
  const run = runDialect(BPFTRACE_LOG, input);

  test('every line is an event or one of the two of the header', () => {
    expect(run.counts).toMatchObject({ event: lines.length - 2, header: 2, skipped: 0, foreign: 0 });
    expect(BPFTRACE_LOG.score(input)).toBeGreaterThan(0.7);
  });

  test('columns are those that awk sees', () => {
    const want = lines.slice(2).map((line) => {
      const [ts, cpu, pid, tid, ...rest] = line.split(' ');
      // In these logs no argument but the last column holds a blank, so the event is the last word without a `=`.
      const at = rest.findLastIndex((word) => !word.includes('='));
      return [
        ts,
        Number(cpu),
        Number(tid),
        Number(pid),
        rest.slice(0, at).join(' '),
        rest.slice(at + 1).join(' '),
      ];
    });
    expect(run.rows.map((r) => [r.ts, r.cpu, r.pid, r.tgid, r.comm, r.body])).toEqual(want);
  });

  test.each(CHUNKS)('chunks of %i bytes', (size) => {
    const piece = input.subarray(0, 20_000);
    expect(scanChunks(BPFTRACE_LOG, piece, size)).toEqual(scanChunks(BPFTRACE_LOG, piece, 1 << 20));
  });
});

test('golden', async () => {
  const head = text(fixture(FIXTURES[2]!)).split('\n').slice(0, 120).join('\n');
  await expect(golden(runDialect(BPFTRACE_LOG, bytes(`${head}\n`)))).toMatchFileSnapshot(
    '../golden/bpftrace-log.txt',
  );
});

test('cut at every byte', () => {
  cutEverywhere(BPFTRACE_LOG, fixture(FIXTURES[2]!).subarray(0, 2500));
});

describe('shapes', () => {
  test.each([
    ['# nsecs cpu pid tid comm probe args', 'ts cpu pid tid comm event', 1],
    ['ts_us,cpu,tid,comm,event', 'ts cpu tid comm event', 1e3],
    ['TIME(ms) PID COMM FUNC', 'ts pid comm event', 1e6],
    ['time_s cpu event', 'ts cpu event', 1e9],
  ])('header %s', (line, columns, unitNs) => {
    expect(headerShape(line)).toMatchObject({ columns: columns.split(' '), unitNs });
  });

  test.each(['time flies like an arrow', '# a comment', 'nsecs cpu pid', 'ts ts event'])(
    'no header: %s',
    (line) => {
      expect(headerShape(line)).toBeNull();
    },
  );

  test.each([
    ['8140075272 1 103 105 ptw tlb_flush reason=1', 'ts cpu pid tid comm event'],
    ['8140075272 1 105 ptw tlb_flush reason=1', 'ts cpu tid comm event'],
    ['8140.075272 105 my proc tlb_flush', 'ts tid comm event'],
  ])('without a header: %s', (line, columns) => {
    expect(shapeOf(bytes(`${line}\n`.repeat(5)))?.columns.join(' ')).toBe(columns);
  });

  test('prose has none', () => {
    expect(shapeOf(bytes('2024 was a good year for\n100 people in the house\n'.repeat(10)))).toBeNull();
  });
});

test('what bpftrace says in between', () => {
  const run = runDialect(
    BPFTRACE_LOG,
    bytes(
      'Attaching 3 probes...\n# nsecs cpu pid tid comm probe\n100000001 0 1 1 a tlb_flush pages=1\nLost 12 events\n' +
        '100000002 0 1 x a tlb_flush\n100000003 0 1 1 a\n100000004 1 2 3 b c tlb_flush\n\n@x: 3\n',
    ),
  );
  expect(run.facts).toMatchObject([{ event: RESERVED.lost, cpu: -1, aux: 12 }]);
  expect(run.counts).toMatchObject({ event: 2, header: 2, lost: 1, skipped: 2, blank: 1, foreign: 1 });
  expect([...run.skips.keys()].sort()).toEqual([
    'printf log: a line without an event',
    'printf log: the tid column holds no number',
  ]);
});

test('any task name, stamps to the ns', () => {
  const word = fc.stringMatching(/^[!-<>-~]{1,7}$/);
  fc.assert(
    fc.property(
      fc.bigInt({ min: 100_000_000n, max: 2n ** 62n }),
      fc.array(word, { minLength: 1, maxLength: 3 }),
      fc.nat(8191),
      (ts, words, cpu) => {
        const comm = words.join(' ');
        const log = `# nsecs cpu pid tid comm probe\n${ts} ${cpu} 7 9 ${comm} tlb_flush pages=1 reason=3\n`;
        const [row] = runDialect(BPFTRACE_LOG, bytes(log)).rows;
        expect(row).toMatchObject({ ts: String(ts), cpu, pid: 9, tgid: 7, comm, name: 'tlb_flush' });
      },
    ),
  );
});
