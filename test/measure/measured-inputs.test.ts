import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { sidesOf } from '../../src/compare/arguments.js';
import { compareInputs } from '../../src/compare/compare.js';
import type { SpanSource } from '../../src/latency/span-source.js';
import { collectSpans } from '../../src/measure/collect-spans.js';
import { type HistOptions, type HistReport, hist } from '../../src/measure/hist.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const at = (name: string): string => fileURLToPath(new URL(`../../fixtures/inputs/${name}`, import.meta.url));
const of = (text: string, more: Partial<HistOptions> = {}): Promise<HistReport> =>
  hist({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]), ...more });
const folder = mkdtempSync(join(tmpdir(), 'pttrace-measured-'));
afterAll(() => rmSync(folder, { recursive: true }));
const stored = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const MUNMAP: SpanSource = { kind: 'syscall', name: 'munmap' };
/** Durations in ns, in the order they ended. */
async function durations(file: string, source: SpanSource = MUNMAP): Promise<number[]> {
  const run = await collectSpans({ paths: [at(file)], source, keepOrder: 1000 });
  return [...run.ordered];
}
const lines = (r: HistReport): number[] => {
  const { total, ...kinds } = r.inputs[0]!.lines;
  return [total, Object.values(kinds).reduce((a, b) => a + b, 0)];
};

describe('strace', () => {
  test('W1: -f -tt -T', async () => {
    expect(await durations('W1-strace-T.txt')).toEqual([41_877_000, 790_000, 9000]);
    expect(await durations('W1-strace-T.txt', { kind: 'syscall', name: 'madvise' })).toEqual([310_000]);
    const r = await hist({ paths: [at('W1-strace-T.txt')] });
    expect([r.inputs[0]!.format, r.unit, lines(r)]).toEqual(['strace', 'ns', [6, 6]]);
  });

  test.each([
    ['no stamps', 'munmap(0x7f2a40000000, 4096) = 0 <0.000021>\nclose(3) = 0 <0.000004>\n'],
    ['-t', '10:02:11 munmap(0x7f2a40000000, 4096)   = 0 <0.000021>\n10:02:11 close(3) = 0 <0.000004>\n'],
    [
      '-ttt',
      '1732789331.104233 munmap(0x7f2a40000000, 4096) = 0 <0.000021>\n1732789331.200000 close(3) = 0 <0.000004>\n',
    ],
    [
      '-r',
      '     0.000000 munmap(0x7f2a40000000, 4096) = 0 <0.000021>\n     0.000145 close(3) = 0 <0.000004>\n',
    ],
    ['-o -f', '4411  munmap(0x7f2a40000000, 4096) = 0 <0.000021>\n4412  +++ exited with 0 +++\n'],
    ['an error', 'munmap(0x1, 4096) = -1 EINVAL (Invalid argument) <0.000021>\nclose(3) = 0 <0.000004>\n'],
    ['-T in ns', 'munmap(0x1, 4096) = 0 <0.000021000>\nwrite(1, "a) = 0 <0.5>\\n", 3) = 3 <0.000004000>\n'],
  ])('%s', async (_name, text) => {
    const r = await of(text);
    expect([r.inputs[0]!.format, r.unit, r.groups[0]?.count, r.groups[0]?.max]).toEqual([
      'strace',
      'ns',
      1,
      21_000,
    ]);
    expect(r.inputs[0]!.lines.foreign).toBe(0);
  });

  test('without -T there is nothing to measure, and it is said', async () => {
    const r = await of('     0.000000 munmap(0x1, 4096) = 0\n     0.000145 munmap(0x2, 4096) = 0\n');
    expect(r.groups.reduce((n, g) => n + g.count, 0)).toBe(0);
    expect(r.inputs[0]!.notes.map((n) => n.code)).toContain('strace-durations');
  });

  const strace = spawnSync('strace', ['-V']).status === 0;
  test.skipIf(!strace)('what strace itself prints (not installed: nothing to run)', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'pttrace-strace-'));
    for (const flags of [['-T'], ['-T', '-tt'], ['-T', '-ttt'], ['-T', '-r'], ['-T', '-f', '-tt']]) {
      const out = join(dir, 'out.txt');
      try {
        execFileSync('strace', [...flags, '-o', out, 'true']);
      } catch {
        // ptrace is not allowed everywhere.
        return;
      }
      const text = readFileSync(out, 'utf8');
      const r = await of(text);
      expect(r.inputs[0]!.format).toBe('strace');
      const calls = text.split('\n').filter((l) => /\bmunmap\(.*<\d+\.\d+>$/.test(l)).length;
      expect(r.groups.reduce((n, g) => n + g.count, 0)).toBe(calls);
      expect(r.inputs[0]!.lines.foreign).toBe(0);
    }
  });
});

