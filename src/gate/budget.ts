import { byName } from '../result/by-name.js';
import type { LatencyReport } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';

/** A parsed latency budget: `p99 <= 50us`. */
export interface Budget {
  readonly what: 'p50' | 'p90' | 'p99' | 'p99.9' | 'max' | 'count';
  readonly relation: '<=' | '<' | '>=' | '>';
  /** ns, or a number of spans for `count`. */
  readonly limit: number;
}

const UNITS: Readonly<Record<string, number>> = byName({ ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 });
const BUDGET = /^\s*(p50|p90|p99|p99\.9|max|count)\s*(<=|<|>=|>)\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s)?\s*$/;

/** Throws UsageError with what was expected. A time without a unit is in ns. */
export function parseBudget(text: string): Budget {
  const match = BUDGET.exec(text);
  if (!match) throw new UsageError(`"${text}" is no budget; expected e.g. "p99 <= 50us" or "count >= 1000"`);
  const what = match[1] as Budget['what'];
  if (what === 'count' && match[4] !== undefined) throw new UsageError(`"${text}": a count has no unit`);
  return {
    what,
    relation: match[2] as Budget['relation'],
    limit: Number(match[3]) * (UNITS[match[4] ?? 'ns'] ?? 1),
  };
}

/** The measured number, null where the latency has none. */
export function measured(report: LatencyReport, what: Budget['what']): number | null {
  if (what === 'count') return report.count;
  const q = report.quantiles;
  if (!q) return null;
  switch (what) {
    case 'p50':
      return q.p50;
    case 'p90':
      return q.p90;
    case 'p99':
      return q.p99;
    case 'p99.9':
      return q.p999;
    default:
      return q.max;
  }
}

export function holds(value: number, budget: Budget): boolean {
  switch (budget.relation) {
    case '<=':
      return value <= budget.limit;
    case '<':
      return value < budget.limit;
    case '>=':
      return value >= budget.limit;
    default:
      return value > budget.limit;
  }
}
