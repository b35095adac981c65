import type { Scenario } from '../machine/scenario.js';
import { EXPLORE_DEFAULTS } from './explore.js';
import { exploreScenario, type Reported } from './report.js';
import { RULE_SCENARIOS } from './rule-scenarios.js';

/** A litmus test as a program: the kernel as it is, and the one rule without which the bug is there. */
export interface LitmusProgram {
  readonly id: string;
  readonly rule: string;
  /** Invariants of which one shows in the bug. */
  readonly violates: readonly string[];
}

const program = (id: string, rule: string, ...violates: string[]): LitmusProgram => ({ id, rule, violates });

/** Tests of the suite that a program of the machine covers; the others have given orders only. */
export const LITMUS_PROGRAMS: readonly LitmusProgram[] = [
  program('L01', 'batch-without-flush', 'I09'),
  program('L02', 'mm-users-shortcut', 'I03'),
  program('L03', 'single-without-flush', 'I03'),
  program('L04', 'sync-ipi-left-out', 'I05'),
  program('L09', 'unshare-without-flush', 'I02', 'I03'),
  program('L10', 'unshare-skips-lazy', 'I03'),
  program('L11', 'collapse-flush-without-tables', 'I09'),
  program('L21', 'lazy-skips-freed-tables', 'I03'),
  program('L25', 'reclaim-without-rescan', 'I17'),
  program('L26', 'ptlock-freed-early', 'I16'),
  program('L32', 'queue-twice', 'I11'),
  program('L33', 'callbacks-before-gp', 'I05', 'I37'),
  program('L34', 'pgd-through-gather', 'I14'),
  program('L35', 'deposit-not-zapped', 'I15'),
  program('L37', 'free-in-call', 'I04'),
  program('L38', 'walker-without-recheck', 'I20'),
];

/** What all interleavings of one of them say. */
export interface LitmusProgramOutcome {
  readonly program: LitmusProgram;
  readonly scenario: Scenario;
  readonly fix: Reported;
  readonly bug: Reported;
  /** All of the fix safe; of the bug some execution unsafe, and replay finds the expected violated in the shortest. */
  readonly ok: boolean;
}

export function runLitmusProgram(test: LitmusProgram): LitmusProgramOutcome {
  const found = RULE_SCENARIOS.find((r) => r.rule === test.rule);
  if (!found) throw new Error(`no scenario for ${test.rule}`);
  const { scenario } = found;
  const fix = exploreScenario(scenario, EXPLORE_DEFAULTS);
  const bug = exploreScenario({ ...scenario, broken: [test.rule] }, EXPLORE_DEFAULTS);
  const shown = bug.report.invariants.some((ids) => test.violates.some((id) => ids.includes(id)));
  const ok =
    fix.report.exploration.verdict === 'safe' && bug.report.exploration.verdict === 'unsafe' && shown;
  return { program: test, scenario, fix, bug, ok };
}
