import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { compareInputs } from '../../../src/compare/compare.js';
import { resultHistograms } from '../../../src/latency/printed/read-result.js';
import { hist } from '../../../src/measure/hist.js';

const folder = mkdtempSync(join(tmpdir(), 'pttrace-results-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const of = (text: string) => hist({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
const table = (name: string, low: number, counts: readonly number[]): string =>
  `${name}:\n${counts.map((n, i) => `[${low * 2 ** i}, ${low * 2 ** (i + 1)}) ${n} |${'@'.repeat(Math.floor((n / Math.max(...counts)) * 52)).padEnd(52)}|\n`).join('')}\n`;
const MIXED = `${table('@lat_ms', 2, [10, 50])}${table('@run_usecs[app, 12]', 16, [5, 50])}${table('@bytes', 64, [7, 9])}`;

describe('results of pttrace are read back', () => {
  test('histograms of several units and names, one of them no time', async () => {
    const first = await of(MIXED);
    expect(first.groups.map((g) => [g.mapName, g.unit])).toEqual([
      ['@lat_ms', 'ms'],
      ['@run_usecs', 'us'],
      ['@bytes', 'unknown'],
    ]);
    const again = await of(JSON.stringify(first));
    expect(again.printed).toBe(first.printed);
  });

  test('compare takes a group of a result by its map and key', async () => {
    const json = file('mixed.json', JSON.stringify(await of(MIXED)));
    const text = file('mixed.txt', MIXED);
    const report = await compareInputs({
      before: [`${json}#@run_usecs[app, 12]`],
      after: [`${text}#line 5`],
    });
    expect(report.table.find((r) => r.what === 'p50')).toMatchObject({
      rowBefore: [32_000, 64_000],
      rowAfter: [32_000, 64_000],
    });
  });

  test('the two sides of a comparison', async () => {
    const text = file(
      'two.txt',
      `before:\n${table('@ns', 1024, [10, 50, 1])}after:\n${table('@ns', 1024, [1, 30, 9, 4])}`,
    );
    const report = await compareInputs({ before: [`${text}#before`], after: [`${text}#after`] });
    const sides = resultHistograms(JSON.parse(JSON.stringify(report)), 'x');
    expect(sides.map((h) => [h.title, h.bins.map((b) => b.count)])).toEqual([
      ['before', [10, 50, 1]],
      ['after', [1, 30, 9, 4]],
    ]);
  });

  test('a result without histograms says what to give', () => {
    expect(() => resultHistograms({ schema: 'pttrace/gate/1' }, 'x')).toThrow('give the recording it is of');
  });
});
