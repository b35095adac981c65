import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPlain } from '../../cli/render/plain.js';
import { formatReport } from '../../cli/render/report.js';
import { analyse } from '../../src/analyse/analyse.js';
import { newPipeline, runPipeline } from '../../src/read/pipeline.js';
import type { Result } from '../../src/result/types.js';
import { assertResult } from '../../src/result/validate.js';
import { LAST_RESERVED } from '../../src/timeline/events.js';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const whole = (name: string): string => {
  const raw = readFileSync(join(FIXTURES, name));
  return (name.endsWith('.gz') ? gunzipSync(raw) : raw).toString('latin1');
};
const MUNMAP = [
  'replay/6.12.117-lab-y/mt-munmap.txt.gz',
  'replay/6.12.117-lab-semi/mt-munmap.txt.gz',
  'replay/debian-6.16.12/mt-munmap.txt.gz',
  'replay/6.12.117-lab-n/gup-munmap.txt.gz',
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pttrace-merge-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function write(text: string, name = `${files++}.txt`): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    name.endsWith('.gz') ? gzipSync(Buffer.from(text, 'latin1')) : Buffer.from(text, 'latin1'),
  );
  return path;
}

const cpuOf = (line: string): number => Number(/ \[(\d{3})\] /.exec(line)?.[1] ?? Number.NaN);

/** What per_cpu/cpuN/trace would have shown of a trace: its header and the lines of one CPU. */
function splitByCpu(text: string): Map<number, string> {
  const lines = text.split('\n');
  const header = lines.filter((l) => l.startsWith('#'));
  const byCpu = new Map<number, string[]>();
  for (const line of lines) {
    const cpu = cpuOf(line);
    if (Number.isNaN(cpu)) continue;
    const list = byCpu.get(cpu);
    if (list) list.push(line);
    else byCpu.set(cpu, [...header, line]);
  }
  return new Map([...byCpu].sort((a, b) => a[0] - b[0]).map(([cpu, l]) => [cpu, `${l.join('\n')}\n`]));
}

interface Seen {
  readonly ts: number;
  readonly text: string;
}

