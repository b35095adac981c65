import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DIALECTS } from '../../src/parsers/input/detect.js';
import { builtCommand, ROOT } from '../support/built.js';

interface Reading {
  readonly name: string;
  readonly format: string | null;
  readonly lines: Record<string, number> | null;
  readonly newlines: number;
  readonly refused: string | null;
}
interface Script {
  page(): Promise<string>;
  readings(): Promise<Reading[]>;
  traceFixtures(): string[];
}
interface Bench {
  readonly rows: readonly { format: string; megabytes: number; peakMegabytes: number; timesPeer: number }[];
}

describe('docs/formats.md', () => {
  let page: string;
  let readings: Reading[];
  beforeAll(async () => {
    builtCommand();
    const script = (await import(join(ROOT, 'scripts/formats-table.mjs'))) as Script;
    page = await script.page();
    readings = await script.readings();
  });

  it('is current', () => {
    const current = readFileSync(join(ROOT, 'docs/formats.md'), 'utf8') === page;
    expect(current, 'npm run build && node scripts/formats-table.mjs').toBe(true);
  });

  it('accounts for every line of every fixture', () => {
    expect(readings.length).toBeGreaterThan(50);
    for (const { name, format, lines, newlines, refused } of readings) {
      if (lines === null) {
        expect(refused, name).not.toBe('');
        continue;
      }
      const { total, ...kinds } = lines;
      expect(
        Object.values(kinds).reduce((a, b) => a + b, 0),
        name,
      ).toBe(total);
      if (format !== 'trace-dat') expect(total, name).toBe(newlines);
    }
  });

  it('takes a special format for itself, not for the plain one its lines are too', () => {
    const fields = readings.filter((r) => /^ftrace-options\/.*\/fields\.txt$/.test(r.name));
    expect(fields.map((r) => r.format)).toEqual(['ftrace-fields', 'ftrace-fields']);
  });

  it('refuses only what is there to be refused', () => {
    for (const { name, refused } of readings) {
      const toRefuse = name.startsWith('tracefs-refusals/');
      expect(refused === null, `${name}: ${refused}`).toBe(!toRefuse);
    }
  });

  it('names every format there is, with its speed', () => {
    const { rows } = JSON.parse(readFileSync(join(ROOT, 'bench/formats.json'), 'utf8')) as Bench;
    for (const { id } of DIALECTS) expect(page).toContain(`| \`${id}\` |`);
    for (const row of rows) {
      expect(row.megabytes, row.format).toBeGreaterThanOrEqual(50);
      expect(row.peakMegabytes, row.format).toBeLessThanOrEqual(130);
    }
    const measured = new Set(rows.map((r) => r.format));
    const missing = DIALECTS.map((d) => d.id).filter((id) => !measured.has(id));
    // No recordings of them are at hand, and a few lines again and again would measure nothing: the lines of a dump are
    // those of latency-format behind a console prefix, fixtures of the others are excerpts written by hand.
    expect(missing).toEqual(['ftrace-dump', 'strace', 'babeltrace', 'latency-table', 'bcc-trace']);
  });
});
