import { Args, Flags } from '@oclif/core';
import { BETWEEN, runsOf, sidesOf } from '../../src/compare/arguments.js';
import { type CompareInputs, compareInputs, type Plan, planInputs } from '../../src/compare/compare.js';
import { parseDuration } from '../../src/compare/fail-if.js';
import { parseMargins, parseSpread } from '../../src/compare/margins.js';
import type { RunReader } from '../../src/compare/read-sides.js';
import type { CompareReport } from '../../src/compare/report.js';
import { TraceError, type TraceErrorCode } from '../../src/parsers/input/trace-error.js';
import type { PipelineOptions } from '../../src/read/pipeline.js';
import { printableReport } from '../../src/result/printable.js';
import { UsageError } from '../../src/result/usage-error.js';
import { type InputFlagValues, inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { filterFlags, filterOf } from '../filter-flags.js';
import { checkHtml, htmlFlag, writePage } from '../html/write.js';
import { jobsFlag, jobsFor } from '../many-recordings.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { palette } from '../render/colour.js';
import { ascii } from '../render/text.js';
import { sourceFlags, sourceOf } from '../source-flags.js';
import { traceMessage } from '../trace-message.js';

export default class Compare extends TraceCommand {
  static override summary =
    'latency with and without a change: one sentence, one table, one picture; --all for every number';
  static override description =
    prose(`Each run is a recording, a printed histogram (bpftrace text or JSON, bcc), a result of pttrace (replay --json,
hist --json) or a block of a mail (mail.txt#TITLE, where TITLE is the line before the histogram). A file that holds
exactly two histograms is compared by itself. The unit of evidence is the run: with several runs a side the sentence, every
interval and every condition carry the spread between runs. With one run a side the verdict is inconclusive, or equivalent
as recorded, and no condition is decided unless --spread says by how much runs of one kernel differ. The statistics are
documented and checked by simulation in docs/statistics.md, conditions in docs/compare.md.

Exit codes: 0, 1 a --fail-if condition holds, 2 wrong usage, 3 unreadable input, 4 internal error, 130 interrupted.`);
  static override usage = [
    'compare BEFORE AFTER [FLAGS]',
    'compare BEFORE... -- AFTER... [--jobs N] [FLAGS]',
    'compare FILE-WITH-TWO-HISTOGRAMS [FLAGS]',
    'compare --before RUN... --after RUN... [FLAGS]',
  ];
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
      description: 'a mail that quotes two histograms',
      command: '<%= config.bin %> compare mail.txt',
    },
    {
      description: 'several runs a side, in CI',
      command: "<%= config.bin %> compare --fail-if 'p99 > +5%' before*.gz -- after*.gz",
    },
    {
      description: 'how many runs it takes to see 5 %, from the spread of five runs of one kernel',
      command: '<%= config.bin %> compare --plan --before b1.gz b2.gz b3.gz b4.gz b5.gz',
    },
  ];
  static override args = {
    before: Args.string({
      description: 'the baseline; - for standard input; a folder stands for the runs below it',
    }),
    after: Args.string({ description: 'what is compared with it' }),
  };
  // Runs of both sides with -- between them.
  static override strict = false;
  static override flags = {
    ...inputFlags,
    ...filterFlags,
    ...sourceFlags,
    ...jobsFlag,
    before: Flags.string({ description: 'runs of the baseline', multiple: true, helpGroup: 'RUNS' }),
    after: Flags.string({
      description: 'runs of what is compared with it',
      multiple: true,
      helpGroup: 'RUNS',
    }),
    paired: Flags.boolean({
      description: 'runs were taken in pairs (before, after, before, after ...), in the order given',
      helpGroup: 'RUNS',
    }),
    spread: Flags.string({
      description:
        'one run a side: by how much runs of one kernel differ in speed (one standard deviation), e.g. 3%',
      helpGroup: 'STATISTICS',
    }),
    plan: Flags.boolean({
      description: 'how many runs it takes to see a change, from the spread between the runs given',
      helpGroup: 'STATISTICS',
    }),
    all: Flags.boolean({
      description: 'every number, with the method it was worked out by',
      exclusive: ['json', 'plan'],
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
    ...htmlFlag,
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns, for a mail', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/compare.schema.json)' }),
  };

  protected override get mayRepeat(): boolean {
    return true;
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Compare, distinct(this.argv));
    const words = argv.map((w) => plainWord(String(w)));
    const [givenBefore, givenAfter] = [flags.before?.map(plainWord), flags.after?.map(plainWord)];
    if ((flags.before || flags.after) && words.length > 0) {
      throw new UsageError('give either BEFORE AFTER, or runs with both --before and --after');
    }
    const onlyOne = flags.plan && flags.before !== undefined && flags.after === undefined;
    if ((flags.before === undefined) !== (flags.after === undefined) && !onlyOne) {
      throw new UsageError('give either BEFORE AFTER, or runs with both --before and --after');
    }
    const { before, after } =
      flags.before === undefined
        ? await sidesOf(words)
        : { before: runsOf(givenBefore!), after: runsOf(givenAfter ?? []) };
    if ([...before, ...after].filter((p) => p === '-').length > 1) {
      throw new UsageError('standard input can be only one of the runs');
    }
    const asked = {
      before,
      after,
      source: sourceOf(flags),
      filter: filterOf(flags),
      names: pair(flags.names, '--names'),
      windowNs: windowsOf(flags.window),
      printedUnitNs: flags.unit === undefined ? undefined : { ns: 1, us: 1e3, ms: 1e6 }[flags.unit],
      paired: flags.paired,
      spread: flags.spread === undefined ? undefined : parseSpread(flags.spread),
      margins: flags.margin === undefined ? undefined : parseMargins(flags.margin),
      alpha: alphaOf(flags.confidence),
      seed: flags.seed,
      failIf: flags['fail-if'],
    };
    if (onlyOne) {
      if (flags.json) throw new UsageError('--plan of one side is text only: give --after too for --json');
      const plan = await this.sideBySide(before, flags, (options) => planInputs({ ...options, ...asked }));
      return writeOut(await planText(plan, flags.plain));
    }
    checkHtml(flags.html, [...before, ...after]);
    const report = await this.sideBySide([...before, ...after], flags, (options) =>
      compareInputs({ ...options, ...asked }),
    );
    for (const { argument, code, message } of report.leftOut ?? [])
      process.stderr.write(
        traceMessage(new TraceError(code as TraceErrorCode, `left out: ${message}`, { path: argument })),
      );
    const broken =
      report.leftOut !== undefined ||
      [report.a, report.b].some((s) => s.runs.some((r) => r.inputs.some((i) => i.error)));
    const failed = report.failIf.some(
      (f) => f.decision === 'true' || (flags['fail-undecided'] && f.decision === 'undecided'),
    );
    if (report.partial) process.exitCode = EXIT.interrupted;
    else if (broken) process.exitCode = EXIT.unreadable;
    else if (failed) process.exitCode = EXIT.finding;
    if (flags.html !== undefined) {
      const { comparePage } = await import('../html/compare.js');
      const { formatCompareAll } = await import('../render/compare-all.js');
      writePage(flags.html, comparePage(report, formatCompareAll(printableReport(report), palette(false))));
    }
    await writeOut(
      flags.json ? `${JSON.stringify(report, null, 2)}\n` : await textOf(printableReport(report), flags),
    );
  }

  /** Reads the runs in threads, where there are several. */
  private sideBySide<T>(
    runs: readonly string[],
    flags: InputFlagValues & { readonly jobs?: number | undefined },
    work: (options: Omit<PipelineOptions, 'paths'> & { reader?: RunReader }) => Promise<T>,
  ): Promise<T> {
    return this.reading(runs, flags, async ({ paths: _, ...options }) => {
      const jobs = Math.min(flags.jobs ?? jobsFor(runs), runs.length);
      if (jobs === 1) return work(options);
      const { RunThreads } = await import('../../src/fleet/run-threads.js');
      const threads = new RunThreads(jobs, options.signal);
      try {
        return await work({ ...options, reader: threads });
      } finally {
        await threads.close();
      }
    });
  }
}

