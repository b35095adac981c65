import type { CompareReport, CompareRow } from '../../src/compare/report.js';
import { rowWords } from '../../src/compare/words.js';
import { quantileName } from '../quantiles.js';

/** Integers in full, everything else to 6 significant digits; `-` for what does not exist. */
export function num(v: number | null | undefined): string {
  if (v === null || v === undefined || Number.isNaN(v)) return '-';
  if (v === Number.POSITIVE_INFINITY) return 'inf';
  if (v === Number.NEGATIVE_INFINITY) return '-inf';
  if (Number.isInteger(v) && Math.abs(v) < 1e15) return String(v);
  if (Math.abs(v) < 1e-4) return v.toExponential(5).replace(/\.?0*e/, 'e');
  return String(Number(v.toPrecision(6)));
}

/** A label of 30 columns and up to three numbers of 14; the note says by which method. */
export function line(label: string, cells: readonly (number | null | string)[], note = ''): string {
  const text = cells.map((c) => (typeof c === 'string' ? c : num(c)).padStart(14)).join('');
  return `${label.padEnd(28)}${text}${note === '' ? '' : ` [${note}]`}`;
}

/** Columns of equal width, all numbers. */
export function columns(cells: readonly (number | null | string)[], widths: readonly number[]): string {
  return cells
    .map((c, i) => {
      const text = typeof c === 'string' ? c : num(c);
      return i === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[i]!);
    })
    .join('')
    .trimEnd();
}

const BAR = 18;

/** Both histograms on one scale, back to back: parts of the calls, `:` for less than half a character. */
export function picture(
  rows: readonly Pick<CompareRow, 'lowNs' | 'highNs' | 'fractionA' | 'fractionB'>[],
): string[] {
  const most = Math.max(...rows.flatMap((r) => [r.fractionA, r.fractionB]).filter(Number.isFinite), 0);
  const bar = (f: number): string => {
    if (!(f > 0)) return '';
    const n = Math.round((f / most) * BAR);
    return n === 0 ? ':' : '@'.repeat(n);
  };
  const percent = (f: number): string => (f > 0 ? `${Number((f * 100).toPrecision(3))}%` : '');
  return rows.map((r) => {
    const label = rowWords(r.lowNs, r.highNs, ' .. ');
    return `${percent(r.fractionA).padStart(9)} ${bar(r.fractionA).padStart(BAR)}|${centred(label, 16)}|${bar(r.fractionB).padEnd(BAR)} ${percent(r.fractionB)}`.trimEnd();
  });
}

function centred(text: string, width: number): string {
  const left = Math.max(0, Math.floor((width - text.length) / 2));
  return `${' '.repeat(left)}${text}`.padEnd(width);
}

export function rowTable(report: CompareReport): string[] {
  const w = [12, 12, 12, 14, 14];
  return [
    columns(['row from ns', 'calls a', 'calls b', 'part a', 'part b'], w),
    ...report.rows.map((r) => columns([num(r.lowNs), r.countA, r.countB, r.fractionA, r.fractionB], w)),
  ];
}

export function cdfTable(report: CompareReport): string[] {
  const w = [14, 14, 14, 16, 6];
  return [
    columns(['up to ns', 'F_a', 'F_b', 'F_b - F_a', 'sign'], w),
    ...report.rows.map((r) =>
      columns([num(r.highNs), r.cdfA, r.cdfB, r.deltaCdf, r.sign > 0 ? '+' : r.sign < 0 ? '-' : '0'], w),
    ),
  ];
}

