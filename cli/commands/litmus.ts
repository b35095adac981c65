import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { parseLitmus } from '../../src/litmus/parse.js';
import { programOf } from '../../src/litmus/program.js';
import { type LitmusOutcome, runTest } from '../../src/litmus/suite.js';
import type { LitmusTest } from '../../src/litmus/test.js';
import { toFtrace } from '../../src/litmus/to-ftrace.js';
import { printableReport } from '../../src/result/printable.js';
import { UsageError } from '../../src/result/usage-error.js';
import { onInterrupt } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { knownOf } from '../kernel-flags.js';
import { programRow, programsNamed, runPrograms } from '../litmus-programs.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { PttraceCommand } from '../pttrace-command.js';
import { textOf } from '../text-of.js';

export default class Litmus extends PttraceCommand {
  static override summary = 'run litmus tests: small programs that must, or must not, break an invariant';
  static override description =
    prose(`Without a file, runs the 50 historic and synthetic bugs that come with the tool, each in its buggy and its
fixed order. Every order is run twice: stepped through the machine, and written as an ftrace log that is replayed. Then
each test is run as a program of the kernel, in every interleaving: all of the fix must be silent, some of the bug not.
docs/litmus.md describes the format; a test of one's own takes two minutes.

Exit codes: 0 all as expected, 1 some order differs, 2 a file that cannot be understood, 3 unreadable,
130 interrupted.`);
  static override usage = 'litmus [FILE...] [--ftrace ORDER | --plain | --json]';
  static override examples = [
    {
      description: 'the 100 orders that come with the tool, and every interleaving of their 50 programs',
      command: '<%= config.bin %> litmus',
    },
    { description: 'one of them', command: '<%= config.bin %> litmus L27' },
    { description: "one's own", command: '<%= config.bin %> litmus my.litmus' },
    {
      description: 'every interleaving of one, with the shortest way to the bug',
      command: '<%= config.bin %> litmus L01 --all-orders',
    },
    {
      description: 'the ftrace log of one order',
      command: '<%= config.bin %> litmus my.litmus --ftrace bug > bug.txt',
    },
  ];
  static override strict = false;
  static override args = {
    file: Args.string({
      description: 'litmus files, L01 to L54 of the tool, or - for standard input; default: all of the tool',
    }),
  };
  static override flags = {
    ftrace: Flags.string({
      description: 'print this order of the (one) test as an ftrace log',
      helpValue: 'ORDER',
    }),
    'all-orders': Flags.boolean({
      description: 'only the interleavings, with the shortest way to each bug',
      exclusive: ['ftrace'],
    }),
    'given-orders': Flags.boolean({
      description: 'only the orders that the tests give, no other interleaving',
      exclusive: ['ftrace', 'all-orders'],
    }),
    kernel: Flags.string({
      description: 'judge by the rules of this release, e.g. 7.3; default: that of the model',
      helpValue: 'RELEASE',
    }),
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/litmus.schema.json)' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Litmus);
    const given = argv as string[];
    knownOf(flags);
    if (flags['all-orders']) {
      await allOrders(given, flags);
      return;
    }
    const interruption = onInterrupt();
    try {
      const tests: LitmusTest[] = [];
      const own = ownTests(this.config.root);
      for (const path of given.length > 0 ? given.map((name) => ownTest(name, own)) : own) {
        tests.push(parseLitmus(await textOf(path, interruption.signal), path));
      }
      if (flags.ftrace !== undefined) {
        await writeOut(logOf(tests, flags.ftrace));
        return;
      }
      const outcomes: LitmusOutcome[] = [];
      let run = 0;
      while (run < tests.length && !interruption.signal.aborted) {
        outcomes.push(...(await runTest(tests[run++]!, flags.kernel)));
        // Ctrl-C is heard between two tests only when the event loop turns.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const named = given.filter(isOwnName);
      const wanted =
        flags['given-orders'] || (given.length > 0 && named.length === 0) ? [] : await programsNamed(named);
      const programs = run < tests.length ? [] : await runPrograms(wanted, interruption.signal);
      const partial = run < tests.length || programs.length < wanted.length;
      const failed = [...outcomes, ...programs].some((o) => !o.ok);
      process.exitCode = partial ? EXIT.interrupted : failed ? EXIT.finding : EXIT.clean;
      if (flags.json) {
        const report = { schema: 'pttrace-litmus/1', partial, outcomes, programs: programs.map(programRow) };
        await writeOut(`${JSON.stringify(report, null, 2)}\n`);
      } else {
        const { formatLitmus, formatLitmusPlain } = await import('../render/litmus.js');
        const shown = printableReport(outcomes);
        await writeOut(flags.plain ? formatLitmusPlain(shown) : formatLitmus(shown));
        if (programs.length > 0) {
          const { formatLitmusSummary } = await import('../render/litmus-programs.js');
          await writeOut(formatLitmusSummary(programs, flags.plain === true));
        }
      }
      if (partial) {
        const orders = `${run} of ${tests.length} tests`;
        const covered = run < tests.length ? orders : `${programs.length} of ${wanted.length} programs`;
        if (!flags.json) await writeOut(`PARTIAL (interrupted): ${covered}\n`);
        process.stderr.write(`pttrace: interrupted: partial, ${covered}\n`);
      }
    } finally {
      interruption.off();
      if (given.includes('-')) process.stdin.destroy();
    }
  }
}

