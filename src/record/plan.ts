import { FEATURES, type Features } from '../kernel/features.js';
import { OP, type OpKind } from '../kernel/ops.js';
import { kindOfProbe, kindOfTracepoint } from '../kernel/probe-kinds.js';
import { FREES_INLINE } from '../kernel/variant-sets.js';
import { namesOf, type VariantMask } from '../kernel/variants.js';
import { variantsOf } from '../kernel/variants-of-release.js';
import { Coverage } from '../replay/coverage.js';
import { type Decidable, decidable } from '../replay/decidable.js';
import { CATALOGUE } from '../replay/rules/catalogue.js';
import { UsageError } from '../result/usage-error.js';
import { cleanSymbol } from '../timeline/events.js';
import type { KernelInfo } from './kernel-info.js';
import { type Level, within } from './levels.js';
import type { ProbeRow } from './probe-row.js';
import { PROBE_TABLE, TRACEPOINT_TABLE } from './probe-table.js';
import type { TaskFilter } from './task-filter.js';

export interface PlannedProbe {
  readonly event: string;
  readonly ret: boolean;
  /** As the kernel calls it, compiler suffix included. */
  readonly symbol: string;
  /** `name=fetch:type`; empty where the registers cannot be trusted. */
  readonly args: readonly string[];
  /** Takes the filter of the plan. */
  readonly hot?: true;
}

export interface PlannedEvent {
  readonly system: string;
  readonly event: string;
}

/** Something the level asks for and this kernel does not have. */
export interface Missing {
  readonly what: string;
  readonly why: string;
  /** Planned events that show part of it; [] none. */
  readonly instead: readonly string[];
  /** False: this kernel works without it, so nothing is lost. */
  readonly loss: boolean;
}

export type CanDecide = 'yes' | 'no' | 'not-applicable';
export interface PromisedInvariant extends Omit<Decidable, 'can'> {
  /** `not-applicable`: the rule is about other kernel variants, or about what this kernel or machine lacks. */
  readonly can: CanDecide;
  /** Of `not-applicable`: why; else ''. */
  readonly lacking: string;
}

export interface RecordingPlan {
  readonly level: Level;
  readonly kernel: KernelInfo;
  readonly clock: string;
  readonly kprobes: readonly PlannedProbe[];
  /** Whose hits hot probes record; null everybody's. */
  readonly filter: TaskFilter | null;
  readonly tracepoints: readonly PlannedEvent[];
  /** Functions for the function tracer, where kprobes cannot be had: order without arguments. */
  readonly functions: readonly string[];
  /** The address bases can be read by a probe (`@vmemmap_base`). */
  readonly bases: boolean;
  readonly missing: readonly Missing[];
  /** Kernel variants it can be, as far as release and configuration say. */
  readonly variants: readonly string[];
  readonly decides: readonly PromisedInvariant[];
}

/** Clocks in order of preference: same on all CPUs, in ns, and the one that other logs of the machine use. */
const CLOCKS = ['mono', 'boot', 'mono_raw', 'global', 'local'];

/**
 * Which probes to set on this kernel, what it cannot give, and what can be decided then. Pure.
 * `clock`: the one wanted; throws UsageError if the kernel does not have it.
 */