describe('babeltrace', () => {
  test('W2', async () => {
    expect(await durations('W2-babeltrace.txt')).toEqual([400_000]);
    const r = await hist({ paths: [at('W2-babeltrace.txt')] });
    expect([r.inputs[0]!.format, lines(r)]).toEqual(['babeltrace', [3, 3]]);
    expect(r.notes.join('\n')).toContain('its lines name no thread');
  });

  test('contexts name the thread; two machines are two captures', async () => {
    const line = (s: string, box: string, event: string, tid: number, fields: string): string =>
      `[${s}] (+0.000000100) ${box} ${event}: { cpu_id = 1 }, { procname = "a, b", tid = ${tid} }, { ${fields} }\n`;
    const r = await of(
      line('1732789331.000000100', 'a', 'syscall_entry_munmap', 7, 'addr = 140313200394240, len = 8') +
        line('1732789331.000000200', 'b', 'syscall_entry_munmap', 7, 'addr = 140313200394240, len = 8') +
        line('1732789331.000000300', 'b', 'syscall_exit_munmap', 7, 'ret = 0'),
      { by: ['comm'] },
    );
    expect(r.groups.map((g) => [g.key, g.count, g.max])).toContainEqual(['a, b', 1, 100]);
  });
});

describe('durations that carry their own unit', () => {
  test.each(['F02a-fgraph-default.txt', 'F02b-fgraph-abstime-same-numbers.txt'])('%s', async (file) => {
    expect((await durations(file, { kind: 'span', name: 'tlb_finish_mmu' })).sort()).toEqual([13_100, 9100]);
    const r = await hist({ paths: [at(file)], source: { kind: 'span', name: 'tlb_finish_mmu' } });
    expect([r.unit, r.mapName, r.groups[0]!.count]).toEqual(['ns', '@ns', 2]);
    const none = await hist({ paths: [at(file)] });
    expect(none.notes.join('\n')).toContain('--span tlb_batch_pages_flush');
  });

  test('F21: a latency column, whatever the others', async () => {
    expect(await durations('F21-bpftrace-latency-table.txt')).toEqual([412_000, 1_412_000, 12_000]);
    const r = await hist({ paths: [at('F21-bpftrace-latency-table.txt')] });
    expect([r.inputs[0]!.format, r.unit, lines(r)]).toEqual(['latency-table', 'ns', [6, 6]]);
  });

  test.each([
    [
      'runqslower',
      'TIME     COMM             TID           LAT(us)\n10:02:11 a b              901           412\n10:02:11 c                902 77\n',
      'lat',
      [412_000, 77_000],
    ],
    [
      'biosnoop',
      'TIME(s)     COMM           PID    DISK    T SECTOR     BYTES  LAT(ms)\n0.000004    supervise      1950   xvda1   W 13092560   4096      0.74\n',
      'lat',
      [740_000],
    ],
    [
      'funcslower',
      'COMM           PID    LAT(ms)             RVAL FUNC\nx 1 1.5 0 munmap\n',
      'munmap',
      [1_500_000],
    ],
    [
      'own',
      'TIME(ms)   PID DURATION_NS SYSCALL\n5 901 1234 sys_munmap\n6 901 99 sys_brk\n',
      'munmap',
      [1234],
    ],
  ])('%s', async (_name, text, name, want) => {
    const run = await collectSpans({
      paths: ['-'],
      stdin: Readable.from([Buffer.from(text)]),
      source: { kind: 'span', name },
      keepOrder: 10,
    });
    expect([[...run.ordered], run.unit]).toEqual([want, 'ns']);
  });
});

