import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConformReport, conform } from '../../src/conform/conform.js';
import { languageOf } from '../../src/conform/language.js';
import { VARIANTS } from '../../src/kernel/variants.js';
import { readSchema } from '../../src/schema/read-schema.js';
import { simulate } from '../../src/simulate/simulate.js';
import { completeWorkload, type PartialWorkload } from '../../src/simulate/workload.js';
import { runCommand } from '../support/run-command.js';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pttrace-conform-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function fileOf(text: string): string {
  const path = join(dir, 'log.txt');
  writeFileSync(path, text);
  return path;
}
const logOf = (workload: PartialWorkload, bug: string | null = null): string =>
  [...simulate(completeWorkload({ munmaps: 4, cpus: 4, pressure: 0.5, ...workload }), bug)].join('');
const of = (text: string): Promise<ConformReport> => conform({ paths: [fileOf(text)] });

describe('what the machine of a variant can do with one table', () => {
  const words = (id: string, context: Parameters<typeof languageOf>[1]): string[] =>
    [...languageOf(VARIANTS.find((v) => v.id === id)!, context)].sort();
  test.each([
    ['A1', ['flush free']],
    ['A2', ['flush call-rcu', 'flush sync-ipi free']],
    ['B', ['flush call-rcu', 'flush sync-ipi call-rcu-alone']],
    ['C', ['flush call-rcu', 'flush call-rcu-alone']],
  ])('%s, munmap: %j', (id, expected) => {
    expect(words(id, 'munmap')).toEqual(expected);
    expect(words(id, 'exit')).toEqual(expected);
  });
  test('a kernel without reclaim has no such path; khugepaged defers on all', () => {
    expect(words('A2', 'reclaim')).toEqual([]);
    expect(words('C', 'reclaim')).toEqual(['flush call-rcu', 'flush call-rcu-alone']);
    expect(words('A1', 'retract')).toEqual(['flush call-rcu-alone']);
  });
});

describe('a recording of a correct kernel', () => {
  test.each(VARIANTS.map((v) => v.id))('of %s is accepted, by that variant too', async (variant) => {
    const report = await of(logOf({ variant }));
    expect([report.verdict, report.unexplained]).toEqual(['accepted', []]);
    expect(report.accepting).toContain(variant);
    expect(report.detected).toContain(variant);
    expect(report.frees).toBeGreaterThan(10);
  });
  test('with single tables tells the variants apart as detection does', async () => {
    const expected = { A2: 'A2 Bn Cn Dn', B: 'B', C: 'C D E F' };
    for (const [variant, accepting] of Object.entries(expected)) {
      const report = await of(logOf({ variant }));
      expect([variant, report.accepting.join(' '), report.disagree]).toEqual([variant, accepting, []]);
    }
  });
  test('that shows too little is not judged', async () => {
    const log = logOf({ variant: 'C' })
      .split('\n')
      .filter((line) => !line.includes('sys_munmap'))
      .join('\n');
    const report = await of(log);
    expect([report.verdict, report.frees > 0]).toEqual(['not-seen-enough', true]);
  });
});

describe('a broken kernel', () => {
  test.each([
    ['no-flush', 'call-rcu', ['flush']],
    ['free-in-call', 'free', []],
  ])('%s: %s cannot be taken', async (bug, step, expected) => {
    const report = await of(logOf({ variant: 'C', pressure: 0 }, bug));
    expect(report.verdict).toBe('not-accepted');
    const [first] = report.unexplained;
    expect([first!.step, first!.expected]).toEqual([step, expected]);
    expect(first!.events.map((e) => e.role)).toEqual(['unlinked', `not explained: ${step}`]);
  });
  test('reclaim on a kernel that has none is refused when the kernel is given', async () => {
    const path = fileOf(logOf({ variant: 'A2' }).replaceAll('munmap', 'madvise'));
    const report = await conform({ paths: [path], variants: ['A2'] });
    expect([report.verdict, report.disagree]).toEqual(['not-accepted', ['A2']]);
    expect(report.unexplained[0]!.expected).toEqual([]);
  });
});

describe('pttrace replay --conform', () => {
  test('exit codes, schema, plain text', async () => {
    const check = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(readSchema('conform'));
    for (const [bug, status] of [
      [null, 0],
      ['no-flush', 1],
    ] as const) {
      const path = fileOf(logOf({ variant: 'C', pressure: 0 }, bug));
      const json = await runCommand(['replay', path, '--conform', '--json']);
      expect([json.status, check(JSON.parse(json.stdout)), check.errors]).toEqual([status, true, null]);
      const plain = await runCommand(['replay', path, '--conform', '--plain']);
      expect(plain.stdout).toContain(status === 0 ? 'accepted: ' : 'NOT ACCEPTED: ');
      for (const line of plain.stdout.split('\n')) expect(line).toMatch(/^[\x00-\x7e]{0,75}$/);
    }
  });
  test('filters are refused', async () => {
    const { status } = await runCommand(['replay', fileOf(logOf({})), '--conform', '--pid', '1']);
    expect(status).toBe(2);
  });
});
