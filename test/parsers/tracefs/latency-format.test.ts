import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FUNCTION_GRAPH } from '../../../src/parsers/tracefs/function-graph.js';
import { entryFlags, LATENCY_FORMAT } from '../../../src/parsers/tracefs/latency-format.js';
import { FLAG } from '../../../src/timeline/flags.js';
import {
  bytes,
  cutEverywhere,
  fixture,
  golden,
  hasShared,
  recording,
  runDialect,
  text,
} from '../support/run-dialect.js';

const FIXTURES = [
  '6.12.117-lab-y/latency-format',
  '6.12.117-lab-y/verbose',
  '6.12.117-lab-y/tracer-irqsoff',
  '6.12.117-lab-y/tracer-preemptoff',
  '6.12.117-lab-y/tracer-wakeup',
  'debian-6.16.12/latency-format',
];

/** Lines that a plain regular expression takes for events. */
const eventLines = (input: string): string[] =>
  input
    .split('\n')
    .filter((l) => !l.endsWith('<stack trace>'))
    .filter((l) => /^.{8}-\d+ +\d+\S{5} +\d+us[ $@*#!+]: /.test(l) || /\] [\d.]+ms \(\+[\d.]+ms\): /.test(l));

describe('fixtures', () => {
  test.each(FIXTURES)('%s', async (name) => {
    const input = fixture(`latency-format/${name}.txt`);
    const run = runDialect(LATENCY_FORMAT, input);
    expect(run.rows.length).toBe(eventLines(text(input)).length);
    expect(run.counts.skipped + run.counts.foreign + run.counts.continuation).toBe(0);
    await expect(golden(run)).toMatchFileSnapshot(`../golden/latency-format-${name.replace('/', '-')}.txt`);
    expect(LATENCY_FORMAT.score(input)).toBeGreaterThan(0.9);
    expect(FUNCTION_GRAPH.score(input)).toBe(0);
  });

  test('cut at every byte', () => {
    cutEverywhere(
      LATENCY_FORMAT,
      fixture('latency-format/6.12.117-lab-y/latency-format.txt').subarray(0, 2200),
    );
    cutEverywhere(LATENCY_FORMAT, fixture('latency-format/6.12.117-lab-y/verbose.txt').subarray(0, 1400));
  });

  test('short and verbose form of one buffer agree event for event', () => {
    const short = runDialect(
      LATENCY_FORMAT,
      fixture('latency-format/6.12.117-lab-y/latency-format.txt'),
    ).rows;
    const long = runDialect(LATENCY_FORMAT, fixture('latency-format/6.12.117-lab-y/verbose.txt')).rows;
    const n = Math.min(short.length, long.length);
    expect(n).toBeGreaterThan(190);
    const shift = Number(long[0]!.ts) - Number(short[0]!.ts);
    for (let i = 0; i < n; i++) {
      const [a, b] = [short[i]!, long[i]!];
      expect([a.cpu, a.pid, a.kind, a.name, a.body]).toEqual([b.cpu, b.pid, b.kind, b.name, b.body]);
      expect(b.comm.startsWith(a.comm) || a.comm.length === 8).toBe(true);
      // Both are cut to µs, the short form after the subtraction.
      expect(Math.abs(Number(b.ts) - Number(a.ts) - shift)).toBeLessThanOrEqual(1000);
      // The verbose form leaves out migrate-disable.
      expect(a.flags & 0xfff).toBe(b.flags & 0xfff);
    }
  });
});

test('the preamble of a latency tracer becomes notes', () => {
  const run = runDialect(LATENCY_FORMAT, fixture('latency-format/6.12.117-lab-y/tracer-irqsoff.txt'));
  const notes = new Map(run.notes.map((n) => [n.code, n.message]));
  expect(notes.get('tracer-latency')).toBe('irqsoff tracer: worst latency 11202 us, seen on CPU 2');
  expect(notes.get('tracer-task')).toBe('task of the trace: ptw-spin2-4134');
  expect(notes.get('tracer-started')).toBe('critical section started at irqentry_enter');
  expect(notes.get('tracer-ended')).toBe('critical section ended at irqentry_exit_to_user_mode');
  expect(run.header).toMatchObject({ tracer: 'irqsoff', entriesInBuffer: 68, entriesWritten: 68, cpus: 4 });
});

const one = (line: string) => runDialect(LATENCY_FORMAT, bytes(`${line}\n`)).rows[0];

describe('line forms', () => {
  test.each([
    // Seven columns of PREEMPT_RT.
    [
      'cyclicte-1213    1....1.. 2563694114us : sys_clock_nanosleep(which_clock: 1)',
      1,
      '2563694114000',
      1213,
      'cyclicte',
    ],
    // pid of five columns (before 5.10), four flag columns.
    ['ps-6143    2d...    0us!: trace_hardirqs_off <-__lock_task_sighand', 2, '0', 6143, 'ps'],
    [
      '  <idle>-0         1d.h1. 18191us : call_function_single_entry: vector=251',
      1,
      '18191000',
      0,
      '<idle>',
    ],
    ['my-2 [0]-3443      0...1.    5us+: call_rcu <-x', 0, '5000', 3443, 'my-2 [0]'],
    ['a-1 2..x-77     1023...1.    5us+: call_rcu <-x', 1023, '5000', 77, 'a-1 2..x'],
    // A clock that is no time.
    ['    init-1         2...1. 12345678901234: call_rcu <-x', 2, '12345678901234', 1, 'init'],
  ])('%s', (line, cpu, ts, pid, comm) => {
    const r = one(line)!;
    expect([r.cpu, r.ts, r.pid, r.comm]).toEqual([cpu, ts, pid, comm]);
    expect(r.flags & FLAG.known).toBe(FLAG.known);
  });

  test('a tick clock changes the unit, µs do not', () => {
    expect(runDialect(LATENCY_FORMAT, bytes('    init-1         2...1. 123: f <-x')).unit).toBe('ticks');
    expect(runDialect(LATENCY_FORMAT, bytes('    init-1         2...1. 123us : f <-x')).unit).toBe('ns');
  });

  test('verbose: comm with blanks and brackets, ticks instead of ms', () => {
    const r = one('   a [b] 1 2 3    3127   2 1 00000001 00000001 [09ec6789] 17.456ms (+0.009ms): f <-g')!;
    expect([r.comm, r.pid, r.cpu, r.ts]).toEqual(['a [b] 1 2 3', 3127, 2, '166487945000']);
    const t = one('            init    3127   2 1 00000001 00000001 [ffffffffffffffff] 17 (+9): f <-g')!;
    expect(t.ts).toBe('18446744073709551615');
  });

  test('flags of the verbose form', () => {
    expect(entryFlags(0x01 | 0x08, 2)).toBe(FLAG.known | FLAG.irqsOff | FLAG.hardirq | (2 << 8));
    expect(entryFlags(0x80 | 0x10 | 0x04, 0)).toBe(FLAG.known | FLAG.bhOff | FLAG.softirq | FLAG.needResched);
    expect(entryFlags(0x40, 0)).toBe(FLAG.known | FLAG.nmi);
  });

  test('lines of other formats are not taken', () => {
    expect(one('    init-3127    [002] ...1.   166.487927: call_rcu <-x')).toBeUndefined();
    expect(LATENCY_FORMAT.score(fixture('ftrace-options/6.12.117-lab-y/sym-offset.txt'))).toBe(0);
    expect(LATENCY_FORMAT.score(fixture('trace-cmd-report/6.12.117-lab-y/report-l.txt'))).toBe(0);
  });
});

test('generated lines come back, whatever the comm holds', () => {
  const comm = fc.string({ minLength: 1, maxLength: 8 }).filter((s) => /^[\x21-\x7e][\x20-\x7e]*$/.test(s));
  fc.assert(
    fc.property(
      comm,
      fc.nat({ max: 4194304 }),
      fc.nat({ max: 8191 }),
      fc.nat({ max: 4e9 }),
      fc.constantFrom('.....', 'd.h1.', 'DNs2.', 'b..f1', 'd...', '....1..'),
      fc.constantFrom(' ', '+', '!', '#', '*', '@', '$'),
      (c, pid, cpu, us, flags, mark) => {
        const line = `${c.padStart(8)}-${String(pid).padEnd(7)} ${String(cpu).padStart(3)}${flags} ${String(us).padStart(4)}us${mark}: ev: x=1`;
        const r = one(line)!;
        expect([r.comm, r.pid, r.cpu, r.ts, r.name, r.body]).toEqual([
          c,
          pid,
          cpu,
          String(us * 1000),
          'ev',
          'x=1',
        ]);
      },
    ),
    { numRuns: 300 },
  );
});

describe.skipIf(!hasShared)('all recordings (skipped: no ../shared/recordings)', () => {
  test.each(['6.12.117-lab-y', 'debian-6.16.12'])('%s', (kernel) => {
    for (const f of [
      'latency-format',
      'latency-format-verbose',
      'tracer-irqsoff',
      'tracer-preemptoff',
      'tracer-wakeup',
    ]) {
      if (f.startsWith('tracer') && kernel.startsWith('debian')) continue;
      const input = recording(`${kernel}/${f}.txt`);
      const run = runDialect(LATENCY_FORMAT, input);
      expect(run.rows.length, f).toBe(eventLines(text(input)).length);
      expect(run.counts.skipped + run.counts.foreign + run.counts.continuation, f).toBe(0);
    }
  });
});
