import type { PlanRow } from '../../src/compare/plan-report.js';
import type { CompareReport } from '../../src/compare/report.js';
import { changeWords, durationWords, partWords } from '../../src/compare/words.js';

/** Runs a side that show a change, or what they would be for a spread that is only supposed. */
export function planLines(report: Pick<CompareReport, 'plan' | 'alpha' | 'paired'>): string[] {
  const { plan } = report;
  const first = plan[0];
  if (first === undefined) return [];
  const unit = report.paired ? 'Pairs of runs' : 'Runs a side';
  const level = Number(((1 - report.alpha) * 100).toPrecision(4));
  const head = ['', 'spread', ...first.runs.map((r) => changeWords(r.ratio)), 'as seen'];
  const out = [
    `${unit} that decide a change of this size 4 times in 5, at the ${level} % level of the sentence`,
    cells(head),
    ...plan.map((p) =>
      cells([
        name(p),
        partWords(p.spread),
        ...p.runs.map((r) => count(r.runs)),
        p.seen === null ? '' : `${count(p.runsForSeen)} (${changeWords(p.seen)})`,
      ]),
    ),
  ];
  const degrees = Math.max(...plan.map((p) => p.degrees));
  out.push(
    degrees === 0
      ? 'The spread is only supposed: two runs of one kernel would show it (give them with --before or --after).'
      : `The spread is that of ${degrees} more runs than sides${degrees < 5 ? ': from so few it may be off by a factor of two' : ''}.`,
  );
  return out;
}

const name = (p: PlanRow): string =>
  p.degrees === 0
    ? 'any'
    : p.what === 'tail'
      ? `≥ ${durationWords(p.fromNs!)}`
      : p.what === 'rate'
        ? 'calls/s'
        : p.what;

const count = (n: number | null): string => (n === null ? '>1000' : String(n));

function cells(list: readonly string[]): string {
  return list
    .map((t, i) => (i === 0 ? t.padEnd(11) : t.padStart(i === 1 ? 8 : i === list.length - 1 ? 14 : 6)))
    .join('')
    .trimEnd();
}