export function planRecording(
  kernel: KernelInfo,
  level: Level,
  clock?: string,
  filter: TaskFilter | null = null,
): RecordingPlan {
  const missing: Missing[] = [];
  const tracepoints = planTracepoints(kernel, level, missing);
  const rows = PROBE_TABLE.filter((r) => within(r.level, level));
  const planned: PlannedProbe[] = [];
  const absent: ProbeRow[] = [];
  for (const row of rows) {
    const probes = probesOf(row, kernel);
    planned.push(...probes);
    if (probes.length === 0) absent.push(row);
  }
  const withKprobes = kernel.kprobes !== false;
  if (withKprobes) {
    const shown = new Set([...planned.map((p) => p.event), ...tracepoints.map((t) => t.event)]);
    missing.push(...absentProbes(absent, kernel, shown), ...clones(planned, rows));
  } else missing.push(noKprobes(kernel));
  const kprobes = withKprobes ? planned : [];
  const functions =
    withKprobes || (kernel.tracers.length > 0 && !kernel.tracers.includes('function'))
      ? []
      : [...new Set(planned.map((p) => p.symbol))].sort();
  const mask = variantsOf(kernel);
  return {
    level,
    kernel,
    clock: clockOf(kernel, clock),
    kprobes,
    filter: kprobes.some((p) => p.hot) ? filter : null,
    tracepoints,
    functions,
    bases: withKprobes && kernel.baseSymbols !== false,
    missing,
    variants: namesOf(mask),
    decides: promised(kprobes, tracepoints, mask, kernel.features),
  };
}

/** Probes that this kernel has no function for; `shown`: events that are recorded anyway. */
const absentProbes = (
  absent: readonly ProbeRow[],
  kernel: KernelInfo,
  shown: ReadonlySet<string>,
): Missing[] =>
  absent.map((row) => ({
    what: row.symbols.join(' or '),
    why:
      row.requires !== undefined && !kernel.offsets
        ? 'needs the layout of a struct: no BTF of this kernel is given'
        : (row.optional ?? 'not a traceable function of this kernel: inlined, or named otherwise'),
    instead: row.instead.filter((e) => shown.has(e)),
    loss: row.optional === undefined,
  }));

/** Probes on clones of a function that its row does not expect. */
const clones = (planned: readonly PlannedProbe[], rows: readonly ProbeRow[]): Missing[] =>
  planned
    .filter(
      (probe) =>
        probe.symbol !== cleanSymbol(probe.symbol) &&
        !rows.some((row) => row.event === probe.event && row.clones),
    )
    .map((probe) => ({
      what: `arguments of ${probe.symbol}`,
      why: 'the compiler made a clone of the function, whose arguments may sit in other registers',
      instead: [],
      loss: true,
    }));

function noKprobes({ tracers }: KernelInfo): Missing {
  const functions = tracers.length === 0 || tracers.includes('function');
  return {
    what: 'kprobes',
    why: 'the kernel has no CONFIG_KPROBE_EVENTS',
    instead: functions ? ['the function tracer: order without arguments'] : [],
    loss: true,
  };
}

function planTracepoints(kernel: KernelInfo, level: Level, missing: Missing[]): PlannedEvent[] {
  const planned = new Map<string, PlannedEvent>();
  for (const row of TRACEPOINT_TABLE) {
    if (!within(row.level, level)) continue;
    const name = kernel.events ? row.names.find((n) => kernel.events!.has(n)) : row.names[0];
    if (name === undefined) {
      if (row.shownBy !== undefined && planned.has(row.shownBy)) continue;
      missing.push({
        what: row.names.join(' or '),
        why: row.why || 'no such tracepoint here',
        instead: [],
        loss: true,
      });
      continue;
    }
    const [system, event] = name.split(':');
    planned.set(name, { system: system!, event: event! });
  }
  return [...planned.values()];
}

/**
 * The probe for a row; none where the kernel has no such function. Of an unknown kernel every name is tried: it has
 * one of them.
 */
