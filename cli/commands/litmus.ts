import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Args, Command, Flags } from '@oclif/core';
import { parseLitmus } from '../../src/litmus/parse.js';
import { programOf } from '../../src/litmus/program.js';
import { type LitmusOutcome, runTest } from '../../src/litmus/suite.js';
import type { LitmusTest } from '../../src/litmus/test.js';
import { toFtrace } from '../../src/litmus/to-ftrace.js';
import { TraceError } from '../../src/parsers/trace-error.js';
import { EXIT } from '../exit-codes.js';
import { writeOut } from '../output.js';

export default class Litmus extends Command {
  static override summary = 'run litmus tests: small programs that must, or must not, break an invariant';
  static override description =
    `Without a file, runs the 38 historic and synthetic bugs that come with the tool, each in its buggy and its
fixed order. Every order is run twice: stepped through the machine, and written as an ftrace log that is replayed.
docs/litmus.md describes the format; a test of one's own takes two minutes.

Exit codes: 0 all as expected, 1 some order differs, 2 a file that cannot be understood, 3 unreadable.`;
  static override examples = [
    { description: 'the 76 orders that come with the tool', command: '<%= config.bin %> litmus' },
    { description: "one's own", command: '<%= config.bin %> litmus my.litmus' },
    {
      description: 'the ftrace log of one order',
      command: '<%= config.bin %> litmus my.litmus --ftrace bug > bug.txt',
    },
  ];
  static override strict = false;
  static override args = {
    file: Args.string({ description: 'litmus files; default: those that come with the tool' }),
  };
  static override flags = {
    ftrace: Flags.string({
      description: 'print this order of the (one) test as an ftrace log',
      helpValue: 'ORDER',
    }),
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON array' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Litmus);
    const given = argv as string[];
    const tests = (given.length > 0 ? given : ownTests(this.config.root)).map(readTest);
    if (flags.ftrace !== undefined) {
      await writeOut(logOf(tests, flags.ftrace));
      return;
    }
    const outcomes: LitmusOutcome[] = [];
    for (const test of tests) outcomes.push(...(await runTest(test)));
    if (flags.json) await writeOut(`${JSON.stringify(outcomes, null, 2)}\n`);
    else {
      const { formatLitmus, formatLitmusPlain } = await import('../render/litmus.js');
      await writeOut(flags.plain ? formatLitmusPlain(outcomes) : formatLitmus(outcomes));
    }
    if (outcomes.some((o) => !o.ok)) process.exitCode = EXIT.finding;
  }
}

function ownTests(root: string): string[] {
  const dir = join(root, 'fixtures', 'litmus');
  return readdirSync(dir)
    .filter((name) => name.endsWith('.litmus'))
    .sort()
    .map((name) => join(dir, name));
}

function readTest(path: string): LitmusTest {
  let text: string;
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'not-found' : 'unreadable';
    throw new TraceError(code, code === 'not-found' ? 'no such file' : 'cannot be read', {
      path,
      cause: error,
    });
  }
  return parseLitmus(text, path);
}

function logOf(tests: readonly LitmusTest[], name: string): string {
  const [test] = tests;
  if (!test || tests.length > 1) throw new RangeError('--ftrace prints one order of one test: give one file');
  const order = test.orders.find((o) => o.name === name);
  if (!order) {
    throw new RangeError(`${test.id} has no order ${name}: ${test.orders.map((o) => o.name).join(', ')}`);
  }
  return toFtrace(programOf(test, order));
}
