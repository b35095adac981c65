import type { FreePath } from '../kernel/free-paths.js';
import { UsageError } from '../result/usage-error.js';

/** A rule of the kernel that can be switched off, to see what a replay says. */
export interface SimBug {
  readonly name: string;
  readonly broken: string;
  /** Invariants of which a replay reports at least one. */
  readonly violates: readonly string[];
  /** Where the rule exists at all. */
  readonly needs: 'any' | 'batch' | 'pages' | 'targets';
}

const bug = (name: string, broken: string, violates: readonly string[], needs: SimBug['needs']): SimBug => ({
  name,
  broken,
  violates,
  needs,
});

export const SIM_BUGS: readonly SimBug[] = [
  bug('free-before-flush', 'tables and pages are freed before the flush', ['I02'], 'pages'),
  bug('no-flush', 'tlb_finish_mmu does not flush', ['I02', 'I10', 'I29'], 'any'),
  bug('skip-target', 'one CPU of the mask is sent no interrupt', ['I23', 'I03'], 'targets'),
  bug('no-wait', 'the flush returns before the other CPUs have answered', ['I24', 'I03'], 'targets'),
  bug('free-in-call', 'tables of a batch are freed by the call that queued them', ['I04'], 'batch'),
  bug('queue-twice', 'a batch is handed to call_rcu twice', ['I11', 'I39'], 'batch'),
  bug('callbacks-before-gp', 'callbacks run before their grace period has ended', ['I36'], 'batch'),
];

/** Rules of the machine that are broken every other time only; a bug that is not here breaks the rule of its name always. */
const SOMETIMES: ReadonlyMap<string, readonly string[]> = new Map([
  ['no-flush', ['single-without-flush', 'batch-without-flush']],
  ['skip-target', ['skip-target']],
]);

/** Names of `machine/rules.ts` that are broken with a bug: always, or every other time. */
export function brokenBy(bug: SimBug | null): {
  readonly broken: ReadonlySet<string>;
  readonly sometimes: ReadonlySet<string>;
} {
  const sometimes = SOMETIMES.get(bug?.name ?? '') ?? [];
  const broken = bug === null || sometimes.length > 0 ? [] : [bug.name];
  return { broken: new Set(broken), sometimes: new Set(sometimes) };
}

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
