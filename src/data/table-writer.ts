import type { BasicType, ColumnSource } from 'hyparquet-writer';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import { VERSION } from '../version.js';
import { keeping } from './store-error.js';
import type { ColumnKind, Table } from './tables.js';

export type Value = string | number | bigint | null;

/** Rows written at a time: a row group. So many are kept in memory. */
const GROUP_ROWS = 65_536;

const TYPES: Readonly<Record<ColumnKind, BasicType>> = { text: 'STRING', int: 'INT32', long: 'INT64' };

/**
 * One table as one Parquet file, written while rows come: memory does not grow with them. The same rows give the same
 * bytes. Throws StoreError where there is no room.
 */
export class TableWriter {
  private readonly file: string;
  private readonly table: Table;
  private readonly writer: ParquetWriter;
  private columns: Value[][];
  rows = 0;

  /** Makes the file. */
  constructor(file: string, table: Table) {
    this.file = file;
    this.table = table;
    this.columns = table.columns.map(() => []);
    this.writer = new ParquetWriter({
      writer: keeping(file, () => fileWriter(file)),
      schema: [
        { name: 'root', num_children: table.columns.length },
        ...table.columns.map(({ name, kind, nullable }) => ({
          name,
          repetition_type: nullable ? ('OPTIONAL' as const) : ('REQUIRED' as const),
          ...(kind === 'text'
            ? { type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const }
            : { type: kind === 'int' ? ('INT32' as const) : ('INT64' as const) }),
        })),
      ],
      createdBy: `pttrace version ${VERSION}`,
    });
  }

  /** Values in the order of the columns; whole numbers may come as numbers where they are exact. */
  add(values: readonly Value[]): void {
    values.forEach((value, i) => {
      const { kind } = this.table.columns[i]!;
      this.columns[i]!.push(kind === 'long' && typeof value === 'number' ? BigInt(Math.round(value)) : value);
    });
    this.rows++;
    if (this.columns[0]!.length >= GROUP_ROWS) this.flush();
  }

  finish(): void {
    this.flush();
    keeping(this.file, () => this.writer.finish());
  }

  private flush(): void {
    const columnData = this.table.columns.map(
      ({ name, kind }, i): ColumnSource => ({ name, data: this.columns[i]!, type: TYPES[kind] }),
    );
    if (columnData[0]!.data.length === 0) return;
    keeping(this.file, () => this.writer.write({ columnData, rowGroupSize: GROUP_ROWS }));
    this.columns = this.table.columns.map(() => []);
  }
}
