import { device } from '../device.js';
import type { Link } from '../kernel.js';
import type { EntrySpec, Freer, ProgramKind } from '../program.js';
import { promises } from '../promises.js';
import { MMU_RULES } from '../rules.js';
import { StepFault, type WrittenStep, type WrittenThread } from './step.js';
import { arity, VERBS } from './verbs.js';
import { Nonsense, StepWriter } from './writer.js';

/** A program of threads that are written by verbs. */
export interface WrittenProgram {
  readonly name: string;
  readonly what: string;
  readonly source: string;
  readonly entries: readonly EntrySpec[];
  readonly threads: readonly WrittenThread[];
}

/** One that the machine can run beside others; `first`: a program of the machine on the CPUs before its own. */
export function writtenKind(
  program: WrittenProgram,
  more: Partial<Pick<ProgramKind, 'level' | 'tables' | 'pages' | 'alone' | 'device'>> = {},
  first: ProgramKind | null = null,
): ProgramKind {
  const { name, what, source, entries, threads } = program;
  const before = first ? (first.cpus ?? 1) : 0;
  const level = more.level ?? first?.level;
  return {
    name,
    what,
    source,
    ...more,
    ...(level === undefined ? {} : { level }),
    cpus: before + threads.length,
    mms: [...Array.from({ length: before }, (_, i) => first?.mms?.[i] ?? 1), ...threads.map((t) => t.mm)],
    walkers: threads.flatMap((t, i) => (t.walker ? [before + i] : [])),
    entries: [...(first?.entries ?? []), ...entries],
    write: (cpu, freer) => {
      freer.kernel.rivals = before + threads.length > 1;
      first?.write(cpu, freer);
      threads.forEach((thread, i) => {
        writeThread(thread, i, cpu + before + i, freer);
      });
      if (more.device) device(freer.kernel);
      promises(freer.kernel);
    },
  };
}

/** Writes one thread; `index` stands in faults. */
export function writeThread(thread: WrittenThread, index: number, cpu: number, freer: Freer): void {
  let at = -1;
  try {
    const handed: Link[] = [];
    const w = new StepWriter(freer, cpu, thread.name, thread.mm, handed);
    for (const step of thread.steps) {
      at++;
      if (step.verb === 'remove') handed.push(w.entry(step.args[0] ?? ''));
    }
    at = -1;
    for (const step of thread.steps) {
      at++;
      writeStep(w, step);
    }
    at = -1;
    w.finish();
  } catch (error) {
    if (!(error instanceof Nonsense)) throw error;
    const { verb, args } = thread.steps[at] ?? { verb: thread.name, args: [] };
    throw new StepFault(index, at, `${[verb, ...args].join(' ')}: ${error.message}`);
  }
}

function writeStep(w: StepWriter, step: WrittenStep): void {
  const verb = VERBS.find((v) => v.name === step.verb);
  if (!verb) throw new Nonsense('there is no such verb; pttrace explore --list has them');
  const [least, most] = arity(verb);
  if (step.args.length < least || step.args.length > most)
    throw new Nonsense(`takes ${verb.args === '' ? 'no argument' : verb.args}`);
  const rule = step.unless ?? step.only;
  if (rule !== null) {
    if (!MMU_RULES.some((r) => r.name === rule)) throw new Nonsense(`there is no rule ${rule}`);
    if (w.kernel.broken(rule) !== (step.only !== null)) return;
  }
  verb.write(w, step.args);
}
