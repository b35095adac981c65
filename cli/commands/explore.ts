import { Args, Flags, type Interfaces } from '@oclif/core';
import { EXPLORE_DEFAULTS } from '../../src/explore/explore.js';
import { toPromela } from '../../src/explore/promela.js';
import { exploreScenarioSlowly, ftraceOf, litmusOf, type Reported } from '../../src/explore/report.js';
import { PROGRAMS } from '../../src/machine/freers.js';
import { READERS } from '../../src/machine/readers.js';
import { MMU_RULES } from '../../src/machine/rules.js';
import { DEFAULTS, machineOf, type Scenario } from '../../src/machine/scenario.js';
import { VERBS } from '../../src/machine/steps/verbs.js';
import { UNSHARE } from '../../src/machine/unshare.js';
import { UsageError } from '../../src/result/usage-error.js';
import { onInterrupt } from '../base-command.js';
import { EXIT } from '../exit-codes.js';
import { htmlFlag, writePage } from '../html/write.js';
import { writeOut } from '../output.js';
import { fromFile, given } from '../program-file.js';
import { prose } from '../prose.js';
import { PttraceCommand } from '../pttrace-command.js';
import { searchProgress } from '../search-progress.js';
import { lineWidth } from '../width.js';

const KERNEL = { helpGroup: 'KERNEL' } as const;
const BOUNDS = { helpGroup: 'BOUNDS' } as const;
const MIB = 1 << 20;
const PROGRAM_NAMES = PROGRAMS.map((p) => p.name);

export default class Explore extends PttraceCommand {
  static override summary =
    'decide, over all interleavings of a small machine, whether freeing page tables is safe';
  static override description =
    prose(`CPU 0 runs a program that frees page tables on the kernel variant of your choice, the other CPUs walk them. Every
order of their steps is looked at: interrupts sent, deferred and answered, caches filled by speculation, grace periods,
preemption. FILE is a program of your own, thread by thread (docs/programs.md); flags that are given stand above what
it says. The answer is "safe" with the number of states, steps and interleavings, or the shortest way to a table
used after it was freed, as a picture with what each CPU holds. It is an answer about the model: docs/explore.md says
what that assumes and what it does not contain.

Exit codes: 0 safe, 1 unsafe or stuck, 2 a question that cannot be asked, 130 interrupted (what was covered is told). A
bound that was reached exits 0 and says "not decided".`);
  static override examples = [
    {
      description: 'single tables freed after an IPI, under a walker that holds rcu_read_lock() only',
      command:
        '<%= config.bin %> explore --variant A2 --program madvise-dontneed --reader pte-offset-map --memory no',
    },
    {
      description: 'the same kernel with the patch',
      command: '<%= config.bin %> explore --variant C --program madvise-dontneed --reader pte-offset-map',
    },
    {
      description: 'a bug as a log, and what replay says of it',
      command:
        '<%= config.bin %> explore --variant D --broken batch-without-flush --ftrace | <%= config.bin %> replay -',
    },
    {
      description: 'the same machine for spin',
      command: '<%= config.bin %> explore --variant B --promela > machine.pml',
    },
    {
      description: 'the claims of the thread that proposed the patch',
      command: '<%= config.bin %> explore --seed-claims',
    },
    {
      description: 'a large machine, without the orders that differ only in steps that commute',
      command:
        '<%= config.bin %> explore --variant B --program madvise-dontneed --cpus 5 --tables 2 --reduce',
    },
    {
      description: 'a program of your own: two threads that race for one table',
      command: '<%= config.bin %> explore fixtures/explore/two-freers.yaml',
    },
    { description: 'programs, readers, verbs and rules', command: '<%= config.bin %> explore --list' },
  ];
  static override usage = 'explore [FILE] [--variant ID] [--program NAME] [--reader NAME...]';
  static override args = {
    file: Args.string({ description: 'a program file, YAML or JSON, or - for standard input' }),
  };
  static override flags = {
    variant: Flags.string({
      description: 'kernel variant, A0 to Fn (docs/variants.md)',
      default: DEFAULTS.variant,
      ...KERNEL,
    }),
    program: Flags.string({
      description: `what CPU 0 does: ${PROGRAM_NAMES.join(', ')}`,
      default: DEFAULTS.program,
      ...KERNEL,
    }),
    reader: Flags.string({
      description: `what the other CPUs do, may be repeated: ${READERS.map((r) => r.name).join(', ')}`,
      multiple: true,
      multipleNonGreedy: true,
      ...KERNEL,
    }),
    memory: Flags.option({
      options: ['yes', 'no', 'both'] as const,
      description: 'whether a page for the table batch can be had',
      default: DEFAULTS.memory,
      ...KERNEL,
    })(),
    flush: Flags.option({
      options: ['ipi', 'kvm', 'hypercall', 'invlpgb'] as const,
      description: 'how a flush reaches other CPUs; default: ipi, kvm for A2',
      ...KERNEL,
    })(),
    broken: Flags.string({
      description: 'a rule of the kernel that is switched off, may be repeated (--list)',
      helpValue: 'RULE',
      multiple: true,
      multipleNonGreedy: true,
      ...KERNEL,
    }),
    preempt: Flags.boolean({ description: 'readers may be preempted inside rcu_read_lock()', ...KERNEL }),
    expedited: Flags.boolean({
      description: 'callbacks advance on expedited grace periods too (7.3)',
      ...KERNEL,
    }),
    vcpus: Flags.boolean({ description: 'the hypervisor may take vCPUs away', ...KERNEL }),
    cpus: Flags.integer({ description: 'CPUs', default: DEFAULTS.cpus, ...BOUNDS }),
    tables: Flags.integer({ description: 'PTE tables', default: DEFAULTS.tables, ...BOUNDS }),
    pages: Flags.boolean({
      description: 'a data page below each table, and the translations to it',
      ...BOUNDS,
    }),
    hardware: Flags.option({
      options: ['named', 'all'] as const,
      description: 'page walkers: on the CPUs whose reader names them, or on all',
      default: DEFAULTS.walkers,
      ...BOUNDS,
    })(),
    'max-states': Flags.integer({
      description: 'states kept at most',
      default: EXPLORE_DEFAULTS.maxStates,
      ...BOUNDS,
    }),
    'max-memory': Flags.integer({
      description: 'MiB at most',
      default: EXPLORE_DEFAULTS.maxBytes / MIB,
      ...BOUNDS,
    }),
    symmetry: Flags.boolean({
      description: 'CPUs of one kind are taken as one',
      default: true,
      allowNo: true,
      ...BOUNDS,
    }),
    reduce: Flags.boolean({
      description:
        'leave out orders that differ only in steps that commute: far fewer states, same verdict and final states, but no count and not always the shortest way',
      ...BOUNDS,
    }),
    count: Flags.boolean({ description: 'count the interleavings', default: true, allowNo: true, ...BOUNDS }),
    ftrace: Flags.boolean({
      description: 'print the counterexample as an ftrace log',
      exclusive: ['litmus', 'promela', 'json', 'plain'],
    }),
    litmus: Flags.boolean({
      description: 'print it as a litmus test',
      exclusive: ['promela', 'json', 'plain'],
    }),
    promela: Flags.boolean({
      description: 'print the machine for spin, search nothing',
      exclusive: ['json', 'plain'],
    }),
    ...htmlFlag,
    plain: Flags.boolean({ description: 'ASCII, at most 75 columns', exclusive: ['json'] }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/explore.schema.json)' }),
    'seed-claims': Flags.boolean({
      description: 'decide the claims of the mail thread that proposed the patch, and a hazard of today',
      exclusive: ['ftrace', 'litmus', 'promela'],
    }),
    list: Flags.boolean({ description: 'list programs, readers, verbs and rules, and stop' }),
  };

