import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import type { Answers } from '../../src/fleet/answers.js';
import type { Engine } from '../../src/fleet/engine.js';
import type { Plan } from '../../src/fleet/plan.js';
import { printable } from '../../src/result/printable.js';
import { UsageError } from '../../src/result/usage-error.js';
import { onInterrupt } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { checkGateReports } from '../gate-report.js';
import { checkTables, mergeFlags, reportMerged } from '../merge-report.js';
import { recordingsLine } from '../progress.js';
import { prose } from '../prose.js';
import { PttraceCommand } from '../pttrace-command.js';
import { inStoreFolder, storeFlag } from '../store-flag.js';

export default class Fleet extends PttraceCommand {
  static override summary = 'a plan of pttrace shard, answered by workers on many machines through Redis';
  static override description =
    prose(`run sends the recordings of a plan to workers, answers some itself (--jobs 0: none), waits until all are answered or given up,
and prints what one process would have printed, to the byte. work answers what it is sent until it is interrupted; start as many as
you like, where the recordings and the folder of results can be seen. The queue is BullMQ on a Redis; it may be restarted, and
workers may die: what counts is the folder (docs/fleet.md). A recording that fails as often as --attempts says is put into
quarantine with its error. Needs npm install bullmq@6 ioredis@5 beside pttrace.

Exit codes: run those of the planned command, 4 where a recording was given up; work 0; 2 wrong usage, 130 interrupted (run).`);
  static override usage = [
    'fleet run --plan FILE --results FOLDER [--redis URL] [--jobs N] [--json | --plain] [FLAGS]',
    'fleet work --plan FILE --results FOLDER [--redis URL] [--root FOLDER | --store URL] [--jobs N]',
  ];
  static override examples = [
    {
      description:
        'on one machine: the recordings, who sends them, the report (another machine, box, runs Redis)',
      command:
        '<%= config.bin %> shard plan recordings/ --plan plan.json && <%= config.bin %> fleet run --plan plan.json --results results --redis redis://box:6379 --json',
    },
    {
      description: 'on the others, which see the same folder under another name (another machine)',
      command:
        '<%= config.bin %> fleet work --plan /mnt/lab/plan.json --results /mnt/lab/results --root /mnt/lab --redis redis://box:6379',
    },
  ];
  static override args = {
    action: Args.string({ description: 'what to do', options: ['run', 'work'], required: true }),
  };
  static override flags = {
    plan: Flags.string({ description: 'a plan of pttrace shard plan', helpValue: 'FILE', required: true }),
    results: Flags.string({ description: 'folder of the answers', helpValue: 'FOLDER', required: true }),
    redis: Flags.string({
      description: 'where the queue is',
      helpValue: 'URL',
      default: 'redis://127.0.0.1:6379',
    }),
    root: Flags.string({
      description: 'folder that the paths of the plan are relative to; default: the current one',
      helpValue: 'FOLDER',
    }),
    ...storeFlag,
    jobs: Flags.integer({
      description: 'recordings read side by side in this process; 0 (run): none; default: one per core',
      helpValue: 'N',
      min: 0,
    }),
    attempts: Flags.integer({
      description: 'times that a recording may fail, or its worker die over it, before it is given up',
      default: 3,
      min: 1,
    }),
    timeout: Flags.integer({
      description: 'seconds after which an attempt has failed; default: none',
      min: 1,
    }),
    memory: Flags.integer({
      description: "MB of JavaScript objects that one recording may take; default: Node's",
      min: 16,
    }),
    ...mergeFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Fleet);
    const { checkRedis, loadEngine } = await import('../../src/fleet/engine.js');
    const { readPlan } = await import('../../src/fleet/plan.js');
    const { Answers } = await import('../../src/fleet/answers.js');
    const jobs = flags.jobs ?? availableParallelism();
    if (args.action === 'work' && jobs === 0) throw new UsageError('fleet work needs --jobs of 1 or more');
    checkGateReports(flags, [flags.plan]);
    const redis = checkRedis(flags.redis);
    const plan = readPlan(flags.plan);
    checkTables(plan, flags);
    const engine = await loadEngine();
    const answers = new Answers(plan, resolve(flags.results));
    const asked = { plan, answers, engine, redis, jobs };
    const first = jobs > 0 ? plan.recordings[0]?.path : undefined;
    let aborted: boolean;
    if (flags.store !== undefined)
      aborted = await inStoreFolder(flags.store, async (store) => {
        // A worker that is not let in would use up everybody's attempts.
        if (first !== undefined) await store.fetch(first, '.');
        return this.answer(asked, args.action === 'run', flags);
      });
    else {
      const here = process.cwd();
      if (flags.root !== undefined) process.chdir(flags.root);
      try {
        // So would one in the wrong place.
        if (first !== undefined && !existsSync(first))
          throw new UsageError(`${first} is not here: say with --root where the paths of the plan begin`);
        aborted = await this.answer(asked, args.action === 'run', flags);
      } finally {
        process.chdir(here);
      }
    }
    if (args.action === 'work') {
      process.exitCode = EXIT.clean;
      return;
    }
    const { mergeShards } = await import('../../src/fleet/shard.js');
    const merged = mergeShards(plan, answers);
    if (aborted) toldInterrupted(merged.missing);
    else await reportMerged(plan, merged, flags);
  }

  /** Works, and with `send` sends until all is answered. True: interrupted. */
  private async answer(asked: Asked, send: boolean, flags: WorkFlags): Promise<boolean> {
    const { plan, answers, engine, redis, jobs } = asked;
    const progress = recordingsLine(process.stderr, plan.recordings.length);
    const interruption = onInterrupt();
    const done = new AbortController();
    const stop = AbortSignal.any([interruption.signal, done.signal]);
    const common = {
      redis,
      attempts: flags.attempts,
      store: flags.store,
      onTrouble: (message: string) => process.stderr.write(`pttrace: ${printable(message)}; trying again\n`),
    };
    const threads = {
      memoryMb: flags.memory,
      timeoutMs: flags.timeout === undefined ? undefined : flags.timeout * 1000,
    };
    try {
      const { work } = await import('../../src/fleet/work.js');
      const working =
        jobs === 0 ? null : work(engine, plan, answers, { ...common, jobs, threads, signal: stop });
      if (!send) {
        await working;
        return false;
      }
      const { dispatch } = await import('../../src/fleet/dispatch.js');
      try {
        const sent = dispatch(engine, plan, answers, {
          ...common,
          signal: interruption.signal,
          onDone: (count) => progress.done(count),
        });
        // Whoever fails first ends both.
        await Promise.race([sent, ...(working ? [working.then(() => sent)] : [])]);
      } finally {
        done.abort();
        await working;
      }
      return interruption.signal.aborted;
    } finally {
      progress.clear();
      interruption.off();
    }
  }
}

interface Asked {
  readonly plan: Plan;
  readonly answers: Answers;
  readonly engine: Engine;
  readonly redis: string;
  readonly jobs: number;
}

interface WorkFlags {
  readonly attempts: number;
  readonly store?: string | undefined;
  readonly memory?: number | undefined;
  readonly timeout?: number | undefined;
}

function toldInterrupted(missing: readonly { readonly recordings: number }[]): void {
  const left = missing.reduce((sum, m) => sum + m.recordings, 0);
  process.stderr.write(`pttrace: interrupted: ${left} recordings are not answered; run it again to go on\n`);
  process.exitCode = EXIT.interrupted;
}
