import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import type { Answers } from '../../src/fleet/answers.js';
import type { Plan } from '../../src/fleet/plan.js';
import type { Question } from '../../src/fleet/question.js';
import { printable, printableName } from '../../src/result/printable.js';
import { UsageError } from '../../src/result/usage-error.js';
import { inputFlags } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { filterFlags } from '../filter-flags.js';
import { checkGateReports } from '../gate-report.js';
import { hostFlag } from '../host-flag.js';
import { kernelFlags } from '../kernel-flags.js';
import { jobsFlag, overRecordings } from '../many-recordings.js';
import { checkTables, type MergeLook, mergeFlags, reportMerged } from '../merge-report.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { PttraceCommand } from '../pttrace-command.js';
import {
  infoQuestion,
  type ReplayQuestionFlags,
  replayQuestion,
  replayQuestionFlags,
  validateQuestion,
} from '../questions.js';
import { inStoreFolder, storeFlag } from '../store-flag.js';

const ASK = 'PLAN';
const RUN = 'RUN';

export default class Shard extends PttraceCommand {
  static override summary = 'many recordings on many machines: plan, run a part, put the parts together';
  static override description =
    prose(`plan lists recordings with the hashes of their content, what is asked of them, and which shard answers which. run answers
one shard into a folder that all share: as often as needed, on any machine, an answer that is there is not worked out again.
merge prints what one process would have printed, to the byte, however many shards there were (docs/fleet.md).

Exit codes: plan and run 0, 3 a recording cannot be read (run: it, and no other, is not answered; run it again), 2 wrong usage,
130 interrupted; merge: those of the command that was planned, 3 where answers are missing.`);
  static override usage = [
    'shard plan TRACE... | FOLDER... --plan FILE --shards N [--ask replay|validate|info] [FLAGS]',
    'shard plan --store URL [NAME...] --plan FILE --shards N [FLAGS]',
    'shard run --plan FILE --results FOLDER --shard I [--root FOLDER | --store URL] [--jobs N]',
    'shard merge --plan FILE --results FOLDER [--json | --plain] [FLAGS]',
  ];
  static override examples = [
    {
      description: 'eight shards of a folder, judged by a policy',
      command:
        '<%= config.bin %> shard plan recordings/ --plan plan.json --shards 8 --ask validate --policy policy.yaml',
    },
    {
      description: 'each of them, on any machine that sees the folder',
      command: '<%= config.bin %> shard run --plan plan.json --results results --shard 3',
    },
    {
      description: 'the report',
      command: '<%= config.bin %> shard merge --plan plan.json --results results --junit junit.xml',
    },
  ];
  static override strict = false;
  static override args = {
    action: Args.string({ description: 'what to do', options: ['plan', 'run', 'merge'], required: true }),
    trace: Args.string({ description: 'plan: recordings, and folders of recordings' }),
  };
  static override flags = {
    plan: Flags.string({
      description: 'the plan: written by plan, read by run and merge',
      helpValue: 'FILE',
      required: true,
    }),
    shards: Flags.integer({ description: 'shards to plan', default: 1, min: 1, helpGroup: ASK }),
    ask: Flags.string({
      description: 'command that is asked of each recording',
      options: ['replay', 'validate', 'info'],
      default: 'replay',
      helpGroup: ASK,
    }),
    policy: Flags.string({ description: 'validate: policy file', helpValue: 'FILE', helpGroup: ASK }),
    tables: Flags.boolean({
      description: 'answers carry their tables, which merge --parquet puts together',
      helpGroup: ASK,
    }),
    ...inputFlags,
    ...kernelFlags,
    ...filterFlags,
    ...hostFlag,
    ...replayQuestionFlags,
    shard: Flags.integer({ description: 'shard to run, from 0', min: 0, helpValue: 'I', helpGroup: RUN }),
    results: Flags.string({ description: 'folder of the answers', helpValue: 'FOLDER' }),
    root: Flags.string({
      description: 'folder that the paths of the plan are relative to; default: the current one',
      helpValue: 'FOLDER',
      helpGroup: RUN,
    }),
    ...storeFlag,
    ...jobsFlag,
    timeout: Flags.integer({
      description: 'seconds after which a recording is given up for this run; default: none',
      min: 1,
      helpGroup: RUN,
    }),
    memory: Flags.integer({
      description: "MB of JavaScript objects that one recording may take; default: Node's",
      min: 16,
      helpGroup: RUN,
    }),
    'allow-missing': Flags.boolean({
      description: 'merge: report what is there; what is missing counts as not answered',
    }),
    ...mergeFlags,
  };

