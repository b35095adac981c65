import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import Hist from '../../cli/commands/hist.js';
import { quantileName, quantilesOf } from '../../cli/quantiles.js';
import { hist } from '../../src/measure/hist.js';
import { runCommand } from './support/run-command.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const KPROBES = fixture('replay/6.12.117-lab-y/ftrace-kprobes-nohash.txt.gz');
const MAIL = fixture('mail/munmap-2024-11.txt');
const run = (...argv: string[]) => runCommand(Hist, argv);

describe('pttrace hist', () => {
  test('standard output holds bpftrace’s bytes and nothing else; the rest is on standard error', async () => {
    const r = await run(KPROBES, '--by', 'comm', '--bpftrace-version', '0.17');
    expect(r.error).toBeUndefined();
    expect(r.exitCode).toBe(0);
    const want = await hist({ paths: [KPROBES], by: ['comm'], family: '0.10' });
    expect(r.stdout).toBe(want.printed);
    expect(r.stdout).toMatch(/^@ns\[.*\]: \n\[/);
    expect(r.stderr).toMatch(/syscall munmap, .* values.*censored/);
  });

  test('quantiles, HDR text', async () => {
    const q = await run(KPROBES, '--quantiles', '50,99.9');
    expect(q.stdout).toMatch(/\n {2}p50 +\d+\n {2}p99\.9 +\d+\n$/);
    const hdr = await run(KPROBES, '--hdr');
    expect(hdr.stdout).toMatch(/^ {7}Value {5}Percentile TotalCount 1\/\(1-Percentile\)\n\n/);
    expect(hdr.stdout).toContain('#[Mean');
  });

  test('JSON fits its published schema', async () => {
    const require = createRequire(import.meta.url);
    const validate = new Ajv2020({ allErrors: true }).compile(require('../../src/schema/hist.schema.json'));
    for (const argv of [[KPROBES, '--hdr', '--lhist', '0,100,10', '--unit', 'us'], [MAIL]]) {
      const r = await run(...argv, '--json');
      expect(validate(JSON.parse(r.stdout)), JSON.stringify(validate.errors)).toBe(true);
      expect(r.stderr).toBe('');
    }
  });

  test('plain: ASCII, at most 75 columns, with what is left out', async () => {
    for (const argv of [
      [KPROBES, '--by', 'comm,cpu'],
      [MAIL, '--quantiles', '99'],
      [KPROBES, '--rcu', 'tlb_remove_table_rcu'],
    ]) {
      const { stdout } = await run(...argv, '--plain');
      expect(stdout).toMatch(/^[\x20-\x7e\n]*$/);
      expect(Math.max(...stdout.split('\n').map((l) => l.length))).toBeLessThanOrEqual(75);
      expect(stdout).toContain('values');
    }
  });

  test.each([
    [[KPROBES, '--by', 'colour'], '--by wants'],
    [[KPROBES, '--lhist', '1-2'], '--lhist wants'],
    [[KPROBES, '--lhist', '5,1,1'], 'min < max'],
    [[KPROBES, '--quantiles', '101'], '--quantiles wants'],
    [[KPROBES, '--from', 'a', '--to', 'b', '--match', 'x'], '--match wants'],
    [[KPROBES, '--bits', '2', '--bpftrace-version', '0.17'], '0.20 or later'],
    [[KPROBES, '--bpftrace-version', 'new'], 'no bpftrace version'],
    [[KPROBES, '--name', 'a b'], '--name wants'],
    [[`${MAIL}#third`], 'no histogram called'],
    [[KPROBES, '--syscall', 'munmap', '--func', 'f'], 'cannot also be provided'],
    [['/no/such/file'], 'no such file'],
  ])('refused: %j', async (argv, message) => {
    const r = await run(...argv);
    expect(String((r.error as Error).message)).toContain(message);
    expect(r.stdout).toBe('');
  });

  test('quantiles are read exactly', () => {
    expect(quantilesOf('50, p99,99.9%,99.99,0,100')).toEqual([0.5, 0.99, 0.999, 0.9999, 0, 1]);
    expect(quantilesOf('50,99.9,99.99').map(quantileName)).toEqual(['p50', 'p99.9', 'p99.99']);
  });
});
