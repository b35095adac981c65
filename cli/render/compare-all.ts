import type { CompareReport, CompareSide, QuantileShift } from '../../src/compare/report.js';
import { type Palette, palette } from './colour.js';
import { conditionLines, tablesLines } from './compare.js';
import { planLines } from './compare-plan.js';
import {
  cdfTable,
  line,
  num,
  picture,
  probability,
  quantileTables,
  rowTable,
  tailTables,
  testTable,
} from './compare-tables.js';
import { MAIL_WIDTH } from './plain.js';
import { ascii, duration, hanging, wrap } from './text.js';

/** Every number, for a terminal. */
export function formatCompareAll(report: CompareReport, colour: Palette = palette()): string {
  return sections(report)
    .map(({ title, lines }) => [...(title === '' ? [] : [colour.bold(title)]), ...lines, ''].join('\n'))
    .join('\n')
    .replace(/\n+$/, '\n');
}

/** The same in ASCII and at most 75 columns, for a mail. */
export function formatCompareAllPlain(report: CompareReport): string {
  const out: string[] = [];
  for (const { title, lines } of sections(report)) {
    if (title !== '') out.push(ascii(title));
    for (const l of lines) out.push(...(l === '' ? [''] : wrapped(ascii(l))));
    out.push('');
  }
  while (out.at(-1) === '') out.pop();
  return `${out.join('\n')}\n`;
}

/** Tables fit as they are; only prose is broken, and keeps its indent. */
function wrapped(text: string): string[] {
  if (text.length <= MAIL_WIDTH) return [text];
  const indent = /^ */.exec(text)![0];
  return wrap(text.trimStart(), MAIL_WIDTH - indent.length, '  ').map((l) => indent + l);
}

interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

function sections(report: CompareReport): Section[] {
  const legend = new Map<string, number>();
  const note = (method: string): string => {
    const known = legend.get(method);
    if (known !== undefined) return String(known);
    legend.set(method, legend.size + 1);
    return String(legend.size);
  };
  const m = report.methods;
  const shiftMethod = (how: QuantileShift['method']): string => note(m[how]);
  const level = Number(((1 - report.alpha) * 100).toPrecision(4));
  const several = Math.min(report.a.runs.length, report.b.runs.length) > 1;
  const front: Section[] = [
    { title: 'In one sentence', lines: verdict(report) },
    { title: '', lines: conditionLines(report.failIf) },
    { title: '', lines: [...sideText('a', report.a), ...sideText('b', report.b)] },
  ];
  const cannot: Section = {
    title: 'What the numbers cannot say',
    lines: [...new Set(report.caveats)].map((c) => `- ${c}`),
  };
  // Tables of nothing would hide the sentence that says so.
  if (report.verdict === 'no data') return [...front, cannot].filter((s) => s.lines.length > 0);
  const list: Section[] = [
    ...front,
    { title: 'Counts, rates, means', lines: totals(report, note) },
    { title: 'Parts of the calls, a left, b right, one scale', lines: picture(report.rows) },
    { title: `Rows [${note(m.count)}]`, lines: rowTable(report) },
    { title: `CDF at the edges; ${dominated(report)} [${note(m.dominance)}]`, lines: cdfTable(report) },
    {
      title: `Quantiles [${note(m.quantiles)}]; ${level} % intervals of the shift`,
      lines: quantileTables(report, shiftMethod),
    },
    {
      title: `Calls of at least t; ${several ? '' : 'nominal '}${level} % intervals [${note(several ? tailMethod(report) : m.tails)}]`,
      lines: report.tails.length === 0 ? ['none'] : tailTables(report),
    },
    { title: `Are they one distribution? [${note(m.homogeneity)}]`, lines: testTable(report) },
    { title: '', lines: ranks(report, note) },
    { title: 'Distances', lines: distances(report, note) },
    { title: `Equivalent within the margin? [${note(m.equivalence)}]`, lines: equivalence(report) },
    { title: 'Between runs', lines: betweenRuns(report, note) },
    {
      title: 'Page tables on their way out',
      lines: tablesLines(report.tables).flatMap((l) => hanging(l, MAIL_WIDTH)),
    },
    { title: '', lines: planLines(report) },
    cannot,
  ];
  list.push({ title: 'Methods', lines: [...legend].map(([text, i]) => `[${i}] ${text}`) });
  return list.filter((s) => s.lines.length > 0);
}

