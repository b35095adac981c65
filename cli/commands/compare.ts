import { Args, Flags } from '@oclif/core';
import { type CompareInputs, compareInputs } from '../../src/compare/compare.js';
import { parseDuration } from '../../src/compare/fail-if.js';
import { parseMargins } from '../../src/compare/margins.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { filterFlags, filterOf } from '../filter-flags.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { sourceFlags, sourceOf } from '../source-flags.js';

export default class Compare extends TraceCommand {
  static override summary =
    'latency with and without a change: every number a reviewer asks for, and one sentence';
  static override description =
    prose(`Each run is a recording, a printed histogram (bpftrace text or JSON, bcc), a result of pttrace (replay --json,
hist --json) or a block of a mail (mail.txt#TITLE, where TITLE is the line before the histogram). With several runs a
side (--before, --after) the variance between runs is known, without them no difference can be laid at the door of the
change. All intervals and tests are documented in docs/statistics.md, conditions in docs/compare.md.

Exit codes: 0, 1 a --fail-if condition holds, 2 wrong usage, 3 unreadable input, 4 internal error, 130 interrupted.`);
  static override usage = ['compare BEFORE AFTER [FLAGS]', 'compare --before RUN... --after RUN... [FLAGS]'];
  static override examples = [
    {
      description: 'two blocks of a mail',
      command: "<%= config.bin %> compare 'mail.txt#without patch' 'mail.txt#with patch' --plain",
    },
    {
      description: 'two recordings, a function instead of munmap',
      command: '<%= config.bin %> compare before.txt.gz after.txt.gz --func tlb_finish_mmu',
    },
    {
      description: 'five runs a side, in CI',
      command:
        "<%= config.bin %> compare --before b1 b2 b3 b4 b5 --after a1 a2 a3 a4 a5 --fail-if 'p99 > +5%'",
    },
  ];
  static override args = {
    before: Args.string({ description: 'the baseline; - for standard input' }),
    after: Args.string({ description: 'what is compared with it' }),
  };
  static override flags = {
    ...inputFlags,
    ...filterFlags,
    ...sourceFlags,
    before: Flags.string({ description: 'runs of the baseline', multiple: true, helpGroup: 'RUNS' }),
    after: Flags.string({
      description: 'runs of what is compared with it',
      multiple: true,
      helpGroup: 'RUNS',
    }),
    names: Flags.string({ description: 'what to call the two sides', helpValue: 'A,B', helpGroup: 'RUNS' }),
    window: Flags.string({
      description:
        'measuring time of each run, e.g. 1s, or 1s,2s for the two sides; default: as the input says',
      helpGroup: 'RUNS',
    }),
    unit: Flags.string({
      description: 'unit of printed histograms that name none; default ns',
      options: ['ns', 'us', 'ms'],
      helpGroup: 'RUNS',
    }),
    margin: Flags.string({
      description: 'differences that do not matter: 10%, or a12=0.05,tail=1.5,quantile=1.1',
      helpGroup: 'STATISTICS',
    }),
    confidence: Flags.string({
      description: 'of every interval, in percent',
      default: '95',
      helpGroup: 'STATISTICS',
    }),
    seed: Flags.integer({ description: 'seed of the bootstrap', default: 1, helpGroup: 'STATISTICS' }),
    'fail-if': Flags.string({
      description: "exit 1 if this holds for the whole confidence interval, e.g. 'p99 > +5%'",
      multiple: true,
      multipleNonGreedy: true,
      helpGroup: 'CI',
    }),
    'fail-undecided': Flags.boolean({
      description: 'exit 1 also if the interval cannot decide a condition',
      dependsOn: ['fail-if'],
      helpGroup: 'CI',
    }),
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns, for a mail', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/compare.schema.json)' }),
  };

  protected override get mayRepeat(): boolean {
    return true;
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Compare);
    const before = flags.before ?? (args.before === undefined ? [] : [args.before]);
    const after = flags.after ?? (args.after === undefined ? [] : [args.after]);
    if ((flags.before || flags.after) && (args.before !== undefined || before.length * after.length === 0)) {
      throw new SyntaxError('give either BEFORE AFTER, or runs with both --before and --after');
    }
    if (before.length === 0 || after.length === 0) throw new SyntaxError('give BEFORE and AFTER');
    if ([...before, ...after].filter((p) => p === '-').length > 1) {
      throw new SyntaxError('standard input can be only one of the runs');
    }
    const report = await this.reading([...before, ...after], flags, ({ paths: _, ...options }) =>
      compareInputs({
        ...options,
        before,
        after,
        source: sourceOf(flags),
        filter: filterOf(flags),
        names: pair(flags.names, '--names'),
        windowNs: windowsOf(flags.window),
        printedUnitNs: flags.unit === undefined ? undefined : { ns: 1, us: 1e3, ms: 1e6 }[flags.unit],
        margins: flags.margin === undefined ? undefined : parseMargins(flags.margin),
        alpha: alphaOf(flags.confidence),
        seed: flags.seed,
        failIf: flags['fail-if'],
      }),
    );
    if (flags.json) await writeOut(`${JSON.stringify(report, null, 2)}\n`);
    else {
      const render = await import('../render/compare.js');
      await writeOut(flags.plain ? render.formatComparePlain(report) : render.formatCompare(report));
    }
    const broken = [report.a, report.b].some((s) => s.runs.some((r) => r.inputs.some((i) => i.error)));
    const failed = report.failIf.some(
      (f) => f.decision === 'true' || (flags['fail-undecided'] && f.decision === 'undecided'),
    );
    if (report.partial) process.exitCode = EXIT.interrupted;
    else if (broken) process.exitCode = EXIT.unreadable;
    else if (failed) process.exitCode = EXIT.finding;
  }
}

function pair(text: string | undefined, flag: string): CompareInputs['names'] {
  if (text === undefined) return undefined;
  const parts = text.split(',').map((p) => p.trim());
  if (parts.length !== 2 || parts.includes('')) throw new SyntaxError(`${flag} wants two names: A,B`);
  return [parts[0]!, parts[1]!];
}

function windowsOf(text: string | undefined): CompareInputs['windowNs'] {
  if (text === undefined) return undefined;
  const parts = text.split(',').map(parseDuration);
  if (parts.length > 2 || parts.some((p) => !(p > 0))) {
    throw new SyntaxError('--window wants one or two durations above 0, e.g. 1s');
  }
  return [parts[0]!, parts[1] ?? parts[0]!];
}

function alphaOf(text: string): number {
  const percent = Number(text.replace(/%$/, ''));
  if (!(percent >= 50 && percent < 100)) throw new SyntaxError('--confidence wants percent, 50 to below 100');
  return Number((1 - percent / 100).toPrecision(12));
}
