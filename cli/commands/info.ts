import { Args, Flags } from '@oclif/core';
import { INFO_SCHEMA, type Info, info } from '../../src/info/info.js';
import { machinesApart } from '../../src/parsers/input/machines.js';
import { recordingsOf } from '../../src/read/recordings.js';
import { printableReport } from '../../src/result/printable.js';
import { type InputFlagValues, inputFlags, readingOf, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { tellBad } from '../info-report.js';
import { jobsFlag, overRecordings } from '../many-recordings.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';

export default class InfoCommand extends TraceCommand {
  static override summary = 'what is in a file, and what a replay of it could decide';
  static override description =
    prose(`Format and why it was chosen, span, CPUs, clock, lines by kind, events with counts and rates, loss, the kernel
variants it allows, printed histograms with their titles, maps of bpftrace, tables of hist triggers, and which probes
to add for the invariants that a replay could not decide.`);
  static override usage = 'info TRACE... | FOLDER... [--jobs N] [--plain | --json] [FLAGS]';
  static override examples = [
    { description: 'a recording', command: '<%= config.bin %> info trace.txt.gz' },
    { description: 'a mail with histograms', command: '<%= config.bin %> info mail.txt' },
    {
      description: 'from a pipe, to paste into a mail',
      command: 'zcat trace.txt.gz | <%= config.bin %> info - --plain',
    },
    { description: 'as JSON', command: '<%= config.bin %> info trace.txt --json' },
  ];
  static override strict = false;
  static override args = {
    trace: Args.string({
      description:
        'file, or - for standard input; several are told one by one; a folder stands for the files below it',
      required: true,
    }),
  };
  static override flags = {
    format: inputFlags.format,
    'line-format': inputFlags['line-format'],
    ...jobsFlag,
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
    const given = recordingsOf(argv as string[]);
    const paths = given.length === 1 ? await machinesApart(given) : given;
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
  private async each(paths: readonly string[], flags: InfoFlags): Promise<Info> {
    const { askMany } = await import('../../src/fleet/many.js');
    const question = { command: 'info', reading: await readingOf(flags) } as const;
    const { value, interrupted } = await overRecordings(
      paths,
      flags.jobs,
      async (options) => {
        const files: Info['files'][number][] = [];
        for await (const { command, row, body } of askMany(question, paths, options)) {
          if (command === 'info' && body !== null) files.push(...body);
          else tellBad(row);
        }
        return files;
      },
      this.mayRepeat,
    );
    if (interrupted) process.exitCode = EXIT.interrupted;
    return { schema: INFO_SCHEMA, files: value, partial: interrupted };
  }
}

interface InfoFlags extends InputFlagValues {
  readonly jobs?: number | undefined;
}
