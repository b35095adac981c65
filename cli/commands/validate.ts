import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { formatAnnotations } from '../../src/gate/annotations.js';
import { readBaseline } from '../../src/gate/baseline.js';
import { runGate } from '../../src/gate/gate.js';
import { formatJunit } from '../../src/gate/junit.js';
import { checkOrigin, formatKcidb } from '../../src/gate/kcidb.js';
import { formatKtap } from '../../src/gate/ktap.js';
import { loadPolicy } from '../../src/gate/policy-file.js';
import { formatSarif } from '../../src/gate/sarif.js';
import { storeBaseline } from '../../src/gate/store-baseline.js';
import { recordingsOf } from '../../src/read/recordings.js';
import { printable, printableReport } from '../../src/result/printable.js';
import { UsageError } from '../../src/result/usage-error.js';
import { inputFlags, readingOf, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { hostFlag } from '../host-flag.js';
import { judgeMany, summaryText } from '../judge-many.js';
import { kernelFlags } from '../kernel-flags.js';
import { jobsFlag } from '../many-recordings.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { formatGate, formatGatePlain } from '../render/gate.js';
import { plural } from '../render/verdicts.js';
import { sameFile } from '../same-file.js';

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
    junit: Flags.string({ description: 'write JUnit XML to this file', helpValue: 'FILE' }),
    sarif: Flags.string({ description: 'write SARIF 2.1.0 to this file', helpValue: 'FILE' }),
    ktap: Flags.string({ description: 'write KTAP 1 to this file', helpValue: 'FILE' }),
    kcidb: Flags.string({ description: 'write KCIDB I/O 5.3 JSON to this file', helpValue: 'FILE' }),
    'kcidb-origin': Flags.string({
      description: 'name of the CI system there',
      helpValue: 'NAME',
      default: 'pttrace',
    }),
    'kcidb-build': Flags.string({
      description: 'id of the build that was tested there, ORIGIN:ID',
      helpValue: 'ID',
      dependsOn: ['kcidb'],
    }),
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
    refuseOverwriting(
      [...traces, ...(flags.policy ? [flags.policy] : []), ...(flags.probes ? [flags.probes] : [])],
      [flags.junit, flags.sarif, flags.ktap, flags.kcidb],
    );
    const kcidb = { origin: flags['kcidb-origin'], build: flags['kcidb-build'] };
    checkOrigin(kcidb);
    const judged = { policy: loaded, baseline };
    const one = traces.length === 1 && !flags.summary;
    const many = one ? null : await judgeMany(traces, { ...judged, reading: await readingOf(flags) }, flags);
    const run =
      many ?? (await this.reading(traces, flags, (options) => runGate({ ...options, ...judged, traces })));
    const { report } = run;
    process.exitCode = exitOf(report);
    if (flags.json) await writeOut(`${JSON.stringify(report, null, 2)}\n`);
    else if (flags.summary && many) await writeOut(await summaryText(many.summary, flags.plain));
    else {
      const shown = printableReport(report);
      await writeOut(flags.plain ? formatGatePlain(shown) : formatGate(shown));
      if (flags.annotations ?? process.env.GITHUB_ACTIONS === 'true')
        await writeOut(formatAnnotations(report));
    }
    // The verdict is out; a file that cannot be written is told behind it.
    const failed = [
      writeReport(flags.junit, () => formatJunit(report)),
      writeReport(flags.sarif, () => formatSarif(report)),
      writeReport(flags.ktap, () => formatKtap(report, run.read)),
      writeReport(flags.kcidb, () => formatKcidb(report, run.read, kcidb)),
    ].filter((message) => message !== null);
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

function exitOf(report: Awaited<ReturnType<typeof runGate>>['report']): number {
  if (report.summary.partial) return EXIT.interrupted;
  const checks = report.traces.flatMap((t) => t.checks);
  if (checks.some((c) => c.outcome === 'fail' && c.id === 'internal')) return EXIT.internal;
  if (checks.some((c) => c.outcome === 'fail' && c.id === 'readable')) return EXIT.unreadable;
  return report.summary.failed > 0 ? EXIT.finding : EXIT.clean;
}

/** Null, or why the file could not be written. */
function writeReport(path: string | undefined, text: () => string): string | null {
  if (path === undefined) return null;
  try {
    writeFileSync(path, text());
    return null;
  } catch (error) {
    return `${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
  }
}

/** Throws UsageError where a report would take the place of an input. */
function refuseOverwriting(traces: readonly string[], files: readonly (string | undefined)[]): void {
  for (const file of files) {
    const input = file === undefined ? undefined : traces.find((trace) => sameFile(trace, file));
    if (input !== undefined) throw new UsageError(`${file} is an input: give another file to write`);
  }
}
