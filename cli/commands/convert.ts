import { closeSync, openSync, writeSync } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import { CONVERT_FORMATS, type ConvertFormat, convert } from '../../src/convert/convert.js';
import { exportTracks, VIEWER_FORMATS, type ViewerFormat } from '../../src/perfetto/export.js';
import type { PipelineOptions } from '../../src/read/pipeline.js';
import type { InputReport } from '../../src/result/types.js';
import { UsageError } from '../../src/result/usage-error.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { endOutput } from '../output.js';
import { prose } from '../prose.js';
import { sameFile } from '../same-file.js';

export default class Convert extends TraceCommand {
  static override summary =
    'rewrite a trace as JSON lines, CSV or ftrace text, or for a viewer (Perfetto, Chrome)';
  static override description =
    prose(`jsonl, csv, ftrace: each form reads back to the same timeline: ns stamps, events, arguments, loss and capture marks. What ftrace text has no words for (durations of function_graph) is counted on standard error.

perfetto, chrome: the replay as tracks for ui.perfetto.dev (protobuf) and chrome://tracing (JSON): per CPU the IPIs, callbacks and
readers, per mm the gathers and flushes of each task, page tables from hand-over to release, grace periods, tables queued to RCU,
and findings. Arrows lead from an IPI to its handler and from call_rcu to its callback.`);
  static override usage = 'convert TRACE... --to jsonl|csv|ftrace|perfetto|chrome [-o FILE] [FLAGS]';
  static override examples = [
    {
      description: 'the flushes, by jq',
      command: `<%= config.bin %> convert trace.txt.gz --to jsonl | jq 'select(.event == "tlb_flush")'`,
    },
    {
      description: 'to open in ui.perfetto.dev',
      command: '<%= config.bin %> convert trace.txt --to perfetto -o trace.pftrace',
    },
    { description: 'to a file', command: '<%= config.bin %> convert trace.txt --to csv -o trace.csv' },
  ];
  static override strict = false;
  static override args = {
    trace: Args.string({
      description: 'trace file, or - for standard input; several are put together as replay does',
      required: true,
    }),
  };
  static override flags = {
    format: inputFlags.format,
    'line-format': inputFlags['line-format'],
    to: Flags.string({
      description: 'form to write',
      options: [...CONVERT_FORMATS, ...VIEWER_FORMATS],
      required: true,
    }),
    output: Flags.string({ char: 'o', description: 'file to write; default standard output', default: '-' }),
  };

  private toStdout = true;

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Convert);
    const paths = argv as string[];
    this.toStdout = flags.output === '-';
    if (!this.toStdout && paths.some((path) => sameFile(path, flags.output))) {
      this.error(`${flags.output} is the input: give another file to write`, { exit: EXIT.usage });
    }
    // Opened with the first output: an input that cannot be read must not cost an older result.
    let fd = this.toStdout ? 1 : -1;
    const write = (bytes: Uint8Array): void => {
      if (fd < 0) fd = opened(flags.output);
      writeAll(fd, bytes);
    };
    try {
      // Where the reader of the output leaves, the input is not read to its end: nobody knows whether it was whole.
      if (this.toStdout) process.exitCode = EXIT.cutOff;
      const { inputs, unsaid } = await this.reading(paths, flags, (options) =>
        isViewer(flags.to)
          ? drawn({ ...options, write }, flags.to)
          : convert({ ...options, to: flags.to as ConvertFormat, write }),
      );
      for (const [what, rows] of unsaid) {
        process.stderr.write(
          `pttrace: ${flags.to} cannot say, in ${rows} ${rows === 1 ? 'row' : 'rows'}: ${what}\n`,
        );
      }
      if (inputs.some((i) => i.report.error)) process.exitCode = EXIT.unreadable;
      else if (process.exitCode === EXIT.cutOff) process.exitCode = EXIT.clean;
    } finally {
      if (fd > 1) closeSync(fd);
    }
  }

  protected override get streamsOutput(): boolean {
    return this.toStdout;
  }
}

const isViewer = (to: string): to is ViewerFormat => VIEWER_FORMATS.some((f) => f === to);

interface Drawn {
  readonly inputs: readonly { readonly report: InputReport }[];
  readonly unsaid: ReadonlyMap<string, number>;
}

async function drawn(
  options: PipelineOptions & { write: (bytes: Uint8Array) => void },
  to: ViewerFormat,
): Promise<Drawn> {
  const { result, tablesLeftOut } = await exportTracks({ ...options, to });
  return {
    inputs: result.inputs.map((report) => ({ report })),
    unsaid: new Map(tablesLeftOut > 0 ? [['page tables beyond the first 2000', tablesLeftOut]] : []),
  };
}

/** Throws UsageError where nothing can be written. */
function opened(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new UsageError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Waits for a slow reader instead of gathering output in memory. */
function writeAll(fd: number, bytes: Uint8Array): void {
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      else if (fd === 1) endOutput(error as NodeJS.ErrnoException);
      else throw new UsageError(`the output cannot be written (${code})`);
    }
  }
}
