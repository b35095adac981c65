import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { replayLines, replayText, report, violatedIds } from '../support/replay.js';

// Logs of correct kernels, as trace_clock `uptime`, `counter` and `x86-tsc` would have stamped them.

const root = new URL('../../../fixtures/', import.meta.url).pathname;
const LOGS = [
  'replay/6.12.117-lab-semi/mt-munmap.txt.gz',
  'replay/6.12.117-lab-y/gup-munmap.txt.gz',
  'replay/debian-6.16.12/mt-munmap.txt.gz',
];
const LINE = /^(.*\[(\d+)\] \S+ +)(\d+)\.(\d+)(: .*)$/;

interface Stamped {
  readonly us: number;
  readonly cpu: number;
  readonly at: (stamp: number) => string;
}

const stamped = (path: string): Stamped[] =>
  gunzipSync(readFileSync(`${root}${path}`))
    .toString('latin1')
    .split('\n')
    .flatMap((line) => {
      const m = LINE.exec(line);
      if (!m) return [];
      const [, head, cpu, sec, frac, tail] = m;
      return [
        {
          us: Number(sec) * 1e6 + Number(frac),
          cpu: Number(cpu),
          at: (stamp: number) => `${head}${stamp}${tail}`,
        },
      ];
    });

const HZ = 100;
const jiffy = ({ us }: Stamped): number => Math.floor((us * HZ) / 1e6);

/** kernel/trace/trace.c __find_next_entry(): the lowest CPU of equal stamps first. */
const uptime = (lines: readonly Stamped[]): string[] =>
  [...lines].sort((a, b) => jiffy(a) - jiffy(b) || a.cpu - b.cpu).map((line) => line.at(jiffy(line)));

describe.each(LOGS)('%s', (path) => {
  const lines = stamped(path);

  it('by jiffies: nothing is judged, and it is said why', async () => {
    const result = await replayLines(uptime(lines));
    expect(violatedIds(result)).toEqual([]);
    expect(result.invariants.filter((i) => i.instances.pass > 0).map((i) => i.id)).toEqual([]);
    expect(result.inputs[0]!.notes.map((n) => n.message).join()).toMatch(/stamps are jiffies/);
    // The log holds gathers, tables and callbacks: nobody may read that there were none.
    for (const id of ['I02', 'I12', 'I48', 'I49'])
      expect(report(result, id)).toMatchObject({
        verdict: 'unknown',
        reason: expect.stringMatching(/jiffies/),
      });
  });

  it.each([
    ['a counter', (_: Stamped, i: number) => 1000 + i],
    ['cycles', ({ us }: Stamped, i: number) => us * 2500 + i],
  ])('by %s: judged as ever, but for delays', async (_, stamp) => {
    const result = await replayLines(lines.map((line, i) => line.at(stamp(line, i))));
    expect(violatedIds(result)).toEqual([]);
    expect(result.invariants.filter((i) => i.instances.pass > 0).length).toBeGreaterThan(10);
    expect(report(result, 'I45').instances).toMatchObject({ pass: 0, violated: 0 });
  });
});

it('jiffies of one CPU are in the order of its lines', async () => {
  const one = stamped(LOGS[1]!).filter(({ cpu }) => cpu === 1);
  const result = await replayText(`${uptime(one).join('\n')}\n`);
  expect(result.invariants.filter((i) => i.instances.pass > 0).length).toBeGreaterThan(0);
  expect(result.inputs[0]!.notes.map((n) => n.message).join()).not.toMatch(/jiffies/);
});
