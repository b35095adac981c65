import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { hist } from '../../../src/measure/hist.js';

const of = (text: string) => hist({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
const TRACE =
  '             app-901     [002] .....   120.145400: sys_munmap(addr: 7f15f6646000, len: 200000)\n             app-901     [002] .....   120.145800: sys_munmap -> 0x0\n';
const STRACE_C =
  '% time     seconds  usecs/call     calls    errors syscall\n 60.00    0.000600          60        10           munmap\n';

describe('what holds no events is named, with what to run', () => {
  test.each([
    ['strace -c', STRACE_C, 'strace -f -tt -T'],
    [
      'perf trace -s',
      ' Summary of events:\n\n   syscall            calls    total       min       avg       max      stddev\n   munmap                10     1.2        0.1       0.2       0.3      1%\n',
      '`perf trace` without -s',
    ],
    [
      'perf report',
      '# Overhead  Command  Shared Object  Symbol\n    12.3%  app  [kernel]  [k] munmap\n',
      'perf script --ns',
    ],
    [
      'perf stat',
      '\n Performance counter stats for ./app:\n\n   120   dTLB-load-misses\n',
      'perf script --ns',
    ],
    [
      'perf script -F event,trace',
      'syscalls:sys_enter_munmap: addr: 0x7f0000000000\nsyscalls:sys_exit_munmap: 0x0\n',
      '-F +time',
    ],
  ])('%s', async (_name, text, help) => {
    await expect(of(text)).rejects.toThrow(help);
  });

  test('beside events they hide nothing', async () => {
    const report = await of(`${STRACE_C}\n${TRACE}`);
    expect(report.groups[0]!.count).toBe(1);
  });
});
