import { cleanSymbol } from '../timeline/events.js';
import { OP, type OpKind } from './ops.js';
import { SYMBOLS } from './symbols.js';
import { TRACEPOINTS } from './tracepoints.js';

/** What a probe shows: null where it means nothing here, or where it needs arguments and has none. */
export function kindOfProbe(symbol: string, ret: boolean, hasArguments: boolean): OpKind | null {
  const name = cleanSymbol(symbol);
  const meaning = Object.hasOwn(SYMBOLS, name) ? SYMBOLS[name] : undefined;
  const spec = ret ? meaning?.ret : meaning?.entry;
  // A clone without its arguments shows when, not what.
  return !spec || (spec.roles.length > 0 && !hasArguments) ? null : spec.kind;
}

/** What a tracepoint (without its system) shows; null: nothing that is asked for here. */
export function kindOfTracepoint(event: string): OpKind | null {
  if (/^sys_enter/.test(event)) return OP.SE;
  if (/^sys_exit/.test(event)) return OP.SX;
  return Object.hasOwn(TRACEPOINTS, event) ? TRACEPOINTS[event]!.kind : null;
}

/** A line of kprobe_events in its parts; null for what is none. */
function definitionOf(line: string): { event: string; symbol: string; ret: boolean; args: boolean } | null {
  const m = /^([pr])\d*:(?:\S*\/)?(\S+)\s+(\S+)(\s+\S.*)?$/.exec(line);
  return m && { event: m[2]!, symbol: m[3]!, ret: m[1] === 'r', args: m[4] !== undefined };
}

/**
 * Called mostly from their own source file, where the compiler may have inlined them: a probe on such a function that
 * shows nothing proves nothing (mm/hugetlb.c huge_pmd_unshare() in 7.3; __huge_pmd_unshare(), which it calls, is not).
 */
const INLINED_NEARBY: readonly string[] = ['huge_pmd_unshare'];

/** Probes of a recording by what they show. */
export interface ProbeKinds {
  /** Kinds that a probe was set for which missed no hit, whether it fired or not. */
  readonly set: ReadonlySet<OpKind>;
  /** Kinds whose probes did not record every hit, with the probe and how many. */
  readonly missed: ReadonlyMap<OpKind, string>;
  /** Events of those probes, with their hits that were not recorded. */
  readonly missedEvents: ReadonlyMap<OpKind, ReadonlyMap<string, number>>;
}

/**
 * From what a recording says of itself: `probes` as kprobe_events has them, `events` as `SYSTEM:EVENT`, `missed` hits
 * by event name (Documentation/trace/kprobetrace.rst, kprobe_profile).
 */
export function probeKinds(
  probes: readonly string[],
  events: readonly string[],
  missed: ReadonlyMap<string, number>,
): ProbeKinds {
  const set = new Set<OpKind>();
  const holes = new Map<OpKind, string>();
  const missedEvents = new Map<OpKind, Map<string, number>>();
  for (const line of probes) {
    const probe = definitionOf(line);
    const kind = probe && kindOfProbe(probe.symbol, probe.ret, probe.args);
    if (probe === null || kind === null) continue;
    if (!INLINED_NEARBY.includes(cleanSymbol(probe.symbol))) set.add(kind);
    const hits = missed.get(probe.event) ?? 0;
    if (hits > 0)
      missedEvents.set(kind, (missedEvents.get(kind) ?? new Map<string, number>()).set(probe.event, hits));
    if (hits > 0 && !holes.has(kind)) {
      holes.set(kind, `the probe ${probe.event} missed ${hits === 1 ? 'a hit' : `${hits} hits`}`);
    }
  }
  for (const event of events) {
    const kind = kindOfTracepoint(event.slice(event.indexOf(':') + 1));
    if (kind !== null) set.add(kind);
  }
  for (const kind of holes.keys()) set.delete(kind);
  return { set, missed: holes, missedEvents };
}
