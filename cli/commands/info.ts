import { Args, Flags } from '@oclif/core';
import { INFO_SCHEMA, type Info, info } from '../../src/info/info.js';
import { machinesApart } from '../../src/parsers/input/machines.js';
import { TraceError } from '../../src/parsers/input/trace-error.js';
import { printableReport } from '../../src/result/printable.js';
import { type InputFlagValues, inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { traceMessage } from '../trace-message.js';

export default class InfoCommand extends TraceCommand {
  static override summary = 'what is in a file, and what a replay of it could decide';
  static override description =
    prose(`Format and why it was chosen, span, CPUs, clock, lines by kind, events with counts and rates, loss, the kernel
variants it allows, printed histograms with their titles, maps of bpftrace, tables of hist triggers, and which probes
to add for the invariants that a replay could not decide.`);
  static override usage = 'info TRACE... [--plain | --json] [FLAGS]';
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

  protected override get mayRepeat(): boolean {
    return true;
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(InfoCommand);
    const paths = await machinesApart(argv as string[]);
    const result = paths.length === 1 ? await this.told(paths, flags) : await this.each(paths, flags);
    if (process.exitCode === undefined) {
      if (result.files.some((f) => f.input.error)) process.exitCode = EXIT.unreadable;
      else if (flags.strict && result.files.some((f) => f.input.lines.skipped > 0))
        process.exitCode = EXIT.finding;
    }
    if (flags.json) await writeOut(`${JSON.stringify(result, null, 2)}\n`);
    else await writeOut((await import('../render/info.js')).formatInfo(printableReport(result), flags));
  }

  private told(paths: readonly string[], flags: InputFlagValues): Promise<Info> {
    return this.reading(paths, flags, (options) => info(options));
  }

  /** One file that cannot be read does not hide what is in the others; exit 3 all the same. */
  private async each(paths: readonly string[], flags: InputFlagValues): Promise<Info> {
    const told: Info[] = [];
    let unreadable = false;
    for (const path of paths) {
      try {
        told.push(await this.told([path], flags));
      } catch (error) {
        if (!(error instanceof TraceError)) throw error;
        process.stderr.write(traceMessage(error));
        unreadable = true;
      }
      if (process.exitCode === EXIT.interrupted) break;
    }
    if (unreadable) process.exitCode ??= EXIT.unreadable;
    return {
      schema: INFO_SCHEMA,
      files: told.flatMap((t) => t.files),
      partial: process.exitCode === EXIT.interrupted,
    };
  }
}
