import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import { detect } from '../../../src/parsers/input/detect.js';
import { PERF_SCRIPT } from '../../../src/parsers/perf/perf-script.js';
import { FTRACE } from '../../../src/parsers/tracefs/ftrace.js';
import { TRACE_CMD_REPORT } from '../../../src/parsers/tracefs/trace-cmd-report.js';
import { RESERVED } from '../../../src/timeline/events.js';
import {
  bytes,
  corpus,
  cutEverywhere,
  fixture,
  golden,
  hasShared,
  type Row,
  recording,
  runDialect,
  text,
} from '../support/run-dialect.js';

const Y = 'perf-script/6.12.117-lab-y';
const FILES = [
  `${Y}/default`,
  `${Y}/F-ns`,
  `${Y}/F-ipsym`,
  `${Y}/callgraph`,
  'perf-script/debian-6.16.12/F-ns',
];
const rows = (line: string): Row[] => runDialect(PERF_SCRIPT, bytes(line)).rows;
const one = (line: string): Row => {
  const all = rows(line);
  expect(all.length).toBe(1);
  return all[0]!;
};

describe('fixtures', () => {
  test.each(FILES)('%s', async (name) => {
    const input = fixture(`${name}.txt`);
    const run = runDialect(PERF_SCRIPT, input);
    const samples = text(input)
      .split('\n')
      .filter((l) => /\s\d+\.\d{6,9}: /.test(l) && !l.startsWith('\t'));
    expect(run.rows.length).toBe(samples.length);
    expect(run.counts).toMatchObject({ skipped: 0, foreign: 0, continuation: 0 });
    await expect(golden(run)).toMatchFileSnapshot(`../golden/perf-script-${name.replace(/\W+/g, '-')}.txt`);
    expect(PERF_SCRIPT.score(input)).toBeGreaterThan(0.9);
    for (const other of [FTRACE, TRACE_CMD_REPORT]) expect(other.score(input)).toBeLessThan(0.25);
  });

  test('cut at every byte', () => {
    for (const name of FILES) cutEverywhere(PERF_SCRIPT, fixture(`${name}.txt`).subarray(0, 900));
  });

  test('the same events with and without --ns and PIDs', () => {
    const us = runDialect(PERF_SCRIPT, fixture(`${Y}/default.txt`)).rows;
    const ns = runDialect(PERF_SCRIPT, fixture(`${Y}/F-ns.txt`)).rows;
    expect(us.length).toBe(ns.length);
    us.forEach((r, i) => {
      const n = ns[i]!;
      expect([r.cpu, r.pid, r.comm, r.kind, r.name, r.body]).toEqual([
        n.cpu,
        n.pid,
        n.comm,
        n.kind,
        n.name,
        n.body,
      ]);
      // perf cuts what it does not print.
      expect(Number(r.ts)).toBe(Math.floor(Number(n.ts) / 1000) * 1000);
      expect(n.tgid).toBeGreaterThanOrEqual(0);
    });
  });
});

