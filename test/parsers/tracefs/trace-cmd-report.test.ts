import { describe, expect, test } from 'vitest';
import { FTRACE } from '../../../src/parsers/tracefs/ftrace.js';
import { LATENCY_FORMAT } from '../../../src/parsers/tracefs/latency-format.js';
import { TRACE_CMD_REPORT } from '../../../src/parsers/tracefs/trace-cmd-report.js';
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

const DIR = '6.12.117-lab-y';
const read = (name: string): Row[] =>
  runDialect(TRACE_CMD_REPORT, fixture(`trace-cmd-report/${DIR}/${name}.txt`)).rows;
const key = (r: Row) => [r.cpu, r.pid, r.kind, r.name, r.symbol];
const eventCount = (s: string): number =>
  s.split('\n').filter((l) => /-\d+ +(?:\[\d+\]|\d+-0x\S+|\d+\S{5}) *\d+(?:\.\d+)?: /.test(l)).length;

describe('fixtures', () => {
  test.each([
    'report',
    'report-R',
    'report-l',
    'report-l-R',
    'report-l-raw-ts',
    'report-t',
    'report-tsdiff',
    'fgraph',
  ])('%s', async (name) => {
    const input = fixture(`trace-cmd-report/${DIR}/${name}.txt`);
    const run = runDialect(TRACE_CMD_REPORT, input);
    expect(run.rows.length).toBe(eventCount(text(input)));
    expect(run.counts).toMatchObject({ header: 1, skipped: 0, foreign: 0, continuation: 0 });
    await expect(golden(run)).toMatchFileSnapshot(`../golden/trace-cmd-${name}.txt`);
    expect(TRACE_CMD_REPORT.score(input)).toBeGreaterThan(0.9);
    expect(FTRACE.score(input)).toBeLessThan(0.3);
    expect(LATENCY_FORMAT.score(input)).toBeLessThan(0.3);
  });

  test('cut at every byte', () => {
    for (const name of ['report-R', 'report-l', 'report-l-R', 'report-l-raw-ts', 'report-tsdiff', 'fgraph']) {
      cutEverywhere(TRACE_CMD_REPORT, fixture(`trace-cmd-report/${DIR}/${name}.txt`).subarray(0, 900));
    }
  });
});

/** The reports are of one trace.dat: the rows must agree, each tool's rounding aside. */
function agree(plain: Row[], other: Row[], slackNs: number, least: number): void {
  const n = Math.min(plain.length, other.length);
  expect(n).toBeGreaterThan(least);
  for (let i = 0; i < n; i++) {
    expect(key(other[i]!)).toEqual(key(plain[i]!));
    expect(Math.abs(Number(other[i]!.ts) - Number(plain[i]!.ts))).toBeLessThanOrEqual(slackNs);
  }
}

test('-t, -R, -l and --ts-diff of one trace.dat agree with the plain report', () => {
  const plain = read('report');
  agree(plain, read('report-t'), 500, 140);
  agree(plain, read('report-R'), 0, 140);
  agree(plain, read('report-l'), 0, 140);
  agree(plain, read('report-tsdiff'), 0, 140);
  read('report-tsdiff').forEach((r, i) => {
    expect(r.body).toBe(plain[i]!.body);
  });
  read('report-l').forEach((r, i) => {
    expect(r.body).toBe(plain[i]!.body);
    expect(plain[i]!.comm.startsWith(r.comm)).toBe(true);
    expect(r.flags & 1).toBe(1);
  });
});

test('--raw-ts: counts that fill their column stand right behind the CPU', () => {
  const stamp = /(\[\d+\]) +(\d+)\.(\d{6}): /g;
  const raw = text(fixture(`trace-cmd-report/${DIR}/report.txt`)).replaceAll(
    stamp,
    (_, cpu, sec, us) => `${cpu}${sec}${us}000: `,
  );
  const input = bytes(raw);
  const run = runDialect(TRACE_CMD_REPORT, input);
  expect(run.counts).toMatchObject({ header: 1, skipped: 0, foreign: 0, continuation: 0 });
  expect(run.unit).toBe('ticks');
  expect(run.rows.map((r) => [...key(r), r.body])).toEqual(read('report').map((r) => [...key(r), r.body]));
  expect(TRACE_CMD_REPORT.score(input)).toBeGreaterThan(0.9);
  expect(FTRACE.score(input)).toBeLessThan(0.3);
});