  async run(): Promise<void> {
    const { args, flags, metadata } = await this.parse(Explore);
    if (flags.list) {
      const { formatExploreList } = await import('../render/explore-list.js');
      const { folded } = await import('../render/fold.js');
      await writeOut(folded(formatExploreList(PROGRAMS, READERS, VERBS, MMU_RULES), lineWidth()));
      return;
    }
    if (flags['seed-claims']) {
      const { tellClaims } = await import('../seed-claims.js');
      await tellClaims(flags.json, flags.plain);
      return;
    }
    let scenario = scenarioOf(flags);
    const interruption = onInterrupt();
    try {
      if (args.file !== undefined)
        scenario = await fromFile(args.file, scenario, given(flags, metadata), interruption.signal);
      if (!flags.promela) {
        await writeReport(await search(scenario, flags, interruption.signal), flags);
        return;
      }
    } finally {
      interruption.off();
    }
    await writeOut(toPromela(machineOf(scenario)));
  }
}

type ExploreFlags = Interfaces.InferredFlags<typeof Explore.flags>;

const scenarioOf = (flags: ExploreFlags): Scenario => ({
  variant: flags.variant,
  program: flags.program,
  readers: flags.reader ?? (flags.program === UNSHARE ? ['lazy'] : DEFAULTS.readers),
  cpus: flags.cpus,
  tables: flags.tables,
  pages: flags.pages === true,
  memory: flags.memory,
  flush: flags.flush ?? null,
  broken: flags.broken ?? [],
  preempt: flags.preempt === true,
  expedited: flags.expedited === true,
  vcpus: flags.vcpus === true,
  walkers: flags.hardware,
});

/** All interleavings, with a line of progress; an interrupt ends it early. */
async function search(scenario: Scenario, flags: ExploreFlags, signal: AbortSignal): Promise<Reported> {
  positive('max-states', flags['max-states']);
  positive('max-memory', flags['max-memory']);
  const told = searchProgress();
  const reported = await exploreScenarioSlowly(
    scenario,
    {
      maxStates: flags['max-states'],
      maxBytes: flags['max-memory'] * MIB,
      symmetry: flags.symmetry,
      count: flags.count,
      reduce: flags.reduce === true,
    },
    (states, expanded, depth) => {
      told.update(states, expanded, depth);
      return signal.aborted;
    },
  );
  told.clear();
  return reported;
}

/** Sets the exit code, then writes the answer in the form that was asked for. */
async function writeReport(reported: Reported, flags: ExploreFlags): Promise<void> {
  const { report, explored } = reported;
  const { verdict, states, ended } = report.exploration;
  if (ended === 'interrupted') {
    process.stderr.write(`pttrace: interrupted: partial, ${states} states reached\n`);
    process.exitCode = EXIT.interrupted;
  } else process.exitCode = verdict === 'unsafe' || verdict === 'stuck' ? EXIT.finding : EXIT.clean;
  const render = await import('../render/explore.js');
  if (flags.html !== undefined) {
    const { explorePage } = await import('../html/explore.js');
    writePage(flags.html, explorePage(report, render.formatExplorePlain(report)));
  }
  if (flags.ftrace) await writeOut(ftraceOf(explored));
  else if (flags.litmus) await writeOut(litmusOf(reported));
  else if (flags.json) await writeOut(`${JSON.stringify(report, null, 2)}\n`);
  else await writeOut(flags.plain ? render.formatExplorePlain(report) : render.formatExplore(report));
}

function positive(name: string, value: number): void {
  if (value < 1) throw new UsageError(`--${name}: at least 1, not ${value}`);
}
