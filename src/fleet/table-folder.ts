import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { RecordingTables } from '../data/recording-tables.js';
import { keeping } from '../data/store-error.js';
import type { RecordingRow } from './recording-row.js';
import { syncFolder } from './result-file.js';

/** Where tables are written until they are whole. */
export const partOf = (tables: string): string =>
  `${tables}.${process.pid}-${randomBytes(6).toString('hex')}.part`;

/**
 * The folder `part` as `tables`: there whole or not at all; who comes second has the same bytes. `durable`: on the disk
 * when this returns. Throws StoreError.
 */
export function keepTables(part: string, tables: string, durable: boolean): void {
  keeping(tables, () => {
    if (durable) {
      for (const name of readdirSync(part)) syncFile(join(part, name));
      syncFolder(part);
    }
    try {
      renameSync(part, tables);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
    if (durable) syncFolder(dirname(tables));
  });
}

function syncFile(file: string): void {
  const fd = openSync(file, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Puts the tables of a recording from their folder into the dataset, and leaves the folder. A recording of which nothing
 * is known (its thread ended, it was given up) is in there too, with the reason. Throws StoreError.
 */
export function placeTables(dataset: Dataset, row: RecordingRow, folder: string): void {
  if (existsSync(folder)) dataset.place(row.path, row, folder);
  else placeUnknown(dataset, row, folder);
}

/** As `placeTables`; the folder goes. */
export function takeTables(dataset: Dataset, row: RecordingRow, folder: string): void {
  if (existsSync(folder)) dataset.take(row.path, row, folder);
  else placeUnknown(dataset, row, folder);
  rmSync(folder, { recursive: true, force: true });
}

function placeUnknown(dataset: Dataset, row: RecordingRow, folder: string): void {
  const part = partOf(folder);
  try {
    new RecordingTables(part, row.path, undefined).finish(row, null, null);
    dataset.take(row.path, row, part);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}
