import { Args, Flags } from '@oclif/core';
import { analyse } from '../../src/analyse/analyse.js';
import { readersResult } from '../../src/analyse/readers.js';
import { printableReport } from '../../src/result/printable.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { checkHtml, htmlFlag, writePage } from '../html/write.js';
import { kernelFlags } from '../kernel-flags.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';

export default class Readers extends TraceCommand {
  static override summary = 'who was in a page table when it was unlinked, and when it was released';
  static override description =
    prose(`Says how many lockless walkers were inside a PTE table when its parent entry was cleared, how long each of
them stayed, and how long after the last had left the page was released. Walkers are exact: from rcu_read_lock() in the lookup
to its unlock. GUP-fast is a bracket around the part with interrupts off, and is counted apart.

It takes a recording with lookups: pttrace record --level readers.

Exit codes: 0 nobody inside at a release, 1 somebody was, 2 wrong usage, 3 unreadable input, 130 interrupted.`);
  static override usage = 'readers TRACE... [--limit N] [--json] [FLAGS]';
  static override examples = [
    { description: 'of a recording', command: '<%= config.bin %> readers reclaim.gz' },
    {
      description: 'make one (as root)',
      command: '<%= config.bin %> record --level readers -o reclaim.gz -- ./my-test',
    },
    {
      description: 'the smallest margin, for a script',
      command: '<%= config.bin %> readers reclaim.gz --json',
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
    ...kernelFlags,
    limit: Flags.integer({
      description: 'tables listed, smallest margin first',
      default: 10,
      min: 1,
      max: 100,
    }),
    ...htmlFlag,
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns, for a mail', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/readers.schema.json)' }),
    'hist-style': Flags.string({
      description: 'print histograms as this bpftrace version does; default: newest',
    }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Readers);
    checkHtml(flags.html, argv as string[]);
    const result = await this.reading(argv as string[], flags, (options) => analyse(options));
    const answer = readersResult(result, flags.limit);
    if (result.summary.partial) process.exitCode = EXIT.interrupted;
    else if (result.inputs.some((input) => input.error)) process.exitCode = EXIT.unreadable;
    else process.exitCode = answer.verdict === 'violated' ? EXIT.finding : EXIT.clean;
    if (flags.html !== undefined)
      writePage(flags.html, (await import('../html/readers.js')).readersPage(answer));
    if (flags.json) await writeOut(`${JSON.stringify(answer, null, 2)}\n`);
    else {
      const { formatReaders } = await import('../render/readers.js');
      const look = { style: flags['hist-style'], plain: flags.plain };
      await writeOut(formatReaders(printableReport(answer), look));
    }
  }
}
