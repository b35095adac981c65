import { UsageError } from '../../result/usage-error.js';
import {
  histBounds,
  type LhistShape,
  lhistBuckets,
  lhistIndex,
  MAX_BITS,
  PRINT_RULES,
  type PrintFamily,
} from './bpftrace-labels.js';
import { floorLog2 } from './log-linear.js';

/** How durations are counted: `hist(x, bits)` or `lhist(x, min, max, step)`. */
export type HistShape =
  | { readonly kind: 'hist'; readonly bits: number }
  | ({ readonly kind: 'lhist' } & LhistShape);

/** Buckets an lhist may have (bpftrace's own limit). */
const MAX_LHIST = 1000;

/** Throws UsageError for what bpftrace would refuse. */
export function checkShape(shape: HistShape, family: PrintFamily): HistShape {
  if (shape.kind === 'hist') {
    if (!(Number.isInteger(shape.bits) && shape.bits >= 0 && shape.bits <= MAX_BITS)) {
      throw new UsageError(`hist bits must be 0 to ${MAX_BITS}, not ${shape.bits}`);
    }
    if (shape.bits > 0 && !PRINT_RULES[family].bits) {
      throw new UsageError(
        `bpftrace before 0.20 has no hist(x, bits): give --bpftrace-version 0.20 or later`,
      );
    }
    return shape;
  }
  const { min, max, step } = shape;
  if (![min, max, step].every(Number.isInteger) || step <= 0 || min < 0 || max <= min) {
    throw new UsageError('lhist wants whole min < max and a step above 0');
  }
  if (max - min < step || (max - min) / step > MAX_LHIST) {
    throw new UsageError(`lhist wants 1 to ${MAX_LHIST} buckets between min and max`);
  }
  return shape;
}

/** `0,10000,100` → lhist shape. Throws UsageError. */
export function parseLhist(text: string): HistShape {
  const m = /^(\d+),(\d+),(\d+)$/.exec(text.replaceAll(' ', ''));
  if (m === null) throw new UsageError(`--lhist wants MIN,MAX,STEP, e.g. 0,100000,5000, not "${text}"`);
  return { kind: 'lhist', min: Number(m[1]), max: Number(m[2]), step: Number(m[3]) };
}

/** Bucket of a whole value 0 <= v < 2^53, as `histIndex`/`lhistIndex` but without bigints. */
export function bucketIndex(v: number, shape: HistShape, family: PrintFamily): number {
  if (shape.kind === 'lhist') return lhistIndex(v, shape);
  const rules = PRINT_RULES[family];
  if (rules.zeroAndOneTogether) return v < 2 ? 0 : Math.min(31, floorLog2(v));
  const { bits } = shape;
  const n = 2 ** bits;
  if (v < n) return 1 + v;
  const top = floorLog2(v);
  if (rules.log2Bits === 32) return 2 + Math.min(31, top);
  return 1 + (top - bits + 1) * n + (Math.floor(v / 2 ** (top - bits)) % n);
}

/** Half-open bounds of a bucket; open ends are infinite. */
export function bucketBounds(
  index: number,
  shape: HistShape,
  family: PrintFamily,
): { low: number; high: number } {
  if (shape.kind === 'hist') {
    const bounds = histBounds(index, shape.bits, PRINT_RULES[family]);
    // Up to 0.19 the last bucket holds everything larger too.
    const saturated =
      PRINT_RULES[family].log2Bits === 32 && index === (PRINT_RULES[family].zeroAndOneTogether ? 31 : 33);
    return saturated ? { low: bounds.low, high: Number.POSITIVE_INFINITY } : bounds;
  }
  const { min, step } = shape;
  if (index === 0) return { low: Number.NEGATIVE_INFINITY, high: min };
  // Where step does not divide max - min, bpftrace counts the rest in the bucket it labels `[max, ...)`.
  const inner = lhistBuckets(shape);
  if (index === inner + 1) return { low: min + inner * step, high: Number.POSITIVE_INFINITY };
  return { low: min + (index - 1) * step, high: min + index * step };
}