const tailMethod = (report: CompareReport): string => {
  const tail = report.table.find((r) => r.what === 'tail');
  return report.methods[tail?.method ?? 'tails'];
};

function sideText(label: string, side: CompareSide): string[] {
  const out = [
    `${label} = ${side.name}: ${side.count} calls in ${side.runs.length} run${side.runs.length === 1 ? '' : 's'}`,
  ];
  for (const r of side.runs) {
    const window =
      r.windowNs === null ? 'window not known' : `window ${duration(r.windowNs)} (${r.windowHow})`;
    const cut = r.censored > 0 ? `, ${r.censored} censored` : '';
    out.push(`  ${r.argument}: ${r.what}; ${r.count} calls${cut}, ${window}`);
    for (const i of r.inputs) {
      if (i.lines.skipped > 0) out.push(`    ${i.lines.skipped} of ${i.lines.total} lines skipped`);
      if (i.error) out.push(`    error: ${i.error.message} (after line ${i.error.line ?? 0})`);
    }
  }
  return out;
}

function verdict(report: CompareReport): string[] {
  return [...(report.partial ? ['PARTIAL: interrupted.'] : []), ...wrap(report.sentence, MAIL_WIDTH)];
}

function totals(report: CompareReport, note: (m: string) => string): string[] {
  const { a, b, means, methods: m } = report;
  const out = [
    line('', ['a', 'b', 'b/a or b-a']),
    line('calls', [a.count, b.count, report.countRatio], note(m.count)),
  ];
  if (report.rate) {
    out.push(
      line('calls per second', [a.perSecond, b.perSecond, report.rate.value], note(m.rate)),
      line('  interval of the ratio', ['', num(report.rate.low), num(report.rate.high)]),
    );
  }
  out.push(
    line('sum ns, at least', [means.a.sumLowNs, means.b.sumLowNs], note(m.sums)),
    line('sum ns, at most', [means.a.sumHighNs, means.b.sumHighNs]),
    line(
      'mean ns, at least',
      [means.a.meanLowNs, means.b.meanLowNs, means.meanDifference.lowNs],
      note(m.meanDifference),
    ),
    line('mean ns, at most', [means.a.meanHighNs, means.b.meanHighNs, means.meanDifference.highNs]),
    line('arithmetic midpoint mean ns', [means.a.arithmeticNs, means.b.arithmeticNs], note(m.means)),
    line('geometric midpoint mean ns', [means.a.geometricNs, means.b.geometricNs]),
    line('mean log2 of midpoints', [means.a.meanLog2, means.b.meanLog2]),
  );
  if (a.exactMeanNs !== null || b.exactMeanNs !== null) {
    out.push(line('mean ns, exact', [a.exactMeanNs, b.exactMeanNs], note(m.sums)));
  }
  const shift = means.shift;
  if (shift?.ratio && shift.difference) {
    const { ratio, difference: d } = shift;
    out.push(
      line('  ratio of the means', [ratio.low, ratio.high, ratio.value], note(m[shift.method])),
      line('  difference ns', [d.low, d.high, d.value]),
    );
  }
  out.push(
    line('outside per call ns, least', [a.outside?.lowNs ?? null, b.outside?.lowNs ?? null], note(m.outside)),
    line('outside per call ns, most', [a.outside?.highNs ?? null, b.outside?.highNs ?? null]),
    line('half width of CDF band', [a.dkwHalfWidth, b.dkwHalfWidth], note(m.dkw)),
  );
  return out;
}

