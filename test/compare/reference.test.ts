import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { formatCompareAll, formatCompareAllPlain } from '../../cli/render/compare-all.js';
import { compareInputs } from '../../src/compare/compare.js';
import type { CompareReport } from '../../src/compare/report.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const { numbers } = JSON.parse(
  readFileSync(path('../../fixtures/bpftrace-hist/munmap-2024-11.json'), 'utf8'),
) as { numbers: Record<string, number | unknown[]> };

const run = (mail: string): Promise<CompareReport> =>
  compareInputs({ before: [`${mail}#without patch`], after: [`${mail}#with patch`] });

/** Where each reference number stands: its value in the JSON, and the label of its line in the report. */
function places(json: CompareReport): Map<string, { value: unknown; label: string }> {
  const out = new Map<string, { value: unknown; label: string }>();
  const put = (key: string, value: unknown, label: string): void => {
    out.set(key, { value, label });
  };
  const rowAt = (low: number) => json.rows.find((r) => r.lowNs === low)!;
  for (const [name, s, side] of [
    ['without', 'A', json.a],
    ['with', 'B', json.b],
  ] as const) {
    const mean = s === 'A' ? json.means.a : json.means.b;
    put(`total_${name}`, side.count, 'calls');
    for (let e = 9; e < 20; e++) {
      const r = rowAt(2 ** e);
      put(`bucket 2^${e} fraction ${name}`, s === 'A' ? r.fractionA : r.fractionB, String(2 ** e));
      put(`CDF at 2^${e + 1} ${name}`, s === 'A' ? r.cdfA : r.cdfB, String(2 ** (e + 1)));
    }
    put(`sum_ns lower ${name}`, mean.sumLowNs, 'sum ns, at least');
    put(`sum_ns upper ${name}`, mean.sumHighNs, 'sum ns, at most');
    put(`mean_ns lower ${name}`, mean.meanLowNs, 'mean ns, at least');
    put(`mean_ns upper ${name}`, mean.meanHighNs, 'mean ns, at most');
    put(`mean_ns arith-midpoint ${name}`, mean.arithmeticNs, 'arithmetic midpoint mean ns');
    put(`mean log2(ns) bucket-midpoint ${name}`, mean.meanLog2, 'mean log2 of midpoints');
    put(`geomean_ns bucket-midpoint ${name}`, mean.geometricNs, 'geometric midpoint mean ns');
    put(`DKW 95% half width ${name}`, side.dkwHalfWidth, 'half width of CDF band');
    for (const q of json.quantiles) {
      const x = s === 'A' ? q.a : q.b;
      const label = `p${Number((q.q * 100).toPrecision(6))}`;
      put(`q${q.q} ${name} bucket`, [x.lowNs, x.highNs], label);
      put(`q${q.q} ${name} rank,rank_in_bucket,count`, [x.rank, x.rankInBin, x.binCount], label);
      put(`q${q.q} ${name} loglinear`, x.pointNs, label);
    }
  }
  put('ratio_total_with/without', json.countRatio, 'calls');
  const ks = json.kolmogorovSmirnov!;
  put('KS D (edges)', ks.d, 'KS D');
  put('KS D- (with slower), at ns', [ks.dMinus, ks.dMinusAtNs], '  D where b is slower');
  put('KS D+ (with faster), at ns', [ks.dPlus, ks.dPlusAtNs], '  D where b is faster');
  put('KS n_eff', ks.nEff, '  n_eff');
  put('KS sqrt(n_eff)*D', ks.sqrtNEffD, '  n_eff');
  put('KS asymptotic p (2 sum)', ks.p, '  p');
  put('KS critical D alpha=.05', ks.criticalD, '  critical D');
  put('KS upper bound for unbinned D', ks.dUpper, '  D of single values');
  json.homogeneity.forEach((t, i) => {
    const name = ['full(11)', 'merged(>=32K)', 'body 1K..8K only(3)'][i]!;
    put(`${name} chi2`, t.chi2, 'chi2');
    put(`${name} G`, t.g, 'G');
    put(`${name} df`, t.df, 'degrees of freedom');
    put(`${name} min expected`, t.minExpected, 'smallest expected count');
    put(`${name} log10 p chi2`, t.log10PChi2, 'log10 p of chi2');
    put(`${name} log10 p G`, t.log10PG, 'log10 p of G');
    put(`${name} Cramer V (=w, 2 rows)`, t.cramerV, 'Cramer V');
    put(`${name} mutual information bits`, t.mutualInformationBits, 'mutual information, bits');
  });
  put('merged cells without', json.homogeneity[1]!.a, '  a');
  put('merged cells with', json.homogeneity[1]!.b, '  b');
  const d = json.distances!;
  put('JS divergence bits', d.jensenShannonBits, 'Jensen-Shannon');
  put('total variation', d.totalVariation, 'total variation');
  put('Hellinger', d.hellinger, 'Hellinger');
  put('Wasserstein1 ns crude bounds', [d.wasserstein1LowNs, d.wasserstein1HighNs], 'Wasserstein-1');
  const mw = json.mannWhitney!;
  put('pairs with>without', mw.above, 'pairs b slower');
  put('pairs with<without', mw.below, 'pairs b faster');
  put('pairs tied bucket', mw.tied, 'pairs in one row');
  put('MW z (tie-corrected, no cont.)', mw.z, 'Mann-Whitney z');
  const sup = json.superiority!;
  put('A12 = P(with>without)+ties/2', sup.a12, 'A12');
  put('A12 bounds unbinned', [sup.a12Low, sup.a12High], '  bounds of single values');
  put("Cliff's delta (bucketed)", sup.cliffDelta, "Cliff's delta");
  put("Cliff's delta bounds unbinned", [sup.cliffLow, sup.cliffHigh], '  bounds of single values');
  for (const e of [12, 13, 14, 15, 16, 17, 19]) {
    const t = json.tails.find((x) => x.fromNs === 2 ** e)!;
    const label = String(2 ** e);
    put(`exceed >=2^${e} counts`, [t.countA, t.countB], label);
    put(`exceed >=2^${e} fractions`, [t.fractionA, t.fractionB], label);
    put(`exceed >=2^${e} risk ratio`, t.riskRatio, label);
    put(`exceed >=2^${e} RR 95% CI`, [t.interval!.low, t.interval!.high], label);
    put(`exceed >=2^${e} z`, t.z, label);
    put(`exceed >=2^${e} Fisher p`, 10 ** t.log10PFisher, label);
  }
  put(
    'dominance signs (CDF with - CDF without) per edge',
    json.dominance.edges.map((x) => [x.atNs, x.sign]),
    '',
  );
  const m = json.means.meanDifference;
  put('difference of means ns bounds (with - without)', [m.lowNs, m.highNs], 'mean ns, at ');
  return out;
}

