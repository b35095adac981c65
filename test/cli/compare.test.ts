import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import Compare from '../../cli/commands/compare.js';
import Hist from '../../cli/commands/hist.js';
import Replay from '../../cli/commands/replay.js';
import type { CompareReport } from '../../src/compare/report.js';
import { runCommand } from './support/run-command.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const N = fixture('replay/6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz');
const Y = fixture('replay/6.12.117-lab-y/ftrace-kprobes-nohash.txt.gz');
const N2 = fixture('replay/6.12.117-lab-n/gup-munmap.txt.gz');
const Y2 = fixture('replay/6.12.117-lab-y/gup-munmap.txt.gz');
const MAIL = fixture('mail/munmap-2024-11.txt');
const WITHOUT = `${MAIL}#without patch`;
const WITH = `${MAIL}#with patch`;
const run = (...argv: string[]) => runCommand(Compare, argv);

const require = createRequire(import.meta.url);
const validate = new Ajv2020({ allErrors: true }).compile(require('../../src/schema/compare.schema.json'));
async function json(...argv: string[]): Promise<CompareReport> {
  const r = await run(...argv, '--json');
  expect(r.error).toBeUndefined();
  const value = JSON.parse(r.stdout) as CompareReport;
  expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
  return value;
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pttrace-compare-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('pttrace compare', () => {
  test('two blocks of a mail: a sentence, a table and a picture, for a mail', async () => {
    const r = await run(WITHOUT, WITH, '--plain');
    expect(r.exitCode).toBe(0);
    expect(r.stdout).toMatch(/^[\x20-\x7e\n]*$/);
    const lines = r.stdout.trimEnd().split('\n');
    expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(80);
    expect(lines.length).toBeLessThanOrEqual(25);
    expect(r.stdout.replaceAll('\n', ' ')).toContain(
      '42 % fewer calls a second (210k -> 122k), the median in the same row',
    );
    expect(r.stdout).toMatch(/^>= 8\.19 us +0\.289 % +0\.682 % +2\.36x/m);
    expect(r.stdout).toMatch(/47\.3% @{18}\| {4}1K \.\. 2K {4}\|@{17} {2}44%/);
    // The file holds exactly these two: its name is enough.
    expect((await run(MAIL, '--plain')).stdout).toBe(r.stdout);
  });

  test('--all: every number, and every method that is referred to is explained', async () => {
    const r = await run(WITHOUT, WITH, '--all', '--plain');
    expect(Math.max(...r.stdout.split('\n').map((l) => l.length))).toBeLessThanOrEqual(75);
    for (const [, n] of r.stdout.matchAll(/\[(\d+)\]/g)) expect(r.stdout).toContain(`\n[${n}] `);
    expect(r.stdout).toContain('Jensen-Shannon');
  });

  test('two groups with -- between them, globs, and pairs', async () => {
    const print = (name: string, scale: number): string =>
      file(name, `@ns: \n[1K, 2K) ${5000 * scale} |@@|\n[2K, 4K) ${3000 * scale} |@|\n`);
    const b = [1, 1.02, 0.99].map((s, i) => print(`before${i}.txt`, s));
    const a = [1, 1.01, 0.98].map((s, i) => print(`after${i}.txt`, s));
    const want = await json('--before', ...b, '--after', ...a);
    expect(await json(...b, '--', ...a)).toEqual(want);
    expect(await json(join(folder, 'before*.txt'), join(folder, 'after[0-9].txt'))).toEqual(want);
    // A run on both sides keeps its place.
    const same = await json(b[0]!, b[1]!, '--', b[1]!, b[0]!);
    expect([same.a, same.b].map((s) => s.runs.map((r) => r.argument))).toEqual([
      [b[0], b[1]],
      [b[1], b[0]],
    ]);
    const paired = await json(...b, '--', ...a, '--paired');
    expect(paired.paired).toBe(true);
    expect(paired.sentence).toContain('3 pairs of runs');
  });

  test('--plan: runs needed, from the spread seen or a supposed one', async () => {
    const seen = await run('--plan', N, N2, '--', Y, Y2, '--func', 'flush_tlb_mm_range', '--plain');
    expect(seen.stdout).toMatch(/^Runs a side that decide a change/);
    expect(seen.stdout).toMatch(/^p50 +[\d.]+ %/m);
    const one = await run('--plan', '--before', N, N2, '--func', 'flush_tlb_mm_range', '--plain');
    expect(one.stdout).toMatch(/^mean +[\d.]+ %/m);
    const supposed = await run('--plan', WITHOUT, WITH, '--plain');
    expect(supposed.stdout).toMatch(/^any +3 % +\d+ +\d+ +\d+ +4 /m);
  });

  test('a recording on each side: exact quantiles, bootstrap where calls are enough, window of the recording', async () => {
    const c = await json(N, Y, '--func', 'flush_tlb_mm_range');
    expect(c.fromSingleValues).toBe(true);
    expect(c.bootstrap!.rounds).toBeGreaterThanOrEqual(200);
    expect(c.a.runs[0]!.windowHow).toContain('first to last event');
    const p50 = c.quantiles.find((q) => q.q === 0.5)!;
    expect(p50.exactB! / p50.exactA!).toBeCloseTo(p50.ratio!.value, 12);
    // Of some 50 calls resampling says too little, and of the largest of them nothing.
    expect(p50.method).toBe('seen');
    expect([p50.ratio!.low, p50.ratio!.high]).toEqual([null, null]);
    expect(c.quantiles.find((q) => q.q === 0.9999)!.ratio!.high).toBeNull();
    expect(await json(N, Y, '--func', 'flush_tlb_mm_range')).toEqual(c);
  });

  test('every kind of input against every other', async () => {
    const result = file('replay.json', (await runCommand(Replay, [Y, '--json'])).stdout);
    const histogram = file('hist.json', (await runCommand(Hist, [Y, '--json'])).stdout);
    const bpftrace = file('bpftrace.txt', (await runCommand(Hist, [Y, '--bpftrace-version', '0.17'])).stdout);
    const us = file('us.txt', (await runCommand(Hist, [Y, '--unit', 'us'])).stdout);
    const rows = async (path: string, ...more: string[]) => (await json(N, path, ...more)).rows;
    const want = await rows(Y);
    expect(want.length).toBeGreaterThan(3);
    for (const path of [result, histogram, bpftrace]) expect(await rows(path), path).toEqual(want);
    expect((await json(N, us, '--unit', 'us')).b.count).toBe(want.reduce((s, r) => s + r.countB, 0));
    expect((await json(result, histogram)).table.find((r) => r.what === 'n')!.ratio!.value).toBe(1);
  });

  test('several runs a side: the variance between runs decides', async () => {
    const c = await json('--before', N, N2, '--after', Y, Y2, '--func', 'flush_tlb_mm_range');
    expect(c.a.runs.length).toBe(2);
    expect(c.betweenRuns!.statistics[0]!.between).not.toBeNull();
    expect(c.quantiles.find((q) => q.q === 0.5)!.method).toBe('betweenRuns');
    expect(c.sentence).not.toContain('one run a side');
    const text = await run('--before', N, N2, '--after', Y, Y2, '--all', '--plain');
    expect(text.stdout).toContain('Between runs');
  });

  test('runs that repeat and differ decide', async () => {
    const print = (name: string, scale: number, shift: number): string =>
      file(
        name,
        `@ns: \n${[
          [`[1K, 2K)`, 5000 * scale],
          [`[2K, 4K)`, 3000 * scale + shift],
          [`[4K, 8K)`, 200 * scale + shift],
        ]
          .map(([l, n]) => `${String(l).padEnd(16)}${String(n).padStart(8)} |${''.padEnd(52)}|`)
          .join('\n')}\n`,
      );
    const c = await json(
      '--before',
      ...[1, 1.02, 0.99].map((s, i) => print(`a${i}`, s, 0)),
      '--after',
      ...[1, 1.01, 0.98].map((s, i) => print(`b${i}`, s, 2000 + 10 * i)),
    );
    expect(c.verdict).toBe('slower');
    expect(c.sentence).toContain('3 runs a side, 95 % level');
  });

  test('--fail-if: the whole interval decides the exit code', async () => {
    const cases: [string[], number, string][] = [
      // One run a side: undecided, unless the spread of runs is stated.
      [['--fail-if', 'tail(8K) > 1.2x'], 0, 'undecided'],
      [['--fail-if', 'tail(8K) > 1.2x', '--spread', '3%'], 1, 'true'],
      [['--fail-if', 'tail(8K) > 2.3x', '--spread', '3%'], 0, 'undecided'],
      [['--fail-if', 'tail(8K) > 2.3x', '--spread', '3%', '--fail-undecided'], 1, 'undecided'],
      [['--fail-if', 'tail(8K) > 30x', '--spread', '3%', '--fail-undecided'], 0, 'false'],
      [['--fail-if', 'p99 > +5%', '--spread', '3%'], 0, 'undecided'],
      [['--fail-if', 'rate < -10%', '--spread', '3%'], 1, 'true'],
      [['--fail-if', 'rate < -10%'], 0, 'undecided'],
      [['--fail-if', 'rate > +10%', '--fail-if', 'count < -30%', '--spread', '3%'], 1, 'false'],
    ];
    for (const [argv, exit, decision] of cases) {
      const r = await run(WITHOUT, WITH, ...argv, '--json');
      expect([r.exitCode, JSON.parse(r.stdout).failIf[0].decision], argv.join(' ')).toEqual([exit, decision]);
    }
    const flush = ['--func', 'flush_tlb_mm_range', N, N2, '--', Y, Y2];
    const events = await run('--fail-if', 'p50 > +1000000% or mean < -99.99%', '--plain', ...flush);
    expect(events.exitCode).toBe(0);
    expect(events.stdout).toContain("--fail-if 'p50 > +1000000% or mean < -99.99%': passes");
    expect((await run('--fail-if', 'p50 > -99.99%', ...flush)).exitCode).toBe(1);
  });

  test('--margin and --window', async () => {
    const c = await json(WITHOUT, WITH, '--margin', 'a12=0.02,tail=3,quantile=3', '--window', '2s,1s');
    const verdict = (what: string) => c.equivalence.find((e) => e.what === what)!.verdict;
    expect(verdict('A12')).toBe('equivalent');
    expect(c.verdict).toBe('equivalent');
    expect(c.sentence).toMatch(/^As recorded .* within the margin/);
    expect(c.a.windowNs).toBe(2e9);
    expect(c.rate!.value).toBeCloseTo(2 * c.countRatio, 10);
  });

  test('a run without the call: nothing to compare', async () => {
    const c = await json(N, Y, '--syscall', 'madvise_nothing');
    expect(c.verdict).toBe('no data');
    const { stdout } = await run(N, Y, '--syscall', 'madvise_nothing');
    expect(stdout).toMatch(/^Nothing to compare: /);
    expect(stdout).not.toContain('Quantiles');
    expect(stdout).toContain('nothing in this recording is');
  });

  test.each([
    [[N], 'holds no two histograms or machines to compare'],
    [[], 'give BEFORE and AFTER'],
    [[N, Y, N2], 'where the second side begins'],
    [[N, '--'], 'on both sides of one --'],
    [['nowhere*.gz', N], 'no file matches'],
    [[N, Y, '--spread', 'much'], '--spread wants'],
    [[N, Y, '--paired'], '--paired wants'],
    [[N, Y, '--before', N], 'either BEFORE AFTER'],
    [['--before', N], 'both --before and --after'],
    [[WITHOUT, MAIL], 'holds several histograms'],
    [[`${N}#block`, Y], 'it has no block'],
    [[N, Y, '--fail-if', 'p99'], 'write e.g. p99 > +5%'],
    [[WITHOUT, WITH, '--fail-if', 'tail(9us) > 2x'], 'cannot be cut there'],
    [[N, Y, '--margin', 'much'], '--margin wants'],
    [[N, Y, '--window', '0s'], '--window wants'],
    [[N, Y, '--confidence', '5'], '--confidence wants'],
    [['-', '-'], 'standard input can be only one'],
  ])('refused: %j', async (argv, message) => {
    const r = await run(...argv);
    expect(String((r.error as Error).message)).toContain(message);
    expect(r.stdout).toBe('');
  });
});
