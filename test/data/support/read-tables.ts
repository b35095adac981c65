import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';

export type Row = Readonly<Record<string, string | number | bigint | null>>;

/** Rows of one Parquet file, by a reader that the writer did not come with. */
export async function readTable(file: string): Promise<Row[]> {
  const bytes = readFileSync(file);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return (await parquetReadObjects({ file: buffer as ArrayBuffer })) as Row[];
}

/** Files of a folder, in byte order of their paths. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name).slice(folder.length + 1))
    .sort();

/** All rows of a table of a dataset, with the kernel and host that its folders name. */
export async function readDataset(folder: string, table: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const file of filesIn(folder).filter((f) => f.startsWith(`${table}/`))) {
    const [, kernel, host] = /kernel=([^/]*)\/host=([^/]*)\//.exec(file)!;
    const value = (text: string) => (text === '__HIVE_DEFAULT_PARTITION__' ? null : decodeURIComponent(text));
    const of = { kernel: value(kernel!), host: value(host!) };
    for (const row of await readTable(join(folder, file))) rows.push({ ...of, ...row });
  }
  return rows;
}

/** Bytes by file: what must not depend on anything but the recordings. */
export const bytesIn = (folder: string): Map<string, string> =>
  new Map(filesIn(folder).map((file) => [file, readFileSync(join(folder, file)).toString('base64')]));
