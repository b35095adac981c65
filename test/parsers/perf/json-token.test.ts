import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LINE_NAMES } from '../../../src/parsers/input/dialect.js';
import { PERF_JSON, perfJson } from '../../../src/parsers/perf/perf-json.js';
import { type DialectRun, fixture, runDialect } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const REFEREE = perfJson(false);
const input = fixture('perf-json/6.12.117-lab-y/perf.json');
const lines = Buffer.from(input).toString('latin1').split('\n');
const SAMPLES = lines.findIndex((line) => line.includes('"samples"'));

/** Both readers, line by line. */
function agree(document: readonly string[]): DialectRun {
  const bytes = Buffer.from(document.join('\n'), 'latin1');
  const got = runDialect(PERF_JSON, bytes);
  expect(got).toEqual(runDialect(REFEREE, bytes));
  return got;
}

const OPENING = ['{', '\t"linux-perf-json-version": 1,', '\t"headers": {', '\t},', '\t"samples": ['];
const KEYS = [
  'timestamp',
  'pid',
  'tid',
  'cpu',
  'comm',
  'callchain',
  'period',
  'common_type',
  'a\\u0041',
  '',
  'é',
  '__proto__',
];
const VALUES = [
  ...[
    '0',
    '1',
    '007',
    '-1',
    '-0',
    '150862513463',
    '999999999',
    '1000000000',
    '2147483647',
    '2147483648',
    '9007199254740993',
  ],
  ...[
    '1234567890123456789',
    '12345678901234567890',
    '1.5',
    '1e3',
    '',
    ' ',
    'null',
    '[',
    '{',
    '[1]',
    '{}',
    '"',
    '""',
    '"a"',
  ],
  ...[
    '"perf"',
    '"a b"',
    '"a\\"b"',
    '"a\\\\"',
    '"a"b"',
    '"\\ud83d"',
    '"{"',
    '"],"',
    '"\xff\xe9"',
    '5 ',
    '5,',
    '"a" ',
    '\t5',
  ],
];
const pair = fc
  .tuple(
    fc.constantFrom(...KEYS),
    fc.constantFrom(...VALUES),
    fc.constantFrom(': ', ': ', ': ', ':', ' : ', ':\t', ''),
    fc.constantFrom(',', ',', '', ' ,', ',,'),
  )
  .map(([key, value, colon, comma]) => `\t\t\t"${key}"${colon}${value}${comma}`);
const good = fc
  .tuple(fc.nat(2 ** 40), fc.nat(40_000), fc.nat(9), fc.boolean())
  .map(([ts, pid, cpu, chain]) => [
    '\t\t{',
    `\t\t\t"timestamp": ${ts},`,
    `\t\t\t"pid": ${pid},`,
    `\t\t\t"tid": ${pid + 1},`,
    `\t\t\t"cpu": ${cpu},`,
    `\t\t\t"comm": "c ${cpu}",`,
    ...(chain ? ['\t\t\t"callchain": [', '\t\t\t\t{', '\t\t\t\t\t"ip": "0xff"', '\t\t\t\t}', '\t\t\t]'] : []),
    '\t\t},',
  ]);
const odd = fc.oneof(
  pair,
  fc.constantFrom(
    '{',
    '}',
    '},',
    '[',
    ']',
    '],',
    '}}',
    '{}',
    '',
    ' ',
    '\xa0',
    '} ,',
    '\t\t\t},',
    ' \t]',
    `\t"k": "${'x'.repeat(1100)}"`,
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 12 }).map((s) => s.replaceAll('\n', ' ')),
);
/** Samples, at times with a line changed, put in, taken out or cut. */
const document = fc
  .tuple(
    fc.array(good, { maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(60), fc.nat(1), fc.array(odd, { maxLength: 2 })), { maxLength: 3 }),
  )
  .map(([samples, changes]) => {
    const all = [...OPENING, ...samples.flat(), '\t]', '}'];
    for (const [at, out, put] of changes) all.splice(Math.min(at, all.length), out, ...put);
    return all;
  });

test('the reader of plain lines says what the one of any line says', () => {
  fc.assert(
    fc.property(document, (all) => void agree(all)),
    { numRuns: 600 },
  );
});

test('each key with each value, in a sample and out of it', () => {
  for (const key of KEYS) {
    for (const value of VALUES) {
      const one = `\t\t\t"${key}": ${value},`;
      agree([
        ...OPENING,
        '\t\t{',
        '\t\t\t"timestamp": 5,',
        one,
        one,
        '\t\t},',
        one,
        '\t\t{',
        one,
        '\t\t}',
        '\t]',
        '}',
        one,
      ]);
    }
  }
});

test('more keys that are not carried on than are told', () => {
  const many = Array.from({ length: 130 }, (_, i) => `\t\t\t"k${i}": ${i % 3 === 0 ? '1.5' : i},`);
  const { notes } = agree([
    ...OPENING,
    '\t\t{',
    '\t\t\t"timestamp": 5,',
    ...many,
    ...many,
    '\t\t}',
    '\t]',
    '}',
  ]);
  expect(notes.find((n) => n.code === 'json-fields')!.message.match(/k\d+/g)!.length).toBe(100);
});

test('the fixture with each byte of a sample changed in turn', () => {
  const few = lines.slice(SAMPLES, SAMPLES + 30);
  for (const [i, line] of few.entries()) {
    for (let at = 0; at < line.length; at++) {
      for (const c of ['', '"', '{', ']', ',', '5']) {
        agree([
          ...OPENING.slice(0, 4),
          ...few.slice(0, i),
          line.slice(0, at) + c + line.slice(at + 1),
          ...few.slice(i + 1),
        ]);
      }
    }
  }
});

test.each(CHUNKS)('chunks of %i bytes, as the referee', (size) => {
  expect(scanChunks(PERF_JSON, input, size)).toEqual(scanChunks(REFEREE, input, 1 << 20));
});

test('of the fixture, lines of every kind', () => {
  const { counts } = agree(lines.slice(0, -1));
  expect(LINE_NAMES.filter((name) => counts[name] > 0)).toEqual(['event', 'header', 'stack', 'continuation']);
});
