import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JSON_LINES, jsonLines } from '../../../src/parsers/columns/json-lines.js';
import { PlainJsonLines } from '../../../src/parsers/columns/plain-json-lines.js';
import { type DialectRun, fixture, runDialect } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const REFEREE = jsonLines(false);
const input = fixture('json-lines/6.12.117-lab-y/mt-munmap.jsonl');

/** Both readers, one line at a time: what is read, what is refused, the words and columns of the refusals. */
function agree(lines: readonly string[]): DialectRun {
  const all = Buffer.from(`${lines.join('\n')}\n`, 'latin1');
  const got = runDialect(JSON_LINES, all);
  expect(got).toEqual(runDialect(REFEREE, all));
  return got;
}

const word = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('ptw-spin1', 'tlb_flush', 'd.h..', 'a', 'func=f, csd=00', 'pages:-1 (1)'),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 14 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '"', '\\', '\n', '\u007f', '\u0001', 'é', '€ \u{1f600}', '{', '}', ',"'),
  },
);
const number = fc.oneof(
  fc.nat(9000),
  fc.constantFrom(
    -1,
    -0,
    0.5,
    1e21,
    2 ** 53,
    8191,
    8192,
    4194304,
    4194305,
    2147483647,
    2147483648,
    1e15,
    999999999999999,
  ),
);
const stamp = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 10n ** 19n - 1n }).map(String) },
  fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map(String),
  fc.constantFrom('0', '007', '-0', '', '1.5', '12345678901234567890', '000000000000000000000', ' 1'),
  number,
);
const kind = fc.constantFrom(
  'tracepoint',
  'probe',
  'retprobe',
  'function',
  'print',
  'span',
  'syscall-enter',
  '',
  'kprobe',
);
const event = fc.record(
  {
    tsNs: stamp,
    cpu: number,
    pid: number,
    tgid: number,
    comm: word,
    flags: fc.oneof(
      fc.constantFrom('d.h..', '.N.', 'd..', 'dNs1.', '........', '........x', '..'),
      number,
      word,
    ),
    kind,
    event: word,
    symbol: word,
    caller: word,
    stamp: fc.constantFrom('start', 'end', '', 'middle'),
    durNs: number,
    args: fc.oneof(
      word,
      fc.array(word, { maxLength: 4 }).map((w) => w.join(' ')),
    ),
    commHex: fc.constantFrom('', '00ff', '0'),
    argsHex: fc.constantFrom('', '00ff', '0'),
    unit: fc.constantFrom('ns', 'ticks', 'us'),
    extra: fc.oneof(word, number, fc.constant(null), fc.constant([1])),
  },
  { requiredKeys: ['tsNs', 'event'] },
);
const mark = fc.record(
  {
    mark: fc.constantFrom(
      'lost',
      'segment',
      'buffer-start',
      'silent-loss',
      'clock',
      'recorded',
      'recording',
      'lots',
      3,
    ),
    cpu: number,
    count: number,
    unit: fc.constantFrom('ns', 'ticks', 'us'),
    resolutionNs: number,
    text: word,
    tracer: word,
    cpus: number,
    entriesInBuffer: number,
    x: number,
  },
  { requiredKeys: ['mark'] },
);
/** Keys in any order, at times one twice. */
const shuffled = (object: object): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.shuffledSubarray(Object.entries(object), { minLength: Object.keys(object).length }),
      fc.option(fc.constantFrom(...Object.entries(object)), { freq: 9 }),
      fc.constantFrom(',', ',', ',', ', ', ' ,', ',  ', ',\t'),
      fc.constantFrom(':', ':', ':', ': ', ' :', ':  '),
    )
    .map(([entries, twice, comma, colon]) => {
      const all = twice === null ? entries : [...entries, twice];
      return `{${all.map(([k, v]) => JSON.stringify(k) + colon + JSON.stringify(v)).join(comma)}}`;
    });
const line = fc
  .oneof({ weight: 8, arbitrary: event }, { weight: 2, arbitrary: mark })
  .chain(shuffled)
  .chain((text) => {
    const bytes = Buffer.from(text).toString('latin1');
    return fc.oneof(
      { weight: 6, arbitrary: fc.constant(bytes) },
      // A byte changed, put in or taken out.
      {
        weight: 3,
        arbitrary: fc
          .tuple(
            fc.nat(bytes.length),
            fc.nat(1),
            fc.oneof(
              fc.constantFrom('', ' ', '"', '\\', '0', '.', 'e', '-', '{', '}', ',', '\t', '\0'),
              fc.nat(255).map((c) => String.fromCharCode(c)),
            ),
          )
          .map(([at, out, c]) => (bytes.slice(0, at) + c + bytes.slice(at + out)).replaceAll('\n', ' ')),
      },
      { weight: 1, arbitrary: fc.nat(bytes.length).map((at) => bytes.slice(0, at)) },
    );
  });

