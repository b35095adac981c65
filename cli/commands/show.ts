import { Args, Flags } from '@oclif/core';
import { printableReport } from '../../src/result/printable.js';
import { UsageError } from '../../src/result/usage-error.js';
import { show } from '../../src/show/show.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { writeOut } from '../output.js';

export default class Show extends TraceCommand {
  static override summary = 'the life of one table, mm, gather or rcu_head across CPUs';
  static override description =
    'Every event that did something to the object, and the flushes, enqueues and callbacks it rode in, one column per CPU. With --line, the one life that the line is in: of a table from its allocation to its release, its call_rcu and callback included; of an event that names no object, what happened around it.';
  static override usage =
    'show TRACE --line N | --table T | --gather ADDRESS | --head ADDRESS | --mm ADDRESS [FLAGS]';
  static override examples = [
    {
      description: 'a page table by its struct page',
      command: '<%= config.bin %> show trace.txt --table 0xffffea00044fe8c0',
    },
    { description: 'by page frame number', command: '<%= config.bin %> show trace.txt --table pfn:0x113fa3' },
    { description: 'whatever line 928 is about', command: '<%= config.bin %> show trace.txt --line 928' },
  ];
  static override args = {
    trace: Args.string({ description: 'trace file, or - for standard input', required: true }),
  };
  static override flags = {
    ...inputFlags,
    table: Flags.string({
      description: 'struct page pointer, direct-map address, or pfn:N',
      exactlyOne: ['table', 'mm', 'gather', 'head', 'line'],
    }),
    mm: Flags.string({ description: 'mm_struct address' }),
    gather: Flags.string({ description: 'mmu_gather address (tlb=)' }),
    head: Flags.string({ description: 'rcu_head address' }),
    line: Flags.integer({
      description: 'the object this line (1-based) is about; the events around it if it is about none',
      min: 1,
    }),
    'all-lives': Flags.boolean({
      description: 'with --line: every life of the page, not only the one that the line is in',
      dependsOn: ['line'],
    }),
    limit: Flags.integer({ description: 'events shown at most', default: 400, min: 1 }),
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns, for a mail', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/show.schema.json)' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Show);
    if (flags.line !== undefined && args.trace === '-') {
      throw new UsageError('--line reads the trace twice, so it needs a file, not standard input');
    }
    const story = await this.reading([args.trace], flags, (options) =>
      show({
        ...options,
        subject: {
          table: flags.table,
          mm: flags.mm,
          gather: flags.gather,
          head: flags.head,
          line: flags.line,
        },
        allLives: flags['all-lives'],
        maxEvents: flags.limit,
      }),
    );
    if (story.events.length === 0 && process.exitCode === undefined && story.errors.length === 0)
      process.exitCode = EXIT.finding;
    if (story.errors.length > 0 && process.exitCode === undefined) process.exitCode = EXIT.unreadable;
    if (flags.json) await writeOut(`${JSON.stringify({ schema: 'pttrace-show/1', ...story }, null, 2)}\n`);
    else
      await writeOut((await import('../render/story.js')).formatStory(printableReport(story), flags.plain));
  }
}
