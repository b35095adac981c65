import { align, type Binned, total } from '../latency/histogram/binned.js';
import { Distribution } from '../latency/histogram/distribution.js';
import type { Estimate } from '../latency/statistics/bootstrap-shifts.js';
import type { Margins } from '../latency/statistics/equivalence.js';
import { quantileInterval } from '../latency/statistics/intervals.js';
import { type Design, severalRuns, shiftOf } from './inference.js';
import type { PooledSide } from './pooled-side.js';
import { calls, type Statistic } from './run-values.js';
import type { Basis, Shift } from './shift.js';

export type RowVerdict =
  | 'slower'
  | 'faster'
  | 'more'
  | 'fewer'
  | 'lower'
  | 'higher'
  | 'equivalent'
  | 'undecided'
  /** One run a side: seen in these runs, and no more. */
  | 'seen'
  | '';

/** One line of the table a reader sees first. */
export interface HeadlineRow {
  what: 'n' | 'rate' | 'mean' | 'p50' | 'p90' | 'p99' | 'p99.9' | 'max' | 'tail';
  /** Of `tail`: calls of at least so long. */
  fromNs: number | null;
  before: number | null;
  after: number | null;
  /** Rows that hold the quantile where only rows are known. */
  rowBefore: readonly [lowNs: number, highNs: number] | null;
  rowAfter: readonly [lowNs: number, highNs: number] | null;
  /** after / before. */
  ratio: Estimate | null;
  basis: Basis;
  method: Shift['method'] | null;
  verdict: RowVerdict;
  /** True where the verdict of the row is one of those the sentence rests on. */
  decides: boolean;
}

/** Looks that the sentence takes at the data: rate, median, tail. Hochberg's rule keeps their joint level. */
export const DECIDING = ['rate', 'p50', 'tail'] as const;

const QUANTILES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
  ['p99.9', 0.999],
] as const;

/** The table, with a verdict in every row. `tailFromNs` as `tailStart` found it. */
export function headline(design: Design, margins: Margins, tailFromNs: number | null): HeadlineRow[] {
  const exact = design.a.exact !== null && design.b.exact !== null;
  const row = (what: HeadlineRow['what'], of: Statistic): HeadlineRow => {
    const shift = shiftOf(design, of);
    const rows = of.kind === 'quantile' && !exact;
    return {
      what,
      fromNs: of.kind === 'share' ? of.fromNs : null,
      before: shift?.before ?? null,
      after: shift?.after ?? null,
      rowBefore: rows ? rowOf(design.a.printed, of.q) : null,
      rowAfter: rows ? rowOf(design.b.printed, of.q) : null,
      ratio: shift?.ratio ?? null,
      basis: shift?.basis ?? 'none',
      method: shift?.method ?? null,
      verdict: '',
      decides: false,
    };
  };
  const rows = [
    counted(design),
    row('rate', { kind: 'rate' }),
    row('mean', { kind: 'mean' }),
    ...QUANTILES.map(([what, q]) => row(what, { kind: 'quantile', q })),
    largest(design.a, design.b),
    ...(tailFromNs === null ? [] : [row('tail', { kind: 'share', fromNs: tailFromNs })]),
  ];
  const decided =
    severalRuns(design) || design.spread !== null ? decide(design, tailFromNs) : new Set<string>();
  const open = decided.has('p50') || decided.has('tail');
  for (const r of rows) {
    r.decides = decided.has(r.what);
    r.verdict = verdictOf(r, margins, r.decides || (open && !DECIDING.includes(r.what as 'p50')));
  }
  return rows;
}

/**
 * Which of the deciding rows exclude "no change", at the joint level α (Hochberg 1988): all if all do at α, those that
 * do at α/2 if one of three does not at α, and so on.
 */
function decide(design: Design, tailFromNs: number | null): Set<string> {
  const statistics: [string, Statistic][] = [
    ['rate', { kind: 'rate' }],
    ['p50', { kind: 'quantile', q: 0.5 }],
  ];
  if (tailFromNs !== null) statistics.push(['tail', { kind: 'share', fromNs: tailFromNs }]);
  const present = statistics.filter(([, of]) => !Number.isNaN(shiftOf(design, of)?.ratio?.low ?? Number.NaN));
  for (let look = 1; look <= present.length; look++) {
    const out = present.filter(([, of]) => {
      const ratio = shiftOf(design, of, design.alpha / look)!.ratio!;
      return ratio.low > 1 || ratio.high < 1;
    });
    if (out.length >= present.length - look + 1) return new Set(out.map(([name]) => name));
  }
  return new Set();
}

