import { Args, Flags } from '@oclif/core';
import { analyse } from '../../src/analyse/analyse.js';
import { isFolder } from '../../src/read/recordings.js';
import { printableReport } from '../../src/result/printable.js';
import { UsageError } from '../../src/result/usage-error.js';
import { Filter } from '../../src/timeline/filter.js';
import { type InputFlagValues, inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { filterFlags, filterOf, listOf } from '../filter-flags.js';
import { hostFlag } from '../host-flag.js';
import { checkHtml, writePage } from '../html/write.js';
import { kernelFlags } from '../kernel-flags.js';
import { jobsFlag } from '../many-recordings.js';
import { writeOut } from '../output.js';
import { parquetFlag } from '../parquet-flag.js';
import { prose } from '../prose.js';
import { type ReplayQuestionFlags, replayQuestion, replayQuestionFlags } from '../questions.js';
import { exitOf, type ReportLook, refuseNothing, renderResult } from '../replay-report.js';
import { tablesOfOne } from '../tables-of-one.js';
import { widthFlag } from '../width.js';

export default class Replay extends TraceCommand {
  static override summary = 'replay a recording, check the order of every page-table free, measure latencies';
  static override description =
    prose(`Reads logs of ftrace, trace-cmd, perf, bpftrace, bcc, strace and LTTng, trace.dat, CSV and JSON lines (docs/formats.md; plain, gzip, zstd
or xz), replays them on a simulated x86 MMU and RCU core, and says of each ordering invariant whether the recording passes, violates or cannot decide
it, with the lines that prove it.

Exit codes: 0 nothing violated (what is undecided is printed), 1 a finding, 2 wrong usage, 3 unreadable input,
4 internal error, 130 interrupted.`);
  static override usage = [
    'replay TRACE... [--all] [--what-if VARIANT] [--plain | --json] [FLAGS]',
    'replay FOLDER... | --each TRACE... [--jobs N] [--all] [--plain | --json] [FLAGS]',
  ];
  static override examples = [
    { description: 'replay a recording', command: '<%= config.bin %> replay trace.txt.gz' },
    {
      description: 'every rule, every finding with its lines',
      command: '<%= config.bin %> replay trace.txt --all',
    },
    { description: 'a report to paste into a mail', command: '<%= config.bin %> replay trace.txt --plain' },
    {
      description: 'from a pipe, as JSON (another machine, as root)',
      command: 'ssh box cat /sys/kernel/tracing/trace | <%= config.bin %> replay - --json',
    },
    {
      description: 'every recording in a folder by itself, and what they say together',
      command: '<%= config.bin %> replay recordings/ --host-of "recordings/([^/]+)"',
    },
    {
      description: 'what the patch would change',
      command: '<%= config.bin %> replay trace.txt --what-if C',
    },
    {
      description: 'does the model of the kernel explain what this kernel did',
      command: '<%= config.bin %> replay trace.txt --conform',
    },
    {
      description: 'in CI: these must be decided, no line may be skipped',
      command: '<%= config.bin %> replay trace.txt --require I01,I09 --strict',
    },
  ];
  static override strict = false;
  static override args = {
    trace: Args.string({
      description:
        'trace file, or - for standard input; several are one report: parts of one capture merged by time, others one after the other. A folder, or --each: every file is a recording of its own',
      required: true,
    }),
  };
  static override flags = {
    ...inputFlags,
    ...kernelFlags,
    ...filterFlags,
    ...jobsFlag,
    each: Flags.boolean({
      description:
        'every file is a recording of its own, and a summary over all of them; a folder says so too',
      exclusive: ['what-if', 'conform', 'html'],
    }),
    ...hostFlag,
    ...replayQuestionFlags,
    'what-if': Flags.string({
      description: 're-run it under this kernel variant: latency, IPIs, call_rcu and order, before and after',
      helpValue: 'VARIANT',
    }),
    'hist-style': Flags.string({
      description: 'print histograms as this bpftrace version does; default: newest',
    }),
    conform: Flags.boolean({
      description:
        'instead: does the machine of the detected kernel variant explain what the recorded kernel did with each table',
      exclusive: ['what-if', 'all', 'require', 'strict', 'html'],
    }),
    all: Flags.boolean({
      description: 'every rule with its counts, every finding with its lines, every note, whole histograms',
      exclusive: ['what-if', 'json'],
    }),
    ...widthFlag,
    html: Flags.string({
      description: 'also write the report as one self-contained page, with pictures',
      helpValue: 'FILE',
      exclusive: ['what-if'],
    }),
    ...parquetFlag,
    plain: Flags.boolean({
      description: 'ASCII, at most 75 columns, for a mail',
      exclusive: ['json', 'width'],
    }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/result.schema.json)' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Replay);
    const words = argv as string[];
    if (flags.parquet !== undefined && (flags['what-if'] !== undefined || flags.conform))
      throw new UsageError('--parquet goes with a replay: not with --what-if or --conform');
    if (flags.each || words.some(isFolder)) return this.each(words, flags);
    if (flags.jobs !== undefined)
      throw new UsageError('--jobs is for several recordings: give a folder, or --each');
    if (flags['what-if'] !== undefined) {
      if (!Filter.isEmpty(filterOf(flags)))
        this.error('--what-if re-runs whole recordings: no filters with it');
      return this.whatIf(argv as string[], flags, flags['what-if']);
    }
    if (flags.conform) {
      if (!Filter.isEmpty(filterOf(flags)))
        this.error('--conform looks at whole recordings: no filters with it');
      return this.conform(argv as string[], flags);
    }
    checkHtml(flags.html, argv as string[]);
    const tables = await tablesOfOne(flags.parquet, words, flags);
    const result = await this.reading(argv as string[], flags, async (options) => {
      const given = {
        ...options,
        ...tables?.given,
        strict: flags.strict,
        require: listOf(flags.require),
        variants: listOf(flags.variant),
        syscall: flags.syscall,
        groupBy: flags.by === 'comm' ? ('comm' as const) : ('all' as const),
        filter: filterOf(flags),
        maxFindings: flags['max-findings'],
      };
      if (flags.html === undefined) return analyse(given);
      const { replayToPage } = await import('../html/replay-to-page.js');
      const drawn = await replayToPage(given);
      if (drawn.page !== null) writePage(flags.html, drawn.page);
      return drawn.result;
    });
    refuseNothing(result);
    tables?.keep(result);
    process.exitCode = exitOf(result);
    await writeOut(await renderResult(result, flags));
  }

  private async each(words: string[], flags: EachFlags): Promise<void> {
    const alone = flags['what-if'] !== undefined || flags.conform || flags.html !== undefined;
    if (alone)
      throw new UsageError('--what-if, --conform and --html are for one recording, not for a folder');
    const question = await replayQuestion(flags);
    await (await import('../replay-each.js')).replayEach(words, question, flags.jobs, flags);
  }

  private async conform(paths: string[], flags: ConformFlags): Promise<void> {
    const { conform } = await import('../../src/conform/conform.js');
    const report = await this.reading(paths, flags, (options) =>
      conform({ ...options, variants: listOf(flags.variant), kernel: flags.kernel }),
    );
    const { formatConform } = await import('../render/conform.js');
    if (report.partial) process.exitCode = EXIT.interrupted;
    else if (report.inputs.some((input) => input.error)) process.exitCode = EXIT.unreadable;
    else process.exitCode = report.verdict === 'not-accepted' ? EXIT.finding : EXIT.clean;
    await writeOut(flags.json ? `${JSON.stringify(report, null, 2)}\n` : formatConform(report, flags.plain));
  }

  /** A re-run that would be unsound is a question that cannot be asked of this recording: wrong usage. */
  private async whatIf(paths: string[], flags: WhatIfFlags, target: string): Promise<void> {
    const { whatIf } = await import('../../src/what-if/what-if.js');
    const report = await this.reading(paths, flags, (options) =>
      whatIf({ ...options, target, variants: listOf(flags.variant), syscall: flags.syscall }),
    );
    const { formatWhatIf } = await import('../render/what-if.js');
    const text = flags.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : formatWhatIf(printableReport(report), { plain: flags.plain, style: flags['hist-style'] });
    if (report.partial) process.exitCode = EXIT.interrupted;
    else if (report.inputs.some((input) => input.error)) process.exitCode = EXIT.unreadable;
    else if (report.refused) process.exitCode = EXIT.usage;
    else
      process.exitCode = report.order.verdicts.some((v) => v.verdict === 'violated')
        ? EXIT.finding
        : EXIT.clean;
    await writeOut(text);
  }
}

interface WhatIfFlags extends Readonly<InputFlagValues> {
  readonly variant?: string | undefined;
  readonly syscall: string;
  readonly plain: boolean;
  readonly json: boolean;
  readonly 'hist-style'?: string | undefined;
}

type EachFlags = ReplayQuestionFlags &
  ReportLook & {
    readonly jobs?: number | undefined;
    readonly 'what-if'?: string | undefined;
    readonly conform: boolean;
    readonly html?: string | undefined;
    readonly parquet?: string | undefined;
  };

interface ConformFlags extends InputFlagValues {
  readonly variant?: string | undefined;
  readonly kernel?: string | undefined;
  readonly json: boolean;
  readonly plain: boolean;
}
