import type { HistogramBucket } from '../../src/result/types.js';
import { duration } from './text.js';

/** Nothing, then eight heights; in ASCII as many shades. */
const BLOCKS = '\u00b7▁▂▃▄▅▆▇█';
const SHADES = ' .:-=+*#@';

/**
 * Counts as one character each, the largest at full height; a count that is not 0 is never drawn as nothing. Of more
 * counts than `most` neighbours are put together by `join`.
 */
export function spark(
  counts: readonly number[],
  plain: boolean,
  most = counts.length,
  join: 'sum' | 'max' = 'max',
): string {
  const marks = plain ? SHADES : BLOCKS;
  const cells = fold(counts, Math.max(1, most), join);
  const top = Math.max(1, ...cells);
  return cells.map((n) => marks[n <= 0 ? 0 : Math.ceil((n / top) * (marks.length - 1))]).join('');
}

function fold(counts: readonly number[], most: number, join: 'sum' | 'max'): number[] {
  const step = Math.ceil(counts.length / most);
  if (step <= 1) return [...counts];
  return Array.from({ length: Math.ceil(counts.length / step) }, (_, i) => {
    const part = counts.slice(i * step, (i + 1) * step);
    return join === 'sum' ? part.reduce((sum, n) => sum + n, 0) : Math.max(...part);
  });
}

/** A distribution over powers of two as a small picture between its ends: `256 us |▁▂█▂| 8.19 ms`. */
export function histogramSpark(buckets: readonly HistogramBucket[], plain: boolean): string {
  const first = buckets[0];
  const last = buckets.at(-1);
  if (!first || !last) return '';
  const counts = buckets.map((b) => b.count);
  return `${duration(first.lowNs)} |${spark(counts, plain)}| ${duration(last.highNs)}`;
}