/** Every interleaving of the tests that are programs of the machine (docs/explore.md). */
async function allOrders(
  given: readonly string[],
  flags: { readonly json?: boolean; readonly plain?: boolean },
): Promise<void> {
  const programs = await programsNamed(given);
  const interruption = onInterrupt();
  const outcomes = await runPrograms(programs, interruption.signal);
  interruption.off();
  const partial = outcomes.length < programs.length;
  const failed = outcomes.some((o) => !o.ok);
  process.exitCode = partial ? EXIT.interrupted : failed ? EXIT.finding : EXIT.clean;
  const covered = `${outcomes.length} of ${programs.length} programs, each in all its orders`;
  if (partial) process.stderr.write(`pttrace: interrupted: partial, ${covered}\n`);
  if (flags.json) {
    const tests = outcomes.map((o) => ({
      id: o.program.id,
      rule: o.program.rule,
      ok: o.ok,
      fix: o.fix.report,
      bug: o.bug.report,
    }));
    await writeOut(`${JSON.stringify({ schema: 'pttrace-litmus-programs/1', partial, tests }, null, 2)}\n`);
  } else {
    const { formatLitmusPrograms } = await import('../render/litmus-programs.js');
    await writeOut(formatLitmusPrograms(outcomes, flags.plain === true));
    if (partial) await writeOut(`PARTIAL (interrupted): ${covered}\n`);
  }
}

function ownTests(root: string): string[] {
  const dir = join(root, 'fixtures', 'litmus');
  return readdirSync(dir)
    .filter((name) => name.endsWith('.litmus'))
    .sort()
    .map((name) => join(dir, name));
}

/** `L27` is the test of the tool, where no file is called so. */
const isOwnName = (name: string): boolean => /^L\d+$/i.test(name) && !existsSync(name);

function ownTest(name: string, own: readonly string[]): string {
  if (!isOwnName(name)) return name;
  return own.find((path) => basename(path, '.litmus') === name.toUpperCase()) ?? name;
}

function logOf(tests: readonly LitmusTest[], name: string): string {
  const [test] = tests;
  if (!test || tests.length > 1) throw new UsageError('--ftrace prints one order of one test: give one file');
  const order = test.orders.find((o) => o.name === name);
  if (!order) {
    throw new UsageError(`${test.id} has no order ${name}: ${test.orders.map((o) => o.name).join(', ')}`);
  }
  return toFtrace(programOf(test, order));
}