test('-l --raw-ts: the depths of the flags run into the count', () => {
  const counted = read('report-l-raw-ts');
  const seconds = read('report-l');
  expect(counted.map((r) => [...key(r), r.flags, r.comm, r.body])).toEqual(
    seconds.map((r) => [...key(r), r.flags, r.comm, r.body]),
  );
  expect(counted.map((r) => r.ts)).toEqual(read('report-t').map((r) => r.ts));
  // As long as no line ends its flags with a point, the older columns are taken to be there: one depth.
  const [old] = runDialect(
    TRACE_CMD_REPORT,
    bytes('ptw-munm-3005    1d..1134800342965: a:                    x'),
  ).rows;
  expect(old).toMatchObject({ ts: '134800342965', flags: 0x103 });
  const text = ['0d..2.134800342965', '0d..23134800342966', '0....1134800342967'].map(
    (at) => `ptw-munm-3005    ${at}: a:                    x`,
  );
  const rows = runDialect(TRACE_CMD_REPORT, bytes(text.join('\n'))).rows;
  expect(rows.map((r) => Number(r.ts) % 1000)).toEqual([965, 966, 967]);
  expect(rows.map((r) => r.flags)).toEqual([0x203, 0x3203, 0x1001]);
});

test('-l -R: the flags as they were recorded, without depths', () => {
  const raw = read('report-l-R');
  read('report-l').forEach((r, i) => {
    expect([...key(raw[i]!), raw[i]!.ts]).toEqual([...key(r), r.ts]);
    expect(raw[i]!.flags & 0xff).toBe(r.flags & 0xff);
  });
});

test('counts of the kernel in latency columns are not taken for a report', () => {
  const input = bytes('  <idle>-0         2d.h2. 134800342965: call_rcu <-__dentry_kill\n'.repeat(5));
  expect(LATENCY_FORMAT.score(input)).toBeGreaterThan(0.9);
  expect(TRACE_CMD_REPORT.score(input)).toBeLessThan(0.3);
});

test('raw fields come back in the order of the print format, functions get their parent', () => {
  const raw = read('report-R');
  const plain = read('report');
  expect(raw[0]).toMatchObject({ kind: 'function', name: 'call_rcu', body: '__dentry_kill' });
  expect(raw.find((r) => r.name === 'tlb_flush')!.body).toBe('pages:-1 reason:(0)');
  let compared = 0;
  raw.forEach((r, i) => {
    if (!/^rcu_(?:callback|grace_period|utilization|invoke_callback)$/.test(r.name)) return;
    expect(r.body).toBe(plain[i]!.body);
    compared++;
  });
  expect(compared).toBeGreaterThan(10);
});

const one = (line: string): Row => runDialect(TRACE_CMD_REPORT, bytes(line)).rows[0]!;

