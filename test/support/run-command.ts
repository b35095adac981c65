import { type RunOptions, runCommand as runIn } from '../../scripts/in-process.mjs';
import { keepThreads } from '../../scripts/warm-threads.mjs';
import { builtCommand, ROOT } from './built.js';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `pttrace ARGS…` as built, in this process and from the project's root: some ten times as fast as starting one.
 * Its threads, too, are those of the command before.
 * Where the process itself is the subject (signals, pipes, start-up) use `pttrace` of ./built.ts.
 */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  builtCommand();
  keepThreads();
  const { status, stdout, stderr } = await runIn(ROOT, args, options);
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}
