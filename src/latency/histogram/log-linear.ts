/**
 * Log-linear binning of non-negative integers: every power of two is cut into `SUB` equal bins, so a bin is at
 * most `2^-SUB_BITS` of its own lower bound wide. Values below `2 * SUB` have a bin of their own (exact).
 * Bins never straddle a power of two, which is why the power-of-two counts taken from them stay exact.
 */
const SUB_BITS = 11;
const SUB = 2 ** SUB_BITS;

/** Largest relative distance between a value and the upper end of its bin. */
export const LOG_LINEAR_RELATIVE_ERROR = 2 ** -SUB_BITS;

/** Bins needed for every integer a double holds exactly (below 2^53). */
export const LOG_LINEAR_BINS = (53 - SUB_BITS) * SUB + SUB;

/** ⌊log2 v⌋ for an integer `1 <= v < 2^53`. */
export function floorLog2(v: number): number {
  return v < 2 ** 31 ? 31 - Math.clz32(v) : 62 - Math.clz32(Math.floor(v / 2 ** 31));
}

/** Bin of an integer `0 <= v < 2^53`. */
export function logLinearIndex(v: number): number {
  if (v < SUB) return v;
  const shift = floorLog2(v) - SUB_BITS;
  return shift * SUB + Math.floor(v / 2 ** shift);
}

/** Smallest value of a bin. */
export function logLinearLow(index: number): number {
  if (index < 2 * SUB) return index;
  const shift = Math.floor(index / SUB) - 1;
  return (index - shift * SUB) * 2 ** shift;
}

/** Largest value of a bin. */
export function logLinearHigh(index: number): number {
  return logLinearLow(index + 1) - 1;
}
