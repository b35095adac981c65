import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hexArguments, PERF_TRACE, perfTrace } from '../../../src/parsers/perf/perf-trace.js';
import { PerfTraceColumns } from '../../../src/parsers/perf/perf-trace-columns.js';
import { fixture, runDialect } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const REFEREE = perfTrace(false);
const input = fixture('perf-trace/mixed.txt');

/** Both readers. Of a skipped line the entry may have been read. */
function agree(lines: readonly string[]): void {
  const bytes = Buffer.from(lines.join('\n'), 'latin1');
  expect(runDialect(PERF_TRACE, bytes, true)).toEqual(runDialect(REFEREE, bytes, true));
}

const stamp = fc.constantFrom(
  ...[
    '0.000',
    '12.345',
    '  20600095.085',
    '99999999999.999',
    '123456789012.345',
    '12.34',
    '12.3456',
    '12',
    '?',
    '.123',
    '-1.000',
    '',
  ],
);
const took = fc.constantFrom(
  ...[
    '( 0.036 ms): ',
    '(         ): ',
    '(): ',
    '(0.036 ms): ',
    '( 0.036 ms ): ',
    '( 0.036): ',
    '(123456789012.000 ms): ',
  ],
  ...['( 0.036 ms):', '0.036 ms): ', '( ? ms): ', '( 0.036 us): '],
);
const task = fc.constantFrom(
  ...[
    'sh/697 ',
    'Web C/x/32617 ',
    'a b/1  ',
    '/5 ',
    'x/12345678901 ',
    'x/12345678901 y/3 ',
    'x/1a ',
    'x/ 1 ',
    'a/1 b/2 ',
    'x ',
    '',
  ],
  ...[`${'n'.repeat(150)}/7 `, `${'n'.repeat(178)}/7 `, '\xff\xe9/8 '],
);
const call = fc.constantFrom(
  ...[
    'mmap(len: 8192, prot: READ)',
    'brk()',
    'futex(uaddr: 0x25d211b4, op: WAIT_BITSET) ...',
    ' ... [continued]: futex())',
  ],
  ...[
    '... [continued]: brk()',
    '... [continued] brk()',
    '... [continued]: (',
    '... [continued]: 9x()',
    '... [contin',
    'minfault [x+0x28a] => 0x5',
  ],
  ...[
    'sched:sched_switch(prev_comm: "a, b: c", prev_pid: 302 (a), next_prio: 120)',
    'raw_syscalls:sys_exit()',
    'sys_enter_munmap(a: 5)',
  ],
  ...[
    'syscalls:sys_enter_munmap(addr: 0x1)',
    '9x(a: 1)',
    '-x()',
    'x',
    'x.y-z:w(a: 1, b: 12345678901234567)',
    '(a: 1)',
    '',
    `${'f'.repeat(220)}(a: 1)`,
  ],
);
const result = fc.constantFrom(
  ' = 0',
  '       = 0x7f367ba60000',
  ' = -1 ENOENT (No such file)',
  '',
  ' =',
  ' = ',
  '=0',
  ' ...',
);
const line = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('', '     '), stamp, fc.constantFrom(' ', ' ', ''), took, task, call, result)
      .map((all) => all.join('')),
  },
  { weight: 1, arbitrary: fc.constantFrom('', '  ', 'LOST 12 events!', 'LOST x events!', 'prose') },
);

test('the columns by bytes are those by regular expressions', () => {
  fc.assert(fc.property(fc.array(line, { maxLength: 12 }), agree), { numRuns: 600 });
});

test('each line of the fixture, a byte changed, put in or taken out', () => {
  const lines = Buffer.from(input).toString('latin1').split('\n').slice(0, 40);
  fc.assert(
    fc.property(
      fc.nat(lines.length - 1),
      fc.nat(110),
      fc.nat(1),
      fc.constantFrom('', ' ', '0', '/', '.', ':', '(', ')', '?', 'm', '\xff', '...', '"'),
      (i, at, out, c) => agree([lines[i]!.slice(0, at) + c + lines[i]!.slice(at + out), lines[i]!]),
    ),
    { numRuns: 800 },
  );
});

test('names again and again', () => {
  const many = Array.from(
    { length: 400 },
    (_, i) => `     0.${100 + i} ( 0.036 ms): sh/697 call_${i}(len: ${i}) = 0`,
  );
  agree([...many, ...many]);
});

test('the fixture is read by bytes, all but the lines without a time', () => {
  const at = new PerfTraceColumns();
  const lines = Buffer.from(input).toString('latin1').trimEnd().split('\n');
  for (const text of lines) {
    const bytes = Buffer.from(text, 'latin1');
    expect(at.parse(bytes, 0, bytes.length), text).toBe(!/^ *\?/.test(text));
  }
});

test.each(CHUNKS)('chunks of %i bytes, as the referee', (size) => {
  expect(scanChunks(PERF_TRACE, input, size)).toEqual(scanChunks(REFEREE, input, 1 << 20));
});

/** As in the comment of the dialect: where the parenthesis closes, then each number. */
function slowly(text: string): { close: number; text: string } {
  let close = text.length;
  let depth = 0;
  for (let p = 0; p < text.length; p++) {
    if (text[p] === '"') {
      for (p++; p < text.length && text[p] !== '"'; p++) if (text[p] === '\\') p++;
    } else if (text[p] === '(') depth++;
    else if (text[p] === ')' && --depth === 0) {
      close = p;
      break;
    }
  }
  const hex = (decimal: string): string => BigInt(decimal).toString(16).padStart(decimal.length, '0');
  const inside = text.slice(0, close).replace(/(?<=: )\d{1,15}(?=[,)]|$)/g, hex);
  return { close, text: inside + text.slice(close) };
}

test('decimal arguments become hexadecimal of the same width, up to the parenthesis that closes', () => {
  const piece = fc.oneof(
    fc.maxSafeNat().map((n) => `a: ${n}, `),
    fc.nat(99).map((n) => `b: 00${n}`),
    fc.constantFrom(
      '"',
      '\\"',
      '\\',
      '(',
      ')',
      ', ',
      ': ',
      ':',
      'x',
      ' ',
      '"a: 5, b',
      'c: 12345678901234567',
      ': 7)',
      '\\: 5,',
      '5',
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = `(${pieces.join('')}`;
      const buf = Buffer.from(`${text}, z: 5)`);
      const close = hexArguments(buf, 0, text.length);
      const want = slowly(text);
      expect([close, buf.toString()]).toEqual([want.close, `${want.text}, z: 5)`]);
    }),
    { numRuns: 2000 },
  );
});