function dominated(report: CompareReport): string {
  const { faster } = report.dominance;
  return faster === null ? 'neither is faster throughout' : `${faster} is nowhere slower`;
}

function ranks(report: CompareReport, note: (m: string) => string): string[] {
  const { kolmogorovSmirnov: ks, mannWhitney: mw, superiority: s, methods: m } = report;
  if (!ks || !mw || !s) return [];
  const exact = report.fromSingleValues ? 'from single values' : 'from rows';
  // p-values of pooled calls say nothing once the run is the unit.
  const nominal = Math.min(report.a.runs.length, report.b.runs.length) < 2;
  const out = [
    line(`KS D, ${exact}`, [ks.d], note(m.kolmogorovSmirnov)),
    line('  D where b is faster, at ns', [ks.dPlus, num(ks.dPlusAtNs)]),
    line('  D where b is slower, at ns', [ks.dMinus, num(ks.dMinusAtNs)]),
    line('  D of single values, at most', [ks.dUpper]),
    line('  n_eff, sqrt(n_eff)*D', [ks.nEff, ks.sqrtNEffD]),
    ...(nominal ? [line('  p', [probability(ks.log10P)]), line('  critical D at 0.05', [ks.criticalD])] : []),
    line('pairs b slower', [mw.above]),
    line('pairs b faster', [mw.below]),
    line('pairs in one row', [mw.tied]),
    ...(nominal ? [line('Mann-Whitney z, log10 p', [mw.z, mw.log10P], note(m.mannWhitney))] : []),
    line('A12 = P(b slower) + ties/2', [s.a12], note(m.superiority)),
    line('  bounds of single values', [s.a12Low, s.a12High]),
    ...(nominal ? [line('  standard error', [s.standardError])] : []),
    line("Cliff's delta", [s.cliffDelta]),
    line('  bounds of single values', [s.cliffLow, s.cliffHigh]),
  ];
  if (report.a12) {
    const b = report.a12;
    const how = report.bootstrap ? m.shiftBootstrap : m.superiorityRuns;
    out.push(line('  A12, between low and high', [b.value, b.low, b.high], note(how)));
  }
  return out;
}

function distances(report: CompareReport, note: (m: string) => string): string[] {
  const d = report.distances;
  if (!d) return [];
  return [
    line('Jensen-Shannon, bits', [d.jensenShannonBits], note(report.methods.distances)),
    line('total variation', [d.totalVariation]),
    line('Hellinger', [d.hellinger]),
    line('Wasserstein-1 ns, bounds', [d.wasserstein1LowNs, d.wasserstein1HighNs]),
  ];
}

function equivalence(report: CompareReport): string[] {
  return report.equivalence.map(
    (e) =>
      `${e.what}: ${e.verdict}; ${num(e.low)} .. ${num(e.high)}, margin ${num(e.marginLow)} .. ${num(e.marginHigh)}`,
  );
}

function betweenRuns(report: CompareReport, note: (m: string) => string): string[] {
  const r = report.betweenRuns;
  if (!r) return [];
  const out: string[] = [];
  for (const s of r.statistics) {
    out.push(`${s.what}, run by run [${note(report.methods.betweenRuns)}]`);
    out.push(`  a ${s.a.map(num).join(' ')}`, `  b ${s.b.map(num).join(' ')}`);
    if (s.between === null) out.push('  fewer than two runs on a side: no variance between runs');
    else {
      const w = s.between;
      const d = w.difference;
      out.push(line('  mean a, b', [w.meanA, w.meanB]));
      out.push(line('  standard deviation a, b', [w.standardDeviationA, w.standardDeviationB]));
      out.push(line('  difference, low and high', [d.value, d.low, d.high]));
    }
  }
  out.push(line('A12 - 1/2 between like runs', [r.withinA, r.withinB]));
  return out;
}