function probesOf(row: ProbeRow, kernel: KernelInfo): PlannedProbe[] {
  const { event, ret } = row;
  const hot = row.hot ? { hot: row.hot } : {};
  const layout = kernel.config?.get('CONFIG_MMU_GATHER_TABLE_FREE') ?? 'y';
  const wanted = layout !== 'y' && row.argsWithoutTableFree ? row.argsWithoutTableFree : row.args;
  const args = wanted.map((arg) => placed(arg, kernel)).filter((arg): arg is string => arg !== null);
  if (row.requires !== undefined && !args.some((arg) => arg.startsWith(`${row.requires}=`))) return [];
  if (!kernel.functions) return row.symbols.map((symbol) => ({ event, ret, symbol, args, ...hot }));
  const probe = (symbol: string, itself: boolean): PlannedProbe[] => [
    // What a function returns, a clone returns too; where its arguments are is not known.
    { event, ret, symbol, args: itself || ret ? args : [], ...hot },
  ];
  const { functions } = kernel;
  for (const symbol of row.symbols) {
    if (functions.has(symbol)) return probe(symbol, true);
    const clone = row.clones && cloneOf(symbol, functions);
    if (clone) return probe(clone, false);
  }
  for (const symbol of row.symbols) {
    const clone = cloneOf(symbol, functions);
    if (clone !== undefined) return probe(clone, false);
  }
  return [];
}

/** Looks through all functions of a kernel, a hundred thousand: asked only where the function itself is not among them. */
function cloneOf(symbol: string, functions: ReadonlySet<string>): string | undefined {
  return [...functions]
    .filter((f) => f.startsWith(`${symbol}.`) && cleanSymbol(f) === symbol && !/\.(?:cold|part)\b/.test(f))
    .sort()[0];
}

/** With the offsets of this kernel; null where one is not known. */
export function placed(arg: string, kernel: Pick<KernelInfo, 'offsets'>): string | null {
  let known = true;
  const text = arg.replace(/\{([\w.]+)\}/g, (_, member: string) => {
    const offset = kernel.offsets?.get(member);
    if (offset === undefined) known = false;
    return String(offset);
  });
  return known ? text : null;
}

function clockOf(kernel: KernelInfo, wanted: string | undefined): string {
  const { clocks } = kernel;
  if (wanted !== undefined) {
    if (clocks.length > 0 && !clocks.includes(wanted)) {
      throw new UsageError(`this kernel has no trace clock '${wanted}'; it has: ${clocks.join(', ')}`);
    }
    return wanted;
  }
  return CLOCKS.find((c) => clocks.length === 0 || clocks.includes(c)) ?? 'local';
}

/** Every planned event fires once; then the same question as for a trace that was read. */
function promised(
  kprobes: readonly PlannedProbe[],
  tracepoints: readonly PlannedEvent[],
  mask: VariantMask,
  features: Features,
): PromisedInvariant[] {
  const coverage = new Coverage();
  let fired = 0;
  // Where tables may not go through RCU, the probe on its callback may never fire.
  const traced = tracepoints.some((t) => t.event === 'rcu_invoke_callback');
  const certain = new Coverage();
  const maySync = (mask & FREES_INLINE) !== 0;
  const fire = (kind: OpKind): void => {
    coverage.fired(kind, 0, ++fired);
    if (kind !== OP.CB || traced || !maySync) certain.fired(kind, 0, fired);
  };
  for (const { symbol, ret, args } of kprobes) {
    const kind = kindOfProbe(symbol, ret, args.length > 0);
    if (kind !== null) fire(kind);
    if (args.some((a) => a.startsWith('nsub='))) fire(OP.NSUB);
  }
  for (const { event } of tracepoints) {
    const kind = kindOfTracepoint(event);
    if (kind !== null) fire(kind);
  }
  const withoutRcu = decidable(certain);
  return decidable(coverage).map((d, i) => {
    const rule = CATALOGUE[i]!;
    const lacking = rule.feature !== undefined && features.get(rule.feature) === false;
    if (lacking || (rule.variants & mask) === 0) {
      const why = lacking
        ? FEATURES[rule.feature!].lacking
        : `only kernels that free as in ${namesOf(rule.variants).join(', ')} have it`;
      return { id: d.id, name: d.name, can: 'not-applicable', missing: [], lacking: why };
    }
    return { ...(rule.afterQueue ? d : withoutRcu[i]!), lacking: '' };
  });
}

/** Ids of the invariants that this recording can decide. */
export const promisedIds = (plan: RecordingPlan): string[] =>
  plan.decides.filter((d) => d.can === 'yes').map((d) => d.id);
