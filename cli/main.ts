import { flush, run } from '@oclif/core';
import { TraceError } from '../src/parsers/trace-error.js';
import { adviceFor } from './advice.js';
import { EXIT } from './exit-codes.js';

/** Runs the command line and leaves with the documented exit code. */
export async function main(url: string, argv: string[] = process.argv.slice(2)): Promise<void> {
  // `pttrace … | head` closes the pipe: not an error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.clean);
    throw error;
  });
  try {
    await run(argv, url);
    await flush();
  } catch (error) {
    process.exitCode = explain(error);
  }
}

/** Prints what went wrong and what to do next on stderr; returns the exit code. */
function explain(error: unknown): number {
  const oclif = (error as { oclif?: { exit?: number } }).oclif;
  if (oclif?.exit === EXIT.clean) return EXIT.clean;
  if (error instanceof TraceError) {
    const place = [error.path, error.line, error.offset === undefined ? undefined : `byte ${error.offset}`];
    const where = place.filter((p) => p !== undefined).join(':');
    process.stderr.write(`pttrace: ${where === '' ? '' : `${where}: `}${error.message}\n`);
    const advice = adviceFor(error.code);
    if (advice !== '') process.stderr.write(`  ${advice}\n`);
    return error.code === 'unknown-format' && error.message.startsWith('there is no format')
      ? EXIT.usage
      : EXIT.unreadable;
  }
  if (error instanceof RangeError || error instanceof SyntaxError) {
    process.stderr.write(`pttrace: ${error.message}\n  See \`pttrace help\`.\n`);
    return EXIT.usage;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (oclif !== undefined) {
    process.stderr.write(`pttrace: ${message.trim()}\n`);
    return EXIT.usage;
  }
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  process.stderr.write(
    `pttrace: internal error: ${stack}\n  Please report this with the input's first lines.\n`,
  );
  return EXIT.internal;
}