function verdictOf(r: HeadlineRow, margins: Margins, may: boolean): RowVerdict {
  if (r.what === 'n' || r.what === 'max') return '';
  const { ratio } = r;
  if (r.method === null) return '';
  if (r.basis === 'none') return 'seen';
  if (ratio === null || !Number.isFinite(ratio.low + ratio.high))
    return r.basis === 'runs' ? 'undecided' : 'seen';
  if (r.basis === 'within')
    return within(ratio, marginOf(r, margins)) && r.method !== 'meanBounds' ? 'equivalent' : 'seen';
  if (may && (ratio.low > 1 || ratio.high < 1)) return words(r, ratio.value > 1);
  return within(ratio, marginOf(r, margins)) ? 'equivalent' : 'undecided';
}

const words = (r: HeadlineRow, up: boolean): RowVerdict =>
  r.what === 'rate'
    ? up
      ? 'higher'
      : 'lower'
    : r.what === 'tail'
      ? up
        ? 'more'
        : 'fewer'
      : up
        ? 'slower'
        : 'faster';

export const marginOf = (r: Pick<HeadlineRow, 'what'>, m: Margins): number =>
  r.what === 'tail' ? m.riskRatio : m.quantileRatio;

export const within = (x: Estimate, margin: number): boolean => x.low >= 1 / margin && x.high <= margin;

function counted(design: Design): HeadlineRow {
  const sum = (side: PooledSide): number => side.runs.reduce((s, r) => s + calls(r), 0);
  const [before, after] = [sum(design.a), sum(design.b)];
  return bare('n', before, after);
}

/** The longest call of a side: one call, so it decides nothing. */
function largest(a: PooledSide, b: PooledSide): HeadlineRow {
  const rows = a.exact === null || b.exact === null;
  const row = bare('max', a.exact?.maxNs ?? null, b.exact?.maxNs ?? null);
  if (!rows) return row;
  return {
    ...row,
    before: null,
    after: null,
    ratio: null,
    rowBefore: lastRow(a.printed),
    rowAfter: lastRow(b.printed),
  };
}

function bare(what: 'n' | 'max', before: number | null, after: number | null): HeadlineRow {
  const value = before !== null && after !== null ? after / before : Number.NaN;
  return {
    what,
    fromNs: null,
    before,
    after,
    rowBefore: null,
    rowAfter: null,
    ratio: { value, low: Number.NaN, high: Number.NaN },
    basis: 'none',
    method: null,
    verdict: '',
    decides: false,
  };
}

function rowOf(h: Binned, q: number): readonly [number, number] | null {
  const x = quantileInterval(h, q);
  return x && [x.lowNs, x.highNs];
}

function lastRow(h: Binned): readonly [number, number] | null {
  for (let i = h.counts.length - 1; i >= 0; i--) if (h.counts[i]! > 0) return [h.edges[i]!, h.edges[i + 1]!];
  return null;
}

/** Quantiles a tail may begin at, with the calls that every run should have beyond it. */
const TAIL_STARTS = [
  [0.99, 10],
  [0.95, 20],
  [0.9, 20],
] as const;
/** At most one call in ten is tail: above that a share says what the body says. */
const RARE = 0.1;

/**
 * Where the tail begins. From single values: the 99th percentile of all calls together (1000 calls a run), the 95th
 * (400) or the 90th (200). From rows: the first edge with at most a tenth of the calls of either
 * side beyond it. Null where there is no such point.
 */
export function tailStart(a: PooledSide, b: PooledSide): number | null {
  if (a.exact !== null && b.exact !== null) {
    const least = Math.min(...[...a.runs, ...b.runs].map(calls));
    const both = new Distribution().merge(a.exact).merge(b.exact);
    const q = TAIL_STARTS.find(([p, wanted]) => (1 - p) * least >= wanted - 1e-9)?.[0];
    if (q === undefined || both.count === 0) return null;
    const from = Number(both.quantile(q).toPrecision(3));
    return from > both.minNs && from <= both.maxNs ? from : null;
  }
  const pair = align(a.printed, b.printed);
  const [na, nb] = [total(pair.a), total(pair.b)];
  let [beyondA, beyondB] = [na, nb];
  for (let i = 0; i < pair.a.length - 1; i++) {
    beyondA -= pair.a[i]!;
    beyondB -= pair.b[i]!;
    if (beyondA <= RARE * na && beyondB <= RARE * nb)
      return beyondA + beyondB > 0 ? pair.edges[i + 1]! : null;
  }
  return null;
}
