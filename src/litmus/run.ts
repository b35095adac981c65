import { setSlot } from '../kernel/marker.js';
import { Op } from '../kernel/ops.js';
import { parseRelease } from '../kernel/releases.js';
import { maskOf } from '../kernel/variants.js';
import type { ProgramOp } from '../machine/emitter.js';
import type { Ledger } from '../replay/ledger.js';
import { CATALOGUE } from '../replay/rules/catalogue.js';
import { Session } from '../replay/session.js';
import { contextOf } from '../timeline/flags.js';
import { type Program, programOf } from './program.js';
import type { LitmusOrder, LitmusTest } from './test.js';

/** Time between two operations: far more than any clock error. */
export const STEP_NS = 10_000;

/** What the machine says of one order. */
export interface LitmusVerdict {
  /** Ids of violated invariants, in order. */
  readonly violated: readonly string[];
  /** The first finding of each of them. */
  readonly findings: readonly { readonly id: string; readonly message: string }[];
  /** Ids that something was checked of and that hold. */
  readonly passed: readonly string[];
  /** CPUs whose remaining steps never ran: they wait forever. */
  readonly stuck: readonly number[];
}

/** Expected and got agree: every expected invariant is violated, or none at all where silence is expected. */
export function asExpected(order: LitmusOrder, verdict: LitmusVerdict): boolean {
  if (verdict.stuck.length > 0) return false;
  if (order.violates.length === 0) return verdict.violated.length === 0;
  return order.violates.every((id) => verdict.violated.includes(id));
}

/** One order through the machine and its invariants. Throws UsageError for steps that cannot be meant. */
export function runOrder(test: LitmusTest, order: LitmusOrder, kernel?: string): LitmusVerdict {
  return runProgram(programOf(test, order), order.variants, kernel);
}

/** Programs have normal grace periods only, as callbacks of kernels below 7.3 wait for. */
const MODELLED = parseRelease('7.2');

/** `kernel`: release whose rules apply; default the newest that all programs fit. */
export function runProgram(program: Program, variants: readonly string[], kernel?: string): LitmusVerdict {
  const release = kernel === undefined ? MODELLED : parseRelease(kernel);
  const session = new Session({
    variants: variants.length > 0 ? maskOf(...variants) : null,
    exactClock: () => true,
    release: () => release,
    nameOf: (id) => program.funcs.name(id),
  });
  const op = new Op();
  for (const given of program.ops) {
    fill(op, given);
    session.feed(op);
  }
  session.end('the test ends');
  session.settle();
  return { ...verdictOf(session.ledger), stuck: program.stuck };
}

function fill(op: Op, given: ProgramOp): void {
  op.kind = given.kind;
  op.ref = given.ref;
  op.tsNs = given.ref * STEP_NS;
  op.cpu = given.cpu;
  op.pid = given.pid;
  op.flags = given.flags;
  op.context = contextOf(given.flags);
  op.nTables = 0;
  for (let i = 0; i < 6; i++) setSlot(op, i, given.slots[i] ?? Number.NaN);
}

function verdictOf(ledger: Ledger): Omit<LitmusVerdict, 'stuck'> {
  const violated: string[] = [];
  const passed: string[] = [];
  const findings: { id: string; message: string }[] = [];
  for (const { id, number } of CATALOGUE) {
    const tally = ledger.tally(number);
    if (tally.violated > 0) {
      violated.push(id);
      const [first] = tally.violations;
      if (first) findings.push({ id, message: first.message });
    } else if (tally.pass.some((n) => n > 0) && tally.unknown === 0) passed.push(id);
  }
  return { violated, findings, passed };
}
