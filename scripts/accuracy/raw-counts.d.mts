/** Counts over all whole gathers of a packed recording, by name. */
export function rawCounts(path: string): Readonly<Record<string, number>>;
