import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { UsageError } from '../result/usage-error.js';
import { readBaseline, updatedBaseline } from './baseline.js';

/** A lock older than this was left behind by a process that was killed. */
const STALE_MS = 60_000;
const WAIT_MS = 50;
/** Writing a baseline takes some milliseconds. */
const PATIENCE_MS = 10_000;

/**
 * Adds what these runs measured to the baseline file. Two processes that do so at once lose nothing: the file is read
 * anew under a lock (`FILE.lock`, made exclusively) and takes the place of the old one whole. Returns how many
 * recordings it holds now. Throws UsageError where it cannot be written.
 */
export function storeBaseline(
  file: string,
  runs: Parameters<typeof updatedBaseline>[1],
): { readonly traces: number } {
  const lock = `${file}.lock`;
  try {
    take(lock);
    try {
      const updated = updatedBaseline(readBaseline(file), runs);
      replace(file, `${JSON.stringify(updated, null, 1)}\n`);
      return { traces: Object.keys(updated.traces).length };
    } finally {
      rmSync(lock, { force: true });
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
    );
  }
}

function take(lock: string): void {
  for (let waited = 0; ; waited += WAIT_MS) {
    try {
      closeSync(openSync(lock, 'wx'));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const stat = statSync(lock, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > STALE_MS) rmSync(lock, { force: true });
    else if (waited > PATIENCE_MS)
      throw new UsageError(`${lock} is held by another process; remove it if none runs`);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
  }
}

/** A reader sees the old file or the new one, never a part. */
function replace(file: string, text: string): void {
  const part = `${file}.${process.pid}.part`;
  try {
    const fd = openSync(part, 'w');
    try {
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}