async function planText(plan: Plan, plain: boolean): Promise<string> {
  const { planLines } = await import('../render/compare-plan.js');
  const lines = planLines(plan);
  return `${(plain ? lines.map(ascii) : lines).join('\n')}\n`;
}

async function textOf(
  report: CompareReport,
  flags: { plan: boolean; all: boolean; plain: boolean },
): Promise<string> {
  if (flags.plan) return planText(report, flags.plain);
  if (flags.all) {
    const all = await import('../render/compare-all.js');
    return flags.plain ? all.formatCompareAllPlain(report) : all.formatCompareAll(report);
  }
  const render = await import('../render/compare.js');
  return flags.plain ? render.formatComparePlain(report) : render.formatCompare(report);
}

/**
 * oclif puts words that occur twice together, wherever they stood: a run given on both sides would change sides. Each
 * further occurrence is marked, which `plainWord` takes off again.
 */
function distinct(argv: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return argv.map((w, i) => {
    if (w === '--') return BETWEEN;
    const before = argv[i - 1] ?? '';
    if (w.startsWith('-') || (before.startsWith('--') && before !== '--')) return w;
    const n = seen.get(w) ?? 0;
    seen.set(w, n + 1);
    return n === 0 ? w : `${w}\0${n}`;
  });
}

const plainWord = (word: string): string => (word === BETWEEN ? word : word.split('\0')[0]!);

function pair(text: string | undefined, flag: string): CompareInputs['names'] {
  if (text === undefined) return undefined;
  const parts = text.split(',').map((p) => p.trim());
  if (parts.length !== 2 || parts.includes('')) throw new UsageError(`${flag} wants two names: A,B`);
  return [parts[0]!, parts[1]!];
}

function windowsOf(text: string | undefined): CompareInputs['windowNs'] {
  if (text === undefined) return undefined;
  const parts = text.split(',').map(parseDuration);
  if (parts.length > 2 || parts.some((p) => !(p > 0))) {
    throw new UsageError('--window wants one or two durations above 0, e.g. 1s');
  }
  return [parts[0]!, parts[1] ?? parts[0]!];
}

function alphaOf(text: string): number {
  const percent = Number(text.replace(/%$/, ''));
  if (!(percent >= 50 && percent < 100)) throw new UsageError('--confidence wants percent, 50 to below 100');
  return Number((1 - percent / 100).toPrecision(12));
}
