import { type Overrides, readProgramFile } from '../src/explore/program-file.js';
import type { Scenario } from '../src/machine/scenario.js';
import { byName } from '../src/result/by-name.js';
import { UsageError } from '../src/result/usage-error.js';
import { textOf } from './text-of.js';

/** Flags that make up a scenario, and what they are called in it. */
const FIELDS: Readonly<Record<string, keyof Overrides>> = byName({
  variant: 'variant',
  reader: 'readers',
  memory: 'memory',
  flush: 'flush',
  broken: 'broken',
  preempt: 'preempt',
  expedited: 'expedited',
  vcpus: 'vcpus',
  cpus: 'cpus',
  tables: 'tables',
  pages: 'pages',
  hardware: 'walkers',
});

/** Names of the flags that stand on the command line. */
export function given(
  flags: Readonly<Record<string, unknown>>,
  metadata: { readonly flags: Readonly<Record<string, { readonly setFromDefault?: boolean } | undefined>> },
): string[] {
  return Object.keys(flags).filter(
    (name) => flags[name] !== undefined && metadata.flags[name]?.setFromDefault !== true,
  );
}

/** The scenario of a program file; `named`: flags of `asked` that stand above what it says. */
export async function fromFile(
  path: string,
  asked: Scenario,
  named: readonly string[],
  signal: AbortSignal,
): Promise<Scenario> {
  if (named.includes('program'))
    throw new UsageError('a program file says what runs: no --program beside it');
  const over = Object.fromEntries(
    named.flatMap((name) => {
      const field = FIELDS[name];
      return field === undefined ? [] : [[field, asked[field]]];
    }),
  );
  return readProgramFile(await textOf(path, signal), path === '-' ? 'standard input' : path, over);
}
