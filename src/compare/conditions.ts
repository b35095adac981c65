import { type Clause, type Condition, decide, decideAll, type Measured } from './fail-if.js';
import { type Design, severalRuns, shiftOf, superiorityOf } from './inference.js';
import { METHODS } from './methods.js';
import type { ClauseReport, FailIfReport } from './report.js';
import type { Statistic } from './run-values.js';
import type { Basis, Shift } from './shift.js';

interface Answer {
  readonly interval: Measured | null;
  readonly method: string;
  readonly basis: Basis;
}

/**
 * Judges conditions on intervals whose unit is the run. With one run on a side nothing is decided: two runs of one
 * kernel may differ as much as is seen. Throws UsageError for a tail that does not start at a row where only rows are
 * known.
 */
export function failIf(
  conditions: readonly { text: string; condition: Condition }[],
  design: Design,
): FailIfReport[] {
  return conditions.map(({ text, condition }) => {
    const judged = condition.map((all) => all.map((clause) => judgeClause(clause, design)));
    return {
      expression: text,
      decision: decideAll(judged.map((all) => all.map((c) => c.decision))),
      clauses: judged.flat(),
    };
  });
}

function judgeClause(clause: Clause, design: Design): ClauseReport {
  const { interval, method, basis } = measure(clause, design);
  const { text, scale, threshold } = clause;
  const decided = basis === 'runs' || basis === 'assumed';
  const decision = decided ? decide(clause, interval) : 'undecided';
  const why =
    severalRuns(design) || interval === null ? method : `one run on a side, so undecided; ${method}`;
  return { text, scale, threshold, interval, method: why, decision };
}

function measure(clause: Clause, design: Design): Answer {
  const { metric, scale } = clause;
  if (metric.kind === 'a12') {
    const s = superiorityOf(design);
    if (s === null) return { interval: null, method: METHODS.superiority, basis: 'none' };
    return {
      interval: s.estimate,
      method: s.basis === 'runs' ? METHODS.superiorityRuns : METHODS.shiftBootstrap,
      basis: s.basis,
    };
  }
  const shift = shiftOf(design, statisticOf(metric));
  if (shift === null) return { interval: null, method: METHODS.seen, basis: 'none' };
  return { interval: on(scale, shift), method: METHODS[shift.method], basis: shift.basis };
}

function statisticOf(metric: Exclude<Clause['metric'], { kind: 'a12' }>): Statistic {
  if (metric.kind === 'quantile') return { kind: 'quantile', q: metric.q };
  if (metric.kind === 'tail') return { kind: 'share', fromNs: metric.fromNs };
  return { kind: metric.kind };
}

const on = (scale: Clause['scale'], shift: Shift): Measured | null =>
  scale === 'ratio' ? shift.ratio : shift.difference;
