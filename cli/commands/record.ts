import { existsSync } from 'node:fs';
import { availableParallelism, freemem, hostname } from 'node:os';
import { Args, Flags } from '@oclif/core';
import { TraceError } from '../../src/parsers/input/trace-error.js';
import { KERNEL_INFO_COMMAND, type KernelInfo, UNKNOWN_KERNEL } from '../../src/record/kernel-info.js';
import { LEVEL_TEXT, LEVELS, type Level } from '../../src/record/levels.js';
import { planRecording, type RecordingPlan } from '../../src/record/plan.js';
import { printScript, TOOLS, type Tool } from '../../src/record/print.js';
import { leftovers, removeNamed } from '../../src/record/session.js';
import { taskFilter } from '../../src/record/task-filter.js';
import { printableName } from '../../src/result/printable.js';
import { UsageError } from '../../src/result/usage-error.js';
import { EXIT } from '../exit-codes.js';
import { readKernelInfo } from '../kernel-flags.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { PttraceCommand } from '../pttrace-command.js';

/** KiB per CPU by level. */
const BUFFER_KB: Readonly<Record<Level, number>> = {
  latency: 4096,
  tables: 16384,
  readers: 32768,
  locks: 49152,
  full: 49152,
};
/** Of what is free, all CPUs together. */
const BUFFER_SHARE = 4;

