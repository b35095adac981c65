import { EXIT } from './exit-codes.js';

/**
 * Writes to stdout, through a pager where a terminal is too short, and waits until it is taken: a large report into a slow pipe must not be cut at exit. The exit code
 * must be decided before: whoever reads may leave in the middle.
 */
export async function writeOut(text: string): Promise<void> {
  if (process.stdout.isTTY === true) {
    // Only where somebody looks: a start into a pipe need not load it.
    const { page, pagerFor } = await import('./pager.js');
    const pager = pagerFor(text.split('\n').length - 1);
    if (pager !== null && (await page(text, pager))) return;
  }
  await new Promise<void>((resolve) => {
    // A failure is the business of `guardOutput`, which ends the process.
    process.stdout.write(text, () => resolve());
  });
}

/** The exit code where standard output failed. `decided`: what it would have been. */
export function failedOutputCode(code: string | undefined, decided: number | undefined): number {
  // Whoever reads has seen enough; the verdict stands.
  if (code === 'EPIPE') return decided ?? EXIT.clean;
  // Less than was said has arrived: never clean.
  return decided === undefined || decided === EXIT.clean || decided === EXIT.cutOff ? EXIT.internal : decided;
}

/** Ends the process because standard output failed; says so where it is not just a reader that left. */
export function endOutput(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EPIPE')
    process.stderr.write(
      `pttrace: standard output cannot be written (${error.code}): the report is not whole\n`,
    );
  process.exit(failedOutputCode(error.code, process.exitCode as number | undefined));
}

/** Broken pipes, full disks and the signals that end a process, in one place for every command. */
export function guardOutput(): void {
  // Before oclif's own, which throws what is no broken pipe.
  process.stdout.prependListener('error', endOutput);
  // Nobody reads the messages; the exit code still speaks.
  process.stderr.on('error', () => {});
  for (const [signal, code] of ENDING) {
    process.on(signal, () => {
      // A command with a clean-up of its own (record, a report of what was read) takes the signal itself.
      if (process.listenerCount(signal) > 1) return;
      process.stderr.write(`pttrace: ended by ${signal}\n`);
      process.exit(code);
    });
  }
}

const ENDING = [
  ['SIGTERM', EXIT.terminated],
  ['SIGHUP', EXIT.hangup],
] as const;
