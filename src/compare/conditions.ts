import type { Estimate } from '../latency/bootstrap-shifts.js';
import type { Distribution } from '../latency/distribution.js';
import { riskRatioInterval } from '../latency/effect-sizes.js';
import { rateRatio, runsRatio } from '../latency/shifts.js';
import { normalQuantile } from '../latency/special-functions.js';
import { type Clause, type Condition, decide, decideAll, type Measured } from './fail-if.js';
import type { ClauseReport, CompareReport, FailIfReport } from './report.js';
import { type PooledSide, perRun, quantileShift } from './shifts.js';

interface Answer {
  readonly interval: Measured | null;
  readonly method: string;
}

/**
 * Judges conditions on the intervals of a report. Throws RangeError for a tail that does not start at a row where only
 * rows are known.
 */
export function failIf(
  conditions: readonly { text: string; condition: Condition }[],
  report: CompareReport,
  a: PooledSide,
  b: PooledSide,
): FailIfReport[] {
  return conditions.map(({ text, condition }) => {
    const judged = condition.map((all) => all.map((clause) => judgeClause(clause, report, a, b)));
    return {
      expression: text,
      decision: decideAll(judged.map((all) => all.map((c) => c.decision))),
      clauses: judged.flat(),
    };
  });
}

function judgeClause(clause: Clause, report: CompareReport, a: PooledSide, b: PooledSide): ClauseReport {
  const { interval, method } = measure(clause, report, a, b);
  const { text, scale, threshold } = clause;
  return { text, scale, threshold, interval, method, decision: decide(clause, interval) };
}

function measure(clause: Clause, report: CompareReport, a: PooledSide, b: PooledSide): Answer {
  const { metric, scale } = clause;
  const { methods, alpha } = report;
  switch (metric.kind) {
    case 'quantile': {
      const s = quantileShift(a, b, metric.q, report.bootstrap, alpha);
      return { interval: scale === 'ratio' ? s.ratio : s.differenceNs, method: s.method };
    }
    case 'mean':
      return mean(scale, report, a, b);
    case 'rate':
      return { interval: report.rate, method: methods.rate };
    case 'count':
      // As if the windows were equal: the asker's claim.
      return { interval: rateRatio(report.a.count, 1, report.b.count, 1, alpha), method: methods.rate };
    case 'a12': {
      if (report.bootstrap) return { interval: report.bootstrap.a12, method: methods.shiftBootstrap };
      const s = report.superiority;
      if (!s) return { interval: null, method: methods.superiority };
      const reach = normalQuantile(1 - alpha / 2) * s.standardError;
      return {
        interval: { value: s.a12, low: s.a12 - reach, high: s.a12 + reach },
        method: methods.superiority,
      };
    }
    default:
      return tail(metric.fromNs, report, a, b);
  }
}

function mean(scale: Clause['scale'], report: CompareReport, a: PooledSide, b: PooledSide): Answer {
  const { methods } = report;
  const runs = scale === 'ratio' ? perRun(a, b, (d) => d.meanNs, report.alpha) : null;
  if (runs) return { interval: runs, method: methods.shiftRuns };
  if (report.bootstrap) {
    const { ratio, differenceNs } = report.bootstrap.mean;
    return { interval: scale === 'ratio' ? ratio : differenceNs, method: methods.shiftBootstrap };
  }
  const { a: ma, b: mb, meanDifference: d } = report.means;
  const interval: Measured =
    scale === 'ratio'
      ? {
          value: mb.arithmeticNs / ma.arithmeticNs,
          low: mb.meanLowNs / ma.meanHighNs,
          high: mb.meanHighNs / ma.meanLowNs,
        }
      : { value: mb.arithmeticNs - ma.arithmeticNs, low: d.lowNs, high: d.highNs };
  return { interval, method: methods.meanDifference };
}

function tail(fromNs: number, report: CompareReport, a: PooledSide, b: PooledSide): Answer {
  const fractions = (side: PooledSide): number[] =>
    side.runs.map((r) => {
      const [above, n] = r.durations ? above1(r.durations, fromNs) : aboveRow(r.bins, fromNs, r.argument);
      return above / n;
    });
  const runs = runsRatio(fractions(a), fractions(b), report.alpha);
  if (runs) return { interval: runs, method: report.methods.shiftRuns };
  const [x, n] = a.exact ? above1(a.exact, fromNs) : aboveRow(a.printed, fromNs, report.a.name);
  const [y, m] = b.exact ? above1(b.exact, fromNs) : aboveRow(b.printed, fromNs, report.b.name);
  const limits = riskRatioInterval(x, n, y, m, 1 - report.alpha);
  const interval: Estimate | null = limits && { value: y / m / (x / n), ...limits };
  return { interval, method: report.methods.tails };
}

function above1(d: Distribution, fromNs: number): [above: number, of: number] {
  let above = 0;
  d.forEachRun((value, times) => {
    if (value >= fromNs) above += times;
  });
  return [above, d.count];
}

function aboveRow(
  h: { edges: readonly number[]; counts: readonly number[] },
  fromNs: number,
  name: string,
): [above: number, of: number] {
  let above = 0;
  let n = 0;
  h.counts.forEach((c, i) => {
    if (h.edges[i]! < fromNs && h.edges[i + 1]! > fromNs && c > 0) {
      throw new RangeError(
        `tail(${fromNs}ns): the row ${h.edges[i]} to ${h.edges[i + 1]} ns of ${name} cannot be cut there`,
      );
    }
    if (h.edges[i]! >= fromNs) above += c;
    n += c;
  });
  return [above, n];
}