export default class RecordCommand extends PttraceCommand {
  static override summary = 'make a recording on a test machine, or print the script that makes it elsewhere';
  static override description =
    prose(`Learns from tracefs which probes this kernel can give, says which invariants a replay will be able to decide,
records in a tracefs instance of its own while the command runs (or until Ctrl-C), and removes everything again.
The recording begins with kernel, configuration, probes and address bases: replay needs no flags for it.

--print writes a script for a machine without Node. With a kernel-info file of that machine it sets the probes
of its kernel only; --print kernel-info prints the command that makes one there as root, in /tmp/kernel-info.txt.

After a SIGKILL: pttrace record --cleanup

Exit codes: 0 recorded, 2 wrong usage, 3 no tracefs or no right to it, 130 or 143 ended by a signal (what was recorded
is written).`);
  static override usage = [
    'record -o FILE [FLAGS] [-- COMMAND...]',
    'record --dry-run [--kernel-info FILE] [FLAGS]',
    'record --print TOOL [--kernel-info FILE] [FLAGS]',
    'record --cleanup [--force]',
  ];
  static override examples = [
    {
      description: 'record a command (as root)',
      command: '<%= config.bin %> record -o munmap.gz -- ./workload',
    },
    {
      description: 'what could be recorded here, without doing it (as root)',
      command: '<%= config.bin %> record --dry-run',
    },
    {
      description: 'what a machine can give, in its /tmp/kernel-info.txt (another machine)',
      command: '<%= config.bin %> record --print kernel-info | ssh root@box sh',
    },
    {
      description: 'who walks page tables while they are freed, hot probes kept to a few tasks (as root)',
      command: "<%= config.bin %> record --level readers --comm 'rd-*,wk-*' -o readers.gz -- ./workload",
    },
    {
      description: 'a script for that machine',
      command: '<%= config.bin %> record --print ftrace --kernel-info kernel-info.txt >record.sh',
    },
    {
      description: 'remove what a killed recording left (as root)',
      command: '<%= config.bin %> record --cleanup',
    },
  ];
  static override strict = false;
  static override args = {
    command: Args.string({ description: 'what to record, after --; default: until Ctrl-C' }),
  };
  static override flags = {
    out: Flags.string({ char: 'o', description: 'recording to write (gzip)', helpValue: 'FILE' }),
    level: Flags.option({
      options: LEVELS,
      default: 'tables' as const,
      description: `how much: ${LEVELS.map((l) => `${l} (${LEVEL_TEXT[l]})`).join('; ')}`,
    })(),
    clock: Flags.string({ description: 'trace clock; default mono', helpValue: 'NAME' }),
    comm: Flags.string({
      description: 'at levels readers and above: keep hot probes to tasks of these names (* and ? match)',
      helpValue: 'NAME,…',
      multiple: true,
    }),
    tgid: Flags.string({
      description: 'keep hot probes to the threads that these processes have at the start',
      helpValue: 'PID,…',
      multiple: true,
    }),
    'buffer-size': Flags.string({
      description: 'buffer per CPU, e.g. 64M; default by level, at most a quarter of the free memory',
      helpValue: 'SIZE',
    }),
    host: Flags.string({
      description:
        'what the recording calls this machine; default: its host name, in scripts that of the machine they run on. Empty: nothing',
      helpValue: 'NAME',
    }),
    duration: Flags.integer({ description: 'seconds to record at most', min: 1 }),
    print: Flags.option({
      options: [...TOOLS, 'kernel-info'] as const,
      description:
        'print a script for this tool instead of recording, or the command that makes a kernel-info file',
      exclusive: ['out', 'cleanup', 'dry-run', 'duration', 'tracefs'],
    })(),
    'kernel-info': Flags.string({
      description: 'kernel-info file of the machine the script or the plan is for',
      helpValue: 'FILE',
    }),
    'dry-run': Flags.boolean({ description: 'say what would be recorded and decided, change nothing' }),
    cleanup: Flags.boolean({ description: 'remove what killed recordings left in tracefs' }),
    force: Flags.boolean({
      description: 'also of recordings whose process is running',
      dependsOn: ['cleanup'],
    }),
    tracefs: Flags.string({
      description: 'where tracefs is mounted; default /sys/kernel/tracing',
      helpValue: 'DIR',
    }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(RecordCommand);
    const command = argv as string[];
    if (flags.print === 'kernel-info') return writeOut(`${KERNEL_INFO_COMMAND}\n`);
    if (flags.cleanup) return this.cleanUp(flags.tracefs, flags.force);
    const { level } = flags;
    const filter = taskFilter(flags.comm ?? [], flags.tgid ?? []);
    const planFor = (kernel: KernelInfo): RecordingPlan => {
      const plan = planRecording(kernel, level, flags.clock, filter);
      if (filter !== null && plan.filter === null) {
        throw new UsageError(`--comm, --tgid: level ${level} sets no probe that is worth a filter`);
      }
      return plan;
    };
    const bufferKb = flags['buffer-size'] === undefined ? BUFFER_KB[level] : kib(flags['buffer-size']);
    const given = flags['kernel-info'] === undefined ? null : readKernelInfo(flags['kernel-info']);
    if (flags.print !== undefined) {
      const plan = planFor(given ?? UNKNOWN_KERNEL);
      await writeOut(printScript(flags.print as Tool, plan, { bufferKb, host: hostName(flags.host) }));
      return;
    }
    const { findTracefs, machineOf, recordLive } = await import('../live-recording.js');
    const { formatPlan, formatSummary } = await import('../render/record.js');
    if (flags['dry-run']) {
      const kernel = given ?? machineOf(findTracefs(flags.tracefs)).kernel;
      await writeOut(formatPlan(planFor(kernel)));
      return;
    }
    if (given)
      throw new UsageError('--kernel-info is for --print and --dry-run: record asks this kernel itself');
    if (flags.out === undefined) throw new UsageError('give the recording a name: -o FILE');
    const tracefs = findTracefs(flags.tracefs);
    const { kernel, config } = machineOf(tracefs);
    const plan = planFor(kernel);
    process.stderr.write(formatPlan(plan));
    const summary = await recordLive(tracefs, plan, config, {
      out: flags.out,
      bufferKb: flags['buffer-size'] === undefined ? affordable(bufferKb) : bufferKb,
      host: hostName(flags.host) ?? hostname(),
      durationS: flags.duration,
      command,
      onStart: () => {
        const what = command.length > 0 ? command.join(' ') : 'until Ctrl-C';
        process.stderr.write(`recording: ${printableName(what)}\n`);
      },
    }).catch(refused);
    process.stderr.write(formatSummary(summary));
  }

  private async cleanUp(place: string | undefined, force: boolean): Promise<void> {
    const { findTracefs } = await import('../live-recording.js');
    const { formatCleanup } = await import('../render/record.js');
    const tracefs = findTracefs(place);
    const done = leftovers(tracefs).map((left) => {
      const alive = !force && existsSync(`/proc/${left.pid}`);
      return { left, alive, failed: alive ? [] : removeNamed(tracefs, left.name) };
    });
    if (done.some((d) => d.failed.length > 0)) process.exitCode = EXIT.unreadable;
    await writeOut(formatCleanup(done));
  }
}

/** `512K`, `64M`, `1G`, or a number of KiB. Throws UsageError. */
function kib(text: string): number {
  const m = /^(\d+)([KMG]?)i?B?$/i.exec(text);
  const factor = { '': 1, K: 1, M: 1024, G: 1024 ** 2 }[(m?.[2] ?? '').toUpperCase()];
  const size = m && factor ? Number(m[1]) * factor : 0;
  if (size < 4) throw new UsageError(`no buffer size: '${text}' (e.g. 512K, 64M)`);
  return size;
}

/** Throws UsageError for a name that is more than one line. */
function hostName(given: string | undefined): string | undefined {
  if (given !== undefined && /[\x00-\x1f\x7f]/.test(given))
    throw new UsageError('--host wants a name in one line');
  return given;
}

/** The wanted size, or less where the machine has little memory. KiB per CPU. */
const affordable = (wanted: number): number =>
  Math.max(256, Math.min(wanted, Math.floor(freemem() / 1024 / BUFFER_SHARE / availableParallelism())));

function refused(error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    throw new TraceError('no-tracefs', `${(error as Error).message}: recording takes root`);
  }
  throw error;
}
