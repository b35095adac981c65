import { resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { readBaseline } from '../../src/gate/baseline.js';
import { runGate } from '../../src/gate/gate.js';
import { loadPolicy } from '../../src/gate/policy-file.js';
import { storeBaseline } from '../../src/gate/store-baseline.js';
import { recordingsOf } from '../../src/read/recordings.js';
import { printable } from '../../src/result/printable.js';
import { inputFlags, readingOf, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { checkGateReports, gateExit, gateReportFlags, printGate, writeGateReports } from '../gate-report.js';
import { hostFlag } from '../host-flag.js';
import { judgeMany, summaryText } from '../judge-many.js';
import { kernelFlags } from '../kernel-flags.js';
import { jobsFlag } from '../many-recordings.js';
import { writeOut } from '../output.js';
import { openDataset, parquetFlag } from '../parquet-flag.js';
import { prose } from '../prose.js';
import { plural } from '../render/verdicts.js';

export default class Validate extends TraceCommand {
  static override summary = 'judge recordings by a policy: the gate for CI';
  static override description =
    prose(`Replays each recording and checks what the policy asks: invariants that must be decided, loss, probes,
the kernel variant, latency budgets, change against a stored baseline. Without --policy a built-in one applies: no
violation, no line that could not be used, at most 1 % of events lost (--print-policy prints it).

Exit codes: 0 everything the policy asks holds, 1 something fails, 2 wrong usage or a faulty policy, 3 a recording
cannot be read, 4 internal error, 130 interrupted.`);
  static override usage = 'validate TRACE... | FOLDER... [--policy FILE] [--jobs N] [FLAGS]';
  static override examples = [
    { description: 'the built-in policy', command: '<%= config.bin %> validate trace.txt.gz' },
    {
      description: 'in CI, with reports for the server',
      command:
        '<%= config.bin %> validate traces/*.gz --policy policy.yaml --junit junit.xml --sarif pttrace.sarif',
    },
    {
      description: "for the kernel's own tools: KTAP, and KCIDB",
      command:
        '<%= config.bin %> validate traces/*.gz --ktap gate.ktap --kcidb gate.json --kcidb-origin mylab',
    },
    {
      description: 'store what these recordings measure as the new baseline',
      command: '<%= config.bin %> validate traces/*.gz --policy policy.yaml --update-baseline',
    },
    {
      description: 'start a policy of your own',
      command: '<%= config.bin %> validate --print-policy > policy.yaml',
    },
  ];
  static override strict = false;
  static override args = {
    trace: Args.string({
      description:
        'recordings, each judged by itself; - for standard input; a folder stands for the files below it',
    }),
  };
  static override flags = {
    ...inputFlags,
    ...kernelFlags,
    ...jobsFlag,
    ...hostFlag,
    summary: Flags.boolean({
      description:
        'print what the recordings say together (by kernel, host and rule), not what the policy says of each',
      exclusive: ['json'],
    }),
    policy: Flags.string({ description: 'policy file, JSON or YAML', helpValue: 'FILE' }),
    'print-policy': Flags.boolean({ description: 'print the policy that applies, as YAML, and stop' }),
    'update-baseline': Flags.boolean({
      description: 'write the baseline file that the policy names; not where the gate is red',
    }),
    force: Flags.boolean({
      description: 'store a baseline although the gate is red',
      dependsOn: ['update-baseline'],
    }),
    ...gateReportFlags,
    ...parquetFlag,
    annotations: Flags.boolean({
      description: 'print GitHub annotations (default where GITHUB_ACTIONS=true)',
      allowNo: true,
    }),
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/gate.schema.json)' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Validate);
    const loaded = loadPolicy(flags.policy ?? null);
    if (flags['print-policy']) {
      const { stringify } = await import('yaml');
      await writeOut(`# from: ${loaded.sources.join(', ')}\n${stringify(loaded.policy)}`);
      return;
    }
    const traces = recordingsOf(argv as string[]);
    if (traces.length === 0) this.error('give at least one recording', { exit: EXIT.usage });
    const compared = loaded.policy.baseline;
    if (flags['update-baseline'] && !compared) {
      this.error('--update-baseline needs a policy with `baseline: { file: … }`', { exit: EXIT.usage });
    }
    const baselineFile = compared ? resolve(loaded.baselineDir, compared.file) : null;
    const baseline = baselineFile === null ? null : readBaseline(baselineFile);
    checkGateReports(flags, [
      ...traces,
      ...(flags.policy ? [flags.policy] : []),
      ...(flags.probes ? [flags.probes] : []),
    ]);
    const judged = { policy: loaded, baseline };
    const dataset = await openDataset(flags.parquet, argv as string[]);
    const one = traces.length === 1 && !flags.summary && dataset === null;
    const many = one
      ? null
      : await judgeMany(traces, { ...judged, reading: await readingOf(flags) }, flags, dataset);
    const run =
      many ?? (await this.reading(traces, flags, (options) => runGate({ ...options, ...judged, traces })));
    const { report } = run;
    process.exitCode = gateExit(report);
    if (flags.summary && many) await writeOut(await summaryText(many.summary, flags.plain));
    else await printGate(report, flags);
    // The verdict is out; a file that cannot be written is told behind it.
    const failed = writeGateReports(run, flags);
    if (flags['update-baseline'] && baselineFile !== null && !report.summary.partial)
      process.stderr.write(update(baselineFile, run, flags.force));
    for (const message of failed) process.stderr.write(`pttrace: ${printable(message)}\n`);
    if (failed.length > 0 && process.exitCode === EXIT.clean) process.exitCode = EXIT.usage;
  }
}

/** Stores what these runs measured; says what it did. What a red gate measured is nothing to hold others to. */
function update(file: string, { report, read }: Awaited<ReturnType<typeof runGate>>, force: boolean): string {
  const { failed } = report.summary;
  if (failed > 0 && !force)
    return `pttrace: ${file} is left as it is: the gate is red (${plural(failed, 'check')} failed); --force stores it all the same\n`;
  const { traces } = storeBaseline(file, read);
  const runs = read.length;
  return `pttrace: ${printable(file)}: ${plural(runs, 'recording')} stored, ${traces} in it now\n`;
}
