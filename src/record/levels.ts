/** How much is recorded: each level holds those before it. */
export const LEVELS = ['latency', 'tables', 'full'] as const;
export type Level = (typeof LEVELS)[number];

export const LEVEL_TEXT: Readonly<Record<Level, string>> = {
  latency: 'syscalls, flushes, call_rcu and its callbacks: how long it takes',
  tables: 'every page table from its allocation to its release: whether the order is kept',
  full: 'also reader sections and every walk: who might have looked at a table meanwhile',
};

/** Is what belongs to `wanted` part of a recording at `level`? */
export const within = (wanted: Level, level: Level): boolean =>
  LEVELS.indexOf(wanted) <= LEVELS.indexOf(level);
