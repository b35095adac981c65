import { describe, expect, test } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import { PERF_TRACE } from '../../../src/parsers/perf/perf-trace.js';
import { RESERVED } from '../../../src/timeline/events.js';
import { bytes, cutEverywhere, fixture, golden, type Row, runDialect, text } from '../support/run-dialect.js';

const FIXTURE = 'perf-trace/mixed.txt';
const rows = (line: string): Row[] => runDialect(PERF_TRACE, bytes(line)).rows;

test('the fixture', async () => {
  const input = fixture(FIXTURE);
  const run = runDialect(PERF_TRACE, input);
  const lines = text(input).trimEnd().split('\n');
  const calls = lines.filter((l) => / \w+\(.*\)\s+= /.test(l) && !/continued|sched:/.test(l)).length;
  const other = lines.filter((l) => /^ *\d/.test(l) && !/\)\s+= /.test(l)).length;
  const continued = lines.filter((l) => /^ *\d.*continued/.test(l)).length;
  expect(run.rows.length).toBe(2 * calls + other + continued);
  expect(run.counts).toMatchObject({ foreign: 0, continuation: 0 });
  expect(run.counts.skipped).toBe(lines.filter((l) => /^ *\?/.test(l)).length);
  await expect(golden(run)).toMatchFileSnapshot('../golden/perf-trace-mixed.txt');
  expect(PERF_TRACE.score(input)).toBeGreaterThan(0.9);
});

test('cut at every byte', () => {
  cutEverywhere(PERF_TRACE, fixture(FIXTURE).subarray(0, 900));
});

describe('line forms', () => {
  test('a call is its entry and its exit', () => {
    const [enter, exit] = rows(
      '     0.336 ( 0.036 ms): Web C/x/32617 munmap(addr: 0x7fe5da67f000, len: 34859)        = 0',
    );
    expect(enter).toMatchObject({
      kind: 'syscall-enter',
      name: 'munmap',
      comm: 'Web C/x',
      pid: 32617,
      cpu: -1,
    });
    expect(enter!.body).toBe('addr: 0x7fe5da67f000, len: 0882b');
    expect(exit).toMatchObject({ kind: 'syscall-exit', name: 'munmap', comm: 'Web C/x', body: '0' });
    expect([enter!.ts, exit!.ts]).toEqual(['336000', '372000']);
  });

  test('errors, strings with parentheses and equal signs, no arguments', () => {
    expect(rows('     0.1 ( 0.021 ms): a/1 brk() = 0x1')).toEqual([]);
    const [, failed] = rows(
      '     0.439 ( 0.021 ms): a/1 openat(filename: "a) = (b", flags: RDONLY) = -1 ENOENT (No such file or directory)',
    );
    expect(failed!.body).toBe('-1 ENOENT (No such file or directory)');
    expect(rows('20600095.085 ( 0.018 ms): sleep/326 brk()      = 0x55597365d000')[1]!.body).toBe(
      '0x55597365d000',
    );
  });

  test('--call-graph: callers belong to the line above', () => {
    const lines = [
      '    27.446 (         ): munmap-workloa/197 tlb:tlb_flush(reason: 3, pages: -1)',
      '                                       flush_tlb_func ([kernel.kallsyms])',
      '                                       do_execveat_common.isra.0 ([kernel.kallsyms])',
      '                                       [0] ([unknown])',
      '    55.694 ( 0.324 ms): munmap-workloa/197 mmap(len: 8392704)       = 0x7f0ed0f80000',
      '                                       __mmap64 (/bin/munmap-workload)',
      ' Summary of events:',
      '   mmap                   4      0    42.100     0.300 (x)',
    ];
    const { counts, rows } = runDialect(PERF_TRACE, bytes(`${lines.join('\n')}\n`));
    expect(counts).toMatchObject({ event: 2, stack: 4, foreign: 2, skipped: 0 });
    expect(rows.map((r) => r.name)).toEqual(['tlb_flush', 'mmap', 'mmap']);
  });

  test('--no-comm: the task is its number', () => {
    expect(rows('    32.393 (         ): 228 tlb:tlb_flush(reason: 3, pages: 1)')[0]).toMatchObject({
      name: 'tlb_flush',
      comm: '',
      pid: 228,
    });
    const [enter, exit] = rows('     0.336 ( 0.036 ms): 228 munmap(addr: 0x7fe5da67f000, len: 34859) = 0');
    expect([enter!.pid, enter!.body, exit!.ts]).toEqual([228, 'addr: 0x7fe5da67f000, len: 0882b', '372000']);
    expect(rows('     0.336 ( 0.036 ms): 228/7 munmap() = 0')[0]).toMatchObject({ comm: '228', pid: 7 });
  });

  test('an unfinished call and its end', () => {
    const run = runDialect(
      PERF_TRACE,
      bytes(
        '     2.863 (         ): node/302 futex(uaddr: 0x25d211b4, op: WAIT_BITSET) ...\n' +
          '     2.863 ( 0.044 ms): node/302  ... [continued]: futex()) = 0\n' +
          '         ? (         ): sh/701  ... [continued]: mmap())   = 0x7f0e95fe0000\n' +
          'LOST 12 events!\n',
      ),
    );
    expect(run.rows.map((r) => [r.kind, r.ts])).toEqual([
      ['syscall-enter', '2863000'],
      ['syscall-exit', '2907000'],
    ]);
    expect(run.counts).toMatchObject({ event: 2, skipped: 1, lost: 1 });
    expect(run.facts).toMatchObject([{ event: RESERVED.lost, cpu: -1, aux: 12 }]);
  });

  test('other events keep their fields', () => {
    const [r] = rows(
      '     0.458 (         ): node/302 sched:sched_switch(prev_comm: "a, b: c", prev_pid: 302 (a, b: c), next_prio: 120)',
    );
    expect(r).toMatchObject({ kind: 'tracepoint', name: 'sched_switch' });
    expect(r!.body).toBe('prev_comm="a, b: c" prev_pid=302 (a, b: c) next_prio=120');
    expect(rows('     0.1 ( 0.000 ms): ls/329 x')).toEqual([]);
    expect(
      rows('     0.100 ( 0.000 ms): ls/329 minfault [elf_load+0x28a] => 0x5561209e25c0 (?k)')[0],
    ).toMatchObject({
      name: 'minfault',
      body: ' [elf_load+0x28a] => 0x5561209e25c0 (?k)',
    });
  });
});

test('calls are measured, in time order', async () => {
  const path = new URL(`../../../fixtures/${FIXTURE}`, import.meta.url).pathname;
  const result = await analyse({ paths: [path], syscall: 'mmap' });
  const mmap = result.latency.find((l) => l.name === 'mmap')!;
  const printed = text(fixture(FIXTURE)).match(/^ *\d[^?\n]* mmap\(.*\)\s+= /gm)!.length;
  expect(mmap.count).toBe(printed);
  expect(mmap.quantiles!.p50).toBeGreaterThan(1000);
  expect(result.summary.findings).toBe(0);
  expect(result.inputs[0]!.notes.map((n) => n.code)).toEqual(
    expect.arrayContaining(['relative-times', 'sorted']),
  );
});
