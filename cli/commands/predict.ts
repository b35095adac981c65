import { Args, Flags } from '@oclif/core';
import { PREDICT_READERS, predict } from '../../src/predict/predict.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { listOf } from '../filter-flags.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';

export default class Predict extends TraceCommand {
  static override summary =
    'for each page table that a recording shows freed: would a walker have been safe there';
  static override description =
    prose(`A recording shows one order; the walker that would have crashed was somewhere else that time. For each release of a
page table this takes what the recording shows between its unlink and its release (locks, flush, IPI to all CPUs, grace
period, callback) and asks the machine of pttrace explore whether a walker on another CPU could still have used the
table, at any point that these steps allow. "0 of k frees" comes with the reason; a candidate comes with one order of
steps that leads there. What is not shown is decided both ways, and unknown where that matters. docs/predict.md.

Exit codes: 0 no candidate, 1 some free has one, 2 wrong usage, 3 unreadable input, 130 interrupted.`);
  static override usage = 'predict TRACE... [--reader KIND]... [--json | --plain] [FLAGS]';
  static override examples = [
    { description: 'every kind of walker', command: '<%= config.bin %> predict trace.txt.gz' },
    {
      description: 'one kind',
      command: '<%= config.bin %> predict trace.txt.gz --reader pte-offset-map',
    },
    {
      description: 'as the gate of a script',
      command: '<%= config.bin %> predict trace.txt.gz --json > predicted.json',
    },
  ];
  static override strict = false;
  static override args = {
    trace: Args.string({
      description: 'trace file, or - for standard input; several of one capture are merged by time',
      required: true,
    }),
  };
  static override flags = {
    ...inputFlags,
    reader: Flags.string({
      description: `kind of walker, may be repeated (pttrace explore --list); default: ${PREDICT_READERS.join(', ')}`,
      helpValue: 'KIND',
      multiple: true,
      multipleNonGreedy: true,
    }),
    variant: Flags.string({
      description: 'kernel variants it can be, e.g. C or A1,A2; default: what the recording shows',
    }),
    kernel: Flags.string({
      description: 'release of the recorded kernel, e.g. 6.12.117; default: what the recording says',
      helpValue: 'RELEASE',
    }),
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns, for a mail', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/predict.schema.json)' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Predict);
    const report = await this.reading(argv as string[], flags, (options) =>
      predict({ ...options, readers: flags.reader, variants: listOf(flags.variant), kernel: flags.kernel }),
    );
    if (flags.json) await writeOut(`${JSON.stringify(report, null, 2)}\n`);
    else await writeOut((await import('../render/predict.js')).formatPredict(report, flags.plain === true));
    if (report.partial) process.exitCode = EXIT.interrupted;
    else if (report.inputs.some((i) => i.error)) process.exitCode = EXIT.unreadable;
    else process.exitCode = report.readers.some((r) => r.candidates > 0) ? EXIT.finding : EXIT.clean;
  }
}
