import { describe, expect, test } from 'vitest';
import { isRawBody, rewriteFields } from '../../../src/parsers/tracefs/field-bodies.js';
import { FTRACE_FIELDS } from '../../../src/parsers/tracefs/ftrace-fields.js';
import { fixture, hasShared, recording, runDialect, text } from '../support/run-dialect.js';

describe('one body', () => {
  test.each([
    ['tlb_flush', 'reason=0x4 (4) pages=0xffffffffffffffff (-1)', 'tlb_flush: pages:-1 reason:(4)'],
    ['tlb_flush', 'reason=0 pages=33', 'tlb_flush: pages:33 reason:(0)'],
    [
      'rcu_callback',
      'rcuname=(0xffffffff81ebe3c8:rcu_preempt) rhp=0xffff88811ba9e170 (-131386880433808) func=0xffffffff812c9100 (-2127785728) qlen=0x1 (1)',
      'rcu_callback: rcu_preempt rhp=0xffff88811ba9e170 func=0xffffffff812c9100 1',
    ],
    [
      'rcu_utilization',
      's=(0xffffffff81bc9235:Start context switch)',
      'rcu_utilization: Start context switch',
    ],
    [
      'sched_switch',
      'prev_comm=swapper/3 prev_pid=0x0 (0) prev_prio=0x78 (120) prev_state=0x0 (0) next_comm=my proc-1 [x] next_pid=0xd73 (3443) next_prio=0x78 (120)',
      'sched_switch: prev_comm=swapper/3 prev_pid=0 prev_prio=120 prev_state=0 next_comm=my proc-1 [x] next_pid=3443 next_prio=120',
    ],
    [
      'sys_enter_mmap',
      '__syscall_nr=0x9 (9) addr=0x0 (0) len=0x801000 (8392704)',
      'sys_mmap(addr: 0x0, len: 0x801000',
    ],
    ['sys_exit_munmap', '__syscall_nr=0xb (11) ret=0x0 (0)', 'sys_munmap -> 0x0'],
    [
      'tlb_remove_table',
      '__probe_ip=tlb_remove_table+0x4/0x220 (-2124003740) tlb=0xffffc90000867b10 (-60473130714352)',
      'tlb_remove_table: (tlb_remove_table+0x4/0x220) tlb=0xffffc90000867b10',
    ],
    [
      'x_ret',
      '__probe_func=pte_alloc_one+0x0/0x90 (-1) __probe_ret_ip=__pte_alloc+0x1a/0xc0 (-2) page=0xffffea0000000040 (-3)',
      'x_ret: (__pte_alloc+0x1a/0xc0 <- pte_alloc_one) page=0xffffea0000000040',
    ],
    ['mm_page_free', 'pfn=0x10c932 (1100082) order=0x0 (0)', 'mm_page_free: pfn=1100082 order=0'],
  ])('%s: %s', (name, fields, want) => {
    const got = rewriteFields(name, fields, true);
    expect(got).toBe(want.startsWith('sys_mmap(') ? `${want})` : want);
  });

  test('bodies of the print format are no raw bodies', () => {
    expect(isRawBody('tlb_flush', 'pages=-1 reason=flush on task switch (0)')).toBe(false);
    expect(isRawBody('rcu_grace_period', 'rcu_preempt 16080 newreq')).toBe(false);
    expect(isRawBody('csd_queue_cpu', 'cpu=1 callsite=x func=y csd=z')).toBe(false);
    expect(isRawBody('tlb_flush', 'reason=0 pages=-1')).toBe(true);
  });
});

const FIELDS = FTRACE_FIELDS;

test('the recorded fields become the bodies that the same buffer printed without the option', () => {
  const fields = text(fixture('ftrace-options/6.12.117-lab-y/fields.txt'));
  const plain = text(fixture('ftrace-options/6.12.117-lab-y/sym-offset.txt'));
  const a = runDialect(FIELDS, fixture('ftrace-options/6.12.117-lab-y/fields.txt')).rows;
  const b = plain.split('\n').filter((l) => l !== '' && !l.startsWith('#'));
  let compared = 0;
  for (const [i, row] of a.slice(0, b.length).entries()) {
    // Same buffer, same order: the line of the other file is the event's own.
    expect(b[i]).toContain(row.ts.replace(/^(\d+)(\d{6})000$/, '$1.$2'));
    if (row.name === 'rcu_utilization') expect(b[i]!.endsWith(`rcu_utilization: ${row.body}`)).toBe(true);
    else if (row.name === 'tlb_flush') {
      const m = /pages:(-?\d+) reason:.*\((\d)\)$/.exec(b[i]!)!;
      expect(row.body).toBe(`pages:${m[1]} reason:(${m[2]})`);
    } else if (row.name === 'rcu_grace_period') expect(b[i]!.endsWith(row.body)).toBe(true);
    else continue;
    compared++;
  }
  expect(compared).toBeGreaterThan(5);
  expect(fields).toContain('UNKNOWN TYPE 1');
});

test('recognised by content, apart from the plain form', () => {
  for (const k of ['6.12.117-lab-y', 'debian-6.16.12']) {
    expect(FIELDS.score(fixture(`ftrace-options/${k}/fields.txt`)), k).toBeGreaterThan(0.9);
    expect(FIELDS.score(fixture(`ftrace-options/${k}/sym-offset.txt`)), k).toBe(0);
    expect(FIELDS.score(fixture(`ftrace-options/${k}/sym-addr.txt`)), k).toBe(0);
  }
});

describe.skipIf(!hasShared)('all recordings (skipped: no ../shared/recordings)', () => {
  test.each(['6.12.117-lab-y', 'debian-6.16.12'])('%s', (kernel) => {
    const input = recording(`${kernel}/opt-fields.txt`);
    const run = runDialect(FIELDS, input);
    const events = text(input)
      .split('\n')
      .filter((l) => / \[\d{3}\] \S{5} +\d+\.\d{6}: /.test(l)).length;
    expect(run.rows.length).toBe(events);
    expect(run.counts.skipped).toBe(0);
  });
});
