import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTurn } from '../replay/support/in-turn.js';
import { ROOT } from '../support/built.js';
import { oneOfEachName } from '../support/part.js';
import { converted, TRACES, timelineOf } from './support.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-convert-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, 'out');

test('there are traces of every dialect', () => {
  expect(TRACES.length).toBeGreaterThan(50);
});

/** Of each recording of a dialect that of one kernel: fixtures/DIALECT/KERNEL/NAME. */
const SOME = oneOfEachName(TRACES, (path) => path.replace(/^(fixtures\/[^/]+)\/[^/]+(?=\/)/, '$1'));

test('only recordings of another kernel are left to the whole run', () => {
  const kinds = (paths: readonly string[]) =>
    new Set(paths.map((path) => path.replace(/(?<=\/.*\/).*(?=\/)/, '')));
  expect(kinds(SOME)).toEqual(kinds(TRACES));
});

describe.each(SOME)('%s', (name) => {
  let from: Awaited<ReturnType<typeof timelineOf>>;
  beforeAll(async () => {
    from = await timelineOf(join(ROOT, name));
  });

  test.each(inTurn(['jsonl', 'csv'] as const, 2, SOME.indexOf(name)))(
    '%s reads back to the same timeline',
    async (to) => {
      const { bytes, unsaid } = await converted([join(ROOT, name)], to);
      expect([...unsaid]).toEqual([]);
      writeFileSync(file, bytes);
      const back = await timelineOf(file);
      expect(back.input.report.format).toBe(to);
      expect(back.input.report.lines).toMatchObject({ skipped: 0, foreign: 0 });
      expect(back.rows).toEqual(from.rows);
      if (from.rows.length > 0) expect(back.clock).toBe(from.clock);
      const facts = ({ tracer, clock, cpus, entriesInBuffer, entriesWritten }: typeof from.input.header) => ({
        tracer,
        clock,
        cpus,
        entriesInBuffer,
        entriesWritten,
      });
      expect(facts(back.input.header)).toEqual(facts(from.input.header));
    },
  );

  test('ftrace text reads back to the same timeline, but for what it says it cannot say', async () => {
    const { bytes, unsaid } = await converted([join(ROOT, name)], 'ftrace');
    writeFileSync(file, bytes);
    const back = await timelineOf(file);
    const { rows } = from;
    const told = [...unsaid.values()].reduce((n, count) => n + count, 0);
    if (told === 0) expect(back.rows).toEqual(rows);
    else {
      expect(back.rows.length).toBe(rows.length);
      expect(back.rows.filter((row, i) => row !== rows[i]).length).toBe(told);
    }
    // Ticks have no resolution in ns.
    const clock = from.clock.replace(/^ticks .*/, 'ticks 1');
    if (from.rows.length > 0) expect(back.clock).toBe(clock);
    expect(back.input.header.cpus).toBe(from.input.header.cpus);
  });
});
