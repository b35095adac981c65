import { Args, Flags } from '@oclif/core';
import { info } from '../../src/info/info.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { writeOut } from '../output.js';

export default class Info extends TraceCommand {
  static override summary = 'what is in a file, and what a replay of it could decide';
  static override description =
    `Format and why it was chosen, span, CPUs, clock, lines by kind, events with counts and rates, loss, the kernel
variants it allows, printed histograms with their titles, maps of bpftrace, tables of hist triggers, and which probes
to add for the invariants that a replay could not decide.`;
  static override examples = [
    { description: 'a recording', command: '<%= config.bin %> info trace.txt.gz' },
    { description: 'a mail with histograms', command: '<%= config.bin %> info mail.txt' },
    { description: 'from a pipe, to paste into a mail', command: 'dmesg | <%= config.bin %> info - --plain' },
    { description: 'as JSON', command: '<%= config.bin %> info trace.txt --json' },
  ];
  static override strict = false;
  static override args = {
    trace: Args.string({
      description: 'file, or - for standard input; several are told one by one',
      required: true,
    }),
  };
  static override flags = {
    format: inputFlags.format,
    'line-format': inputFlags['line-format'],
    strict: Flags.boolean({ description: 'exit 1 when a line was skipped' }),
    events: Flags.integer({ description: 'events listed at most', default: 40, min: 1 }),
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns, for a mail', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/info.schema.json)' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Info);
    const result = await this.reading(argv as string[], flags, (options) => info(options));
    if (flags.json) await writeOut(`${JSON.stringify(result, null, 2)}\n`);
    else await writeOut((await import('../render/info.js')).formatInfo(result, flags));
    if (result.files.some((f) => f.input.error)) process.exitCode = EXIT.unreadable;
    else if (flags.strict && result.files.some((f) => f.input.lines.skipped > 0))
      process.exitCode = EXIT.finding;
  }
}
