/** How much is recorded: each level holds those before it. */
export const LEVELS = ['latency', 'tables', 'readers', 'locks', 'full'] as const;
export type Level = (typeof LEVELS)[number];

export const LEVEL_TEXT: Readonly<Record<Level, string>> = {
  latency: 'syscalls, flushes, call_rcu and its callbacks: how long it takes',
  tables: 'every page table from its allocation to its release: whether the order is kept',
  readers: 'also lookups, reader sections, grace periods and huge pages: who was in a table meanwhile',
  locks: 'also the locks of page tables',
  full: 'also quiescent states and the release of every page',
};

/** Is what belongs to `wanted` part of a recording at `level`? */
export const within = (wanted: Level, level: Level): boolean =>
  LEVELS.indexOf(wanted) <= LEVELS.indexOf(level);
