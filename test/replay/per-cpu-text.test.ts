import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Result } from '../../src/result/types.js';
import { replayLines, report, violatedIds } from './support/replay.js';

// Logs of correct kernels as per_cpu/cpuN/trace and per_cpu/cpuN/trace_pipe give them, all in one file.

const root = new URL('../../fixtures/', import.meta.url).pathname;
const LOGS = [
  'replay/6.12.117-lab-semi/mt-munmap.txt.gz',
  'replay/6.12.117-lab-y/gup-munmap.txt.gz',
  'replay/debian-6.16.12/mt-munmap.txt.gz',
];

const linesOf = (path: string): string[] =>
  gunzipSync(readFileSync(`${root}${path}`))
    .toString('latin1')
    .split('\n');
const cpuOf = (line: string): string | undefined => /^.{16}-\d+ +\[(\d+)\]/.exec(line)?.[1];

/** The lines of each CPU. */
function cpus(lines: readonly string[]): string[][] {
  const by = new Map<string, string[]>();
  for (const line of lines) {
    const cpu = cpuOf(line);
    if (cpu === undefined) continue;
    const those = by.get(cpu);
    if (those) those.push(line);
    else by.set(cpu, [line]);
  }
  return [...by].sort().map(([, those]) => those);
}

const header = (count: number): string[] => [
  '# tracer: nop',
  '#',
  `# entries-in-buffer/entries-written: ${count}/${count}   #P:4`,
  '#',
];

/** Readers of the CPUs' pipes write their pieces into one file. */
function inTurns(of: readonly string[][], size: number): string[] {
  const out: string[] = [];
  for (let at = 0; of.some((lines) => at < lines.length); at += size)
    for (const lines of of) out.push(...lines.slice(at, at + size));
  return out;
}

/** So that pieces of all lengths lie further apart than a late line, or another capture, could. */
const stretched = (lines: readonly string[], by: number): string[] =>
  lines.map((line) => line.replace(/ +(\d+\.\d{6}):/, (_, s) => ` ${(Number(s) * by).toFixed(6)}:`));

/** Delays are stretched too. */
const untimed = (result: Result): string[] => violatedIds(result).filter((id) => id !== 'I45');

describe.each(LOGS)('%s', (path) => {
  const lines = linesOf(path);

  it('a header before each CPU: what the others did is unknown', async () => {
    const result = await replayLines(cpus(lines).flatMap((of) => [...header(of.length), ...of]));
    expect(violatedIds(result)).toEqual([]);
    expect(result.invariants.filter((i) => i.instances.pass > 0).length).toBeGreaterThan(10);
  });

  it.each([1, 1000])('one CPU behind the other without headers, time times %i', async (by) => {
    const result = await replayLines(stretched(cpus(lines).flat(), by));
    expect(untimed(result)).toEqual([]);
  });

  it.each([
    [10, 1],
    [40, 1],
    [10, 1000],
    [40, 1000],
  ])('in pieces of %i lines, time times %i: nothing is judged', async (size, by) => {
    const result = await replayLines(stretched(inTurns(cpus(lines), size), by));
    expect(violatedIds(result)).toEqual([]);
    expect(report(result, 'I52').reason).toMatch(/give each CPU as a file of its own/);
  });

  it.each([0.01, 0.05, 0.5, 5])(
    'one stamp of the whole text is %f s too late: the others are judged',
    async (by) => {
      const at = lines.findIndex((line, i) => i > lines.length / 3 && cpuOf(line) !== undefined);
      const late = lines[at]!.replace(/ +(\d+\.\d{6}):/, (_, s) => ` ${(Number(s) + by).toFixed(6)}:`);
      const result = await replayLines(lines.with(at, late));
      // The stamp itself is one that goes back.
      expect(untimed(result)).toEqual(by < 1 ? ['I52'] : []);
      expect(result.invariants.filter((i) => i.instances.pass > 0).length).toBeGreaterThan(20);
    },
  );

  it('the whole text: judged', async () => {
    const result = await replayLines(stretched(lines, 1000));
    expect(untimed(result)).toEqual([]);
    expect(result.invariants.filter((i) => i.instances.pass > 0).length).toBeGreaterThan(20);
  });
});

describe('beside a capture of one CPU', () => {
  const lines = linesOf(LOGS[0]!);
  const alone = cpus(lines)[1]!;
  /** The grace period that the callbacks wait for is not there. */
  const early = lines.filter((line) => !/rcu_grace_period: rcu_preempt -?\d+ (?:cpu)?end$/.test(line));

  it('what is wrong in one of all CPUs is found', async () => {
    const bad = violatedIds(await replayLines(early));
    expect(bad).toContain('I41');
    const both = await replayLines([...early, ...header(alone.length), ...alone]);
    expect(violatedIds(both)).toEqual(bad);
    const other = await replayLines([...header(alone.length), ...alone, ...header(early.length), ...early]);
    expect(violatedIds(other)).toEqual(bad);
  });

  it('what another CPU may have done is unknown, and that is said', async () => {
    const each = cpus(linesOf(LOGS[1]!)).flatMap((of) => [...header(of.length), ...of]);
    const { invariants } = await replayLines(each);
    expect(invariants.flatMap((i) => i.unknowns.map((u) => u.reason)).join()).toMatch(
      /only 1 of 4 CPUs have events in that capture/,
    );
  });
});
