import type { Level } from './levels.js';

export interface ProbeRow {
  /** Name of the event; the usual name of the symbol without its underscores. */
  readonly event: string;
  readonly level: Level;
  readonly ret: boolean;
  /** Names the function has had, newest first: the first that the kernel has is probed. */
  readonly symbols: readonly string[];
  /**
   * Fetch arguments, Documentation/trace/kprobetrace.rst. `{struct.member}` stands for an offset that the kernel's BTF
   * gives; without it the argument is left out.
   */
  readonly args: readonly string[];
  /** Arguments where the kernel has no CONFIG_MMU_GATHER_TABLE_FREE: struct mmu_gather lacks `batch`. */
  readonly argsWithoutTableFree?: readonly string[];
  /** Events that show part of it where the function is inlined. */
  readonly instead: readonly string[];
  /** Hit so often that a filter (`--comm`, `--tgid`) is worth it. */
  readonly hot?: true;
  /** Nothing is read at its entry: a compiler's clone of an earlier name is better than a later name. */
  readonly clones?: true;
  /** An argument without which it shows nothing. */
  readonly requires?: string;
  /** Where the function need not exist: why its absence is no loss. */
  readonly optional?: string;
}

export const row = (
  level: Level,
  event: string,
  symbols: string,
  args = '',
  more: Partial<
    Pick<ProbeRow, 'argsWithoutTableFree' | 'clones' | 'hot' | 'instead' | 'optional' | 'requires'>
  > = {},
): ProbeRow => ({
  event,
  level,
  ret: event.endsWith('_ret'),
  symbols: symbols.split(' '),
  args: args === '' ? [] : args.split(' '),
  instead: [],
  ...more,
});

export const OLDER = 'this kernel has no such function, and needs none';
