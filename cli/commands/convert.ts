import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import { CONVERT_FORMATS, type ConvertFormat, convert } from '../../src/convert/convert.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';

export default class Convert extends TraceCommand {
  static override summary = 'rewrite a trace as canonical JSON lines, CSV or ftrace text';
  static override description =
    'Each form reads back to the same timeline: ns stamps, events, arguments, loss and capture marks. What ftrace text has no words for (durations of function_graph) is counted on standard error.';
  static override usage = 'convert TRACE... --to jsonl|csv|ftrace [-o FILE] [FLAGS]';
  static override examples = [
    {
      description: 'the flushes, by jq',
      command: `<%= config.bin %> convert trace.txt.gz --to jsonl | jq 'select(.event == "tlb_flush")'`,
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
    to: Flags.string({ description: 'form to write', options: [...CONVERT_FORMATS], required: true }),
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
      const { inputs, unsaid } = await this.reading(paths, flags, (options) =>
        convert({ ...options, to: flags.to as ConvertFormat, write }),
      );
      for (const [what, rows] of unsaid) {
        process.stderr.write(
          `pttrace: ${flags.to} cannot say, in ${rows} ${rows === 1 ? 'row' : 'rows'}: ${what}\n`,
        );
      }
      if (inputs.some((i) => i.report.error)) process.exitCode = EXIT.unreadable;
    } finally {
      if (fd > 1) closeSync(fd);
    }
  }

  protected override get streamsOutput(): boolean {
    return this.toStdout;
  }
}

/** Throws RangeError where nothing can be written. */
function opened(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new RangeError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

function sameFile(a: string, b: string): boolean {
  const [x, y] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return x?.isFile() === true && x.dev === y?.dev && x.ino === y.ino;
}

/** Waits for a slow reader instead of gathering output in memory. */
function writeAll(fd: number, bytes: Uint8Array): void {
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      else if (code === 'EPIPE') process.exit(EXIT.clean);
      else throw error;
    }
  }
}
