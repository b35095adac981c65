import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CSV, csv } from '../../../src/parsers/columns/csv.js';
import { PlainCsv } from '../../../src/parsers/columns/plain-csv.js';
import { type DialectRun, fixture, runDialect } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const REFEREE = csv(false);
const FIXTURES = ['csv/6.12.117-lab-y/mt-munmap.csv', 'csv/other-columns.csv'];
const OWN = 'ts_ns,cpu,pid,tgid,comm,flags,kind,event,symbol,caller,stamp,aux,args,comm_hex,args_hex';
const HEADERS = [
  OWN,
  'Time (s);CPU;TID;Task;Event;addr',
  'timestamp_us\tpid\ttid\tname\tlen\tnr',
  'time,cpu,event',
  'event,caller,kind,ts_ms,symbol,flags,aux,stamp,args,more',
];

/** Both readers: what is read, what is refused, the words and columns of the refusals. */
function agree(lines: readonly string[]): DialectRun {
  const all = Buffer.from(`${lines.join('\n')}\n`, 'latin1');
  const got = runDialect(CSV, all);
  expect(got).toEqual(runDialect(REFEREE, all));
  return got;
}

const NUMBERS = [
  ...[
    '',
    '0',
    '1',
    '007',
    '-1',
    '-2',
    '8191',
    '8192',
    '4194304',
    '4194305',
    '2147483647',
    '2147483648',
    '1.5',
    '.5',
    '5.',
  ],
  ...[
    '12345678901',
    '1234567890123456789',
    '12345678901234567890',
    '123456789012345678901',
    ' 1',
    '1 ',
    '1e3',
    '0x1',
  ],
  ...[
    '1.000000',
    '1.123456789',
    '1.1234567891',
    '1.1234567890123456789',
    '0.0000000000000000001',
    '5.x',
    '\xb2',
  ],
];
const WORDS = [
  ...[
    '',
    'a',
    'tlb_flush',
    'ptw-spin1',
    'pages:-1 reason:(1)',
    '""',
    '"',
    '"a"',
    '"a,b"',
    '"a""b"',
    'a"b',
    '"a"b',
    '"a',
  ],
  ...[
    '"a;b"',
    '"a\tb"',
    'd.h..',
    '.N.',
    '12',
    '123',
    '.',
    '..',
    '.........',
    '00ff',
    '0',
    'start',
    'end',
    'middle',
  ],
  ...[
    'span',
    'probe',
    'tracepoint',
    'kprobe',
    'mark',
    'lost',
    'clock',
    '\xc3\xa9',
    '\xff',
    '\0',
    '#',
    ' ',
    '\xa0',
    'ts_ns',
  ],
];
const cell = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 3, arbitrary: fc.constantFrom(...WORDS) },
  fc.string({ unit: 'grapheme-ascii', maxLength: 12 }),
  fc.uint8Array({ maxLength: 6 }).map((b) => Buffer.from(b).toString('latin1').replaceAll('\n', ' ')),
);
/** By header: a record with which both readers have nothing to complain about. */
const GOOD: readonly (readonly string[])[] = [
  [
    '89361872000',
    '1',
    '1160',
    '1159',
    'ptw-spin1',
    'd.h..',
    'span',
    'b',
    'c',
    'd',
    'end',
    '5',
    'e f',
    '',
    '',
  ],
  ['48.092593357', '1', '75', 'a b', 'tlb_flush', 'ffff8880'],
  ['12345.678', '75', '76', 'tlb_flush', '7', ''],
  ['12.5', '1', 'tlb_flush'],
  ['b', 'd', 'retprobe', '12.5', 'c', 'dNs1.', '5', '', 'e f', 'g'],
];

test('the reader of plain records says what that of any record says', () => {
  const record = (good: readonly string[], delimiter: string): fc.Arbitrary<string> =>
    fc
      .tuple(
        fc.array(fc.tuple(fc.nat(good.length - 1), cell), { maxLength: 3 }),
        fc.integer({ min: -1, max: 1 }),
        fc.nat(9),
      )
      .map(([changes, more, rare]) => {
        const cells = [...good];
        for (const [at, odd] of changes) cells[at] = odd;
        if (rare === 0 && more < 0) cells.pop();
        if (rare === 0 && more > 0) cells.push('');
        return cells.join(delimiter);
      });
  const file = fc.nat(HEADERS.length - 1).chain((k) => {
    const delimiter = /[,;\t]/.exec(HEADERS[k]!)![0];
    return fc
      .array(
        fc.oneof(
          { weight: 9, arbitrary: record(GOOD[k]!, delimiter) },
          fc.constantFrom(HEADERS[k]!, '', '# x'),
        ),
        { maxLength: 8 },
      )
      .map((records) => [HEADERS[k]!, ...records]);
  });
  fc.assert(
    fc.property(file, (lines) => void agree(lines)),
    { numRuns: 600 },
  );
});

test('each cell alone with every odd value', () => {
  HEADERS.forEach((header, k) => {
    const delimiter = /[,;\t]/.exec(header)![0];
    const good = GOOD[k]!.join(delimiter);
    for (let at = 0; at < GOOD[k]!.length; at++) {
      const records = [...NUMBERS, ...WORDS].map((odd) =>
        GOOD[k]!.map((c, i) => (i === at ? odd : c)).join(delimiter),
      );
      // A quote that is not closed takes in what follows.
      agree([header, good, ...records.filter((r) => !r.includes('"')), good]);
      for (const one of records.filter((r) => r.includes('"'))) agree([header, good, one, good]);
    }
  });
});

test('cells of other quotes with the same bytes between them are not the same event', () => {
  const of = (head: string): string => `5,,,,,,${head},,x,,`;
  const heads = [
    'tracepoint,"a,b",,,',
    '"tracepoint","a,b",,,',
    'tracepoint,a,b,,',
    '"",a,"",,',
    ',a,,,',
    ',"a",,,',
  ];
  const { rows } = agree([OWN, ...heads.map(of), ...heads.map(of)]);
  expect(rows.slice(0, 3).map((r) => [r.name, r.symbol])).toEqual([
    ['a,b', ''],
    ['a,b', ''],
    ['a', 'b'],
  ]);
});

test('more events than are remembered', () => {
  agree([OWN, ...Array.from({ length: 3000 }, (_, i) => `${i % 1700},,,,,,,event_${i % 1400},,,,,,,`)]);
});

test.each(FIXTURES)('%s goes the fast way, all but its marks and what tells the unit', (name) => {
  let plain = 0;
  const { line: own } = PlainCsv.prototype;
  PlainCsv.prototype.line = function (...args) {
    const kind = own.apply(this, args);
    if (kind !== -1) plain++;
    return kind;
  };
  try {
    expect(runDialect(CSV, fixture(name)).counts.event - plain).toBeLessThanOrEqual(1);
  } finally {
    PlainCsv.prototype.line = own;
  }
});

test.each(CHUNKS)('chunks of %i bytes, as the referee', (size) => {
  for (const name of FIXTURES) {
    expect(scanChunks(CSV, fixture(name), size)).toEqual(scanChunks(REFEREE, fixture(name), 1 << 20));
  }
});
