import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXPLORE_DEFAULTS } from '../../src/explore/explore.js';
import { exploreScenario, ftraceOf } from '../../src/explore/report.js';
import { DEFAULTS, type Scenario } from '../../src/machine/scenario.js';
import { predict } from '../../src/predict/predict.js';
import type { PredictReader } from '../../src/predict/report.js';
import { readSchema } from '../../src/schema/read-schema.js';
import { simulate } from '../../src/simulate/simulate.js';
import { completeWorkload, type PartialWorkload } from '../../src/simulate/workload.js';
import { runCommand } from '../support/run-command.js';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pttrace-predict-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function fileOf(text: string): string {
  const path = join(dir, 'log.txt');
  writeFileSync(path, text);
  return path;
}

const logOf = (workload: PartialWorkload): string =>
  [...simulate(completeWorkload({ munmaps: 4, cpus: 4, ...workload }))].join('');
const one = async (text: string, reader: string): Promise<PredictReader> =>
  (await predict({ paths: [fileOf(text)], readers: [reader] })).readers[0]!;
/** The same frees, as madvise() would have done them. */
const reclaimed = (log: string): string => log.replaceAll('munmap', 'madvise');

describe('a walker under rcu_read_lock() only', () => {
  test('is found beside reclaim on semi-RCU whose batch page was missing', async () => {
    const r = await one(reclaimed(logOf({ variant: 'A2', pressure: 1 })), 'pte-offset-map');
    expect(r.candidates).toBeGreaterThan(10);
    expect([r.safe, r.unknown]).toEqual([0, 0]);
    const [group] = r.groups;
    expect(group!.path).toBe(
      'reclaimed under mmap_lock for reading, flushed, IPI to all CPUs, released by its task',
    );
    expect(group!.steps.at(-1)).toContain('reads T0, which was freed directly');
    expect(group!.events.map((e) => e.role)).toEqual(['unlinked', 'released']);
  });
  test('is not found there with memory for batches', async () => {
    const r = await one(reclaimed(logOf({ variant: 'A2', pressure: 0 })), 'pte-offset-map');
    expect([r.candidates, r.unknown]).toEqual([0, 0]);
    expect(r.groups[0]!.because).toBe('the grace period before the callback waits for it');
  });
  test('is not found beside munmap: its locks keep it out', async () => {
    const r = await one(logOf({ variant: 'A2', pressure: 1 }), 'pte-offset-map');
    expect([r.candidates, r.unknown]).toEqual([0, 0]);
    expect(r.groups[0]!.because).toContain('its locks keep the walker out');
  });
  test.each(['B', 'C', 'D', 'E', 'En'])('is not found on %s, whoever frees', async (variant) => {
    const log = logOf({ variant, pressure: 1 });
    for (const text of [log, reclaimed(log)]) {
      const readers = ['gup-fast', 'pte-offset-map', 'pte-offset-map-lock'];
      const report = await predict({ paths: [fileOf(text)], readers });
      for (const r of report.readers) {
        expect([variant, r.reader, r.candidates, r.unknown]).toEqual([variant, r.reader, 0, 0]);
        expect(r.safe).toBeGreaterThan(10);
      }
    }
  });
  test('is found on A1 beside reclaim: the flush waits for nobody who has interrupts on', async () => {
    const log = reclaimed(logOf({ variant: 'A1' }));
    expect((await one(log, 'pte-offset-map')).candidates).toBeGreaterThan(10);
    expect((await one(log, 'gup-fast')).candidates).toBe(0);
  });
});

describe('what is not shown', () => {
  test('is decided both ways: without syscalls it is not known who unlinks', async () => {
    const log = logOf({ variant: 'A2', pressure: 1 })
      .split('\n')
      .filter((line) => !line.includes('sys_munmap'))
      .join('\n');
    const r = await one(log, 'pte-offset-map');
    expect([r.candidates, r.safe]).toEqual([0, 0]);
    expect(r.groups[0]!.because).toContain('under which locks it was unlinked');
    expect((await one(log, 'gup-fast')).unknown).toBe(0);
  });
  test('of flushes: a page walker is not decided, a walker that a grace period waits for is', async () => {
    const log = logOf({ variant: 'C', pressure: 1 })
      .split('\n')
      .filter((line) => !/flush_tlb_mm_range|tlb_finish_mmu <-/.test(line))
      .join('\n');
    expect((await one(log, 'hardware')).unknown).toBeGreaterThan(0);
    expect((await one(log, 'pte-offset-map')).unknown).toBe(0);
  });
  test('a kernel before 4.20 does not wait for interrupts off', async () => {
    const log = logOf({ variant: 'C', pressure: 1 });
    const [paths, readers] = [[fileOf(log)], ['gup-fast']];
    const old = await predict({ paths, readers, kernel: '4.19' });
    // The flush interrupts wait for it all the same.
    expect(old.readers[0]!.groups[0]!.because).not.toContain('grace period');
    expect(old.readers[0]!.candidates).toBe(0);
  });
});

/** Executions of the machine as logs: what the program frees is what predict says, walker or not in the log. */
describe('logs of explorations', () => {
  test.each([
    [{ variant: 'A2', memory: 'no' }, 'candidates'],
    [{ variant: 'C', broken: ['gp-ignores-readers'] }, 'safe'],
  ] as const)('%o: %s', async (scenario, verdict) => {
    const { explored } = exploreScenario(
      { ...DEFAULTS, program: 'madvise-dontneed', readers: ['pte-offset-map'], ...scenario } as Scenario,
      EXPLORE_DEFAULTS,
    );
    const r = await one(ftraceOf(explored), 'pte-offset-map');
    expect([r.candidates + r.safe, r[verdict]]).toEqual([1, 1]);
  });
});

describe('pttrace predict', () => {
  const path = (): string => fileOf(reclaimed(logOf({ variant: 'A2', pressure: 1 })));
  test('exits 1 with a candidate, 0 without; --json keeps its schema', async () => {
    const found = await runCommand(['predict', path(), '--json']);
    expect(found.status).toBe(1);
    const check = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(readSchema('predict'));
    expect(check(JSON.parse(found.stdout)), JSON.stringify(check.errors)).toBe(true);
    const none = await runCommand(['predict', path(), '--reader', 'gup-fast']);
    expect([none.status, none.stdout]).toEqual([0, expect.stringContaining('gup-fast: candidates 0 of ')]);
  });
  test('--plain is ASCII within 75 columns', async () => {
    const { stdout } = await runCommand(['predict', path(), '--plain']);
    expect(stdout).toContain('one order of steps:');
    for (const line of stdout.split('\n')) expect(line).toMatch(/^[\x00-\x7e]{0,75}$/);
  });
  test.each([
    [['--reader', 'nope'], 'there is no reader nope'],
    [['--reader', 'pgd-list'], 'pgd-list walks no table'],
    [['--variant', 'Z'], 'unknown kernel variant'],
    [['--kernel', 'six'], 'is no kernel release'],
  ])('%j is a usage error', async (args, message) => {
    const { status, stderr } = await runCommand(['predict', path(), ...args]);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
