import { type BinnedPair, total } from '../latency/histogram/binned.js';
import type { Comparison } from '../latency/statistics/compare.js';
import { homogeneity } from '../latency/statistics/hypothesis-tests.js';
import { bodyOnly, sparseTailMerged } from '../latency/statistics/shifts.js';
import { type Design, shiftOf } from './inference.js';
import type { PooledSide } from './pooled-side.js';
import type { CompareRow, NamedTest, QuantileShift } from './report.js';

/** Each row of the pooled bins, with the share of calls up to its end. */
export function rowsOf(c: Comparison): CompareRow[] {
  const { pair } = c;
  const na = total(pair.a);
  const nb = total(pair.b);
  let seenA = 0;
  let seenB = 0;
  return pair.a.map((countA, i) => {
    const countB = pair.b[i]!;
    seenA += countA;
    seenB += countB;
    const edge = c.dominance.edges[i]!;
    return {
      lowNs: pair.edges[i]!,
      highNs: pair.edges[i + 1]!,
      countA,
      countB,
      fractionA: countA / na,
      fractionB: countB / nb,
      cdfA: seenA / na,
      cdfB: seenB / nb,
      deltaCdf: edge.delta,
      sign: edge.sign,
    };
  });
}

/** Quantiles of both sides, and what lies between them. */
export function shifts(design: Design, c: Comparison): QuantileShift[] {
  return c.a.quantiles.flatMap((qa, i) => {
    const qb = c.b.quantiles[i];
    if (qb === undefined) return [];
    const exact = (side: PooledSide): number | null => side.exact?.quantile(qa.q) ?? null;
    const shift = shiftOf(design, { kind: 'quantile', q: qa.q });
    return [
      {
        q: qa.q,
        a: qa,
        b: qb,
        exactA: exact(design.a),
        exactB: exact(design.b),
        ratio: shift?.ratio ?? null,
        differenceNs: shift?.difference ?? null,
        method: shift?.method ?? 'seen',
      },
    ];
  });
}

/** Homogeneity of all rows, of the body, and with the sparse tail as one row. */
export function tests(pair: BinnedPair): NamedTest[] {
  const named: [string, BinnedPair][] = [['all rows', pair]];
  const tail = sparseTailMerged(pair);
  if (tail) named.push([`rows from ${tail.fromNs} ns up as one`, tail.pair]);
  const body = bodyOnly(pair);
  if (body) named.push([`body, ${body.fromNs} to ${body.toNs} ns`, body.pair]);
  return named.flatMap(([cells, p]) => {
    const test = homogeneity(p);
    return test === null ? [] : [{ cells, a: p.a, b: p.b, ...test }];
  });
}
