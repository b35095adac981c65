import { byName } from '../result/by-name.js';
import { UsageError } from '../result/usage-error.js';
/**
 * Conditions for CI, e.g. `p99 > +5%`.
 *
 *     condition  := clause { ('and' | 'or' | ',') clause }       'and' binds tighter; ',' is 'or'
 *     clause     := metric ('>' | '>=' | '<' | '<=') threshold
 *     metric     := 'p' number | 'mean' | 'count' | 'rate' | 'a12' | 'tail(' duration ')'
 *     threshold  := [sign] number '%'       change of AFTER against BEFORE
 *                 | [sign] number unit      difference, unit ns, us, ms, s (quantiles and mean)
 *                 | number 'x'              ratio
 *                 | number                  a12 only
 */
export type Metric =
  | { readonly kind: 'quantile'; readonly q: number }
  | { readonly kind: 'mean' | 'count' | 'rate' }
  | { readonly kind: 'a12' }
  | { readonly kind: 'tail'; readonly fromNs: number };

export type Operator = '>' | '>=' | '<' | '<=';

export interface Clause {
  readonly text: string;
  readonly metric: Metric;
  readonly operator: Operator;
  /** What the threshold bounds: the ratio after/before (5 % is 1.05), the difference in ns, or A12 itself. */
  readonly scale: 'ratio' | 'difference' | 'value';
  readonly threshold: number;
}

/** Any of these, each of which is all of its clauses. */
export type Condition = readonly (readonly Clause[])[];

/** Throws UsageError that names the clause and what it could have been. */
export function parseCondition(text: string): Condition {
  const any = text
    .split(/\s*(?:,|\bor\b|\|\|)\s*/)
    .map((all) => all.split(/\s*(?:\band\b|&&)\s*/).map((clause) => parseClause(clause.trim())));
  return any;
}

function parseClause(text: string): Clause {
  const m = /^(.+?)\s*(>=|<=|>|<)\s*(.+)$/.exec(text);
  if (m === null) throw new UsageError(`--fail-if: "${text}" is no condition; write e.g. p99 > +5%`);
  const metric = parseMetric(m[1]!.trim(), text);
  const operator = m[2] as Operator;
  const t = m[3]!.replaceAll(' ', '');
  const number = /^([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(%|x|ns|us|µs|ms|s)?$/i.exec(t);
  if (number === null) {
    throw new UsageError(`--fail-if: "${m[3]}" is no threshold; write e.g. +5%, 1.5x, +200us`);
  }
  const value = Number(number[1]);
  const unit = number[2]?.toLowerCase();
  if (metric.kind === 'a12') {
    if (unit !== undefined) throw new UsageError(`--fail-if: a12 is a probability; write e.g. a12 > 0.55`);
    return { text, metric, operator, scale: 'value', threshold: value };
  }
  if (unit === '%') return { text, metric, operator, scale: 'ratio', threshold: 1 + value / 100 };
  if (unit === 'x') return { text, metric, operator, scale: 'ratio', threshold: value };
  const ns = unit === undefined ? undefined : UNITS[unit];
  if (ns === undefined || (metric.kind !== 'quantile' && metric.kind !== 'mean')) {
    throw new UsageError(`--fail-if: "${text}": write the threshold as a change (+5%) or a ratio (1.5x)`);
  }
  return { text, metric, operator, scale: 'difference', threshold: value * ns };
}

const UNITS: Readonly<Record<string, number>> = byName({ ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 });

function parseMetric(name: string, text: string): Metric {
  const lower = name.toLowerCase();
  if (lower === 'mean' || lower === 'count' || lower === 'rate') return { kind: lower };
  if (lower === 'a12') return { kind: lower };
  const quantile = /^p(\d{1,3}(?:\.\d+)?)$/.exec(lower);
  if (quantile !== null) {
    const q = Number(`${quantile[1]}e-2`);
    if (q > 0 && q < 1) return { kind: 'quantile', q };
  }
  if (lower === 'median') return { kind: 'quantile', q: 0.5 };
  const tail = /^tail\((.+)\)$/.exec(lower);
  if (tail !== null) return { kind: 'tail', fromNs: parseDuration(tail[1]!) };
  throw new UsageError(
    `--fail-if: "${text}": there is no "${name}"; there are p50 … p99.99, mean, count, rate, a12, tail(8us)`,
  );
}

/** `8us`, `1.5 ms`, `8192` (ns) → ns. Throws UsageError. */
export function parseDuration(text: string): number {
  const m = /^\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|k|m)?\s*$/i.exec(text);
  if (m === null) throw new UsageError(`"${text}" is no duration; write e.g. 1s, 8us, 8192ns`);
  const unit = m[2] ?? 'ns';
  // K and M are those of the rows bpftrace prints.
  const factor = unit === 'K' || unit === 'k' ? 1024 : unit === 'M' ? 1024 ** 2 : UNITS[unit.toLowerCase()];
  if (factor === undefined) throw new UsageError(`"${text}" is no duration; write e.g. 1s, 8us, 8192ns`);
  return Number(m[1]) * factor;
}

/** What a confidence interval says about a clause. */
export type Decision = 'true' | 'false' | 'undecided';

export interface Measured {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** True only if the whole interval satisfies the clause, false only if none of it does. */
export function decide(clause: Clause, interval: Measured | null): Decision {
  if (interval === null || !(interval.low <= interval.high)) return 'undecided';
  const { low, high } = interval;
  const t = clause.threshold;
  const holds = (v: number): boolean =>
    clause.operator === '>'
      ? v > t
      : clause.operator === '>='
        ? v >= t
        : clause.operator === '<'
          ? v < t
          : v <= t;
  const [a, b] = [holds(low), holds(high)];
  return a && b ? 'true' : a || b ? 'undecided' : 'false';
}

/** Three-valued `and` of clauses, `or` of alternatives. */
export function decideAll(decisions: readonly (readonly Decision[])[]): Decision {
  const all = decisions.map(
    (d): Decision => (d.includes('false') ? 'false' : d.includes('undecided') ? 'undecided' : 'true'),
  );
  return all.includes('true') ? 'true' : all.includes('undecided') ? 'undecided' : 'false';
}
