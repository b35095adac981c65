import { nearestRank } from '../latency/histogram/distribution.js';

/** Nearest rank of ascending values; NaN when there are none. */
export const quantileOf = (sorted: readonly number[], q: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[nearestRank(q, sorted.length) - 1]!;
