import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PRINT_FAMILIES } from '../../src/latency/histogram/bpftrace-labels.js';
import { readHistograms } from '../../src/latency/printed/read-hist.js';
import { type HistReport, hist } from '../../src/measure/hist.js';

const at = (name: string): string => fileURLToPath(new URL(`../../fixtures/inputs/${name}`, import.meta.url));
const counts = (r: HistReport): [number | null, number | null, number][][] =>
  r.groups.map((g) => g.buckets.filter((b) => b.count > 0).map((b) => [b.low, b.high, b.count]));
const SAME = [
  [
    [2, 4, 12],
    [4, 8, 90],
    [8, 16, 3],
  ],
];

describe('printed histograms, as they are sent', () => {
  test.each([
    'F01a-bcc-usecs.txt',
    'F01b-libbpf-usec-same-numbers.txt',
    'F01c-bpftrace-usecs-same-numbers.txt',
    'F11-bcc-label-with-blank.txt',
  ])('%s: the unit is in the name', async (file) => {
    const r = await hist({ paths: [at(file)] });
    expect(r.unit).toBe('us');
    expect(counts(r)).toEqual(SAME);
    expect(readHistograms(r.printed).histograms[0]!.unitNs).toBe(1000);
  });

  test('F10: perf ftrace latency; ms are 1024 us there', async () => {
    const r = await hist({ paths: [at('F10-perf-ftrace-latency-us.txt')] });
    expect([r.unit, r.mapName, r.groups[0]!.count]).toEqual(['us', '@tlb_finish_mmu_us', 2541]);
    expect(counts(r)[0]!.at(-1)).toEqual([1024, 2048, 2]);
    expect(r.inputs[0]!.lines).toMatchObject({ total: 24, header: 23 });
  });

  test('F17: a log2 key rounds up; one histogram for every other key', async () => {
    const r = await hist({ paths: [at('F17-hist-trigger-log2.txt')] });
    expect([r.unit, r.groups.map((g) => g.key)]).toEqual(['unknown', ['901']]);
    expect(counts(r)).toEqual([
      [
        [129, 257, 12],
        [257, 513, 103],
        [2049, 4097, 2],
      ],
    ]);
  });

  test('W3: HdrHistogram text', async () => {
    const r = await hist({ paths: [at('W3-hgrm.txt')] });
    expect(counts(r)[0]).toEqual([
      [0, 1.024, 1],
      [1.024, 2.048, 49],
      [2.048, 4.096, 40],
      [4.096, 8.192, 10],
    ]);
  });

  test.each([
    ['F05a-shell-job-and-trace.txt', 400_000],
    ['F05b-shell-job-and-trace-125x-slower.txt', 50_400_000],
    ['F05c-issue-with-trace-and-hist.md', 400_000],
  ])('%s: a table never hides the trace', async (file, ns) => {
    const r = await hist({ paths: [at(file)] });
    expect([r.from, r.groups[0]!.count, r.groups[0]!.max]).toEqual(['events', 1, ns]);
    const note = r.notes.find((n) => n.includes('printed histogram'));
    expect(note !== undefined).toBe(file.startsWith('F05c'));
  });

  test('and either is named', async () => {
    const file = at('F05c-issue-with-trace-and-hist.md');
    const table = await hist({ paths: [`${file}#@usecs`] });
    expect([table.from, table.unit, table.groups[0]!.count]).toEqual(['bins', 'us', 102]);
    const events = await hist({ paths: [`${file}#events`] });
    expect(events.groups[0]!.max).toBe(400_000);
    await expect(hist({ paths: [`${at('F05a-shell-job-and-trace.txt')}#x`] })).rejects.toThrow(
      'no block called "x"',
    );
  });

  test('events of something else: the table, and how to have the events', async () => {
    const text = `${'x-1 [000] ..... 1.000001: tlb_flush: pages:1 reason:local mm shootdown (3)\n'.repeat(2)}\n@ms:\n[2, 4)    1 |@@@|\n[4, 8)   2 |@@@@|\n`;
    const { Readable } = await import('node:stream');
    const r = await hist({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
    expect([r.from, r.unit, r.groups[0]!.count]).toEqual(['bins', 'ms', 3]);
    expect(r.notes.at(-1)).toMatch(/^2 events stand in it, too: -#events/);
  });

  test('what hist prints it reads back: text, HDR and JSON, every unit and release', async () => {
    const Y = fileURLToPath(new URL('../../fixtures/ftrace/6.12.117-lab-y/oddcomm.txt', import.meta.url));
    const { Readable } = await import('node:stream');
    const again = async (text: string): Promise<HistReport> =>
      hist({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
    const from = { kind: 'events', from: 'sys_enter_munmap', to: 'sys_exit_munmap', match: 'tid' } as const;
    for (const unit of ['ns', 'us'] as const) {
      for (const mapName of [undefined, 'lat']) {
        for (const family of PRINT_FAMILIES) {
          const first = await hist({ paths: [Y], source: from, unit, mapName, family, hgrm: true });
          if (first.groups.length === 0) continue;
          const second = await again(first.printed);
          expect(second.printed).toBe((await hist({ paths: [Y], source: from, unit, mapName })).printed);
          if (unit === 'us') expect(second.unit).toBe('us');
          const third = await again(JSON.stringify(first));
          expect([third.printed, third.unit]).toEqual([second.printed, unit]);
        }
      }
    }
    await expect(hist({ paths: [Y], unit: 'us', mapName: 'lat_ms' })).rejects.toThrow('another unit');
  });
});

describe('tables of every size', () => {
  test('perf ftrace latency: printed rows are read back, with any unit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1_000_000), { minLength: 22, maxLength: 22 }),
        fc.boolean(),
        fc.constantFrom('', '> ', '  '),
        (n, nsecs, prefix) => {
          const [base, next, last] = nsecs ? ['ns', 'us', 'ms'] : ['us', 'ms', 's'];
          const pad = (v: number | string, w: number): string => String(v).padStart(w);
          let text = `#   DURATION     |      COUNT | GRAPH    |\n  ${pad(0, 4)} - ${'1'.padEnd(4)} ${base} | ${pad(n[0]!, 10)} | ###  |\n`;
          for (let i = 1; i < 21; i++) {
            const shift = 2 ** (i - 1) >= 1024 ? 10 : 0;
            text += `  ${pad(2 ** (i - 1 - shift), 4)} - ${String(2 ** (i - shift)).padEnd(4)} ${shift ? next : base} | ${pad(n[i]!, 10)} | #   |\n`;
          }
          text += `  ${pad(1, 4)} - ${'...'.padEnd(4)} ${last} | ${pad(n[21]!, 10)} |    |\n`;
          const { histograms, lines } = readHistograms(text.replace(/^(?=.)/gm, prefix));
          expect(histograms[0]!.bins.map((b) => b.count)).toEqual(n);
          expect(histograms[0]!.bins.at(-1)).toEqual({
            low: 2 ** 20,
            high: Number.POSITIVE_INFINITY,
            count: n[21]!,
          });
          expect([histograms[0]!.unitNs, lines.row, lines.heading]).toEqual([nsecs ? 1 : 1000, 22, 1]);
        },
      ),
    );
  });

  test('hist triggers: keys in any order, both forms of a range', () => {
    const text = [
      '# event histogram',
      '#',
      '# trigger info: hist:keys=common_pid,lat_us.buckets=10:vals=hitcount:sort=hitcount:size=2048 [active]',
      '#',
      '{ common_pid:        901, lat_us: ~ 10-19 } hitcount:          7',
      '{ common_pid:        902, lat_us: ~ 0-9 } hitcount:          8',
      '{ common_pid:        901, lat_us: ~ 0-9 } hitcount:          9',
      'Totals:',
      '    Hits: 25',
      '    Entries: 3',
      '    Dropped: 1',
    ].join('\n');
    const { histograms, lines } = readHistograms(text);
    expect(histograms.map((h) => [h.name, h.key, h.unitNs, h.bins, h.complete])).toEqual([
      [
        'lat_us',
        '901',
        1000,
        [
          { low: 0, high: 10, count: 9 },
          { low: 10, high: 20, count: 7 },
        ],
        false,
      ],
      ['lat_us', '902', 1000, [{ low: 0, high: 10, count: 8 }], false],
    ]);
    expect(lines).toMatchObject({ total: 11, row: 3, heading: 8 });
    expect(
      readHistograms(
        text.replace('lat_us.buckets=10', 'bytes_req').replaceAll(/lat_us: ~ (\d+)-\d+/g, 'bytes_req: $1'),
      ).histograms,
    ).toEqual([]);
  });

  test('any text ends and accounts for every line', () => {
    const piece = fc.constantFrom(
      '# trigger info: hist:keys=lat.log2:vals=hitcount',
      '{ lat: ~ 2^8 } hitcount:  3',
      '# DURATION | COUNT | GRAPH |',
      '  0 - 1    us |   512 | ## |',
      '       Value     Percentile TotalCount 1/(1-Percentile)',
      '  1.023 0.500000000000   4   2.00',
      '#[Max     = 8, Total count    = 9]',
      '#[@usecs[x]]',
      '     munmap us           : count     distribution',
      '         2 -> 3          : 12       |*****    |',
      '[1] 4153',
      '@x:',
      '',
      'prose',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (parts) => {
        const { total, ...kinds } = readHistograms(parts.join('\n')).lines;
        expect(Object.values(kinds).reduce((a, b) => a + b, 0)).toBe(total);
      }),
    );
  });
});
