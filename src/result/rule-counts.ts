import type { InvariantReport } from './types.js';

/** Every rule is in exactly one of these: they add up to `rules`. */
export interface RuleCounts {
  readonly rules: number;
  readonly violated: number;
  readonly held: number;
  readonly undecided: number;
  /** What it is about did not happen, or this kernel does not have it. */
  readonly idle: number;
}

/** The one way in which reports count rules. */
export function ruleCounts(rules: readonly Pick<InvariantReport, 'verdict'>[]): RuleCounts {
  const of = (verdict: InvariantReport['verdict']): number =>
    rules.filter((r) => r.verdict === verdict).length;
  return {
    rules: rules.length,
    violated: of('violated'),
    held: of('pass'),
    undecided: of('unknown'),
    idle: of('not-applicable'),
  };
}

/** `of 56 rules 21 held, 18 are not decided, 17 had nothing to check`; what is none is left out. */
export function ruleCountWords({ rules, violated, held, undecided, idle }: RuleCounts): string {
  const parts = [
    violated > 0 ? `${violated} ${violated === 1 ? 'is' : 'are'} violated` : '',
    `${held} held`,
    undecided > 0 ? `${undecided} ${undecided === 1 ? 'is' : 'are'} not decided` : '',
    idle > 0 ? `${idle} had nothing to check` : '',
  ].filter((part) => part !== '');
  return `of ${rules} rules ${parts.join(', ')}`;
}