describe('line forms', () => {
  test.each([
    // trace-cmd with a flags column; five to seven characters.
    [
      '          bash-1577  [003] d..1.  6556.882755: sched_switch:         bash:1 [120] R ==> init:1 [120]',
      'sched_switch',
    ],
    ['          bash-1577  [003] d..1.1.  6556.882755: sched_switch:  x', 'sched_switch'],
    ['     <idle>-0 [001]-3447  [002]  6556.882755: sched_switch:  x', 'sched_switch'],
    ['          bash-1577  [003]   6556882755123: sched_switch:  x', 'sched_switch'],
    ['          bash-1577  [003]  6556.882755123: (+22400) sched_switch:  x', 'sched_switch'],
  ])('%s', (line, name) => {
    const r = one(line);
    expect(r.name).toBe(name);
    expect(r.pid).toBe(line.includes('3447') ? 3447 : 1577);
  });

  test('function with parent, syscalls, prints', () => {
    const f = one('  a-1  [000]  1.000001: function:             unmap_vmas <-- exit_mmap');
    expect(f).toMatchObject({ kind: 'function', name: 'unmap_vmas', body: 'exit_mmap' });
    expect(one('  a-1  [000]  1.000001: sys_enter_munmap:     addr: 0x1, len: 0x2')).toMatchObject({
      kind: 'syscall-enter',
      name: 'munmap',
      body: 'addr: 0x1, len: 0x2',
    });
    expect(
      one('  a-1  [000]  1.000001: tlb_remove_table:     (ffffffff8105a904) tlb=0x1 page=0x2'),
    ).toMatchObject({
      kind: 'probe',
      name: 'tlb_remove_table',
      symbol: '',
      body: 'tlb=0x1 page=0x2',
    });
    expect(one('  a-1  [000]  1.000001: sys_exit_munmap:      0x0').kind).toBe('syscall-exit');
    expect(one('  a-1  [000]  1.000001: bprint:               f: text').kind).toBe('print');
  });

  test('notices, loss, stacks and further lines of a print', () => {
    const run = runDialect(
      TRACE_CMD_REPORT,
      bytes(
        'version = 6\nCPU 1 is empty\ncpus=4\n  a-1  [000]  1.000001: bprint:               f: text\nmore\n' +
          'CPU:1 [3 EVENTS DROPPED]\nCPU:2 [EVENTS DROPPED]\n' +
          '  a-1  [000]  1.000001: kernel_stack:         <stack trace >\n=> sym (ffffffff81000000)\n',
      ),
    );
    expect(run.counts).toMatchObject({ header: 3, event: 1, continuation: 1, lost: 2, stack: 2 });
    expect(run.facts.map((f) => [f.cpu, f.aux])).toEqual([
      [1, 3],
      [2, -1],
    ]);
  });

  test('funcgraph: durations and the name of the brace, per task', () => {
    const rows = runDialect(
      TRACE_CMD_REPORT,
      bytes(
        [
          '  a-1  [000]  1.000001: funcgraph_entry:                   |  schedule() {',
          '  b-2  [000]  1.000002: funcgraph_entry:                   |  other() {',
          '  b-2  [000]  1.000003: funcgraph_exit:       + 18.024 us  |  }',
          '  a-1  [000]  1.000004: funcgraph_exit:       # 1234.567 us |  }',
          '  a-1  [000]  1.000005: funcgraph_entry:        0.217 us   |  leaf();',
        ].join('\n'),
      ),
    ).rows;
    expect(rows.map((r) => [r.kind, r.stamp, r.name, r.aux])).toEqual([
      ['function', '', 'schedule', 0],
      ['function', '', 'other', 0],
      ['span', 'end', 'other', 18024],
      ['span', 'end', 'schedule', 1234567],
      ['span', 'start', 'leaf', 217],
    ]);
  });
});

describe.skipIf(!hasShared)('all recordings and public reports (skipped: no ../shared)', () => {
  test.each(['6.12.117-lab-y', 'debian-6.16.12'])('%s', (kernel) => {
    const load = (f: string): Row[] => {
      const input = recording(`${kernel}/${f}`);
      const run = runDialect(TRACE_CMD_REPORT, input);
      expect(run.rows.length, f).toBe(eventCount(text(input)));
      expect(run.counts.skipped + run.counts.foreign + run.counts.continuation, f).toBe(0);
      return run.rows;
    };
    const plain = load('trace-cmd-report.txt.gz');
    agree(plain, load('trace-cmd-report-t.txt'), 500, 300);
    agree(plain, load('trace-cmd-report-R.txt'), 0, 300);
    agree(plain, load('trace-cmd-report-l.txt'), 0, 300);
    agree(plain, load('trace-cmd-report-tsdiff.txt'), 0, 190);
    agree(
      plain.filter((r) => r.cpu === 1),
      load('trace-cmd-report-w-cpu1.txt'),
      0,
      100,
    );
    const graph = load('trace-cmd-report-fgraph.txt.gz');
    expect(graph.filter((r) => r.kind === 'span' && !(r.aux > 0))).toEqual([]);
    expect(graph.filter((r) => r.kind === 'tracepoint' && r.name.startsWith('funcgraph'))).toEqual([]);
  });

  test.each([
    ['derived/lisa_rtapp.report-ns.txt', 7820],
    ['derived/lisa_rtapp.report-raw.head3000.txt', 2999],
    ['derived/trappy_raw_trace.report.txt', 757],
    ['derived/trappy_trace.report.txt', 525],
    ['derived/trappy_trace_idle.report.txt', 43],
    ['trappy/doc_trace.txt', 804],
    ['trappy/doc_trace_dynamic.txt', 1600],
    ['trappy/raw_trace.txt', 3],
    ['trappy/trace_common_clk.txt', 8],
    ['trappy/trace_empty.txt', 51],
    ['trappy/trace_sched.txt', 11],
  ])('%s holds %i events', (name, events) => {
    const input = corpus(name);
    const run = runDialect(TRACE_CMD_REPORT, input);
    expect(run.rows.length).toBe(events);
    expect(run.counts.skipped).toBe(0);
  });
});
