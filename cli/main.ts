import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { flush, run } from '@oclif/core';
import { StoreError } from '../src/data/store-error.js';
import { TraceError } from '../src/parsers/input/trace-error.js';
import { printable } from '../src/result/printable.js';
import { UsageError } from '../src/result/usage-error.js';
import { EXIT } from './exit-codes.js';
import { Interrupted } from './interrupted.js';
import { setLook } from './look.js';
import { guardOutput, writeOut } from './output.js';
import { traceMessage } from './trace-message.js';

/** Runs the command line as a process of its own and leaves with the documented exit code. */
export async function main(url: string, argv: string[] = process.argv.slice(2)): Promise<void> {
  guardOutput();
  await execute(url, argv);
  if (process.exitCode === EXIT.interrupted) {
    // Reached only while a read of a silent pipe holds the process back; shells call this end 130 too.
    setTimeout(() => process.kill(process.pid, 'SIGINT'), 300).unref();
  }
}

/**
 * Runs `pttrace ARGV…` to its end; the exit code is left in `process.exitCode`. `url` is that of bin/run.js. Never throws:
 * what goes wrong is printed on standard error.
 */
export async function execute(url: string, argv: readonly string[]): Promise<void> {
  try {
    setLook(argv);
    if (asksVersion(argv)) return await writeOut(versionLine(url));
    // Everybody types it once.
    await run(argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv], {
      root: fileURLToPath(url),
      // There are none: nothing outside the package is looked for, least of all in a home that may be unreadable.
      userPlugins: false,
      devPlugins: false,
    });
    await flush();
  } catch (error) {
    process.exitCode = await explain(error, argv, url);
  }
}

/** Before `--`, which begins another program's arguments. */
const asksVersion = (argv: readonly string[]): boolean => {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).some((arg) => arg === '-V' || arg === '--version');
};

function versionLine(url: string): string {
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', url), 'utf8')) as {
    name: string;
    version: string;
  };
  return `${name}/${version} ${process.platform}-${process.arch} node-${process.version}\n`;
}

/** Prints what went wrong and what to do next on stderr; returns the exit code. */
async function explain(error: unknown, argv: readonly string[], url: string): Promise<number> {
  const oclif = (error as { oclif?: { exit?: number } }).oclif;
  if (oclif?.exit === EXIT.clean) return EXIT.clean;
  if (error instanceof Interrupted) {
    process.stderr.write(`pttrace: ${error.message}\n`);
    return EXIT.interrupted;
  }
  if (error instanceof TraceError) {
    process.stderr.write(traceMessage(error));
    return error.code === 'unknown-format' && error.message.startsWith('there is no format')
      ? EXIT.usage
      : EXIT.unreadable;
  }
  if (error instanceof StoreError) {
    process.stderr.write(`pttrace: ${printable(error.message)}\n`);
    return EXIT.internal;
  }
  if (error instanceof UsageError) {
    process.stderr.write(
      `pttrace: ${printable(error.message)}\n  See \`pttrace ${/^\w+$/.test(argv[0] ?? '') ? `${argv[0]} ` : ''}--help\`.\n`,
    );
    return EXIT.usage;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (oclif !== undefined) {
    // Only for who needs it: it loads more than a start should.
    const { usageAdvice } = await import('./usage-advice.js');
    const advice = usageAdvice(message.trim(), argv, new URL('../oclif.manifest.json', url));
    process.stderr.write(`pttrace: ${printable(advice)}\n`);
    return EXIT.usage;
  }
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  process.stderr.write(
    `pttrace: internal error: ${printable(stack)}\n  Please report this with the input's first lines.\n`,
  );
  return EXIT.internal;
}
