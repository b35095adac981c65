import { runProgram } from '../litmus/run.js';
import { toFtrace } from '../litmus/to-ftrace.js';
import { brokenRules, machineOf, type Scenario } from '../machine/scenario.js';
import { UsageError } from '../result/usage-error.js';
import { executionOf } from './execution.js';
import { type Exploration, type Explored, type ExploreOptions, explore, exploreSlowly } from './explore.js';
import type { Pause } from './search.js';
import { toLitmus } from './to-litmus.js';

/** What `pttrace explore` says of one scenario. */
export interface ExploreReport {
  readonly schema: 'pttrace-explore/1';
  readonly scenario: Scenario;
  /** Rules that are off: those asked for and those that the variant does not have. */
  readonly broken: readonly string[];
  readonly exploration: Exploration;
  /** What the invariants of `replay` say of each counterexample, given all its operations. */
  readonly invariants: readonly (readonly string[])[];
}

export interface Reported {
  readonly report: ExploreReport;
  readonly explored: Explored;
}

export function exploreScenario(scenario: Scenario, options: ExploreOptions): Reported {
  return reported(scenario, explore(machineOf(scenario), options));
}

export async function exploreScenarioSlowly(
  scenario: Scenario,
  options: ExploreOptions,
  pause: Pause,
): Promise<Reported> {
  return reported(scenario, await exploreSlowly(machineOf(scenario), options, pause));
}

function reported(scenario: Scenario, explored: Explored): Reported {
  const { compiled, paths, exploration } = explored;
  const invariants = paths.map((path) => [
    ...runProgram(executionOf(compiled, path), [scenario.variant]).violated,
  ]);
  const broken = [...brokenRules(scenario)];
  return { report: { schema: 'pttrace-explore/1', scenario, broken, exploration, invariants }, explored };
}

/** A counterexample as the log that the probes would have left. */
export function ftraceOf(explored: Explored, index = 0): string {
  return toFtrace(executionOf(explored.compiled, pathAt(explored, index)));
}

/** And as a litmus test. */
export function litmusOf({ explored, report }: Reported, index = 0): string {
  const execution = executionOf(explored.compiled, pathAt(explored, index));
  return toLitmus(
    execution,
    'found',
    report.exploration.counterexamples[index]!.text,
    report.scenario.variant,
  );
}

function pathAt(explored: Explored, index: number): Explored['paths'][number] {
  const path = explored.paths[index];
  if (!path) throw new UsageError('nothing unsafe was found: there is no execution to write');
  return path;
}
