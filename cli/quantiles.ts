import { UsageError } from '../src/result/usage-error.js';
/** `50,99,p99.9` → 0.5, 0.99, 0.999. Throws UsageError. */
export function quantilesOf(text: string): number[] {
  const parts = text.split(',').filter((p) => p.trim() !== '');
  if (parts.length === 0) throw new UsageError('--quantiles wants percent numbers, e.g. 50,99,99.9');
  return parts.map((part) => {
    const m = /^\s*p?(\d{1,3}(?:\.\d+)?)%?\s*$/.exec(part);
    const percent = m === null ? Number.NaN : Number(m[1]);
    if (!(percent >= 0 && percent <= 100)) {
      throw new UsageError(`--quantiles wants percent numbers from 0 to 100, e.g. 50,99,99.9, not "${part}"`);
    }
    // 99.9 / 100 is not the double 0.999.
    return Number(`${percent}e-2`);
  });
}

/** 0.999 → `p99.9`. */
export const quantileName = (q: number): string => `p${Number((q * 100).toPrecision(12))}`;