  async run(): Promise<void> {
    const { args, argv, flags } = await this.parse(Shard);
    const words = (argv as string[]).slice(1);
    if (args.action === 'plan') return this.plan(words, flags);
    if (words.length > 0) throw new UsageError(`shard ${args.action} takes its recordings from the plan`);
    if (flags.results === undefined) throw new UsageError(`shard ${args.action} needs --results FOLDER`);
    const { readPlan } = await import('../../src/fleet/plan.js');
    const { Answers } = await import('../../src/fleet/answers.js');
    const plan = readPlan(flags.plan);
    const answers = new Answers(plan, resolve(flags.results));
    if (args.action === 'merge') {
      checkGateReports(flags, [flags.plan]);
      checkTables(plan, flags);
      return this.merge(plan, answers, flags);
    }
    if (flags.shard === undefined) throw new UsageError('shard run needs --shard I');
    return this.answer(plan, answers, flags.shard, flags);
  }

  private async plan(words: string[], flags: ShardFlags): Promise<void> {
    const { recordingsOf } = await import('../../src/read/recordings.js');
    const { makePlan } = await import('../../src/fleet/plan.js');
    const { replaceFile } = await import('../../src/fleet/result-file.js');
    if (words.length === 0 && flags.store === undefined)
      throw new UsageError('give at least one recording, or a folder of them');
    const { policy, ...unjudged } = flags;
    if (policy !== undefined && flags.ask !== 'validate')
      throw new UsageError('--policy is for --ask validate');
    const question: Question =
      flags.ask === 'validate'
        ? await validateQuestion(flags)
        : flags.ask === 'info'
          ? await infoQuestion(unjudged)
          : await replayQuestion(unjudged);
    if (flags.tables && flags.ask === 'info')
      throw new UsageError('--tables is for --ask replay and validate: info judges and measures nothing');
    const asked = flags.tables ? { ...question, tables: true } : question;
    const file = resolve(flags.plan);
    const plan =
      flags.store === undefined
        ? makePlan(asked, recordingsOf(words), flags.shards)
        : await this.planStored(asked, flags.store, words, flags.shards);
    replaceFile(file, `${JSON.stringify(plan)}\n`, true);
    const bytes = plan.recordings.reduce((sum, r) => sum + r.bytes, 0);
    await writeOut(
      `plan ${plan.id.slice(0, 12)}: ${plan.recordings.length} recordings, ${bytes} bytes, shards 0 to ${flags.shards - 1}\n`,
    );
  }

  private async planStored(asked: Question, url: string, words: string[], shards: number): Promise<Plan> {
    const { planOf } = await import('../../src/fleet/plan.js');
    return inStoreFolder(url, async (store) => planOf(asked, await store.planned(words), shards));
  }

  private async answer(plan: Plan, answers: Answers, shard: number, flags: ShardFlags): Promise<void> {
    if (flags.store !== undefined)
      return inStoreFolder(flags.store, () => this.answerHere(plan, answers, shard, flags));
    if (flags.root !== undefined) process.chdir(flags.root);
    return this.answerHere(plan, answers, shard, flags);
  }

  private async answerHere(plan: Plan, answers: Answers, shard: number, flags: ShardFlags): Promise<void> {
    const { runShard } = await import('../../src/fleet/shard.js');
    const threads = {
      memoryMb: flags.memory,
      timeoutMs: flags.timeout === undefined ? undefined : flags.timeout * 1000,
    };
    const paths = (plan.shards[shard] ?? []).map((i) => plan.recordings[i]!.path);
    const { value } = await overRecordings(
      paths,
      // What is not here yet has no size to go by.
      flags.jobs ?? (flags.store === undefined ? undefined : availableParallelism()),
      (options) => runShard(plan, shard, answers, { ...options, threads, store: flags.store }),
      true,
    );
    for (const { path, error } of value.faults)
      process.stderr.write(
        `pttrace: ${printableName(path)}: not answered: ${printable(error?.message ?? '')}\n`,
      );
    if (value.partial) process.exitCode = EXIT.interrupted;
    else if (value.faults.length > 0) process.exitCode = EXIT.unreadable;
    await writeOut(
      `shard ${shard}: ${value.answered} answered, ${value.known} known before, ${value.faults.length} not answered\n`,
    );
  }

  private async merge(plan: Plan, answers: Answers, flags: ShardFlags): Promise<void> {
    const { mergeShards } = await import('../../src/fleet/shard.js');
    const merged = mergeShards(plan, answers);
    if (merged.missing.length > 0 && !flags['allow-missing']) {
      for (const { shard, recordings } of merged.missing)
        process.stderr.write(
          `pttrace: shard ${shard}: ${recordings} recordings are not answered: run it (again)\n`,
        );
      process.exitCode = EXIT.unreadable;
      return;
    }
    await reportMerged(plan, { ...merged, missing: [] }, flags);
  }
}

type ShardFlags = ReplayQuestionFlags &
  MergeLook & {
    readonly plan: string;
    readonly shards: number;
    readonly ask: string;
    readonly tables: boolean;
    readonly policy?: string | undefined;
    readonly root?: string | undefined;
    readonly store?: string | undefined;
    readonly jobs?: number | undefined;
    readonly timeout?: number | undefined;
    readonly memory?: number | undefined;
    readonly 'allow-missing': boolean;
  };
