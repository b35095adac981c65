import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { afterAll, describe, expect, it } from 'vitest';
import { StoreError } from '../../src/data/store-error.js';
import { TableWriter } from '../../src/data/table-writer.js';
import type { Table } from '../../src/data/tables.js';
import { readTable } from './support/read-tables.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-table-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const TABLE: Table = {
  name: 'spans',
  row: 'anything',
  columns: [
    { name: 'word', kind: 'text', what: '' },
    { name: 'small', kind: 'int', nullable: true, what: '' },
    { name: 'large', kind: 'long', what: '' },
    { name: 'perhaps', kind: 'text', nullable: true, what: '' },
  ],
};

describe('a table as a Parquet file', () => {
  it('holds what was added, whatever it is', async () => {
    const file = join(dir, 'any.parquet');
    const row = fc.tuple(
      fc.string({ unit: 'grapheme' }),
      fc.option(fc.integer()),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.option(fc.string({ unit: 'grapheme' })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
        const writer = new TableWriter(file, TABLE);
        for (const values of rows) writer.add(values);
        writer.finish();
        const found = await readTable(file);
        expect(found.map((r) => [r.word, r.small, r.large, r.perhaps])).toEqual(rows);
      }),
      { numRuns: 60 },
    );
  });

  it('is written in groups of rows, the same bytes each time', async () => {
    const files = ['a', 'b'].map((name) => join(dir, `${name}.parquet`));
    for (const file of files) {
      const writer = new TableWriter(file, TABLE);
      for (let i = 0; i < 150_000; i++) writer.add([`task ${i % 7}`, i % 5 === 0 ? null : i, i * 1000, null]);
      writer.finish();
      expect(writer.rows).toBe(150_000);
    }
    const [a, b] = files.map((file) => readFileSync(file));
    expect(a!.equals(b!)).toBe(true);
    const { row_groups } = parquetMetadata(
      a!.buffer.slice(a!.byteOffset, a!.byteOffset + a!.length) as ArrayBuffer,
    );
    expect(row_groups.map((g) => Number(g.num_rows))).toEqual([65_536, 65_536, 18_928]);
    const rows = await readTable(files[0]!);
    expect(rows[149_999]).toEqual({ word: 'task 3', small: 149_999, large: 149_999_000n, perhaps: null });
  });

  it('says which file could not be written', () => {
    expect(() => new TableWriter(join(dir, 'nowhere/x.parquet'), TABLE)).toThrow(StoreError);
    expect(() => new TableWriter(join(dir, 'nowhere/x.parquet'), TABLE)).toThrow(
      /nowhere\/x\.parquet cannot be written \(ENOENT\)/,
    );
  });
});