describe('perf script', () => {
  test('F09a: a list of fields without task: matched by CPU, and said', async () => {
    expect(await durations('F09a-perf-F-cpu-time-event.txt')).toEqual([900_000]);
    const r = await hist({ paths: [at('F09a-perf-F-cpu-time-event.txt')] });
    expect(r.inputs[0]!.lines.event).toBe(6);
    expect(r.inputs[0]!.notes.map((n) => n.message).join()).toContain('perf script -F cpu,time,event,trace');
  });

  test('F09b: without a CPU either', async () => {
    const r = await hist({ paths: [at('F09b-perf-F-time-event.txt')] });
    expect([r.inputs[0]!.lines.event, r.groups.length]).toEqual([2, 0]);
    expect(r.notes.join()).toContain('--from sys_enter_munmap --to sys_exit_munmap --match none');
    const pair = { kind: 'events', from: 'sys_enter_munmap', to: 'sys_exit_munmap', match: 'none' } as const;
    expect(await durations('F09b-perf-F-time-event.txt', pair)).toEqual([400_000]);
  });

  test.each([
    [
      'comm,time',
      'munmap test   120.145400: syscalls:sys_enter_munmap: addr: 0x7f0000000000, len: 0x00200000',
      'munmap test',
      -1,
      -1,
    ],
    ['tid,time', '  901   120.145400: syscalls:sys_enter_munmap: addr: 0x7f0000000000', '', 901, -1],
    [
      'pid,tid,cpu,time',
      '  900/901   [002]   120.145400: syscalls:sys_enter_munmap: addr: 0x7f0000000000',
      '',
      901,
      2,
    ],
  ])('-F %s', async (_list, line, _comm, pid, cpu) => {
    const seen: number[][] = [];
    await collectSpans({
      paths: ['-'],
      stdin: Readable.from([Buffer.from(`${line}\n${line}\n`)]),
      source: { kind: 'events', from: 'sys_enter_munmap', to: 'sys_enter_munmap', match: 'none' },
      by: ['pid', 'cpu'],
      keepOrder: 4,
    }).then((run) =>
      seen.push(...run.groups.map((g) => g.keys.map((k) => (/^-?\d+$/.test(k) ? Number(k) : -1)))),
    );
    expect(seen).toEqual([[pid, cpu]]);
  });

  test('F13: records of perf are no damage, and what they lost is lost', async () => {
    const r = await hist({ paths: [at('F13-perf-show-task-events.txt')] });
    expect(r.inputs[0]!.lines).toMatchObject({ total: 6, event: 2, lost: 1, header: 3, skipped: 0 });
    expect(r.groups[0]!.censored.loss).toBe(1);
  });

  test('F14: distances are added up', async () => {
    expect(await durations('F14-perf-deltatime.txt')).toEqual([400_000, 300_000]);
    const r = await hist({ paths: [at('F14-perf-deltatime.txt')] });
    expect(r.inputs[0]!.notes.map((n) => n.code)).toContain('delta-times');
    expect(r.windowNs).toBe(701_000);
  });

  test('without times: refused by name, with what to run; the trace of bcc is read', async () => {
    await expect(
      of('  perf  3093 kmem:mm_page_free: page=0x11bac8\n  perf  3093 kmem:mm_page_free: page=0x11bac9\n'),
    ).rejects.toThrow('perf script --ns -F +time');
    const report = await hist({ paths: [at('F16-bcc-trace-tool.txt')] });
    expect(report.inputs[0]).toMatchObject({ format: 'bcc-trace', lines: { total: 3, event: 2, header: 1 } });
    expect(report.groups.reduce((n, g) => n + g.count, 0)).toBe(0);
  });
});

test('strace and tables: any line ends and is counted', async () => {
  const piece = fc.constantFrom(
    '[pid  4411] 10:02:11.104233 ',
    'munmap(',
    '0x1, 2) = 0',
    ' <0.000021>',
    ' <unfinished ...>',
    '<... munmap resumed>) = 0',
    'TIME(us) PID LAT(us) FUNC',
    '1 2 3 munmap',
    '[15:27:28.123456789] (+?.?????????) box a: { cpu_id = 2 }, { x = 1 }',
    '\n',
  );
  const head = [
    'munmap(0x1, 2) = 0 <0.000021>\n',
    'TIME(us) PID LAT(us) FUNC\n1 2 3 munmap\n',
    '[15:27:28.123456789] (+?.?????????) box a: { cpu_id = 2 }, { x = 1 }\n',
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...head), fc.array(piece, { maxLength: 30 }), async (first, parts) => {
      const [total, sum] = lines(await of(first.repeat(20) + parts.join('')));
      expect(sum).toBe(total);
    }),
    { numRuns: 60 },
  );
});

test('F03: several machines in one report stay several, side by side', async () => {
  const path = at('F03-tracecmd-report-host-guest.txt');
  const both = await hist({ paths: [path] });
  expect(both.by).toEqual(['machine']);
  const seen = both.groups.map((g) => [g.key, g.count, g.min]);
  expect(seen.sort()).toEqual([
    ['trace-guest.dat', 1, 1_000_000],
    ['trace-host.dat', 1, 400_000],
  ]);
  expect(both.printed).toContain('@ns[trace-guest.dat]:');
  for (const { lines } of both.inputs) {
    const { total, ...kinds } = lines;
    expect(Object.values(kinds).reduce((a, b) => a + b, 0)).toBe(total);
  }
  const guest = await hist({ paths: [`${path}#trace-guest.dat`] });
  expect(guest.groups.map((g) => [g.key, g.min])).toEqual([[null, 1_000_000]]);
  await expect(hist({ paths: [`${path}#trace-other.dat`] })).rejects.toThrow('trace-guest.dat');
  // The two are compared with each other.
  expect(await sidesOf([path])).toEqual({
    before: [`${path}#trace-host.dat`],
    after: [`${path}#trace-guest.dat`],
  });
  const replayed = await analyse({ paths: [path] });
  expect(replayed.latency.filter((l) => l.name === 'munmap').map((l) => [l.key, l.count])).toEqual([
    ['trace-guest.dat', 1],
    ['trace-host.dat', 1],
  ]);
  expect(replayed.invariants.some((i) => i.verdict === 'violated')).toBe(false);
});

