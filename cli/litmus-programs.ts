import type { LitmusProgram, LitmusProgramOutcome } from '../src/explore/litmus-scenarios.js';
import { UsageError } from '../src/result/usage-error.js';

const load = () => import('../src/explore/litmus-scenarios.js');

/** The tests of the tool as programs; `names`: these of them, all where there are none. Throws UsageError. */
export async function programsNamed(names: readonly string[]): Promise<readonly LitmusProgram[]> {
  const { LITMUS_PROGRAMS } = await load();
  if (names.length === 0) return LITMUS_PROGRAMS;
  return names.map((name) => {
    const found = LITMUS_PROGRAMS.find((p) => p.id === name.toUpperCase());
    if (found) return found;
    throw new UsageError(
      `${name} has given orders only; programs: ${LITMUS_PROGRAMS.map((p) => p.id).join(' ')}`,
    );
  });
}

/** Every interleaving of the fix and of the bug of each, until it is interrupted: fewer then. */
export async function runPrograms(
  programs: readonly LitmusProgram[],
  signal: AbortSignal,
): Promise<LitmusProgramOutcome[]> {
  const { runLitmusProgram } = await load();
  const outcomes: LitmusProgramOutcome[] = [];
  for (const program of programs) {
    // Ctrl-C is heard between two programs only when the event loop turns.
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) break;
    outcomes.push(runLitmusProgram(program));
  }
  return outcomes;
}

/** A program as the report of the suite gives it; `--all-orders --json` gives all of it. */
export function programRow({ program, ok, fix, bug }: LitmusProgramOutcome) {
  const row = ({ verdict, states, interleavings }: typeof fix.report.exploration) => ({
    verdict,
    states,
    interleavings,
  });
  return {
    id: program.id,
    rule: program.rule,
    ok,
    fix: row(fix.report.exploration),
    bug: {
      ...row(bug.report.exploration),
      steps: bug.report.exploration.counterexamples[0]?.steps.length ?? null,
      replay: bug.report.invariants[0] ?? [],
    },
  };
}
