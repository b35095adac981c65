import { expect, test } from 'vitest';
import { BCC_TRACE } from '../../../src/parsers/bcc/bcc-trace.js';
import { bytes, runDialect } from '../support/run-dialect.js';

const run = (...lines: string[]) => runDialect(BCC_TRACE, bytes(lines.join('\n')));
const HEAD = 'PID     TID     COMM            FUNC             -';

test('stamps of -t, a CPU, blanks in a task name, stacks', () => {
  const got = run(
    `TIME     CPU ${HEAD}`,
    '0.000000 1   901     902     munmap test     do_munmap        addr=1 len=2',
    '0.001204 3   901     902     munmap test     tlb_finish_mmu   ',
    '        tlb_finish_mmu+0x1 [kernel]',
    '12.34567 0   1       1       init            do_munmap        x',
  );
  expect(got.counts).toMatchObject({ header: 1, event: 3, stack: 1 });
  expect(got.rows.map((r) => [r.ts, r.cpu, r.pid, r.tgid, r.comm, r.name, r.body.trim()])).toEqual([
    ['0', 1, 902, 901, 'munmap test', 'do_munmap', 'addr=1 len=2'],
    ['1204000', 3, 902, 901, 'munmap test', 'tlb_finish_mmu', ''],
    ['12345670000', 0, 1, 1, 'init', 'do_munmap', 'x'],
  ]);
  expect(got.unit).toBe('ns');
});

test('a time of day, or none, is order and no more; an entry is never told from a return', () => {
  for (const [head, row] of [
    [`TIME     ${HEAD}`, '10:02:11 901     901     munmap-test     __x64_sys_munmap addr=7f15f6646000'],
    [HEAD, '901     901     munmap-test     __x64_sys_munmap addr=7f15f6646000'],
  ] as const) {
    const got = run(head, row, row);
    expect(got.unit).toBe('ticks');
    expect(got.rows.map((r) => [r.kind, r.name])).toEqual([
      ['tracepoint', '__x64_sys_munmap'],
      ['tracepoint', '__x64_sys_munmap'],
    ]);
    expect(got.notes.map((n) => n.code)).toEqual(['entry-or-return', 'no-clock']);
  }
});

test('lost samples, other text, nothing before the heading', () => {
  const got = run(
    'Tracing...',
    HEAD,
    '1       2       a               f                x',
    'Possibly lost 17 samples',
    'no row at all',
    '',
  );
  expect(got.counts).toMatchObject({ foreign: 2, header: 1, event: 1, lost: 1 });
  expect(got.facts.map((f) => f.aux)).toEqual([17]);
});
