import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { rawCounts } from '../../scripts/accuracy/raw-counts.mjs';
import { analyse } from '../../src/analyse/analyse.js';
import { readSchema } from '../../src/schema/read-schema.js';
import { NO_BETTER, NO_CHANGE } from '../../src/what-if/report.js';
import { whatIfDetail } from '../../src/what-if/what-if.js';
import { inTurn } from '../replay/support/in-turn.js';
import { count, fixture, ofFile, ofText } from './support/run.js';
import { trace } from './support/trace.js';

const validate = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true }).compile(
  readSchema('what-if'),
);

/** Pieces of recordings of real kernels (fixtures/replay/README.md), each under variants it was not. */
const RUNS = [
  ['6.12.117-lab-n/slowpath-failpagealloc.txt.gz', 'C'],
  ['6.12.117-lab-n/slowpath-failpagealloc.txt.gz', 'B'],
  ['6.12.117-lab-n/slowpath-failpagealloc.txt.gz', 'A2'],
  ['6.12.117-lab-n/exit-mmap.txt.gz', 'D'],
  ['6.12.117-lab-n/gup-munmap.txt.gz', 'C'],
  ['6.12.117-lab-semi/slowpath-failpagealloc.txt.gz', 'A1'],
  ['6.12.117-lab-semi/slowpath-failpagealloc.txt.gz', 'C'],
  ['6.12.117-lab-semi/mt-munmap.txt.gz', 'A1'],
  ['6.12.117-lab-y/slowpath-failpagealloc.txt.gz', 'A1'],
  ['6.12.117-lab-y/slowpath-failpagealloc.txt.gz', 'A2'],
  ['6.12.117-lab-y/slowpath-failpagealloc.txt.gz', 'B'],
  ['6.12.117-lab-y/mt-munmap.txt.gz', 'A1'],
  ['debian-6.16.12/mt-munmap.txt.gz', 'A1'],
] as const;

describe.each(RUNS)('%s under %s', (file, target) => {
  test('keeps the schema, is explained by the model, and breaks no rule of that kernel', async () => {
    const { report } = await ofFile(file, target);
    expect(report.refused).toBeNull();
    expect(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors)).toBe(true);
    expect(report.gathers.withTables).toBeGreaterThan(0);
    expect(report.gathers.reproduced).toBe(report.gathers.withTables);
    expect(report.order.checked).toBe(true);
    expect(report.order.verdicts.filter((v) => v.verdict === 'violated')).toEqual([]);
    expect(report.order.verdicts.filter((v) => v.pass > 0).length).toBeGreaterThan(5);
    for (const c of report.counts) if (c.after !== null) expect(c.after).toBeGreaterThanOrEqual(0);
  });
});

test('the slow path of the patched kernel under the others', async () => {
  const y = '6.12.117-lab-y/slowpath-failpagealloc.txt.gz';
  const perTable = await ofFile(y, 'B');
  const [singles] = count(perTable, 'singleCalls');
  expect(singles).toBeGreaterThan(0);
  // B sends the IPI that the merged patch dropped: one round to 3 CPUs for every single table.
  expect(count(perTable, 'syncRounds')).toEqual([0, singles]);
  expect(count(perTable, 'syncIpis')).toEqual([0, singles! * 3]);
  expect(count(perTable, 'flushes')[0]).toBe(count(perTable, 'flushes')[1]);
  const munmap = perTable.report.series[0]!;
  expect(munmap.shift.mean.low).toBeGreaterThan(0);
  const unpatched = await ofFile(y, 'A1');
  const [before, after] = count(unpatched, 'flushes');
  expect(after).toBeLessThan(before!);
  expect(unpatched.report.series[0]!.shift.p50.high).toBeLessThan(0);
});

test('a sequence that broke a rule before the change still does after it', async () => {
  const text = trace({ kernel: 'sync', munmaps: 3, tables: 3, pages: 2, early: true }).replace(
    '#P:2',
    '#P:1',
  );
  const { report } = await ofText(text, 'A0', { variants: ['A1'] });
  const bad = report.order.verdicts.filter((v) => v.verdict === 'violated');
  expect(bad.length).toBeGreaterThan(0);
  expect(bad[0]!.recordedViolated).toBe(bad[0]!.violated);
});

test('with lost events only the order goes unchecked', async () => {
  const text = trace({ kernel: 'sync', munmaps: 3, tables: 3, pages: 2 });
  const lines = text.split('\n');
  lines.splice(40, 0, 'CPU:0 [LOST 12 EVENTS]');
  const { report } = await ofText(lines.join('\n'), 'C');
  expect(report.order).toMatchObject({ checked: false, verdicts: [] });
  expect(report.order.reason).toContain('lost');
  expect(report.series[0]!.before.count).toBeGreaterThan(0);
});

test('nothing is said of a recording that a replay of it does not say, readers apart', async () => {
  const dir = fileURLToPath(new URL('../../fixtures/alarms/', import.meta.url));
  const files = readdirSync(dir).filter((f) => /\.txt(?:\.gz)?$/.test(f));
  expect(files.length).toBeGreaterThan(10);
  for (const [i, name] of files.entries()) {
    const paths = [join(dir, name)];
    const { invariants } = await analyse({ paths });
    const clean = new Set(invariants.filter((i) => i.instances.violated === 0).map((i) => i.id));
    for (const target of inTurn(['A1', 'C', 'E'], 3, i)) {
      const { report } = await whatIfDetail({ paths, target });
      const wrong = report.order.verdicts.filter((v) => v.verdict === 'violated' && clean.has(v.id));
      expect(wrong.map((v) => `${name} ${target} ${v.id}`)).toEqual([]);
    }
  }
});

test('where no call is changed the result says that it is the answer "no change", and gives no interval', async () => {
  const { report } = await ofFile('6.12.117-lab-semi/mt-munmap.txt.gz', 'C');
  expect(report.series.length).toBeGreaterThan(0);
  for (const s of report.series) {
    expect([s.changed, s.shift.mean]).toEqual([0, { value: 0, low: null, high: null }]);
  }
  expect(report.notes).toContain(NO_CHANGE);
  const other = await ofFile('6.12.117-lab-semi/slowpath-failpagealloc.txt.gz', 'C');
  expect(other.report.notes).not.toContain(NO_CHANGE);
  expect(other.report.notes).not.toContain(NO_BETTER);
});

test('counts of a recording are those of its raw lines', async () => {
  for (const [file, target] of RUNS) {
    if (file.startsWith('debian')) continue;
    const found = await ofFile(file, target);
    for (const [name, lines] of Object.entries(rawCounts(fixture(file)))) {
      // Not known where a cut recording shows some flushes without their IPIs.
      if (count(found, name)[0] === null) continue;
      expect([file, name, count(found, name)[0]]).toEqual([file, name, lines]);
    }
  }
});
