import { type BinnedPair, total } from '../histogram/binned.js';
import { riskRatioInterval, superiority } from './effect-sizes.js';
import { binnedShift } from './shifts.js';
import { normalQuantile } from './special-functions.js';

/** Differences that do not matter to the asker. */
export interface Margins {
  /** A12 within ½ ± this. */
  readonly a12: number;
  /** A tail's risk ratio within [1/this, this]. */
  readonly riskRatio: number;
  /** A quantile's ratio b/a within [1/this, this]. */
  readonly quantileRatio: number;
}

export const DEFAULT_MARGINS: Margins = { a12: 0.05, riskRatio: 1.5, quantileRatio: 1.25 };

/**
 * Two one-sided tests (Schuirmann 1987) by the confidence-interval rule: `equivalent` when the 1 − 2α interval
 * lies inside the margin, `different` when it lies outside, else `undecided`.
 */
export interface Equivalence {
  readonly what: string;
  readonly low: number;
  readonly high: number;
  readonly marginLow: number;
  readonly marginHigh: number;
  readonly verdict: 'equivalent' | 'different' | 'undecided';
}

export function judge(
  what: string,
  interval: { low: number; high: number },
  marginLow: number,
  marginHigh: number,
): Equivalence {
  const { low, high } = interval;
  let verdict: Equivalence['verdict'] = 'undecided';
  if (low >= marginLow && high <= marginHigh) verdict = 'equivalent';
  else if (low > marginHigh || high < marginLow) verdict = 'different';
  return { what, low, high, marginLow, marginHigh, verdict };
}

/** A12 of the bucketed calls against its margin. Null when a sample is empty. */
export function a12Equivalence(
  pair: BinnedPair,
  margins = DEFAULT_MARGINS,
  alpha = 0.05,
): Equivalence | null {
  const s = superiority(pair);
  if (s === null) return null;
  const reach = normalQuantile(1 - alpha) * s.standardError;
  const interval = { low: Math.max(0, s.a12 - reach), high: Math.min(1, s.a12 + reach) };
  return judge('A12', interval, 0.5 - margins.a12, 0.5 + margins.a12);
}

/** Risk ratio of calls at or above an edge. Null where either side has none. */
export function tailEquivalence(
  pair: BinnedPair,
  fromNs: number,
  margins = DEFAULT_MARGINS,
  alpha = 0.05,
): Equivalence | null {
  const at = pair.edges.indexOf(fromNs);
  if (at < 0) throw new RangeError(`${fromNs} ns is no edge`);
  const count = (counts: readonly number[]): number => total(counts.slice(at));
  const interval = riskRatioInterval(
    count(pair.a),
    total(pair.a),
    count(pair.b),
    total(pair.b),
    1 - 2 * alpha,
  );
  if (interval === null) return null;
  return judge(`risk ratio at ${fromNs} ns`, interval, 1 / margins.riskRatio, margins.riskRatio);
}

/**
 * Ratio of a quantile at 1 − 2α, from ranks and the outer edges of their bins (`binnedShift`): the width of a bin and
 * the sampling error are both in it. Factor-two bins and small samples give `undecided`. Null for an empty sample.
 */
export function quantileEquivalence(
  pair: BinnedPair,
  q: number,
  margins = DEFAULT_MARGINS,
  alpha = 0.05,
): Equivalence | null {
  const shift = binnedShift(
    { edges: pair.edges, counts: pair.a },
    { edges: pair.edges, counts: pair.b },
    q,
    2 * alpha,
  );
  if (shift === null) return null;
  return judge(`ratio of quantile ${q}`, shift.ratio, 1 / margins.quantileRatio, margins.quantileRatio);
}