test('machines whose threads, CPUs and pages have the same numbers are judged one by one', async () => {
  const text = gunzipSync(
    readFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz')),
  ).toString('latin1');
  const lines = text.split('\n').filter((l) => !l.startsWith('#') && l !== '');
  const two = lines.flatMap((l) => [`  host.dat: ${l}`, `guest1.dat: ${l}`]);
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-machines-'));
  try {
    const report = join(dir, 'two.txt');
    const one = join(dir, 'one.txt');
    writeFileSync(report, `  host.dat: cpus=4\nguest1.dat: cpus=4\n${two.join('\n')}\n`);
    writeFileSync(one, `cpus=4\n${lines.join('\n')}\n`);
    const single = await analyse({ paths: [one] });
    const both = await analyse({ paths: [report] });
    expect(both.timeline.events).toBe(2 * single.timeline.events);
    const passes = (r: typeof both) =>
      r.invariants.map((i) => [i.id, i.instances.pass, i.instances.violated]);
    const twice = passes(single).map(([id, pass, violated]) => [id, Number(pass) * 2, Number(violated) * 2]);
    expect(passes(both).filter(([id]) => id !== 'I53' && id !== 'I56')).toEqual(
      twice.filter(([id]) => id !== 'I53' && id !== 'I56'),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

describe('without a source', () => {
  const TABLE =
    'TIME     COMM   PID  LAT(ms) WHO\n10:02:11 app    441  12      x\n10:02:12 app    442  3       y\n';

  test('the one column of durations that a file has is measured, by hist and by compare', async () => {
    const file = stored('one-column.txt', TABLE);
    const report = await hist({ paths: [file] });
    expect([report.measured, report.unit, report.groups[0]!.count]).toEqual([
      'lat, durations that the lines carry',
      'ns',
      2,
    ]);
    const { table } = await compareInputs({ before: [file], after: [file] });
    expect(table.find((r) => r.what === 'max')).toMatchObject({ before: 12e6, after: 12e6 });
  });

  test('of several none is chosen: they are named', async () => {
    const file = stored(
      'two-functions.txt',
      'TIME(ms) PID LAT(ns) FUNC\n1 2 300 tlb_finish_mmu\n2 2 400 tlb_flush_mmu\n',
    );
    const report = await compareInputs({ before: [file], after: [file] });
    expect(report.caveats.join()).toContain(
      'durations of tlb_finish_mmu, tlb_flush_mmu: --span tlb_finish_mmu',
    );
  });
});

describe('lists of fields', () => {
  const list = (head: string): string =>
    `${head}120.145400000: syscalls:sys_enter_munmap: addr: 0x7f0000000000, len: 0x00200000\n${head}120.145800456: syscalls:sys_exit_munmap: 0x0\n`;
  test.each([
    ['tid, which reads like the address of a frame', '  901 [002]   '],
    ['comm and pid, tid', 'munmap-test   901/901   '],
    ['flags of -L', 'munmap-test   901 [002] d..1.  '],
  ])('perf script -F with %s', async (_name, head) => {
    const report = await of(list(head));
    expect([lines(report), report.groups[0]!.count, report.groups[0]!.max]).toEqual([[2, 2], 1, 400_456]);
  });

  test('babeltrace --names all', async () => {
    const line = (at: string, rest: string): string =>
      `timestamp = 15:27:28.${at}, delta = +0.000400000, trace:hostname = box, name = ${rest}\n`;
    const report = await of(
      line(
        '123456789',
        'syscall_entry_munmap, stream.packet.context = { cpu_id = 2 }, stream.event.context = { tid = 9 }, event.fields = { addr = 1, len = 4096 }',
      ) +
        line(
          '123856790',
          'syscall_exit_munmap, stream.packet.context = { cpu_id = 2 }, stream.event.context = { tid = 9 }, event.fields = { ret = 0 }',
        ),
    );
    expect([report.inputs[0]!.format, report.groups[0]!.count, report.groups[0]!.max]).toEqual([
      'babeltrace',
      1,
      400_001,
    ]);
  });

  test('strace without -T: no other way to match is told where nothing ends', async () => {
    const report = await of(
      '     0.000000 munmap(0x7f2a40000000, 4096) = 0\n     0.041900 munmap(0x7f2a80000000, 4096) = 0\n',
    );
    const said = [...report.notes, ...report.inputs[0]!.notes.map((n) => n.message)].join();
    expect(said).toContain('strace -f -tt -T');
    expect(said).not.toContain('--match none');
  });
});
