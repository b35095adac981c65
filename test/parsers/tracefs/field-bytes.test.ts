import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFieldList, rewriteFields } from '../../../src/parsers/tracefs/field-bodies.js';
import { BODY, FieldBytes } from '../../../src/parsers/tracefs/field-bytes.js';
import { FTRACE_FIELDS, ftraceFields } from '../../../src/parsers/tracefs/ftrace-fields.js';
import { fixture, runDialect } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const KERNELS = ['6.12.117-lab-y', 'debian-6.16.12'];
const fields = new FieldBytes();

/** What the reader of strings makes of a body: the same bytes where it leaves it alone. */
function expected(body: string): string {
  const m = /^([^\s:]+): +(.*)$/s.exec(body.trim());
  if (m === null || !isFieldList(m[2]!)) return body;
  const text = rewriteFields(m[1]!, m[2]!, true);
  return text.length > body.length ? body : text;
}

/** The body in the middle of a buffer, of which nothing else may change. Null: left to the reader of strings. */
function rewritten(body: string): string | null {
  const buf = Buffer.from(`(0x|${body}:1) a=b`, 'latin1');
  const end = buf.length - 7;
  const found = fields.rewrite(buf, 4, end);
  const around = `${buf.toString('latin1', 0, 4)}${buf.toString('latin1', end)}`;
  if (around !== '(0x|:1) a=b') throw new Error(`${body}: bytes outside have changed: ${around}`);
  if (found === BODY.unusual) return null;
  if (found > end) throw new Error(`${body}: longer than it was`);
  return buf.toString('latin1', 4, found === BODY.as_is ? end : found);
}

function agree(body: string): void {
  const got = rewritten(body);
  // `expect` is slow, and these are many.
  if (got !== null && got !== expected(body)) expect(got).toBe(expected(body));
}

const EVENTS = [
  ...[
    'tlb_flush',
    'rcu_callback',
    'rcu_utilization',
    'rcu_grace_period',
    'rcu_batch_start',
    'rcu_watching',
    'mm_page_free',
  ],
  ...[
    'sys_enter_munmap',
    'sys_exit_munmap',
    'sys_enter_',
    'xsys_exit_a',
    'my_probe',
    'constructor',
    '__proto__',
    'a.b',
    'a:b',
    '',
  ],
];
const NAMES = [
  ...[
    'reason',
    'pages',
    'rcuname',
    'rhp',
    'func',
    'qlen',
    's',
    'gp_seq',
    'gpevent',
    'blimit',
    'polarity',
    '__syscall_nr',
    'nr',
  ],
  ...[
    '__probe_ip',
    '__probe_func',
    '__probe_ret_ip',
    '__probe_x',
    'ret',
    'addr',
    'len',
    '_',
    'a1',
    '1a',
    'é',
    'a b',
    '',
  ],
];
const VALUES = [
  ...[
    '0x4 (4)',
    '0x0 (0)',
    '0xffffffffffffffff (-1)',
    '0xffffffffffff0000 (-65536)',
    '0xfffffffffffeffff (-65537)',
  ],
  ...[
    '0x7fffffff (2147483647)',
    '0x80000000 (2147483648)',
    '0xffff88811ba9e170 (-131386880433808)',
    '4',
    '-1',
    '',
  ],
  ...[
    '(0xffffffff81ebe3c8:rcu_preempt)',
    '(0xffffffff81bc9235:Start context switch)',
    '(0x:a)',
    '(0x1:)',
    '(0x1:a) b',
    '(0xg:a)',
  ],
  ...[
    'tlb_remove_table+0x4/0x220 (-2124003740)',
    'pte_alloc_one+0x0/0x90 (-1)',
    '+0x0/0x9 (1)',
    'a+0x0/0x',
    "'.'(46)",
  ],
  ...[
    '<INVALID-SIZE>',
    'my proc-1 [x]',
    'a=b',
    ' (5)',
    '(5)',
    '0x (5)',
    'x (-)',
    'x ()',
    'x  (5)',
    'a\tb (5)',
    '\xa0 (5)',
    '5) (5)',
    ')',
  ],
];
const gap = fc.constantFrom(' ', ' ', ' ', ' ', ' ', '  ', '\t', '\xa0', ',');
const body = fc
  .tuple(
    fc.constantFrom('', ' ', '   ', '\t'),
    fc.constantFrom(...EVENTS),
    fc.constantFrom(': ', ': ', ': ', ':   ', ':', ' : ', ':\t'),
    fc.array(
      fc.tuple(
        fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'grapheme-ascii', maxLength: 4 })),
        fc.oneof(
          { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
          fc.string({ unit: 'grapheme-ascii', maxLength: 9 }),
        ),
        gap,
      ),
      { maxLength: 6 },
    ),
    fc.constantFrom('', '', ' ', ' \t', '\xa0', ' x', '!'),
  )
  .map(([before, name, colon, list, behind]) => {
    const all = list.map(([field, value, space], i) => `${i > 0 ? space : ''}${field}=${value}`).join('');
    return `${before}${name}${colon}${all}${behind}`.replaceAll('\n', ' ');
  });

test('bytes say what rewriteFields says', () => {
  fc.assert(fc.property(body, agree), { numRuns: 3000 });
});

test('each event with each pair of fields', () => {
  for (const event of EVENTS) {
    for (const name of NAMES) {
      for (const value of VALUES) agree(`${event}: ${name}=${value} len=0x5 (5)`);
      for (const second of NAMES) agree(`${event}: ${name}=0x5 (5) ${second}=0x6 (6) ${name}=abc`);
    }
  }
});

test('long lists, long values', () => {
  for (const n of [1, 63, 64, 65, 66, 200]) {
    agree(`e: ${Array.from({ length: n }, (_, i) => `f${i}=0x${i.toString(16)} (${i})`).join(' ')}`);
  }
  agree(`e: a=${'x'.repeat(5000)} b=0x1 (1)`);
  expect(rewritten('e: a=0x1 (1)')).toBe('e: a=1');
});

test('more events than are remembered', () => {
  const own = new FieldBytes();
  for (let i = 0; i < 16_500; i++) {
    const line = Buffer.from(`sys_exit_n${i}: nr=0x1 (1) ret=0x2 (2)`);
    const got = line.toString('latin1', 0, own.rewrite(line, 0, line.length));
    if (got !== `sys_n${i} -> 0x2`) throw new Error(got);
  }
});

describe.each(KERNELS)('%s', (kernel) => {
  const input = fixture(`ftrace-options/${kernel}/fields.txt`);

  test('as the reader of strings, line by line', () => {
    expect(runDialect(FTRACE_FIELDS, input)).toEqual(runDialect(ftraceFields(false), input));
  });

  test('no recorded list is left to the reader of strings', () => {
    const lists = Buffer.from(input)
      .toString('latin1')
      .split('\n')
      .flatMap((line) => /\d\.\d{6}: (\S+: +\w+=.*)$/.exec(line)?.[1] ?? []);
    expect(lists.length).toBeGreaterThan(40);
    for (const list of lists) expect(rewritten(list)).toBe(expected(list));
  });

  test.each(CHUNKS)('chunks of %i bytes', (size) => {
    expect(scanChunks(FTRACE_FIELDS, input, size)).toEqual(scanChunks(ftraceFields(false), input, 1 << 20));
  });
});
