import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readSchema } from '../../src/schema/read-schema.js';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const explore = (...args: string[]) => runCommand(['explore', ...args]);
const BUG = ['--variant', 'D', '--broken', 'batch-without-flush'];
const valid = (schema: string, text: string): void => {
  const check = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(readSchema(schema));
  expect(check(JSON.parse(text)), JSON.stringify(check.errors)).toBe(true);
};

describe('pttrace explore', () => {
  it('says safe with exact numbers and exits 0', async () => {
    const { status, stdout } = await explore('--variant', 'D', '--no-symmetry');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^safe over \d+ states, \d+ steps, \d+ interleavings: every order/m);
  });

  it('shows the shortest way with what each CPU holds and exits 1', async () => {
    const { status, stdout } = await explore(...BUG);
    expect(status).toBe(1);
    expect(stdout).toContain('Shortest way, 14 steps: the page walker follows its cached entry to T0');
    expect(stdout).toContain('[may hold T0]');
    expect(stdout).toContain('I03 I09');
  });

  it('--plain is ASCII within 75 columns', async () => {
    const { stdout } = await explore(...BUG, '--plain');
    for (const line of stdout.split('\n')) {
      expect(line.length).toBeLessThanOrEqual(75);
      expect(line).toMatch(/^[\x00-\x7e]*$/);
    }
  });

  it('--json keeps its schema, safe and unsafe', async () => {
    valid('explore', (await explore(...BUG, '--json')).stdout);
    valid('explore', (await explore('--variant', 'A1', '--json')).stdout);
  });

  it('--reduce keeps the verdict and says what it leaves out', async () => {
    const safe = await explore('--variant', 'D', '--reduce');
    expect([safe.status, safe.stdout]).toEqual([
      0,
      expect.stringMatching(/^safe over \d+ states, \d+ steps: .*, up to\s+steps that commute/m),
    ]);
    const bug = await explore(...BUG, '--reduce');
    expect([bug.status, bug.stdout]).toEqual([1, expect.stringContaining('A way there, ')]);
    valid('explore', (await explore(...BUG, '--reduce', '--json')).stdout);
  });

  it('a bound is told and is no verdict', async () => {
    const { status, stdout } = await explore('--max-states', '20', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout).exploration).toMatchObject({
      verdict: 'bounded',
      ended: 'max-states',
      states: 20,
    });
  });

  it('--ftrace and --litmus are what replay and litmus find violated', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'pttrace-explore-'));
    try {
      writeFileSync(join(dir, 'bug.txt'), (await explore(...BUG, '--ftrace')).stdout);
      const replay = await runCommand(['replay', join(dir, 'bug.txt')]);
      expect(replay.status).toBe(1);
      expect(replay.stdout).toContain('I09');
      writeFileSync(join(dir, 'bug.litmus'), (await explore(...BUG, '--litmus')).stdout);
      expect((await runCommand(['litmus', join(dir, 'bug.litmus')])).status).toBe(0);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('FILE is a program of one’s own, and flags stand above it', async () => {
    const file = join(ROOT, 'fixtures/explore/two-freers.yaml');
    const safe = await explore(file);
    expect([safe.status, safe.stdout]).toEqual([0, expect.stringMatching(/^safe over \d+ states/m)]);
    const bug = await explore(file, '--broken', 'single-without-flush', '--json');
    expect(bug.status).toBe(1);
    valid('explore', bug.stdout);
    expect((await explore(file, '--promela')).stdout).toContain('CPU 1: madvise on another');
    const larger = await explore(file, '--cpus', '4', '--reader', 'gup-fast');
    expect(larger.stdout).toContain('4 CPUs, 1 table, readers hardware, gup-fast');
    const dir = mkdtempSync(join(tmpdir(), 'pttrace-explore-'));
    try {
      const log = join(dir, 'bug.txt');
      writeFileSync(log, (await explore(file, '--broken', 'single-without-flush', '--ftrace')).stdout);
      const replay = await runCommand(['replay', log]);
      expect([replay.status, replay.stdout]).toEqual([1, expect.stringContaining('I09')]);
      writeFileSync(join(dir, 'wrong.yaml'), 'threads:\n  - steps:\n      - read\n');
      const wrong = await explore(join(dir, 'wrong.yaml'));
      expect([wrong.status, wrong.stderr]).toEqual([
        2,
        expect.stringContaining('wrong.yaml:3:9: read: comes before'),
      ]);
    } finally {
      rmSync(dir, { recursive: true });
    }
    expect((await explore(file, '--program', 'munmap')).status).toBe(2);
    expect((await explore('nowhere.yaml')).status).toBe(3);
  });

  it('--promela prints the machine', async () => {
    const { status, stdout } = await explore('--variant', 'B', '--promela');
    expect(status).toBe(0);
    expect(stdout).toContain('active proctype machine()');
  });

  it.each([
    [['--ftrace'], 'nothing unsafe was found'],
    [['--broken', 'nope'], 'there is no rule nope'],
    [['--broken', 'no-tlbsync'], 'nothing in this program follows'],
    [['--program', 'nope'], 'there is no program nope'],
    [['--cpus', '99'], 'cpus: a whole number from 2'],
    [['--max-states', '0'], 'at least 1'],
  ])('%o is a question that cannot be asked: exit 2', async (args, message) => {
    const { status, stderr } = await explore(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });

  it('--seed-claims: all hold, and keep their schema', async () => {
    const { status, stdout } = await explore('--seed-claims', '--json');
    expect(status).toBe(0);
    valid('claims', stdout);
    const { claims } = JSON.parse(stdout) as { claims: { id: string; holds: boolean }[] };
    expect(claims.map((c) => c.id).join('')).toBe('abcdefghijkL39');
    expect(claims.every((c) => c.holds)).toBe(true);
  });

  it('--list names programs, readers and rules with their source', async () => {
    const { stdout } = await explore('--list');
    for (const word of ['hugetlb-unshare', 'gup-fast', 'unshare-skips-lazy', 'mm/gup.c'])
      expect(stdout).toContain(word);
  });
});