test('the reader of plain lines says what JSON.parse and the schema say', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      agree(lines);
    }),
    { numRuns: 500 },
  );
});

test('the same on the fixture with each byte changed in turn', () => {
  const [, one] = Buffer.from(input).toString('latin1').split('\n');
  for (let at = 0; at < one!.length; at++) {
    for (const c of ['', ' ', '"', '\\', '0', 'x', '\xff', '\t', '}'])
      agree([one!.slice(0, at) + c + one!.slice(at + 1), one!]);
  }
});

const GOOD = {
  tsNs: '89361872000',
  cpu: 1,
  pid: 1160,
  tgid: 1159,
  comm: 'a',
  flags: 'd.h..',
  kind: 'span',
  event: 'b',
  symbol: 'c',
  caller: 'd',
  stamp: 'end',
  durNs: 5,
  args: 'e f',
};
const ODD = [
  ...[
    '0',
    '1',
    '8191',
    '8192',
    '4194304',
    '4194305',
    '2147483647',
    '2147483648',
    '-1',
    '-0',
    '1.0',
    '1e3',
    '01',
    '00',
  ],
  ...[
    '999999999999999',
    '1000000000000000',
    '9007199254740991',
    '9007199254740992',
    'null',
    'true',
    '{}',
    '[]',
    '""',
  ],
  ...[
    '"0"',
    '"007"',
    '"-5"',
    '"1234567890123456789"',
    '"12345678901234567890"',
    '"123456789012345678901"',
    '" 1"',
  ],
  ...[
    '"..."',
    '"..',
    '"........"',
    '"........."',
    '"d-h"',
    '"\\u0041"',
    '"a\\"',
    '"\xc3\xa9"',
    '"\xff"',
    '"\x7f"',
    '"\x1f"',
  ],
  ...['"probe"', '"kprobe"', '"start"', '"middle"', '"a" ', ' "a"'],
];

test('each field alone with every odd value', () => {
  for (const field of Object.keys(GOOD)) {
    const lines = ODD.map((odd) => {
      const all = Object.entries(GOOD).map(([k, v]) => `"${k}":${k === field ? odd : JSON.stringify(v)}`);
      return `{${all.join(',')}}`;
    });
    agree(lines);
    const { [field as 'cpu']: _, ...rest } = GOOD;
    agree([JSON.stringify(rest), JSON.stringify({ ...rest, [field]: GOOD[field as 'cpu'] })]);
  }
});

test('heads of the same letters in other fields are not the same', () => {
  const lines = [
    '"kind":"probe","event":"ab","symbol":"c"',
    '"kind":"probe","event":"a","symbol":"bc"',
    '"event":"ab"',
  ].map((head) => `{"tsNs":"1",${head}}`);
  const { rows } = agree([...lines, ...lines]);
  expect(rows.map((r) => `${r.kind} ${r.name} ${r.symbol}`).slice(0, 2)).toEqual([
    'probe ab c',
    'probe a bc',
  ]);
  expect(rows.slice(3).map((r) => r.symbol)).toEqual(rows.slice(0, 3).map((r) => r.symbol));
});

test('more heads than are remembered', () => {
  agree(Array.from({ length: 3000 }, (_, i) => `{"tsNs":"${i % 1700}","event":"event_${i % 1400}"}`));
});

test('the fixture goes the fast way, all but its marks', () => {
  let plain = 0;
  const { line: own } = PlainJsonLines.prototype;
  PlainJsonLines.prototype.line = function (...args) {
    const kind = own.apply(this, args);
    if (kind !== -1) plain++;
    return kind;
  };
  try {
    expect(runDialect(JSON_LINES, input).counts.event).toBe(plain);
  } finally {
    PlainJsonLines.prototype.line = own;
  }
});

test.each(CHUNKS)('chunks of %i bytes, as the referee', (size) => {
  expect(scanChunks(JSON_LINES, input, size)).toEqual(scanChunks(REFEREE, input, 1 << 20));
});