export function quantileTables(
  report: CompareReport,
  notes: (method: CompareReport['quantiles'][number]['method']) => string,
): string[] {
  const qs = report.quantiles;
  const name = (q: number): string => quantileName(q);
  const out: string[] = [];
  const bounds = [8, 12, 12, 12, 14, 12];
  out.push(columns(['', 'a from ns', 'below', 'b from ns', 'below'], bounds));
  for (const x of qs) {
    out.push(columns([name(x.q), num(x.a.lowNs), num(x.a.highNs), num(x.b.lowNs), num(x.b.highNs)], bounds));
  }
  const points = [8, 16, 16, 16, 16];
  const exact = report.fromSingleValues;
  out.push('', columns(['', 'point a', 'point b', ...(exact ? ['exact a', 'exact b'] : [])], points));
  for (const x of qs) {
    out.push(columns([name(x.q), x.a.pointNs, x.b.pointNs, ...(exact ? [x.exactA, x.exactB] : [])], points));
  }
  const ranks = [8, 11, 10, 10, 12, 10, 10];
  out.push('', columns(['', 'rank a', 'in row', 'of', 'rank b', 'in row', 'of'], ranks));
  for (const x of qs) {
    const { a, b } = x;
    out.push(columns([name(x.q), a.rank, a.rankInBin, a.binCount, b.rank, b.rankInBin, b.binCount], ranks));
  }
  const shift = [8, 12, 11, 11, 12, 12];
  out.push('', columns(['shift', 'b/a', 'low', 'high', 'b-a low ns', 'high'], shift));
  for (const x of qs) {
    const { ratio: r, differenceNs: d } = x;
    const cells = [
      name(x.q),
      r?.value ?? null,
      r?.low ?? null,
      r?.high ?? null,
      d?.low ?? null,
      d?.high ?? null,
    ];
    out.push(`${columns(cells, shift)} [${notes(x.method)}]`);
  }
  return out;
}

export function tailTables(report: CompareReport): string[] {
  const w = [14, 12, 12, 16, 16];
  const r = [14, 11, 11, 11, 12, 13];
  const t = report.tails;
  const nominal = Math.min(report.a.runs.length, report.b.runs.length) < 2;
  return [
    columns(['calls >= ns', 'calls a', 'calls b', 'part a', 'part b'], w),
    ...t.map((x) => columns([num(x.fromNs), x.countA, x.countB, x.fractionA, x.fractionB], w)),
    '',
    columns(['calls >= ns', 'ratio b/a', 'low', 'high', ...(nominal ? ['z', 'Fisher p'] : [])], r),
    ...t.map((x) =>
      columns(
        [
          num(x.fromNs),
          x.riskRatio,
          x.interval?.low ?? null,
          x.interval?.high ?? null,
          ...(nominal ? [x.z, probability(x.log10PFisher)] : []),
        ],
        r,
      ),
    ),
  ];
}

/** p from its logarithm, also where a double is too small for it. */
export function probability(log10P: number): string {
  if (log10P > -300) return num(10 ** log10P);
  const exponent = Math.floor(log10P);
  return `${Number((10 ** (log10P - exponent)).toPrecision(6))}e${exponent}`;
}

export function testTable(report: CompareReport): string[] {
  const tests = report.homogeneity;
  if (tests.length === 0) return ['chi2 and G: fewer than two rows to compare'];
  const out = [
    line('', [
      'all rows',
      ...tests.slice(1).map((t) => (t.cells.startsWith('body') ? 'body' : 'tail as one')),
    ]),
  ];
  const each = (label: string, of: (t: (typeof tests)[number]) => number, note = ''): void => {
    out.push(line(label, tests.map(of), note));
  };
  each('chi2', (t) => t.chi2);
  each('G', (t) => t.g);
  each('degrees of freedom', (t) => t.df);
  each('smallest expected count', (t) => t.minExpected);
  each('log10 p of chi2', (t) => t.log10PChi2);
  each('log10 p of G', (t) => t.log10PG);
  each('Cramer V', (t) => t.cramerV);
  each('mutual information, bits', (t) => t.mutualInformationBits);
  for (const t of tests.slice(1)) {
    out.push(`${t.cells}:`, `  a ${t.a.join(' ')}`, `  b ${t.b.join(' ')}`);
  }
  return out;
}
