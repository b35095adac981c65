import { describe, expect, test } from 'vitest';
import { FTRACE_DUMP } from '../../../src/parsers/tracefs/ftrace-dump.js';
import { LATENCY_FORMAT } from '../../../src/parsers/tracefs/latency-format.js';
import { afterPrintkPrefix } from '../../../src/parsers/tracefs/printk-prefix.js';
import { bytes, cutEverywhere, fixture, runDialect, text } from '../support/run-dialect.js';

/** Printk prefixes as the usual tools write them. */
const PREFIXES = {
  dmesg: '[  191.085702] ',
  'caller id': '[  191.085702][  T112] ',
  'caller id, CPU': '[  191.085702][    C3] ',
  'console level': '<4>[  191.085702] ',
  'dmesg -T': '[Sun Nov 22 12:00:01 2026] ',
  syslog: 'Nov 22 12:00:01 lab-1 kernel: [  191.085702] ',
  'syslog without time': 'Nov  2 12:00:01 lab-1 kernel: ',
  'ISO syslog': '2026-11-22T12:00:01.123456+01:00 lab-1 kernel: ',
  journalctl: '2026-11-22T12:00:01+0100 lab-1 kernel: [  191.085702] ',
  'dmesg -x': 'kern  :warn  : [  191.085702] ',
  kmsg: '4,1234,191085702,-;',
  console: 'console: [  191.085702] ',
  none: '',
};
const RULE = '---------------------------------';
/** Event lines of a real latency-format recording: what ftrace_dump prints, less the printk prefix. */
const EVENTS = text(fixture('latency-format/6.12.117-lab-y/latency-format.txt'))
  .split('\n')
  .filter((l) => l !== '' && !l.startsWith('#'));

function dump(prefix: string, lines: string[]): string {
  return [
    'Oops: general protection fault, probably for non-canonical address',
    'Dumping ftrace buffer:',
    RULE,
    ...lines,
    RULE,
    'CPU: 3 PID: 12 Comm: rcuop/0 Not tainted 6.12.117-lab',
    'Call Trace:',
  ]
    .map((l) => `${prefix}${l}\n`)
    .join('');
}

describe('printk prefixes', () => {
  test.each(Object.entries(PREFIXES))('%s', (_, prefix) => {
    const line = bytes(`${prefix} rcuop/0-12        0.... 75782125us : f <-g`);
    expect(afterPrintkPrefix(line, 0, line.length)).toBe(prefix.length);
    const input = bytes(dump(prefix, EVENTS));
    const run = runDialect(FTRACE_DUMP, input);
    const plain = runDialect(LATENCY_FORMAT, bytes(`${EVENTS.join('\n')}\n`));
    const strip = (rows: typeof run.rows) => rows.map((r) => ({ ...r, line: 0, offset: 0 }));
    expect(strip(run.rows)).toEqual(strip(plain.rows));
    expect(run.counts).toMatchObject({ event: EVENTS.length, header: 3, foreign: 3, skipped: 0 });
    expect(FTRACE_DUMP.score(input)).toBeGreaterThan(0.9);
  });
});

test('evidence points at the whole log line', () => {
  const log = dump(PREFIXES.dmesg, EVENTS);
  for (const r of runDialect(FTRACE_DUMP, bytes(log)).rows.slice(0, 20)) {
    const line = log.slice(r.offset, log.indexOf('\n', r.offset));
    expect(line.startsWith(PREFIXES.dmesg)).toBe(true);
    expect(line).toContain(r.body);
  }
});

test('messages of other CPUs between the lines are foreign, loss lines are loss', () => {
  const run = runDialect(
    FTRACE_DUMP,
    bytes(
      dump('[  1.000000] ', [
        EVENTS[0]!,
        'usb 1-1: new device',
        'CPU:2 [LOST 17 EVENTS]',
        EVENTS[1]!,
        ' => foo',
      ]),
    ),
  );
  expect(run.counts).toMatchObject({ event: 2, foreign: 4, lost: 1, stack: 1, header: 3 });
  expect(run.facts).toEqual([{ event: 1, cpu: 2, aux: 17, line: 6 }]);
});

test('an empty buffer, a second dump, and a log that ends inside one', () => {
  const empty = runDialect(
    FTRACE_DUMP,
    bytes('[ 1.000000] Dumping ftrace buffer:\n[ 1.000000]    (ftrace buffer empty)\n'),
  );
  expect(empty.counts).toMatchObject({ header: 2, event: 0 });
  const twice = runDialect(FTRACE_DUMP, bytes(dump('', [EVENTS[0]!]) + dump('', [EVENTS[1]!])));
  expect(twice.facts).toEqual([{ event: 2, cpu: -1, aux: 0, line: 9 }]);
  const cut = runDialect(FTRACE_DUMP, bytes(dump('', EVENTS.slice(0, 5)).split('\n').slice(0, 6).join('\n')));
  expect(cut.notes.map((n) => n.code)).toContain('dump-cut');
});

test('a dump of the function_graph tracer', () => {
  const run = runDialect(
    FTRACE_DUMP,
    bytes(
      dump('[  5.000000] ', [
        ' 0)               |  f() {',
        ' 0)   1.500 us    |    g();',
        ' 0) + 12.000 us   |  }',
        ' ------------------------------------------',
        ' 0)    <idle>-0    =>    init-1    ',
        ' ------------------------------------------',
        '',
        ' 0)   0.500 us    |  h();',
      ]),
    ),
  );
  expect(run.rows.map((r) => [r.name, r.aux, r.pid])).toEqual([
    ['f', 0, -1],
    ['g', 1500, -1],
    ['f', 12000, -1],
    ['h', 500, 1],
  ]);
  expect(run.counts).toMatchObject({ event: 4, header: 6, foreign: 3, blank: 1, skipped: 0 });
});

test('ordinary kernel logs are no dump', () => {
  const log = 'Linux version 6.12.117\nfoo-1 bar: 12\n[T12] x\n'
    .split('\n')
    .map((l) => `[    0.000000] ${l}`);
  const run = runDialect(FTRACE_DUMP, bytes(log.join('\n')));
  expect(run.counts.foreign).toBe(4);
  expect(FTRACE_DUMP.score(bytes(log.join('\n')))).toBe(0);
});

test('cut at every byte', () => {
  cutEverywhere(FTRACE_DUMP, bytes(dump(PREFIXES['caller id'], EVENTS.slice(0, 8))));
});