const six = (v: unknown): unknown =>
  Array.isArray(v) ? v.map(six) : typeof v === 'number' ? Number(v.toPrecision(6)) : v;

/** The number's text stands on a line that begins with its label. */
function stands(lines: readonly string[], key: string, label: string, want: number | unknown[]): boolean {
  if (key.startsWith('dominance')) {
    return (want as [number, number][]).every(([edge, sign]) =>
      lines.some(
        (l) => l.startsWith(`${edge} `) && l.endsWith(sign > 0 ? '     +' : sign < 0 ? '     -' : '     0'),
      ),
    );
  }
  const values = (Array.isArray(want) ? want : [want]).map((v) => six(v) as number);
  const own = lines
    .filter((l) => l.startsWith(label))
    .map((l) =>
      l
        .trim()
        .split(/\s+/)
        .map((w) => six(Number(w))),
    );
  // The bounds of the difference of means stand on two lines.
  if (key.startsWith('difference of means'))
    return values.every((v) => own.some((words) => words.includes(v)));
  return own.some((words) => values.every((v) => words.includes(v)));
}

async function check(mail: string): Promise<void> {
  const report = await run(mail);
  const json = JSON.parse(JSON.stringify(report)) as CompareReport;
  const found = places(json);
  const missing = Object.keys(numbers).filter((k) => !found.has(k));
  expect(missing).toEqual([]);
  const texts = [formatCompareAll(report), formatCompareAllPlain(report)].map((t) => t.split('\n'));
  const wrong: string[] = [];
  for (const [key, want] of Object.entries(numbers)) {
    const { value, label } = found.get(key)!;
    if (JSON.stringify(six(value)) !== JSON.stringify(six(want))) wrong.push(`JSON: ${key}`);
    for (const lines of texts) if (!stands(lines, key, label, want)) wrong.push(`report: ${key} (${label})`);
  }
  expect(wrong).toEqual([]);
  const [a, b] = [json.a.outside!, json.b.outside!];
  expect([a.lowNs, a.highNs, b.lowNs, b.highNs].map((x) => Math.round(x) / 1000)).toEqual([
    0.566, 2.658, 3.867, 6.015,
  ]);
  expect(json.verdict).toBe('inconclusive');
  expect(json.sentence).toBe(
    'Inconclusive, one run a side: with patch against without patch shows 42 % fewer calls a second (210k → 122k), the median in the same row (2K to 4K ns), calls of 8.19 µs or more 2.36x as frequent (0.289 % → 0.682 %); 210k and 122k calls. Two runs of one kernel may differ as much; if they spread by 3 %, 4 runs a side show 10 %.',
  );
  for (const key of Object.keys(json.methods)) expect(key).not.toBe('');
}

describe('the munmap histograms of November 2024', () => {
  test('every reference number is in the report and in --json, to six digits', async () => {
    expect(Object.keys(numbers).length).toBeGreaterThan(200);
    await check(path('../../fixtures/mail/munmap-2024-11.txt'));
  });

  const mail = path('../../../shared/seed/patch-v2-6of7.txt');
  test.skipIf(!existsSync(mail))('and from the mail itself (absent: skipped)', async () => {
    await check(mail);
  });

  test('without titles the two blocks are ambiguous, and named', async () => {
    const file = path('../../fixtures/mail/munmap-2024-11.txt');
    await expect(compareInputs({ before: [file], after: [file] })).rejects.toThrow(
      /holds several histograms.*"without patch" @ns\[stress-ng\] \(line \d+\), "with patch"/,
    );
    const byLine = await compareInputs({ before: [`${file}#line 16`], after: [`${file}#WITH  patch:`] });
    expect([byLine.a.count, byLine.b.count]).toEqual([210476, 122496]);
    await expect(compareInputs({ before: [`${file}#no such`], after: [file] })).rejects.toThrow(
      /no histogram called "no such"/,
    );
  });

  test('the plain report is ASCII and at most 75 columns', async () => {
    const text = formatCompareAllPlain(await run(path('../../fixtures/mail/munmap-2024-11.txt')));
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    expect(text).not.toContain('?d');
    expect(Math.max(...text.split('\n').map((l) => l.length))).toBeLessThanOrEqual(75);
  });
});
