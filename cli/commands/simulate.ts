import { readFileSync } from 'node:fs';
import { Flags } from '@oclif/core';
import { stringify } from 'yaml';
import { UsageError } from '../../src/result/usage-error.js';
import { SIM_BUGS } from '../../src/simulate/bugs.js';
import { simulate } from '../../src/simulate/simulate.js';
import {
  type Amount,
  completeWorkload,
  type PartialWorkload,
  parseWorkload,
} from '../../src/simulate/workload.js';
import { onInterrupt } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { writeOut } from '../output.js';
import { PttraceCommand } from '../pttrace-command.js';
import { formatBugs, formatSummary } from '../render/simulate.js';

const WORKLOAD = { helpGroup: 'WORKLOAD' } as const;
const range = (description: string) => Flags.string({ description, helpValue: 'N|LOW-HIGH', ...WORKLOAD });

export default class Simulate extends PttraceCommand {
  static override summary = 'simulate a workload on a kernel variant and print its ftrace log';
  static override description =
    `The log has the lines that the probes of pttrace record: replay reads it like any other. The order of events is
that of the kernel variant; the times are drawn from priors, not measured. docs/simulate.md describes the model.

Exit codes: 0 done, 2 a workload that cannot be simulated, 130 interrupted.`;
  static override examples = [
    {
      description: 'a kernel with the patch, replayed',
      command: '<%= config.bin %> simulate --variant C | <%= config.bin %> replay -',
    },
    {
      description: 'no memory for batches, without the patch in a guest',
      command: '<%= config.bin %> simulate --variant A2 --pressure 1 --summary > log.txt',
    },
    {
      description: 'what 256 CPUs cost',
      command: '<%= config.bin %> simulate --variant D --cpus 256 --json > /dev/null',
    },
    {
      description: 'a broken kernel: replay says so',
      command: '<%= config.bin %> simulate --bug no-wait | <%= config.bin %> replay -',
    },
  ];
  static override flags = {
    workload: Flags.string({
      description: 'YAML or JSON; flags override it',
      helpValue: 'FILE',
      ...WORKLOAD,
    }),
    variant: Flags.string({ description: 'kernel variant, A0 to Fn (docs/variants.md)', ...WORKLOAD }),
    pv: Flags.boolean({
      description: 'a guest with paravirtual TLB flush',
      allowNo: true,
      ...WORKLOAD,
    }),
    cpus: Flags.integer({ description: 'online CPUs', ...WORKLOAD }),
    threads: Flags.integer({ description: 'threads that unmap', ...WORKLOAD }),
    spinners: Flags.integer({
      description: 'idle threads of the process; default: all CPUs left',
      ...WORKLOAD,
    }),
    munmaps: Flags.integer({ description: 'calls of munmap', ...WORKLOAD }),
    tables: range('PTE tables of one call'),
    pages: range('pages under each table'),
    think: range('µs between two calls of a thread'),
    pressure: Flags.string({ description: 'probability that a batch gets no memory', ...WORKLOAD }),
    'gup-readers': Flags.integer({ description: 'threads in get_user_pages_fast()', ...WORKLOAD }),
    'rcu-readers': Flags.integer({ description: 'threads that walk under rcu_read_lock()', ...WORKLOAD }),
    hz: Flags.integer({ description: 'ticks per second', ...WORKLOAD }),
    expedited: Flags.boolean({ description: 'expedited grace periods', ...WORKLOAD }),
    nocb: Flags.boolean({ description: 'callbacks in kthreads', ...WORKLOAD }),
    slowdown: Flags.string({ description: 'all costs times this', ...WORKLOAD }),
    seed: Flags.integer({ description: 'the same seed gives the same bytes', ...WORKLOAD }),
    bug: Flags.string({
      description: `break a rule of the kernel: ${SIM_BUGS.map((b) => b.name).join(', ')}`,
      helpValue: 'RULE',
    }),
    'list-bugs': Flags.boolean({ description: 'list the rules that --bug breaks and stop' }),
    summary: Flags.boolean({ description: 'counts and latencies on stderr', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'the summary as JSON on stdout, instead of the log' }),
    'print-workload': Flags.boolean({ description: 'print the complete workload as YAML and stop' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Simulate);
    if (flags['list-bugs']) {
      await writeOut(flags.json ? `${JSON.stringify(SIM_BUGS, null, 2)}\n` : formatBugs(SIM_BUGS));
      return;
    }
    const file = flags.workload === undefined ? {} : parseWorkload(textOf(flags.workload), flags.workload);
    const workload = completeWorkload(file, fromFlags(flags));
    if (flags['print-workload']) {
      await writeOut(stringify(workload));
      return;
    }
    const interruption = onInterrupt();
    process.exitCode = EXIT.cutOff;
    try {
      const log = simulate(workload, flags.bug ?? null);
      for (;;) {
        const step = log.next();
        if (step.done) {
          process.exitCode = EXIT.clean;
          if (flags.json) await writeOut(`${JSON.stringify(step.value, null, 2)}\n`);
          else if (flags.summary) process.stderr.write(formatSummary(step.value));
          return;
        }
        if (!flags.json) await writeOut(step.value);
        // Ctrl-C is heard only when the event loop turns.
        else await new Promise((resolve) => setImmediate(resolve));
        if (!interruption.signal.aborted) continue;
        process.stderr.write('pttrace: interrupted: the log is partial\n');
        process.exitCode = EXIT.interrupted;
        return;
      }
    } finally {
      interruption.off();
    }
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(
      `${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`,
    );
  }
}

interface FlagValues {
  readonly [name: string]: string | number | boolean | undefined;
}

/** Only what was given: the rest stays with the file. */
function fromFlags(flags: FlagValues): PartialWorkload {
  const number = (name: string): number | undefined => {
    const value = flags[name];
    if (value === undefined) return undefined;
    const parsed = Number(value);
    if (Number.isNaN(parsed)) throw new UsageError(`--${name}: not a number: ${value}`);
    return parsed;
  };
  const amount = (name: string): Amount | undefined => {
    const value = flags[name];
    if (value === undefined) return undefined;
    const parts = /^(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?$/.exec(String(value));
    if (!parts) throw new UsageError(`--${name}: not a number or LOW-HIGH: ${value}`);
    return parts[2] === undefined ? Number(parts[1]) : [Number(parts[1]), Number(parts[2])];
  };
  return given({
    variant: flags.variant,
    pv: flags.pv,
    cpus: flags.cpus,
    threads: flags.threads,
    spinners: flags.spinners,
    munmaps: flags.munmaps,
    tables: amount('tables'),
    pagesPerTable: amount('pages'),
    thinkUs: amount('think'),
    pressure: number('pressure'),
    readers: given({ gup: flags['gup-readers'], rcu: flags['rcu-readers'] }),
    rcu: given({ hz: flags.hz, expedited: flags.expedited, nocb: flags.nocb }),
    slowdown: number('slowdown'),
    seed: flags.seed,
  }) as PartialWorkload;
}

const given = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
