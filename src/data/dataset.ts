import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../result/usage-error.js';
import { keeping } from './store-error.js';
import { TABLES } from './tables.js';

/** What readers of such folders (Hive, DuckDB, Arrow, Spark) take for null. */
export const NO_VALUE = '__HIVE_DEFAULT_PARTITION__';

/** Bytes of a name that every file system takes, with room for what is added. */
const LONGEST = 200;

/** Kernel and host of a recording; '' where nothing says it. */
export interface Partition {
  readonly kernel: string;
  readonly host: string;
}

/** `key=VALUE` as such folders are called: everything that might mean something to a shell or a path is `%XX`. */
function partitionFolder(key: string, value: string): string {
  if (value === '') return `${key}=${NO_VALUE}`;
  const escaped = [...value].map((c) =>
    /[A-Za-z0-9._~-]/.test(c) ? c : [...Buffer.from(c)].map(percent).join(''),
  );
  const whole = escaped.join('');
  if (whole.length <= LONGEST) return `${key}=${whole}`;
  let start = '';
  for (const c of escaped) {
    if (start.length + c.length > LONGEST - 17) break;
    start += c;
  }
  return `${key}=${start}-${shortHash(value)}`;
}

const percent = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/** Where the rows of a partition lie, below the folder of a table. */
export const partitionPath = ({ kernel, host }: Partition): string =>
  join(partitionFolder('kernel', kernel), partitionFolder('host', host));

/** The file of a recording, the same in every table: what it is called, and the hash of its whole path. */
export function recordingFile(path: string): string {
  const name = basename(path).replace(/[^A-Za-z0-9._-]/g, '_');
  return `${name.slice(0, 80).replace(/^\.+/, '_')}-${shortHash(path)}.parquet`;
}

function copyWhole(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  const part = join(dirname(target), `.${basename(target)}-${randomBytes(6).toString('hex')}`);
  try {
    copyFileSync(source, part);
    renameSync(part, target);
  } finally {
    rmSync(part, { force: true });
  }
}

function moveWhole(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  try {
    renameSync(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    copyWhole(source, target);
    rmSync(source, { force: true });
  }
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/**
 * A folder of results as Parquet files: `TABLE/kernel=RELEASE/host=NAME/RECORDING.parquet`. A recording that is placed
 * again takes the place of what was there of it, wherever that lies; others stay. Two that write into it at once must be
 * of different recordings.
 */
export class Dataset {
  private readonly folder: string;
  /** Files that are there, by their names. */
  private readonly there = new Map<string, string[]>();

  /** Makes the folder. Throws UsageError where it is none of these, or cannot be made. */
  constructor(folder: string) {
    this.folder = folder;
    try {
      mkdirSync(folder, { recursive: true });
      const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
      const foreign = names.find((name) => !TABLES.some((t) => t.name === name));
      if (foreign !== undefined)
        throw new UsageError(`${folder} holds ${foreign}, which is no table: give a folder of its own`);
      for (const name of names) this.remember(join(folder, name));
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`${folder} cannot be made (${(error as NodeJS.ErrnoException).code ?? error})`);
    }
  }

  /**
   * Copies the tables of a recording from `from`, where `RecordingTables` put them. Every file appears whole or not at
   * all. Throws StoreError where there is no room.
   */
  place(path: string, partition: Partition, from: string): void {
    this.put(path, partition, from, copyWhole);
  }

  /** As `place`; the files in `from` go. Within one file system that writes nothing a second time. */
  take(path: string, partition: Partition, from: string): void {
    this.put(path, partition, from, moveWhole);
  }

  private put(
    path: string,
    partition: Partition,
    from: string,
    into: (source: string, target: string) => void,
  ): void {
    const name = recordingFile(path);
    const placed: string[] = [];
    for (const table of TABLES) {
      const source = join(from, `${table.name}.parquet`);
      if (!existsSync(source)) continue;
      const target = join(this.folder, table.name, partitionPath(partition), name);
      keeping(target, () => into(source, target));
      placed.push(target);
    }
    for (const old of this.there.get(name) ?? []) if (!placed.includes(old)) rmSync(old, { force: true });
    this.there.set(name, placed);
  }

  private remember(table: string): void {
    if (!statSync(table).isDirectory()) return;
    for (const found of readdirSync(table, { recursive: true, encoding: 'utf8' })) {
      const name = basename(found);
      if (!name.endsWith('.parquet') || name.startsWith('.')) continue;
      const list = this.there.get(name);
      if (list) list.push(join(table, found));
      else this.there.set(name, [join(table, found)]);
    }
  }
}
