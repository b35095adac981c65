import { freePath } from '../kernel/free-paths.js';
import { byName } from '../result/by-name.js';
import { UsageError } from '../result/usage-error.js';
import { programKind } from './freers.js';
import type { Memory } from './gather.js';
import { handlers, vcpu } from './handlers.js';
import { hardware } from './hardware.js';
import { type FlushBy, Kernel, type Link } from './kernel.js';
import { type Alike, type Machine, Model } from './model.js';
import type { ProgramKind } from './program.js';
import { Callbacks, rcu, readerState } from './rcu.js';
import { type ReaderKind, reader, readerKind } from './readers.js';
import { MMU_RULES } from './rules.js';
import { type WrittenProgram, writtenKind } from './steps/program.js';
import { LOADED } from './switch-in.js';

/** A question to the machine: which kernel, who frees, who walks, how much of it. */
export interface Scenario {
  /** Kernel variant: `A0` to `Fn`. */
  readonly variant: string;
  readonly program: string;
  /** Readers of CPUs 1, 2 …; filled up by repeating the list. */
  readonly readers: readonly string[];
  readonly cpus: number;
  readonly tables: number;
  /** A data page below each table, and the translations to it. */
  readonly pages: boolean;
  readonly memory: Memory;
  /** `native` or one that sends no interrupts; null: by the variant (A2: a KVM guest). */
  readonly flush: FlushBy | null;
  readonly broken: readonly string[];
  readonly preempt: boolean;
  readonly expedited: boolean;
  /** vCPUs may be taken away by the hypervisor (needs a PV flush). */
  readonly vcpus: boolean;
  /** CPUs whose page walker takes part: those of readers that name it, or all. */
  readonly walkers: 'named' | 'all';
  /** Threads that are written by verbs, instead of `program`; `first`: a program on the CPUs before theirs. */
  readonly written?: {
    readonly first: string | null;
    readonly program: WrittenProgram;
    /** A device shares the tables of mm A. */
    readonly device: boolean;
  };
}

export const MAX_CPUS = 8;
export const MAX_TABLES = 6;

export const DEFAULTS: Scenario = {
  variant: 'E',
  program: 'munmap',
  readers: ['gup-fast', 'hardware'],
  cpus: 3,
  tables: 1,
  pages: false,
  memory: 'both',
  flush: null,
  broken: [],
  preempt: false,
  expedited: false,
  vcpus: false,
  walkers: 'named',
};

/** Rules that no released kernel follows yet, and the variants that do. */
const UNRELEASED: Readonly<Record<string, readonly string[]>> = byName({ 'unshare-skips-lazy': ['F', 'Fn'] });

/** Rules that are off in this scenario: those asked for and those that the variant does not have yet. */
export function brokenRules(s: Scenario): Set<string> {
  const broken = new Set(s.broken);
  for (const [rule, since] of Object.entries(UNRELEASED)) if (!since.includes(s.variant)) broken.add(rule);
  return broken;
}

/**
 * The machine of a scenario. Throws UsageError for names that do not exist, sizes out of range, and a broken rule
 * that nothing in the scenario follows, so that "safe" never means "not tried". `own`: what CPU 0 does, instead of the
 * program of that name.
 */
export function machineOf(s: Scenario, own: ProgramKind | null = null): Machine {
  const kind = own ?? kindOf(s);
  check(s, kind);
  const kernel = kernelOf(s);
  const { model } = kernel;
  const first = kind.cpus ?? 1;
  const kinds = Array.from({ length: s.cpus - first }, (_, i) =>
    readerKind(s.readers[i % s.readers.length]!),
  );
  const links = pageTables(kernel, s, kind);
  placeCpus(kernel, s, kinds, kind);
  const callbacks = new Callbacks();
  const guest = s.flush === 'kvm' || s.flush === 'hypercall';
  const path = freePath(s.variant, s.variant === 'A2' ? true : guest);
  const freer = { kernel, links, path, memory: s.memory, callbacks };
  kind.write(0, freer);
  const walked = links.filter(({ mm }) => mm === 1);
  kinds.forEach((kind, i) => {
    reader(freer, first + i, kind, walked);
  });
  for (const cpu of kernel.cpuIds) {
    handlers(kernel, cpu);
    if (model.has(`out_${cpu}`)) vcpu(kernel, cpu);
  }
  rcu(kernel, callbacks);
  for (const rule of s.broken) {
    if (!kernel.asked.has(rule)) throw new UsageError(`nothing in this program follows the rule ${rule}`);
  }
  return model.build(
    titleOf(s),
    alike(s, kinds, first),
    links.map((link) => kernel.name(link)),
  );
}

