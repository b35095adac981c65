import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Flags } from '@oclif/core';
import type { ManyOptions } from '../src/fleet/many.js';
import { temporaryFolder } from '../src/parsers/input/temporary-folder.js';
import { UsageError } from '../src/result/usage-error.js';
import { onInterrupt, refuseRepeated } from './base-command.js';
import { recordingsLine } from './progress.js';

export const jobsFlag = {
  jobs: Flags.integer({
    description: 'recordings read side by side; default: by their size, at most one per core',
    helpValue: 'N',
    min: 1,
    helpGroup: 'INPUT',
  }),
};

/** Text that is worth a thread of its own: one costs a second of CPU time before it reads as fast as the first. */
const WORTH_A_THREAD = 32 << 20;
/** What a compressed recording is unpacked to, about, by its size. */
const UNPACKED = 8;

/** 0 of a block of a file (`mail.txt#TITLE`) and of what cannot be read: that is said where it is read. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** Threads for these recordings where nobody says how many: more than one only where the work pays for them. */
export function jobsFor(paths: readonly string[]): number {
  let bytes = 0;
  for (const path of paths) {
    const size = sizeOf(path);
    bytes += /\.(?:gz|zst|xz|dat)$/.test(path) ? size * UNPACKED : size;
  }
  return Math.min(availableParallelism(), 1 + Math.floor(bytes / WORTH_A_THREAD));
}

/**
 * Runs `work` over many recordings with what it needs: threads, a folder for what standard input held and for results,
 * interruption, a line of progress. `mayRepeat`: the same file may be given twice. Says on standard error how far an interruption let it come.
 */
export async function overRecordings<T>(
  paths: readonly string[],
  jobs: number | undefined,
  work: (options: ManyOptions, folder: string) => Promise<T>,
  mayRepeat = false,
): Promise<{ value: T; interrupted: boolean }> {
  if (paths.filter((path) => path === '-').length > 1)
    throw new UsageError('standard input (-) can be read only once');
  if (!mayRepeat) refuseRepeated(paths);
  const folder = temporaryFolder('pttrace-');
  const progress = recordingsLine(process.stderr, paths.length);
  const interruption = onInterrupt();
  let done = 0;
  try {
    const value = await work(
      {
        jobs: jobs ?? jobsFor(paths),
        io: { stdin: process.stdin, spoolDir: folder.path, signal: interruption.signal },
        onDone: (count) => {
          done = count;
          progress.done(count);
        },
      },
      folder.path,
    );
    const interrupted = interruption.signal.aborted;
    progress.clear();
    if (interrupted)
      process.stderr.write(
        `pttrace: interrupted: partial, ${done} of ${paths.length} recordings were read\n`,
      );
    return { value, interrupted };
  } finally {
    progress.clear();
    interruption.off();
    folder.release();
    if (paths.includes('-')) process.stdin.destroy();
  }
}
