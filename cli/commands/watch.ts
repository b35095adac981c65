import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { analyse } from '../../src/analyse/analyse.js';
import { isStored } from '../../src/parsers/input/chunks.js';
import { printable } from '../../src/result/printable.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { listOf } from '../filter-flags.js';
import { kernelFlags } from '../kernel-flags.js';
import { Live, Runner } from '../live.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { exitOf, refuseNothing, renderResult } from '../replay-report.js';
import { widthFlag } from '../width.js';

export default class Watch extends TraceCommand {
  static override summary = 'replay a stream while it comes: a line a second, each violation at once';
  static override description =
    prose(`Reads standard input, a pipe, a trace_pipe or a tracefs instance (its trace_pipe), and tells on standard error what is going on: a line a
second, and each violation with its lines as soon as it is seen. What is told then is what the stream shows up to there; an event
that was lost may come to light later and make it unknown. At the end, or with Ctrl-C, the report of replay is printed on standard output: the
same as replay prints of the same bytes.

Until the address bases of the kernel are known (--vmemmap and --direct-map, or lines that pttrace record writes), up to 16 MiB of
events are held back. Lines are quoted from a copy of at most 4 GiB in the folder for temporary files.

Exit codes: as replay; ended by Ctrl-C: 130.`);
  static override usage = 'watch [SOURCE] [--exec COMMAND] [--all] [--plain | --json] [FLAGS]';
  static override examples = [
    {
      description: 'an instance that is recording (as root)',
      command: '<%= config.bin %> watch /sys/kernel/tracing/instances/pttrace',
    },
    {
      description: 'over the network (another machine, as root)',
      command: 'ssh box cat /sys/kernel/tracing/trace_pipe | <%= config.bin %> watch',
    },
    {
      description: 'stop recording at the first violation (as root)',
      command: "<%= config.bin %> watch /sys/kernel/tracing --exec 'echo 0 > /sys/kernel/tracing/tracing_on'",
    },
  ];
  static override args = {
    source: Args.string({
      description: 'pipe, trace_pipe, tracefs instance, or - for standard input',
      default: '-',
      // The stream is the trace, not the name of one.
      ignoreStdin: true,
    }),
  };
  static override flags = {
    ...inputFlags,
    ...kernelFlags,
    variant: Flags.string({
      description: 'kernel variants it can be, e.g. C or A1,A2; default: what the trace allows',
    }),
    syscall: Flags.string({ description: 'measure the spans of this syscall', default: 'munmap' }),
    exec: Flags.string({
      description:
        'run this by the shell for each violation, one at a time; PTTRACE_RULE, PTTRACE_MESSAGE and PTTRACE_LINES tell of it',
      helpValue: 'COMMAND',
    }),
    every: Flags.integer({ description: 'seconds between two lines; 0: none', default: 1, min: 0 }),
    all: Flags.boolean({ description: 'at the end: every rule, finding and note', exclusive: ['json'] }),
    ...widthFlag,
    plain: Flags.boolean({
      description: 'ASCII, at most 75 columns, for a mail',
      exclusive: ['json', 'width'],
    }),
    json: Flags.boolean({
      description: 'at the end one JSON object (schema: pttrace/schema/result.schema.json)',
    }),
    'hist-style': Flags.string({
      description: 'print histograms as this bpftrace version does; default: newest',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Watch);
    const path = streamOf(args.source);
    const runner = flags.exec === undefined ? null : new Runner(flags.exec);
    const say = (text: string): void => {
      process.stderr.write(printable(text));
    };
    let live: Live | undefined;
    const everyMs = flags.every * 1000;
    const timer = everyMs > 0 ? setInterval(() => live?.status(Date.now(), everyMs), everyMs) : undefined;
    try {
      const result = await this.reading([path], flags, async (options) => {
        const copy = isStored(path) ? path : options.spoolDir && join(options.spoolDir, 'stdin-0');
        const looking = new Live(
          { syscall: flags.syscall, copy, say, onFinding: (finding) => runner?.run(finding) },
          Date.now(),
        );
        live = looking;
        const replayed = await analyse({
          ...options,
          variants: listOf(flags.variant),
          syscall: flags.syscall,
          watch: looking.watch,
          onProgress: ({ events }) => looking.progress(events),
        });
        // What is certain only at the end, while lines can still be quoted.
        looking.progress(replayed.timeline.events);
        return replayed;
      });
      refuseNothing(result);
      process.exitCode = exitOf(result);
      await runner?.finished();
      if (runner && runner.skipped > 0) say(`pttrace: --exec was not run for ${runner.skipped} more\n`);
      await writeOut(await renderResult(result, flags));
    } finally {
      clearInterval(timer);
    }
  }
}

/** The stream of an instance is its trace_pipe. */
function streamOf(source: string): string {
  const pipe = join(source, 'trace_pipe');
  return source !== '-' && existsSync(pipe) && statSync(source).isDirectory() ? pipe : source;
}
