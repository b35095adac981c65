import type { InvariantReport } from './types.js';

/** An unknown's reason without the probe it names at its end: `settledBy` says that for all of them. */
export function bareReason(report: Pick<InvariantReport, 'settledBy'>, reason: string): string {
  return report.settledBy.length === 0 ? reason : reason.replace(/(?:: |, | )needs .*$/s, '');
}

/** Why an invariant is undecided, in one line: what is missing, or what came in the way and what would settle it. */
export function whyUndecided(report: InvariantReport): string {
  const probes = report.settledBy.join(', ');
  if (probes === '') return report.reason;
  if (report.instances.unknown === 0) return `needs ${probes}`;
  return `${bareReason(report, report.reason)}; would be settled by ${probes}`;
}
