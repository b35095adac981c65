import { Args, Flags } from '@oclif/core';
import { parseKeyParts } from '../../src/latency/group-keys.js';
import { parseLhist } from '../../src/latency/histogram/hist-shape.js';
import { type HistOptions, hist } from '../../src/measure/hist.js';
import { printableReport } from '../../src/result/printable.js';
import { UsageError } from '../../src/result/usage-error.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { filterFlags, filterOf } from '../filter-flags.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { quantilesOf } from '../quantiles.js';
import { histStyle } from '../render/text.js';
import { sourceFlags, sourceOf } from '../source-flags.js';

export default class Hist extends TraceCommand {
  static override summary = 'latency histograms as bpftrace prints them, from any recording';
  static override description =
    prose(`Measures a syscall, a function, a function_graph span, an RCU callback or any pair of events, and prints what
bpftrace's hist(), hist(x, bits) or lhist() would have printed, byte for byte, on standard output; what the numbers
leave out goes to standard error. strace -T, babeltrace and tables with a latency column are recordings, too. Printed
histograms (bpftrace text or JSON, bcc, perf ftrace latency, hist triggers, .hgrm, in a mail or not) are read back:
FILE#TITLE names one of them, FILE#MACHINE one machine of a trace-cmd report of several.`);
  static override usage =
    'hist TRACE... [--syscall S | --func F | --span F | --rcu F | --from A --to B] [FLAGS]';
  static override examples = [
    { description: 'munmap by task', command: '<%= config.bin %> hist trace.txt.gz --by comm' },
    {
      description: 'time from call_rcu to the callback',
      command: '<%= config.bin %> hist trace.txt --rcu tlb_remove_table_rcu --quantiles 50,99,99.9',
    },
    {
      description: 'a flush, by whether it freed tables, in 5 us steps',
      command:
        '<%= config.bin %> hist trace.txt --func flush_tlb_mm_range --by arg:freed_tables --unit us --lhist 0,100,5',
    },
    {
      description: 'IPI queued to handled',
      command:
        '<%= config.bin %> hist trace.txt --from csd_queue_cpu --to csd_function_entry --match arg:csd',
    },
    { description: 'a block of a mail', command: "<%= config.bin %> hist 'mail.txt#without patch' --json" },
  ];
  static override strict = false;
  static override args = {
    trace: Args.string({
      description: 'recording, or text with printed histograms; - for standard input',
      required: true,
    }),
  };
  static override flags = {
    ...inputFlags,
    ...filterFlags,
    ...sourceFlags,
    by: Flags.string({ description: 'map keys: comm, pid, tgid, cpu, arg:NAME, separated by commas' }),
    bits: Flags.integer({
      description: 'hist(x, BITS): 2^BITS buckets per power of two',
      min: 0,
      max: 5,
      exclusive: ['lhist'],
    }),
    lhist: Flags.string({ description: 'linear buckets', helpValue: 'MIN,MAX,STEP' }),
    unit: Flags.string({ description: 'unit of the values', options: ['ns', 'us'] }),
    name: Flags.string({ description: 'name of the map; default ns, or usecs with --unit us' }),
    'bpftrace-version': Flags.string({ description: 'print as this bpftrace release does; default: newest' }),
    quantiles: Flags.string({
      description: 'also print these, in percent, e.g. 50,99,99.9',
      helpValue: 'P,P…',
    }),
    hdr: Flags.boolean({
      description: 'print percentile distributions in HdrHistogram text (.hgrm) instead',
    }),
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns, for a mail', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/hist.schema.json)' }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Hist);
    if (flags.name !== undefined && !/^@?\w+$/.test(flags.name)) {
      throw new UsageError(`--name wants letters, digits and _, not "${flags.name}"`);
    }
    const report = await this.reading(argv as string[], flags, (options) =>
      hist({
        ...options,
        source: sourceOf(flags),
        by: parseKeyParts(flags.by ?? ''),
        shape: flags.lhist === undefined ? { kind: 'hist', bits: flags.bits ?? 0 } : parseLhist(flags.lhist),
        family: histStyle(flags['bpftrace-version']),
        unit: flags.unit as HistOptions['unit'],
        mapName: flags.name?.replace(/^@/, ''),
        filter: filterOf(flags),
        quantiles: flags.quantiles === undefined ? undefined : quantilesOf(flags.quantiles),
        hgrm: flags.hdr,
      }),
    );
    if (report.partial) process.exitCode = EXIT.interrupted;
    else if (report.inputs.some((i) => i.error)) process.exitCode = EXIT.unreadable;
    if (flags.json) await writeOut(`${JSON.stringify(report, null, 2)}\n`);
    else {
      const render = await import('../render/hist.js');
      const shown = printableReport(report, true);
      if (flags.plain)
        await writeOut(render.formatHistPlain(shown, flags.quantiles !== undefined, flags.hdr));
      else {
        process.stderr.write(render.formatHistFacts(shown));
        await writeOut(render.formatHist(shown, flags.quantiles !== undefined, flags.hdr));
      }
    }
  }
}
