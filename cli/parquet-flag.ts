import { mkdirSync, realpathSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { Flags } from '@oclif/core';
import type { Dataset } from '../src/data/dataset.js';
import { isFolder } from '../src/read/recordings.js';
import { UsageError } from '../src/result/usage-error.js';

export const parquetFlag = {
  parquet: Flags.string({
    description:
      'also write what it says as tables: Parquet files below this folder, by kernel and host (docs/data.md)',
    helpValue: 'FOLDER',
  }),
};

/**
 * The folder as a dataset; null where none is asked for. Throws UsageError where it is no folder of its own, or lies in one
 * that recordings are read from: the next run would read its files as recordings.
 */
export async function openDataset(
  folder: string | undefined,
  words: readonly string[],
): Promise<Dataset | null> {
  if (folder === undefined) return null;
  for (const word of words) {
    if (!isFolder(word)) continue;
    const inside = relative(realpathSync(word), realPath(folder));
    if (inside !== '..' && !inside.startsWith(`..${sep}`))
      throw new UsageError(`--parquet ${folder} lies in ${word}, which recordings are read from`);
  }
  const { Dataset } = await import('../src/data/dataset.js');
  return new Dataset(folder);
}

/** Of what need not be there yet. */
function realPath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(realPath(parent), whole.slice(parent.length));
  }
}

/** Where the tables of recordings are written until they are placed. */
export function tablesBelow(folder: string): (index: number) => string {
  const tables = join(folder, 'tables');
  mkdirSync(tables, { recursive: true });
  return (index) => join(tables, String(index));
}
