import type { Estimate } from '../latency/statistics/bootstrap-shifts.js';
import type { Margins } from '../latency/statistics/equivalence.js';
import { type HeadlineRow, marginOf, within } from './headline.js';
import type { PlanRow } from './plan-report.js';
import {
  changeWords,
  countWords,
  durationWords,
  estimateWords,
  intervalWords,
  partWords,
  rowWords,
} from './words.js';

/**
 * `inconclusive`: one run on a side, so that no difference can be told from that of two runs of one kernel.
 * `undecided`: several runs, which neither show a difference nor rule out one beyond the margin.
 */
export type CompareVerdict =
  | 'no data'
  | 'inconclusive'
  | 'undecided'
  | 'equivalent'
  | 'slower'
  | 'faster'
  | 'mixed';

export interface SentenceFacts {
  readonly names: readonly [before: string, after: string];
  readonly runs: readonly [before: number, after: number];
  readonly paired: boolean;
  /** Stated for one run a side; null: unknown. */
  readonly spread: number | null;
  readonly rows: readonly HeadlineRow[];
  readonly alpha: number;
  readonly margins: Margins;
  /** The asker named the margin: a difference inside it does not matter to them. */
  readonly marginGiven: boolean;
  /** Interval of A12 lies inside its margin; null where it is not known. */
  readonly a12Inside: boolean | null;
  /** Runs a side that would show the changes seen, from the spread seen, or from a supposed one. */
  readonly plan: readonly PlanRow[];
  /** What is said of the phases of the call, or empty. */
  readonly phases: string;
}

/** The interval is about the kernels, not only about these runs. */
const claims = (r: HeadlineRow): boolean => r.basis === 'runs' || r.basis === 'assumed';

const rowOf = (f: SentenceFacts, what: HeadlineRow['what']): HeadlineRow | undefined =>
  f.rows.find((r) => r.what === what);

/** What a maintainer would write: what changed, by how much, in which part, from how much evidence, decided or not. */
export function conclude(f: SentenceFacts): { verdict: CompareVerdict; sentence: string } {
  const n = rowOf(f, 'n')!;
  if (!(n.before! > 0 && n.after! > 0)) {
    const empty = n.before! > 0 ? f.names[1] : f.names[0];
    return { verdict: 'no data', sentence: `Nothing to compare: ${empty} holds no calls.` };
  }
  return Math.min(...f.runs) < 2 && f.spread === null ? conclusionAlone(f) : conclusionOfRuns(f);
}

function conclusionOfRuns(f: SentenceFacts): { verdict: CompareVerdict; sentence: string } {
  const [before, after] = f.names;
  const body = rowOf(f, 'p50');
  const tail = rowOf(f, 'tail');
  const moved = [body, tail].filter((r) => r?.decides === true).map((r) => r!.ratio!.value > 1);
  const inside = equivalent(f);
  const end = `${evidence(f)}.${f.phases}`;
  if (moved.length > 0 && !(inside && f.marginGiven)) {
    const verdict = moved.includes(true) ? (moved.includes(false) ? 'mixed' : 'slower') : 'faster';
    const word = verdict === 'mixed' ? 'both faster and slower' : verdict;
    const where = !body?.decides ? ' in the tail' : !tail?.decides && tail ? ' in the body' : '';
    return { verdict, sentence: `${after} is ${word} than ${before}${where}: ${parts(f)}; ${end}` };
  }
  if (inside) {
    const yet = moved.length > 0 ? ', though not equal,' : '';
    return {
      verdict: 'equivalent',
      sentence: `${after} is equivalent to ${before}${yet} within the margin (${marginWords(f)}): ${parts(f)}; ${end}`,
    };
  }
  const lower = rowOf(f, 'rate')?.decides ? ' in latency' : '';
  return {
    verdict: 'undecided',
    sentence: `Undecided${lower} between ${before} and ${after}: ${parts(f)}; ${evidence(f)}. ${wanted(f)}${f.phases}`,
  };
}

