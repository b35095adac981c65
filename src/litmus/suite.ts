import { Readable } from 'node:stream';
import { analyse } from '../analyse/analyse.js';
import { programOf } from './program.js';
import { asExpected, runOrder } from './run.js';
import type { LitmusOrder, LitmusTest } from './test.js';
import { toFtrace } from './to-ftrace.js';

/** One order of one test, run in both forms. */
export interface LitmusOutcome {
  readonly id: string;
  readonly title: string;
  readonly ref: string;
  readonly order: string;
  readonly variants: readonly string[];
  readonly broken: readonly string[];
  /** Ids of invariants; empty: silent. */
  readonly expected: readonly string[];
  /** What the machine says when it is stepped with the operations. */
  readonly litmus: readonly string[];
  /** What a replay of the same order says, written as an ftrace log. */
  readonly ftrace: readonly string[];
  readonly findings: readonly { readonly id: string; readonly message: string }[];
  /** CPUs that wait forever. */
  readonly stuck: readonly number[];
  /** Both forms say what is expected. */
  readonly ok: boolean;
}

/**
 * Runs every order of a test, as operations and as the log they would leave.
 *
 * `kernel`: release whose rules apply; default that of the model. Throws UsageError for a step that cannot be meant (an unlink where nothing is mapped).
 */
export async function runTest(test: LitmusTest, kernel?: string): Promise<LitmusOutcome[]> {
  const outcomes: LitmusOutcome[] = [];
  for (const order of test.orders) outcomes.push(await runBoth(test, order, kernel));
  return outcomes;
}

export async function runBoth(test: LitmusTest, order: LitmusOrder, kernel?: string): Promise<LitmusOutcome> {
  const direct = runOrder(test, order, kernel);
  const ftrace = await violatedIn(toFtrace(programOf(test, order)), order.variants, kernel);
  return {
    id: test.id,
    title: test.title,
    ref: test.ref,
    order: order.name,
    variants: order.variants,
    broken: order.broken,
    expected: order.violates,
    litmus: direct.violated,
    ftrace,
    findings: direct.findings,
    stuck: direct.stuck,
    ok: asExpected(order, direct) && asExpected(order, { ...direct, violated: ftrace }),
  };
}

/** Ids of the invariants that a replay of this log finds violated. */
export async function violatedIn(
  log: string,
  variants: readonly string[],
  kernel?: string,
): Promise<string[]> {
  const stdin = Readable.from([Buffer.from(log)]);
  const result = await analyse({ paths: ['-'], stdin, variants, kernel, format: 'ftrace' });
  return result.invariants.filter((i) => i.verdict === 'violated').map((i) => i.id);
}
