import { closeSync, openSync, writeSync } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import { CONVERT_FORMATS, type ConvertFormat, convert } from '../../src/convert.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';

export default class Convert extends TraceCommand {
  static override summary = 'rewrite a trace as canonical JSON lines, CSV or ftrace text';
  static override description =
    'Each form reads back to the same timeline: ns stamps, events, arguments, loss and capture marks.';
  static override examples = [
    { description: 'for jq', command: '<%= config.bin %> convert trace.txt.gz --to jsonl | jq .event' },
    { description: 'to a file', command: '<%= config.bin %> convert trace.txt --to csv -o trace.csv' },
  ];
  static override strict = false;
  static override args = {
    trace: Args.string({ description: 'trace file, or - for standard input', required: true }),
  };
  static override flags = {
    format: inputFlags.format,
    to: Flags.string({ description: 'form to write', options: [...CONVERT_FORMATS], required: true }),
    output: Flags.string({ char: 'o', description: 'file to write; default standard output', default: '-' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Convert);
    const fd = flags.output === '-' ? 1 : openSync(flags.output, 'w');
    try {
      const inputs = await this.reading(argv as string[], flags, (options) =>
        convert({ ...options, to: flags.to as ConvertFormat, write: (text) => writeAll(fd, text) }),
      );
      if (inputs.some((i) => i.report.error)) process.exitCode = EXIT.unreadable;
    } finally {
      if (fd !== 1) closeSync(fd);
    }
  }
}

/** Waits for a slow reader instead of gathering output in memory. */
function writeAll(fd: number, text: string): void {
  let bytes: Uint8Array = Buffer.from(text);
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
