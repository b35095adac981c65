import { availableParallelism } from 'node:os';
import { Flags } from '@oclif/core';
import type { ManyOptions } from '../src/fleet/many.js';
import { temporaryFolder } from '../src/parsers/input/temporary-folder.js';
import { UsageError } from '../src/result/usage-error.js';
import { onInterrupt, refuseRepeated } from './base-command.js';
import { recordingsLine } from './progress.js';

export const jobsFlag = {
  jobs: Flags.integer({
    description: 'recordings read side by side; default: one per core',
    helpValue: 'N',
    min: 1,
    helpGroup: 'INPUT',
  }),
};

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
        jobs: jobs ?? availableParallelism(),
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
