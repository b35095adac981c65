import { fileURLToPath } from 'node:url';
import { type Command, Config } from '@oclif/core';
import { builtCommand } from '../../support/built.js';

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  /** What the process would leave with; undefined 0. */
  readonly exitCode: number;
  readonly error: unknown;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
let config: Promise<Config> | null = null;

/** Runs one command of the source tree in this process and gives back what it wrote. */
export async function runCommand(
  command: { new (argv: string[], config: Config): Command },
  argv: readonly string[],
): Promise<Ran> {
  // Threads of a command run what is built.
  builtCommand();
  config ??= Config.load({ root });
  const loaded = await config;
  let stdout = '';
  let stderr = '';
  const before = { out: process.stdout.write, err: process.stderr.write, code: process.exitCode };
  const capture =
    (add: (text: string) => void) =>
    (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      add(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
      for (const done of rest) if (typeof done === 'function') done();
      return true;
    };
  process.stdout.write = capture((t) => (stdout += t)) as typeof process.stdout.write;
  process.stderr.write = capture((t) => (stderr += t)) as typeof process.stderr.write;
  process.exitCode = 0;
  let error: unknown;
  try {
    await (new command([...argv], loaded) as unknown as { run(): Promise<void> }).run();
  } catch (caught) {
    error = caught;
  } finally {
    process.stdout.write = before.out;
    process.stderr.write = before.err;
  }
  const exitCode = Number(process.exitCode ?? 0);
  process.exitCode = before.code;
  return { stdout, stderr, exitCode, error };
}