/** Median, tail and rate, each with its interval where there is one. */
function parts(f: SentenceFacts): string {
  return [medianWords(f), tailWords(f), rateWords(f)].filter((t) => t !== '').join(', ');
}

function medianWords(f: SentenceFacts): string {
  const r = rowOf(f, 'p50');
  if (r === undefined) return '';
  if (r.rowBefore && r.rowAfter && !claims(r)) {
    const [a, b] = [r.rowBefore, r.rowAfter];
    const row = ([low, high]: readonly [number, number], to = '..'): string => {
      const words = rowWords(low, high, to);
      return /[a-z]$/.test(words) ? words : `${words} ns`;
    };
    return a[0] === b[0] && a[1] === b[1]
      ? `the median in the same row (${row(a, ' to ')})`
      : `the median’s row from ${row(a)} to ${row(b)}`;
  }
  if (r.ratio === null || r.before === null || r.after === null) return '';
  const open = !(r.ratio.low > 0 && Number.isFinite(r.ratio.high));
  return `median ${open ? changeWords(r.ratio.value) : estimateWords(r.ratio)} (${durationWords(r.before)} → ${durationWords(r.after)})`;
}

function tailWords(f: SentenceFacts): string {
  const r = rowOf(f, 'tail');
  if (r === undefined || r.ratio === null || r.before === null || r.after === null) return '';
  const values = `${partWords(r.before)} → ${partWords(r.after)}`;
  if (!(r.before > 0)) return `calls of ${durationWords(r.fromNs!)} or more only after (${values})`;
  const x = r.ratio;
  const interval = Number.isFinite(x.low + x.high) ? ` [${x.low.toFixed(2)}, ${x.high.toFixed(2)}]` : '';
  return `calls of ${durationWords(r.fromNs!)} or more ${x.value.toFixed(2)}x as frequent${interval} (${values})`;
}

function rateWords(f: SentenceFacts): string {
  const r = rowOf(f, 'rate');
  if (r?.ratio == null || r.before === null || r.after === null) return '';
  const values = `(${countWords(r.before)} → ${countWords(r.after)})`;
  const interval = intervalWords(r.ratio);
  if (interval === '' && r.ratio.value < 2 && r.ratio.value > 0.5) {
    const percent = changeWords(r.ratio.value).slice(1);
    if (percent === '0 %') return `as many calls a second ${values}`;
    return `${percent} ${r.ratio.value < 1 ? 'fewer' : 'more'} calls a second ${values}`;
  }
  return `${estimateWords(r.ratio)} calls a second ${values}`;
}

function evidence(f: SentenceFacts): string {
  const n = rowOf(f, 'n')!;
  const [ka, kb] = f.runs;
  const assumed = f.spread === null ? '' : `, runs of one kernel assumed to spread by ${partWords(f.spread)}`;
  const level = `${Number(((1 - f.alpha) * 100).toPrecision(4))} %`;
  const runs = f.paired
    ? `${ka} pairs of runs`
    : ka === 1
      ? 'one run a side'
      : ka === kb
        ? `${ka} runs a side`
        : `${ka} and ${kb} runs`;
  return `${countWords(n.before!)} and ${countWords(n.after!)} calls in ${runs}${assumed}, ${level} level`;
}

function marginWords(f: SentenceFacts): string {
  return `${changeWords(f.margins.quantileRatio).replace('+', '')}, tail ${f.margins.riskRatio}x`;
}

/**
 * Median, p90 and p99, those that the calls are enough for; the tail's share where only rows are known, and in the place
 * of a quantile that the runs give no interval of.
 */