function kindOf({ written, program }: Scenario): ProgramKind {
  if (!written) return programKind(program);
  const { first, device } = written;
  return writtenKind(written.program, { alone: true, device }, first === null ? null : programKind(first));
}

function check(s: Scenario, kind: ProgramKind): void {
  const between = (name: string, value: number, low: number, high: number): void => {
    if (!Number.isInteger(value) || value < low || value > high)
      throw new UsageError(`${name}: a whole number from ${low} to ${high}, not ${value}`);
  };
  const own = kind.cpus ?? 1;
  between('cpus', s.cpus, kind.alone ? own : own + 1, MAX_CPUS);
  between('tables', s.tables, 1, MAX_TABLES);
  if (s.readers.length === 0 && s.cpus > own) throw new UsageError('at least one reader is needed');
  if (kind.tables !== undefined && s.tables !== kind.tables)
    throw new UsageError(`${kind.name} has ${kind.tables} table${kind.tables === 1 ? '' : 's'}`);
  for (const rule of s.broken) {
    if (!MMU_RULES.some((r) => r.name === rule))
      throw new UsageError(`there is no rule ${rule}; known: ${MMU_RULES.map((r) => r.name).join(', ')}`);
  }
  if (s.vcpus && s.flush !== 'kvm' && s.flush !== 'hypercall' && !(s.flush === null && s.variant === 'A2'))
    throw new UsageError('vCPUs are taken away only from a guest: --flush kvm or hypercall');
}

function kernelOf(s: Scenario): Kernel {
  return new Kernel(new Model(s.cpus), {
    flush: s.flush ?? (s.variant === 'A2' ? 'kvm' : 'ipi'),
    broken: brokenRules(s),
    preempt: s.preempt,
    expedited: s.expedited,
  });
}

function pageTables(kernel: Kernel, s: Scenario, kind: ProgramKind): Link[] {
  const pages = s.pages || kind.pages === true;
  const tables = Array.from({ length: s.tables }, (_, i) => kernel.table(`T${i}`, kind.level ?? 1, pages));
  const links = tables.map((table) => kernel.link(1, table));
  for (const { name, table, mm, set, sameAddress } of kind.entries ?? []) {
    const to = tables[table]!;
    const va = sameAddress ? `v${table}` : `v${table}_${name}`;
    links.push(kernel.link(mm, to, { va, name: `${to.name} (${name})`, set }));
  }
  return links;
}

function placeCpus(kernel: Kernel, s: Scenario, kinds: readonly ReaderKind[], program: ProgramKind): void {
  const walkers: number[] = [];
  const first = program.cpus ?? 1;
  for (const cpu of kernel.cpuIds) {
    const kind = cpu < first ? undefined : kinds[cpu - first];
    kernel.loads(cpu, program.mms?.[cpu] ?? 1, kind?.lazy === true);
    readerState(kernel, cpu);
    if (kind?.switches) kernel.model.variable(`ld_${cpu}`, LOADED.mm, cpu);
    if (kind?.hardware || s.walkers === 'all' || program.walkers?.includes(cpu)) walkers.push(cpu);
    if (s.vcpus && cpu > 0) {
      kernel.model.variable(`out_${cpu}`, 0, cpu);
      kernel.model.variable(`note_${cpu}`, 0, cpu);
    }
  }
  for (const cpu of walkers) hardware(kernel, cpu);
}

/** CPUs with the same reader; a rule that singles one out leaves none alike. */
function alike(s: Scenario, kinds: readonly ReaderKind[], first: number): Alike[] {
  if (s.broken.includes('skip-target')) return [];
  const groups = new Map<string, number[]>();
  kinds.forEach((kind, i) => {
    groups.set(kind.name, [...(groups.get(kind.name) ?? []), first + i]);
  });
  return [...groups.values()].filter((cpus) => cpus.length > 1).map((cpus) => ({ cpus }));
}

function titleOf(s: Scenario): string {
  const broken = s.broken.length > 0 ? `, without ${s.broken.join(', ')}` : '';
  return `${s.program} on variant ${s.variant}, ${s.cpus} CPUs, ${s.tables} table${s.tables > 1 ? 's' : ''}${s.readers.length > 0 ? `, readers ${s.readers.join(', ')}` : ''}${broken}`;
}
