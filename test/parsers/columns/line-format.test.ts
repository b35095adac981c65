import { describe, expect, test } from 'vitest';
import { lineFormat } from '../../../src/parsers/columns/line-format.js';
import { detect } from '../../../src/parsers/input/detect.js';
import { UsageError } from '../../../src/result/usage-error.js';
import { bytes, runDialect } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const PATTERN = String.raw`^(?<ts>\d+) cpu(?<cpu>\d+) (?<comm>.{1,15})\/(?<tid>\d+): (?<event>[\w:]+) ?(?<body>.*)$`;
const LINE = '38692833123 cpu3 my / proc/1195: kprobe:flush_tlb_mm_range mm=0x1 freed_tables=1';

test('groups become columns', () => {
  const run = runDialect(lineFormat(PATTERN), bytes(`${LINE}\nsome prose\n\n`));
  expect(run.rows).toMatchObject([
    {
      ts: '38692833123',
      cpu: 3,
      pid: 1195,
      tgid: -1,
      comm: 'my / proc',
      kind: 'probe',
      name: 'flush_tlb_mm_range',
      symbol: 'flush_tlb_mm_range',
      body: 'mm=0x1 freed_tables=1',
    },
  ]);
  expect(run.counts).toMatchObject({ event: 1, foreign: 1, blank: 1 });
});

test('groups of their own names are arguments', () => {
  const format = lineFormat(
    String.raw`(?<tsUs>[\d.]+)\|(?<event>\w+)\|(?<addr>\w*)\|(?<len>\d+)\|(?<pid>\d+)\|(?<tid>\d+)`,
  );
  const [row] = runDialect(format, bytes('1500000.25|sys_enter_munmap|0x7f00|4096|10|11\n')).rows;
  expect(row).toMatchObject({
    ts: '1500000250',
    kind: 'syscall-enter',
    name: 'munmap',
    pid: 11,
    tgid: 10,
    body: 'addr=0x7f00 len=4096',
  });
});

test.each([
  [String.raw`(?<ts>\S+) (?<event>\w+)`, '12.5 a', '12500000000'],
  [String.raw`(?<ts>\S+) (?<event>\w+)`, '12 a', '12'],
  [String.raw`(?<tsMs>\S+) (?<event>\w+)`, '12.5 a', '12500000'],
  [String.raw`(?<tsS>\S+) (?<event>\w+)`, '1700000000.123456789 a', '1700000000123456789'],
  [String.raw`(?<tsNs>\S+) (?<event>\w+)`, '1700000000123456789 a', '1700000000123456789'],
])('stamps: %s', (pattern, line, ts) => {
  expect(runDialect(lineFormat(pattern), bytes(line)).rows[0]?.ts).toBe(ts);
});

describe('patterns that cannot be used', () => {
  test.each([
    ['(?<ts>\\d+', 'no regular expression'],
    ['(?<event>\\w+)', 'one group for the time'],
    ['(?<ts>\\d+)(?<tsUs>\\d+)(?<event>a)', 'it has 2'],
    ['(?<ts>\\d+)', 'a group for the event'],
    ['(?<ts>\\d+) (?<event>(a+)+)$', 'would never end'],
    ['(?<ts>\\d+) (?<event>((a+)b)+)$', 'would never end'],
    ['(?<ts>\\d+) (?<event>a)(?:x*y?)*$', 'would never end'],
  ])('%s', (pattern, message) => {
    expect(() => lineFormat(pattern)).toThrow(UsageError);
    expect(() => lineFormat(pattern)).toThrow(message);
  });

  test('repeats that are no danger pass', () => {
    for (const pattern of [PATTERN, String.raw`(?<ts>\d+)\s+(?:cpu)?(?<event>[a-z(+)*]+)`]) {
      expect(() => lineFormat(pattern)).not.toThrow();
    }
  });
});

test('groups that hold no number, and lines too long to try, are skipped with a reason', () => {
  const format = lineFormat(String.raw`(?<ts>\S+) (?<cpu>\S+) (?<event>\w*)`);
  const run = runDialect(format, bytes(`x 1 a\n1 x a\n1 1 \n1 1 a${' '.repeat(3000)}\n1 1 a\n`));
  expect([...run.skips.keys()]).toEqual([
    'line format: the group ts holds no time',
    'line format: the group cpu holds no number',
    'line format: a line without an event',
    'line format: a line of more than 2048 bytes',
  ]);
  expect(run.counts).toMatchObject({ event: 1, skipped: 4 });
});

test.each(CHUNKS)('chunks of %i bytes', (size) => {
  const input = bytes(`${LINE}\nprose\n`.repeat(40));
  expect(scanChunks(lineFormat(PATTERN), input, size)).toEqual(
    scanChunks(lineFormat(PATTERN), input, 1 << 20),
  );
});

test('a format may carry its pattern', () => {
  const { dialect, why } = detect(bytes(LINE), 'x', `line-format:${PATTERN}`);
  expect([dialect.id, why]).toEqual(['line-format', 'given by --line-format']);
});