async function eventsOf(paths: readonly string[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  const pipeline = newPipeline();
  await runPipeline(pipeline, { paths }, () => ({
    batch: (b) => {
      for (let row = 0; row < b.length; row++) {
        if (b.event[row]! <= LAST_RESERVED) continue;
        const head = pipeline.events.head(b.event[row]!);
        const comm = pipeline.names.text(b.comm[row]!);
        seen.push({
          ts: b.tsNs[row]!,
          text: `${comm}-${b.pid[row]} ${b.cpu[row]} ${b.flags[row]} ${head.name} ${head.symbol} ${b.body(row)}`,
        });
      }
    },
    boundary: () => seen.push({ ts: Number.NaN, text: 'boundary' }),
  }));
  return seen;
}

/** Events of one stamp on different CPUs have no order that the text shows. */
function tiesSorted(seen: readonly Seen[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < seen.length; ) {
    let j = i;
    while (j < seen.length && seen[j]!.ts === seen[i]!.ts) j++;
    out.push(
      ...seen
        .slice(i, Math.max(j, i + 1))
        .map((s) => `${s.ts} ${s.text}`)
        .sort(),
    );
    i = Math.max(j, i + 1);
  }
  return out;
}

const verdicts = (r: Result): string[] => r.invariants.map((i) => `${i.id} ${i.verdict}`);
const joins = (r: Result): string[] => (r.timeline.joins ?? []).map((j) => `${j.inputs.join('+')} ${j.how}`);
const valid = (r: Result): void => expect(() => assertResult(JSON.parse(JSON.stringify(r)))).not.toThrow();

describe('files of single CPUs', () => {
  it.each(MUNMAP)('%s: merged, the events and verdicts of the whole', async (name) => {
    const text = whole(name);
    const paths = [...splitByCpu(text).values()].map((t) => write(t));
    expect(paths.length).toBeGreaterThanOrEqual(2);
    const original = write(text);
    expect(tiesSorted(await eventsOf(paths))).toEqual(tiesSorted(await eventsOf([original])));
    const merged = await analyse({ paths });
    const one = await analyse({ paths: [original] });
    expect(joins(merged)).toEqual([`${paths.map((_, i) => i).join('+')} merged`]);
    expect(merged.timeline).toMatchObject({
      segments: 1,
      events: one.timeline.events,
      cpus: one.timeline.cpus,
      firstNs: one.timeline.firstNs,
      lastNs: one.timeline.lastNs,
    });
    expect(verdicts(merged)).toEqual(verdicts(one));
    expect(merged.operations).toEqual(one.operations);
    expect(merged.variant.candidates).toEqual(one.variant.candidates);
    valid(merged);
  });

  it('the order of the names and packing do not matter; places are those of the own file', async () => {
    const parts = [...splitByCpu(whole(MUNMAP[0]!)).values()];
    const forth = parts.map((t, i) => write(t, i % 2 === 0 ? `forth-${i}.gz` : `forth-${i}.txt`));
    const back = [...forth].reverse();
    expect(tiesSorted(await eventsOf(back))).toEqual(tiesSorted(await eventsOf(forth)));
    const result = await analyse({ paths: back });
    expect(result.inputs.map((i) => i.path)).toEqual(back);
    const quotes = result.variant.evidence.flatMap((e) => e.events);
    expect(quotes.length).toBeGreaterThan(0);
    for (const q of quotes) {
      const lines = parts[forth.indexOf(back[q.input]!)]!.split('\n');
      expect(lines[q.line - 1]).toBe(q.text);
    }
  });

  it('nanoseconds: the very order of the whole', async () => {
    const text = whole('trace-cmd-report/6.12.117-lab-y/report-t.txt');
    const lines = text.split('\n').filter((l) => l !== '');
    const events = lines.filter((l) => !Number.isNaN(cpuOf(l)));
    const cpus = [...new Set(events.map(cpuOf))];
    expect(cpus.length).toBeGreaterThan(1);
    const head = lines.filter((l) => /^cpus=/.test(l)).join('\n');
    const paths = cpus.map((c) => write(`${head}\n${events.filter((l) => cpuOf(l) === c).join('\n')}\n`));
    const merged = await analyse({ paths });
    // CPUs that were busy one after the other cannot be told from two captures.
    if (joins(merged).length === 1) {
      expect(await eventsOf(paths)).toEqual(await eventsOf([write(text)]));
    }
    expect(merged.inputs.reduce((n, i) => n + i.lines.event, 0)).toBe(events.length);
  });
});

const FTRACE = (rows: readonly string[], clock = '', cpus = 4, written = rows.length): string =>
  `${[
    ...(clock === '' ? [] : [`# pttrace: clock ${clock}`]),
    '# tracer: nop',
    '#',
    `# entries-in-buffer/entries-written: ${rows.length}/${written}   #P:${cpus}`,
    '#',
    '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
    '#              | |         |   |||||     |         |',
    ...rows,
  ].join('\n')}\n`;
const event = (cpu: number, s: number): string =>
  `            bash-27073   [00${cpu}] d..1.    ${s.toFixed(6)}: tlb_flush: pages:-1 reason:flush on task switch (0)`;
const DUMP = [
  '[   50.000001] Dumping ftrace buffer:',
  '[   50.000002] ---------------------------------',
  '[   50.000003]     bash-27073     3d..1. 11500000us : tlb_flush: pages:-1 reason:flush on task switch (0)',
  '[   50.000004]     bash-27073     3d..1. 12500000us : tlb_flush: pages:-1 reason:flush on task switch (0)',
  '[   50.000005] ---------------------------------',
  '',
].join('\n');
const PERF = [
  'bash  27073 [003]    11.692642:  tlb:tlb_flush: pages:-1 reason:flush on task switch (0)',
  'bash  27073 [003]    12.692642:  tlb:tlb_flush: pages:-1 reason:flush on task switch (0)',
  '',
].join('\n');

async function joined(...texts: string[]): Promise<{ result: Result; reasons: string[]; paths: string[] }> {
  const paths = texts.map((t) => write(t));
  const result = await analyse({ paths });
  valid(result);
  return { result, paths, reasons: (result.timeline.joins ?? []).map((j) => j.reason) };
}

describe('what can be merged', () => {
  it('a trace and the dump of another CPU in dmesg', async () => {
    const { result } = await joined(FTRACE([event(1, 11), event(1, 12), event(1, 13)]), DUMP);
    expect(result.inputs.map((i) => i.format)).toEqual(['ftrace', 'ftrace-dump']);
    expect(joins(result)).toEqual(['0+1 merged']);
    expect(result.timeline).toMatchObject({ segments: 1, cpus: [1, 3], events: 5 });
  });

  it('one file has nothing to be joined with', async () => {
    const result = await analyse({ paths: [write(FTRACE([event(1, 11)]))] });
    expect(result.timeline.joins).toBeUndefined();
  });

  it('the first and third of three, read before the second', async () => {
    const { result, paths } = await joined(
      FTRACE([event(1, 11), event(1, 14)]),
      FTRACE([event(1, 12), event(1, 13)]),
      FTRACE([event(2, 10), event(2, 12)]),
    );
    expect(joins(result)).toEqual(['0+1 merged', '2 apart']);
    expect(result.inputs.map((i) => i.path)).toEqual([paths[0], paths[2], paths[1]]);
    expect(result.timeline.segments).toBe(2);
  });

  it('what was overwritten of a later beginning is a loss', async () => {
    const rows = [event(2, 12), event(2, 13)];
    const kept = await joined(FTRACE([event(1, 11), event(1, 14)]), FTRACE(rows));
    expect(kept.result.timeline.lost).toEqual([]);
    const { result } = await joined(FTRACE([event(1, 11), event(1, 14)]), FTRACE(rows, '', 4, 99));
    expect(joins(result)).toEqual(['0+1 merged']);
    expect(result.timeline.lost).toEqual([{ cpu: 2, count: -1, intervals: 1 }]);
  });
});

describe('what is kept apart, with the reason', () => {
  const base = FTRACE([event(1, 11), event(1, 13)]);
  const cases: [string, string[], RegExp][] = [
    [
      'the same CPU at the same time',
      [base, FTRACE([event(1, 12), event(1, 14)])],
      /both have events of CPU 1 at the same time/,
    ],
    [
      'another clock',
      [FTRACE([event(1, 11), event(1, 13)], 'mono'), FTRACE([event(2, 12)], 'boot')],
      /its clock is boot, that of .* mono/,
    ],
    [
      'a clock that one of them does not state',
      [base, FTRACE([event(2, 12)], 'mono')],
      /its clock is mono, that of .* not stated/,
    ],
    ['another time', [base, FTRACE([event(2, 20), event(2, 21)])], /does not overlap/],
    ['another machine', [base, FTRACE([event(2, 12)], '', 8)], /a machine of 8 CPUs/],
    ['another recorder', [base, PERF], /stamped by perf-script/],
    ['several captures', [base, `${FTRACE([event(2, 12)])}${FTRACE([event(2, 11.5)])}`], /several captures/],
    [
      'time that goes back',
      [base, FTRACE([event(2, 12.9), event(2, 11)])],
      /time goes back|several captures/,
    ],
  ];
  it.each(cases)('%s', async (_, texts, reason) => {
    const { result, reasons } = await joined(...texts);
    expect(joins(result)).toEqual(['0 apart', '1 apart']);
    expect(reasons[0]).toBe('the first input');
    expect(reasons[1]).toMatch(reason);
    expect(result.timeline.segments).toBeGreaterThanOrEqual(2);
    const words = reasons[1]!.split(' ').slice(-2).join(' ');
    for (const print of [formatReport(result), formatPlain(result)]) {
      expect(print.replace(/\s+/g, ' ')).toContain(words);
    }
    for (const line of formatPlain(result).split('\n')) expect(line.length).toBeLessThanOrEqual(75);
  });
});
