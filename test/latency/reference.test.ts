import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  align,
  type Binned,
  type BinnedPair,
  between,
  binned,
  mergeTail,
} from '../../src/latency/histogram/binned.js';
import {
  distances,
  dominance,
  superiority,
  tailExceedance,
} from '../../src/latency/statistics/effect-sizes.js';
import {
  homogeneity,
  kolmogorovSmirnov,
  mannWhitney,
} from '../../src/latency/statistics/hypothesis-tests.js';
import {
  dkwHalfWidth,
  meanBounds,
  meanDifferenceBounds,
  quantileInterval,
} from '../../src/latency/statistics/intervals.js';

type Numbers = Record<string, number | unknown[]>;
interface Reference {
  without: [low: number, count: number][];
  with: [low: number, count: number][];
  numbers: Numbers;
}

const reference = JSON.parse(
  readFileSync(new URL('../../fixtures/bpftrace-hist/munmap-2024-11.json', import.meta.url), 'utf8'),
) as Reference;

const octaves = (rows: [number, number][]): Binned =>
  binned(rows.map(([low, count]) => ({ low, high: 2 * low, count })));

/** Every key of the reference file, worked out from the two histograms. */
function ours(a: Binned, b: Binned): Map<string, unknown> {
  const out = new Map<string, unknown>();
  const pair = align(a, b);
  const sides = [
    ['without', a, pair.a],
    ['with', b, pair.b],
  ] as const;
  const dom = dominance(pair);
  for (const [name, h, counts] of sides) {
    const mean = meanBounds(h);
    out.set(`total_${name}`, mean.count);
    let seen = 0;
    counts.forEach((c, i) => {
      seen += c;
      out.set(`bucket 2^${Math.log2(pair.edges[i]!)} fraction ${name}`, c / mean.count);
      out.set(`CDF at 2^${Math.log2(pair.edges[i + 1]!)} ${name}`, seen / mean.count);
    });
    out.set(`sum_ns lower ${name}`, mean.sumLowNs);
    out.set(`sum_ns upper ${name}`, mean.sumHighNs);
    out.set(`mean_ns lower ${name}`, mean.meanLowNs);
    out.set(`mean_ns upper ${name}`, mean.meanHighNs);
    out.set(`mean_ns arith-midpoint ${name}`, mean.arithmeticNs);
    out.set(`mean log2(ns) bucket-midpoint ${name}`, mean.meanLog2);
    out.set(`geomean_ns bucket-midpoint ${name}`, mean.geometricNs);
    out.set(`DKW 95% half width ${name}`, dkwHalfWidth(mean.count));
    for (const q of [0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999]) {
      const x = quantileInterval(h, q)!;
      out.set(`q${q} ${name} bucket`, [x.lowNs, x.highNs]);
      out.set(`q${q} ${name} rank,rank_in_bucket,count`, [x.rank, x.rankInBin, x.binCount]);
      out.set(`q${q} ${name} loglinear`, x.pointNs);
    }
  }
  const [ma, mb] = [meanBounds(a), meanBounds(b)];
  out.set('ratio_total_with/without', mb.count / ma.count);
  const diff = meanDifferenceBounds(ma, mb);
  out.set('difference of means ns bounds (with - without)', [diff.lowNs, diff.highNs]);
  const ks = kolmogorovSmirnov(pair)!;
  out.set('KS D (edges)', ks.d);
  out.set('KS D- (with slower), at ns', [ks.dMinus, ks.dMinusAtNs]);
  out.set('KS D+ (with faster), at ns', [ks.dPlus, ks.dPlusAtNs]);
  out.set('KS n_eff', ks.nEff);
  out.set('KS sqrt(n_eff)*D', ks.sqrtNEffD);
  out.set('KS asymptotic p (2 sum)', ks.p);
  out.set('KS critical D alpha=.05', ks.criticalD);
  out.set('KS upper bound for unbinned D', ks.dUpper);
  const tests: [string, BinnedPair][] = [
    ['full(11)', pair],
    ['merged(>=32K)', mergeTail(pair, 32768)],
    ['body 1K..8K only(3)', between(pair, 1024, 8192)],
  ];
  for (const [name, p] of tests) {
    const t = homogeneity(p)!;
    out.set(`${name} chi2`, t.chi2);
    out.set(`${name} G`, t.g);
    out.set(`${name} df`, t.df);
    out.set(`${name} min expected`, t.minExpected);
    out.set(`${name} log10 p chi2`, t.log10PChi2);
    out.set(`${name} log10 p G`, t.log10PG);
    out.set(`${name} Cramer V (=w, 2 rows)`, t.cramerV);
    out.set(`${name} mutual information bits`, t.mutualInformationBits);
  }
  out.set('merged cells without', tests[1]![1].a);
  out.set('merged cells with', tests[1]![1].b);
  const d = distances(pair)!;
  out.set('JS divergence bits', d.jensenShannonBits);
  out.set('total variation', d.totalVariation);
  out.set('Hellinger', d.hellinger);
  out.set('Wasserstein1 ns crude bounds', [d.wasserstein1LowNs, d.wasserstein1HighNs]);
  const u = mannWhitney(pair)!;
  out.set('pairs with>without', u.above);
  out.set('pairs with<without', u.below);
  out.set('pairs tied bucket', u.tied);
  out.set('MW z (tie-corrected, no cont.)', u.z);
  const s = superiority(pair)!;
  out.set('A12 = P(with>without)+ties/2', s.a12);
  out.set('A12 bounds unbinned', [s.a12Low, s.a12High]);
  out.set("Cliff's delta (bucketed)", s.cliffDelta);
  out.set("Cliff's delta bounds unbinned", [s.cliffLow, s.cliffHigh]);
  for (const e of [12, 13, 14, 15, 16, 17, 19]) {
    const t = tailExceedance(pair, 2 ** e);
    out.set(`exceed >=2^${e} counts`, [t.countA, t.countB]);
    out.set(`exceed >=2^${e} fractions`, [t.fractionA, t.fractionB]);
    out.set(`exceed >=2^${e} risk ratio`, t.riskRatio);
    out.set(`exceed >=2^${e} RR 95% CI`, [t.interval!.low, t.interval!.high]);
    out.set(`exceed >=2^${e} z`, t.z);
    if (e > 12) out.set(`exceed >=2^${e} Fisher p`, 10 ** t.log10PFisher);
  }
  out.set(
    'dominance signs (CDF with - CDF without) per edge',
    dom.edges.map((e) => [e.atNs, e.sign]),
  );
  return out;
}

const six = (v: unknown): unknown =>
  Array.isArray(v) ? v.map(six) : typeof v === 'number' ? Number(v.toPrecision(6)) : v;

const got = ours(octaves(reference.without), octaves(reference.with));

describe('the munmap histograms of November 2024', () => {
  test.each(Object.entries(reference.numbers))('%s', (name, want) => {
    expect(got.has(name)).toBe(true);
    expect(six(got.get(name))).toEqual(six(want));
  });

  test('nothing is worked out that the reference does not hold', () => {
    expect([...got.keys()].filter((k) => !(k in reference.numbers))).toEqual([]);
  });

  const shared = new URL('../../../shared/reference/latency-reference.json', import.meta.url);
  test.skipIf(!existsSync(shared))('the reference file itself (absent: nothing to check)', () => {
    const numbers = JSON.parse(readFileSync(shared, 'utf8')) as Numbers;
    expect(reference.numbers).toEqual(numbers);
  });
});
