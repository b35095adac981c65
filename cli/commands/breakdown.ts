import { Args, Flags } from '@oclif/core';
import { breakdown } from '../../src/breakdown/breakdown.js';
import { SYSCALLS } from '../../src/breakdown/phases.js';
import { printableReport } from '../../src/result/printable.js';
import { inputFlags, TraceCommand } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { checkHtml, htmlFlag, writePage } from '../html/write.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';

export default class Breakdown extends TraceCommand {
  static override summary = 'where the time of a munmap goes, and TLB shootdowns from both sides';
  static override description =
    prose(`Every span is divided by the probes inside it: zap, unlink, the batch page, flushing
(IPIs sent, own TLB, waiting), call_rcu, freeing, time off the CPU. The phases of a span add up to it exactly; what no probe divides
stays in the phase before. Of every TLB shootdown the initiator's wait is measured and each target's answer, as a source by target
table with the slowest targets and what they were doing. Times between CPUs are as good as their clocks agree.

Exit codes: 0, 2 wrong usage, 3 unreadable input, 4 internal error, 130 interrupted.`);
  static override examples = [
    {
      description: 'phases and shootdowns of a recording',
      command: '<%= config.bin %> breakdown trace.txt.gz',
    },
    { description: 'of madvise', command: '<%= config.bin %> breakdown trace.txt.gz --syscall madvise' },
  ];
  static override args = {
    trace: Args.string({ description: 'trace file, or - for standard input', required: true }),
  };
  static override flags = {
    ...inputFlags,
    syscall: Flags.string({
      description: 'what is broken down',
      options: Object.keys(SYSCALLS),
      default: 'munmap',
    }),
    ...htmlFlag,
    plain: Flags.boolean({ description: 'ASCII, for a mail', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/breakdown.schema.json)' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Breakdown);
    checkHtml(flags.html, [args.trace]);
    const result = await this.reading([args.trace], flags, (options) =>
      breakdown({ ...options, syscall: flags.syscall }),
    );
    if (result.partial) process.exitCode = EXIT.interrupted;
    else if (result.inputs.some((i) => i.error)) process.exitCode = EXIT.unreadable;
    if (flags.html !== undefined)
      writePage(flags.html, (await import('../html/breakdown.js')).breakdownPage(result));
    if (flags.json) await writeOut(`${JSON.stringify(result, null, 2)}\n`);
    else
      await writeOut(
        (await import('../render/breakdown.js')).formatBreakdown(printableReport(result), flags.plain),
      );
  }
}
