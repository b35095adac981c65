import type { FreePath } from '../kernel/free-paths.js';
import { UsageError } from '../result/usage-error.js';

/** A rule of the kernel that can be switched off, to see what a replay says. */
export interface SimBug {
  readonly name: string;
  readonly broken: string;
  /** Invariants of which a replay reports at least one. */
  readonly violates: readonly string[];
  /** Rules of the machine (`machine/rules.ts`) that are broken: always, or every other time. */
  readonly always: readonly string[];
  readonly sometimes: readonly string[];
  /** Where the rule exists at all. */
  readonly needs: 'any' | 'batch' | 'pages' | 'targets';
}

const bug = (
  name: string,
  broken: string,
  violates: readonly string[],
  needs: SimBug['needs'],
  sometimes: readonly string[] = [],
): SimBug => ({
  name,
  broken,
  violates,
  always: sometimes.length > 0 ? [] : [name],
  sometimes,
  needs,
});

export const SIM_BUGS: readonly SimBug[] = [
  bug('free-before-flush', 'tables and pages are freed before the flush', ['I02'], 'pages'),
  bug('no-flush', 'tlb_finish_mmu does not flush', ['I02', 'I10', 'I29'], 'any', [
    'single-without-flush',
    'batch-without-flush',
  ]),
  bug('skip-target', 'one CPU of the mask is sent no interrupt', ['I23', 'I03'], 'targets', ['skip-target']),
  bug('no-wait', 'the flush returns before the other CPUs have answered', ['I24', 'I03'], 'targets'),
  bug('free-in-call', 'tables of a batch are freed by the call that queued them', ['I04'], 'batch'),
  bug('queue-twice', 'a batch is handed to call_rcu twice', ['I11', 'I39'], 'batch'),
  bug('callbacks-before-gp', 'callbacks run before their grace period has ended', ['I36'], 'batch'),
];

/** The bug of this name. Throws UsageError where there is none, or the workload has no place for it. */
export function findBug(name: string, path: FreePath, targets: number): SimBug {
  const found = SIM_BUGS.find((b) => b.name === name);
  if (!found) {
    throw new UsageError(`unknown rule '${name}'; known: ${SIM_BUGS.map((b) => b.name).join(', ')}`);
  }
  const missing =
    (found.needs === 'batch' && path.leaf !== 'batch') ||
    (found.needs === 'pages' && path.leaf !== 'pages') ||
    (found.needs === 'targets' && targets === 0);
  if (missing)
    throw new UsageError(`${name} needs ${found.needs}, which variant ${path.variant} here has not`);
  return found;
}
