import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dataset } from '../../../src/data/dataset.js';
import { TableWriter, type Value } from '../../../src/data/table-writer.js';
import { type TableName, tableOf } from '../../../src/data/tables.js';

/** It is no dependency: who wants to ask by SQL installs it. */
export const hasDuckDb = (() => {
  try {
    createRequire(import.meta.url).resolve('@duckdb/node-api');
    return true;
  } catch {
    return false;
  }
})();

/** What is said of one recording of a made-up fleet. */
export interface Made {
  readonly path: string;
  readonly kernel: string;
  readonly host: string;
  readonly build: string | null;
  readonly status?: string;
  readonly lost?: number;
  /** Verdict by rule. */
  readonly verdicts: Readonly<Record<string, readonly [verdict: string, why: string | null]>>;
  readonly spansNs: readonly number[];
  readonly delaysNs: readonly number[];
}

/** Writes recordings as `--parquet` does. */
export function writeMade(folder: string, made: readonly Made[]): void {
  const dataset = new Dataset(folder);
  const from = mkdtempSync(join(tmpdir(), 'pttrace-made-'));
  for (const [i, m] of made.entries()) {
    const part = join(from, String(i));
    new Dataset(part);
    const write = (name: TableName, rows: readonly (readonly Value[])[]): void => {
      if (rows.length === 0) return;
      const writer = new TableWriter(join(part, `${name}.parquet`), tableOf(name));
      for (const row of rows) writer.add([m.path, ...row]);
      writer.finish();
    };
    const status = m.status ?? 'no-finding';
    write('recordings', [[status, null, m.build, 'C', 'ns', 1000, 0, 9, 9, 2, m.lost ?? 0, 0, 10, 0]]);
    write(
      'verdicts',
      Object.entries(m.verdicts).map(([rule, [verdict, why]]) => [
        rule,
        `name-of-${rule}`,
        'S1',
        verdict,
        verdict === 'pass' ? 3 : 0,
        verdict === 'violated' ? 2 : 0,
        verdict === 'unknown' ? 1 : 0,
        0,
        why,
        null,
      ]),
    );
    write(
      'spans',
      m.spansNs.map((ns, at) => [
        'munmap',
        1_700_000_000_000_000_000n + BigInt(at),
        ns,
        at % 2,
        100 + at,
        'task',
      ]),
    );
    write(
      'delays',
      m.delaysNs.map((ns, at) => ['batch', at * 1000, ns, at % 3 === 0 ? null : at]),
    );
    dataset.place(m.path, m, part);
  }
  rmSync(from, { recursive: true, force: true });
}

/** A few recordings of odd kernels and hosts. */
export function writeDataset(folder: string): void {
  const places = [
    ['6.12.117', 'lab-1'],
    ['6.12.117', 'lab-2'],
    ['7', '17'],
    ['', ''],
    ['6.1+', 'a/b %41'],
  ] as const;
  writeMade(
    folder,
    places.map(([kernel, host], i) => ({
      path: `runs/${i}.txt`,
      kernel,
      host,
      build: kernel === '' ? null : `Linux ${kernel} #${i}`,
      verdicts: {
        I01: ['pass', null],
        I05: ['unknown', "needs 'x'"],
        I09: i === 1 ? ['violated', null] : ['pass', null],
      },
      spansNs: Array.from({ length: 5 + i }, (_, at) => 1000 * (i + 1) + ((at * 37) % 11)),
      delaysNs: Array.from({ length: i }, (_, at) => 5_000_000 + at),
    })),
  );
}