function asked(f: SentenceFacts): HeadlineRow[] {
  const quantiles = f.rows.filter((r) => ['p50', 'p90', 'p99'].includes(r.what));
  const open = (r: HeadlineRow): boolean => r.basis === 'runs' && Number.isNaN(r.ratio?.low ?? 0);
  const byTail = f.rows.some((r) => r.rowBefore !== null) || quantiles.some(open);
  return [...quantiles.filter((r) => !open(r)), ...f.rows.filter((r) => byTail && r.what === 'tail')];
}

/** Every interval that the claim needs lies inside its margin. */
function equivalent(f: SentenceFacts): boolean {
  const known = asked(f).filter((r) => r.ratio !== null && claims(r));
  return known.some((r) => r.what === 'p50') && known.every((r) => within(r.ratio!, marginOf(r, f.margins)));
}

/** How many runs would decide, by the row that needs fewest. */
function wanted(f: SentenceFacts): string {
  const best = f.plan
    .filter((p) => p.seen !== null && p.runsForSeen !== null)
    .sort(
      (x, y) => (x.runsForSeen ?? Number.POSITIVE_INFINITY) - (y.runsForSeen ?? Number.POSITIVE_INFINITY),
    )[0];
  if (best === undefined || best.runsForSeen === null || best.seen === null) {
    return 'How many runs would do cannot be told from these.';
  }
  const what = best.what === 'tail' ? 'tail' : best.what === 'p50' ? 'median' : best.what;
  const side = f.paired ? 'pairs' : 'runs a side';
  return `To show a change as large as the one of the ${what} (${changeWords(best.seen)}) would take about ${best.runsForSeen} ${side}.`;
}

/** One run on a side: what is seen, said as seen. */
function conclusionAlone(f: SentenceFacts): { verdict: CompareVerdict; sentence: string } {
  const [before, after] = f.names;
  const [ka, kb] = f.runs;
  const n = rowOf(f, 'n')!;
  const runs = ka === 1 && kb === 1 ? 'one run a side' : `${ka} and ${kb} runs, one side a single one`;
  const calls = `${countWords(n.before!)} and ${countWords(n.after!)} calls`;
  if (equivalentAlone(f)) {
    return {
      verdict: 'equivalent',
      sentence: `As recorded ${after} is equivalent to ${before} within the margin (${marginWords(f)}): ${partsAlone(f)}; ${calls}, ${runs}: how far two runs of one kernel lie apart is not in it.${f.phases}`,
    };
  }
  return {
    verdict: 'inconclusive',
    sentence: `Inconclusive, ${runs}: ${after} against ${before} shows ${partsAlone(f)}; ${calls}. Two runs of one kernel may differ as much${enough(f)}.${f.phases}`,
  };
}

/** What it would take, for a spread that is common. */
function enough(f: SentenceFacts): string {
  const common = f.plan.find((p) => p.degrees === 0 && p.spread === 0.03);
  const runs = common?.runs.find((r) => r.ratio === 1.1)?.runs;
  return runs
    ? `; if they spread by 3 %, ${runs} runs a side show 10 %`
    : '; it takes several a side to tell';
}

function partsAlone(f: SentenceFacts): string {
  return [rateWords(f), medianWords(f), tailWords(f)].filter((t) => t !== '').join(', ');
}

/**
 * As recorded: A12 inside its margin, and what is asked for, the tail too, by its interval where it has one and as seen
 * where not; the rows themselves say nothing finer of a quantile.
 */
function equivalentAlone(f: SentenceFacts): boolean {
  if (f.runs[0] !== 1 || f.runs[1] !== 1 || f.a12Inside !== true) return false;
  const tail = f.rows.filter((r) => r.what === 'tail');
  return [...new Set([...asked(f), ...tail])]
    .filter((r) => r.method !== null && (r.rowBefore === null || r.what === 'tail'))
    .every((r) => r.ratio !== null && within(asSeen(r.ratio), marginOf(r, f.margins)));
}

const asSeen = (x: Estimate): Estimate =>
  Number.isNaN(x.low) ? { value: x.value, low: x.value, high: x.value } : x;