describe('line forms', () => {
  test.each<[string, Partial<Row>]>([
    [
      '            perf  8056 [001]  1591.797817: syscalls:sys_exit_munmap: 0x0',
      { kind: 'syscall-exit', name: 'munmap', body: '0x0', cpu: 1, pid: 8056, tgid: -1 },
    ],
    [
      ' qemu-system-x86  6493/6512  [000]  1591.797763:     100000 cpu-clock:      7f649cb1e01a [unknown] (/perf-6493.map)',
      { name: 'cpu-clock', tgid: 6493, pid: 6512, cpu: 0 },
    ],
    [
      'firefox  7564/7564  2574592.839818:          1 cycles:uppp: ',
      { name: 'cycles:uppp', cpu: -1, comm: 'firefox' },
    ],
    ['perf  7971  2782.992243:          1 cpu_core/cycles/P: ', { name: 'cpu_core/cycles/P', pid: 7971 }],
    [
      'Web Content 12 7564 [003]  12.000001: sched:sched_wakeup: x',
      { comm: 'Web Content 12', pid: 7564, cpu: 3, name: 'sched_wakeup' },
    ],
    ['a [007] b 7564 [003]  12.000001: sched:sched_wakeup: x', { comm: 'a [007] b', cpu: 3 }],
    [
      '     swapper     0 [000] K       12.000000001: tlb:tlb_flush: pages:1 reason:local mm shootdown (2)',
      { comm: 'swapper', cpu: 0, body: 'pages:1 reason:local mm shootdown (2)', ts: '12000000001' },
    ],
    ['             :-1    -1 [002]     1.000000: sched:sched_switch: x', { comm: ':-1', pid: -1, cpu: 2 }],
    [
      '           :4711  4711 [1024]     1.000000: sched:sched_switch: x',
      { comm: ':4711', pid: 4711, cpu: 1024 },
    ],
    [
      'Gecko\t25122 [007] 115540.8374:\t\t1000000 task-clock:u:',
      { comm: 'Gecko', pid: 25122, ts: '115540008374000', name: 'task-clock:u' },
    ],
    [
      '  x  5 [000]  1.000000: probe:call_rcu: (ffffffff810eb0d4) head=0xffff888 func=0xffffffff81234567',
      { kind: 'probe', name: 'call_rcu', symbol: '' },
    ],
    [
      '  x  5 [000]  1.000000: pt:ret: (ffffffff810eb0d4 <- ffffffff81234567) arg1=0x0',
      { kind: 'retprobe', name: 'ret' },
    ],
    [
      '  x  5 [000]  1.000000: rcu:rcu_grace_period: rcu_preempt 17 cpuend ffffffff810eae0d __note_gp_changes',
      { body: 'rcu_preempt 17 cpuend' },
    ],
    [
      '  x  5 [000]  1.000000: rcu:rcu_grace_period: rcu_preempt 17 cpuend ffffffff810eae0d a+0x1 ([kernel.kallsyms])',
      { body: 'rcu_preempt 17 cpuend' },
    ],
  ])('%s', (line, expected) => {
    expect(one(line)).toMatchObject(expected);
  });

  test('call chains, headers, losses', () => {
    const run = runDialect(
      PERF_SCRIPT,
      bytes(
        '# ========\n# captured on: x\n#\nperf 1 [000] 1.000000: cycles: \n\tffffffff8105be2d switch_mm+0x48d ([kernel.kallsyms])\n' +
          '\t             643 _Z4betav (/x y/z)\n\nperf 1 [003] 1.000001: PERF_RECORD_LOST lost 12\nsome prose\n',
      ),
    );
    expect(run.counts).toMatchObject({ header: 3, event: 1, stack: 2, blank: 1, lost: 1, foreign: 1 });
    expect(run.facts).toMatchObject([{ event: RESERVED.lost, cpu: 3, aux: 12 }]);
  });

  test.each(['perf 1 [000] 1.000000: ', 'perf 1 [000] 1.000000: 17 ', 'perf 1 [000] 1.000000: no name here'])(
    '%j is skipped, not dropped',
    (line) => {
      expect(runDialect(PERF_SCRIPT, bytes(line)).counts).toMatchObject({ event: 0, skipped: 1 });
    },
  );

  test('what perf prints comes back', () => {
    const comm = fc.stringMatching(/^[!-~]([ -~]{0,13}[!-~])?$/).filter((c) => !/^#|\d\.\d/.test(c));
    fc.assert(
      fc.property(
        comm,
        fc.integer({ min: 0, max: 4_194_304 }),
        fc.integer({ min: 0, max: 8191 }),
        fc.integer({ min: 0, max: 999_999_999 }),
        fc.integer({ min: 0, max: 999_999_999 }),
        fc.boolean(),
        (name, pid, cpu, sec, ns, withPid) => {
          const id = withPid
            ? `${String(pid).padStart(5)}/${String(pid).padEnd(5)}`
            : String(pid).padStart(5);
          const time = `${String(sec).padStart(5)}.${String(ns).padStart(9, '0')}`;
          const line = `${name.padStart(16)} ${id} [${String(cpu).padStart(3, '0')}] ${time}:   kmem:mm_page_free: page=0x1 pfn=0x1 order=0`;
          expect(one(line)).toMatchObject({
            comm: name,
            pid,
            cpu,
            ts: String(BigInt(sec) * 1_000_000_000n + BigInt(ns)),
            name: 'mm_page_free',
          });
        },
      ),
    );
  });
});

describe('what cannot be read is refused by name', () => {
  test.each([
    ['0xcc8@p.data [0x38]: event: 79\n.\n. ... raw event: size 56 bytes\n', 'perf script -D'],
    ['node-v011 31912 cpu-clock: \n\tffffffff8105be2d x ([k])\n\nnode-v011 31912 cpu-clock: \n', '-F +time'],
    ['PERFILE2\0\0\0', 'perf.data'],
  ])('%j', (input, says) => {
    expect(() => detect(bytes(input), 'x')).toThrow(says);
  });
});

test('a replay of perf script decides what its probes show', async () => {
  const path = new URL('../../../fixtures/perf-script/6.12.117-lab-y/F-ns.txt', import.meta.url).pathname;
  const result = await analyse({ paths: [path] });
  const verdict = (id: string): string => result.invariants.find((i) => i.id === id)!.verdict;
  expect(result.inputs[0]).toMatchObject({ format: 'perf-script', lines: { event: 301, total: 301 } });
  expect(result.timeline.resolutionNs).toBe(1);
  expect([verdict('I11'), verdict('I52')]).toEqual(['pass', 'pass']);
  expect(result.summary.findings).toBe(0);
});

describe.skipIf(!hasShared)('shared files (skipped: no ../shared)', () => {
  test.each([
    ['6.12.117-lab-y/perf-script.txt.gz', 2829],
    ['6.12.117-lab-y/perf-script-F-ns.txt.gz', 2829],
    ['6.12.117-lab-y/perf-script-F-ipsym.txt', 400],
    ['6.12.117-lab-y/perf-script-callgraph.txt', 52],
    ['debian-6.16.12/perf-script.txt.gz', 1830],
    ['debian-6.16.12/perf-script-F-ns.txt.gz', 1830],
  ])('recordings/%s', (name, events) => {
    const run = runDialect(PERF_SCRIPT, recording(name));
    expect(run.rows.length).toBe(events);
    expect(run.counts).toMatchObject({ skipped: 0, foreign: 0 });
  });

  // Counts of MANIFEST.tsv, taken with other tools.
  test.each([
    ['firefox-profiler/graphviz.perf', 312],
    ['firefox-profiler/simple-perf.txt', 163],
    ['firefox-profiler/test.perf', 73],
    ['flamegraph/perf-cycles-instructions-01.txt', 444],
    ['flamegraph/perf-iperf-stacks-pidtid-01.txt', 201],
    ['flamegraph/perf-java-faults-01.txt', 23],
    ['flamegraph/perf-mirageos-stacks-01.txt', 53],
    ['flamegraph/perf-numa-stacks-01.txt', 200],
    ['flamescope/perf.test01', 9],
    ['speedscope/forks.linux-perf.txt', 561],
    ['speedscope/one-sample.linux-perf.txt', 1],
    ['speedscope/rust-mangled.linux-perf.txt', 96],
    ['speedscope/simple-with-pid.linux-perf.txt', 137],
    ['speedscope/simple.linux-perf.txt', 1],
  ])('corpus/%s', (name, events) => {
    const run = runDialect(PERF_SCRIPT, corpus(name));
    expect(run.rows.length).toBe(events);
    expect(run.counts).toMatchObject({ skipped: 0, foreign: 0 });
  });
});
