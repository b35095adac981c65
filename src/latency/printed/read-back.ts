import type { Bin } from '../histogram/binned.js';
import {
  type LhistShape,
  lhistBuckets,
  MAX_BITS,
  PRINT_RULES,
  type PrintFamily,
} from '../histogram/bpftrace-labels.js';
import { binCounts } from '../histogram/bpftrace-print.js';
import type { HistShape } from '../histogram/hist-shape.js';

/**
 * Counts by bucket of printed bins, so that they can be printed again; null when they are buckets of neither hist()
 * nor lhist(). Bins of another release are re-read in `family`'s terms (`[0, 1]` has no equal in later ones).
 */
export function readBackCounts(
  bins: readonly Bin[],
  family: PrintFamily,
): { shape: HistShape; counts: number[] } | null {
  const most = PRINT_RULES[family].bits ? MAX_BITS : 0;
  const told = withoutEmptyEnds(bins);
  for (let bits = 0; bits <= most; bits++) {
    try {
      return { shape: { kind: 'hist', bits }, counts: binCounts(told, bits, family) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return lhist(bins);
}

/** bcc prints every bucket from 0 on and one below it as `0 -> 1`; empty ones say nothing. */
function withoutEmptyEnds(bins: readonly Bin[]): Bin[] {
  const full = bins.map((b) => b.count > 0);
  return bins.slice(full.indexOf(true), full.lastIndexOf(true) + 1);
}

function lhist(bins: readonly Bin[]): { shape: HistShape; counts: number[] } | null {
  const inner = bins.filter((b) => Number.isFinite(b.low) && Number.isFinite(b.high));
  const below = bins.find((b) => b.low === Number.NEGATIVE_INFINITY);
  const above = bins.find((b) => b.high === Number.POSITIVE_INFINITY);
  const edge = below?.high ?? above?.low ?? 0;
  // Open rows alone do not tell the step; numbers like 10K were printed with one of whole K.
  const step = inner.length > 0 ? inner[0]!.high - inner[0]!.low : edge % 1024 === 0 ? 1024 : 1;
  if (step <= 0 || inner.some((b) => b.high - b.low !== step)) return null;
  if (inner.length === 0 && below === undefined && above === undefined) return null;
  const min = below?.high ?? inner[0]?.low ?? above!.low - step;
  const max = above?.low ?? inner.at(-1)?.high ?? min + step;
  if (inner.some((b) => (b.low - min) % step !== 0) || (max - min) % step !== 0) return null;
  const shape: LhistShape = { min, max, step };
  const counts = new Array<number>(lhistBuckets(shape) + 2).fill(0);
  for (const b of bins) {
    const index =
      b === below ? 0 : b === above ? lhistBuckets(shape) + 1 : 1 + Math.round((b.low - min) / step);
    counts[index] = b.count;
  }
  return { shape: { kind: 'lhist', ...shape }, counts };
}
