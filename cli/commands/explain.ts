import { Args, Flags } from '@oclif/core';
import { explain } from '../../src/explain/explain.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { PttraceCommand } from '../pttrace-command.js';

export default class Explain extends PttraceCommand {
  static override summary =
    'what an invariant, a kernel variant, a bug or a kind of reader is about, in plain words';
  static override description =
    prose(`Topics: invariants (I01 to I56, or by name), bugs of the litmus suite (L01 to L54), kernel variants (A0 to Fn),
reader kinds (irqoff, rcu, preemptoff, lock, hw), free-path: the call tree of the path that frees page tables, and terms: the words that reports use (one of them by itself,
too: S1, inferred, SYNC1).`);
  static override usage = 'explain TOPIC [--variant VARIANT | --kernel RELEASE] [--plain | --json]';
  static override examples = [
    { description: 'an invariant', command: '<%= config.bin %> explain I05' },
    {
      description: 'the call tree of a variant',
      command: '<%= config.bin %> explain free-path --variant A2',
    },
    { description: 'the words of a report', command: '<%= config.bin %> explain terms' },
    { description: 'a bug', command: '<%= config.bin %> explain L27' },
  ];
  static override args = {
    topic: Args.string({ description: 'I05, L27, C, rcu, free-path, terms, …', required: true }),
  };
  static override flags = {
    variant: Flags.string({ description: 'kernel variant whose call tree to show, e.g. A2' }),
    kernel: Flags.string({
      description: 'kernel release whose call trees to show, e.g. 6.1',
      helpValue: 'RELEASE',
      exclusive: ['variant'],
    }),
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns, for a mail', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/explain.schema.json)' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Explain);
    const found = explain(args.topic, flags.variant, flags.kernel);
    if (flags.json) {
      await writeOut(`${JSON.stringify({ schema: 'pttrace-explain/1', ...found }, null, 2)}\n`);
      return;
    }
    const { formatExplanation } = await import('../render/explain.js');
    await writeOut(formatExplanation(found, flags.plain));
  }
}
