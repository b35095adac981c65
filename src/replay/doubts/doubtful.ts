import type { EvidenceRef } from '../../timeline/batch.js';
import { firstIndex } from '../../timeline/first-index.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Extent } from './recorded-cpus.js';

/** Entries kept one by one; beyond it neighbours in time are joined, at the later of their moments. */
const MAX_ENTRIES = 8192;

/** Steps of a recording; a log of fewer may be one order that somebody wrote down, and show no more than that. */
export const WHOLE_STEPS = 512;

/** Lines kept of entries that were joined. */
const MAX_LINES = 32;

/** How many instances were taken back, and one of them. */
export interface Taken {
  readonly count: number;
  readonly ref: EvidenceRef;
  /** How many of them are `idle`. */
  readonly idle: number;
}

interface Instance {
  readonly certain?: boolean;
  readonly assumesAllCpus?: boolean;
  readonly events: readonly { readonly ref: EvidenceRef }[];
  readonly rests?: Rests;
}

/** What an instance rests on not having happened: since which step, and which kinds of operations. */
export interface Rests {
  /** Step of the machine. */
  readonly since?: number;
  readonly kinds?: readonly number[];
  /** Where the rule was seen at work elsewhere, taking this back leaves nothing that it is about. */
  readonly idle?: boolean;
}

/** A moment of a capture: number of the event, step of the machine, place in the input. */
export interface Moment {
  readonly event: number;
  readonly seq: number;
  readonly ref: EvidenceRef;
}

/** One that moves on with each event. */
export type Latest = { -readonly [K in keyof Moment]: Moment[K] };

/** Something happened unseen behind `from`, up to `to`. */
export interface Window {
  readonly from: Moment;
  readonly to: Moment;
}

interface Entry {
  at: number;
  /** Of the first of them. */
  firstAt: number;
  count: number;
  /** A place of the first of them. */
  ref: EvidenceRef;
  /** Step since which something is absent; NaN: not known, only its first witness. */
  since: number;
  /** First witness; -1 none. */
  sinceRef: EvidenceRef;
  /** Kinds that are absent; null: any. */
  kinds: ReadonlySet<number> | null;
  /** All of them are. */
  idle: boolean;
  /** Lines whose order they rest on; null: too many to keep. */
  lines: readonly EvidenceRef[] | null;
}

/**
 * When violations happened that a later discovery may still put in doubt: a loss, or CPUs that were not recorded.
 * Every one is counted, whether its witnesses are kept or not. Bounded: joining moves an instance to a later
 * moment only, so that at most too many become unknown, never too few.
 */
export class Doubtful {
  private byLoss: Entry[] = [];
  private byLossOrCpus: Entry[] = [];

  /** `lines`: those on whose order it rests, as a violation does. */
  add(instance: Instance, at: number, lines: readonly EvidenceRef[] = []): void {
    if (instance.assumesAllCpus) this.byLossOrCpus = put(this.byLossOrCpus, instance, at, lines);
    else if (!instance.certain) this.byLoss = put(this.byLoss, instance, at, lines);
  }

  /**
   * Those that may be made right, or wrong, by operations of these kinds (null: any) unseen within one of the windows, which are
   * `joinedWindows`; null: anywhere.
   */
  unseen(kinds: ReadonlySet<number> | null, windows: readonly Window[] | null): Taken {
    const within = (e: Entry): boolean =>
      (kinds === null || e.kinds === null || [...e.kinds].some((kind) => kinds.has(kind))) &&
      (windows === null || liesIn(e, windows));
    const a = take(this.byLoss, within);
    const b = take(this.byLossOrCpus, within);
    this.byLoss = a.kept;
    this.byLossOrCpus = b.kept;
    return sum(a, b);
  }

  /** Those that happened after event number `from`. */
  lost(from: number): Taken {
    const a = after(this.byLoss, from);
    const b = after(this.byLossOrCpus, from);
    if (a.count > 0) this.byLoss = this.byLoss.filter((e) => e.at <= from);
    if (b.count > 0) this.byLossOrCpus = this.byLossOrCpus.filter((e) => e.at <= from);
    return sum(a, b);
  }

  /** Those that rest on the order of one of these lines. */
  unordered(some: (lines: readonly EvidenceRef[]) => boolean): Taken {
    const a = take(this.byLoss, ({ lines }) => lines === null || some(lines));
    const b = take(this.byLossOrCpus, ({ lines }) => lines === null || some(lines));
    this.byLoss = a.kept;
    this.byLossOrCpus = b.kept;
    return sum(a, b);
  }

  /** Those within these captures, in order, that hold only if every CPU was recorded. */
  blind(captures: readonly Extent[]): Taken {
    const taken = take(this.byLossOrCpus, (e) => overlaps(e, captures));
    this.byLossOrCpus = taken.kept;
    return taken;
  }
}

/** Windows that overlap are one; what remains is in order. An instance lies in one of them exactly if it lay in one before. */
export function joinedWindows(windows: readonly Window[]): readonly Window[] {
  const out: { from: Moment; to: Moment }[] = [];
  for (const { from, to } of [...windows].sort((a, b) => a.from.seq - b.from.seq)) {
    const last = out.at(-1);
    if (last === undefined || from.seq >= last.to.seq) out.push({ from, to });
    else if (to.seq > last.to.seq) last.to = to;
  }
  return out;
}

/** Whether one kept instance may be made right by what was unseen; the same question as `Doubtful.unseen`. */
export function mayRestOn(
  instance: Instance & { readonly at?: number },
  kinds: ReadonlySet<number> | null,
  windows: readonly Window[] | null,
): boolean {
  const one = new Doubtful();
  one.add(instance, instance.at ?? Number.POSITIVE_INFINITY);
  return one.unseen(kinds, windows).count > 0;
}

/** The first capture that ends behind it has begun by then. */
function overlaps({ firstAt, at }: Entry, captures: readonly Extent[]): boolean {
  const first = captures[firstIndex(captures.length, (i) => captures[i]!.to < firstAt)];
  return first !== undefined && first.from < at;
}

/** Of the windows that begin before it happened the last one goes on the longest. */
function liesIn(e: Entry, windows: readonly Window[]): boolean {
  const last = windows[firstIndex(windows.length, (i) => windows[i]!.from.event < e.at) - 1];
  return last !== undefined && begunBefore(e, last.to);
}

/** One of which it is not known when it began may have begun at any time. */
function begunBefore(e: Entry, to: Moment): boolean {
  const known = e.sinceRef >= 0 || isKnown(e.since);
  return !known || (e.sinceRef >= 0 && e.sinceRef < to.ref) || e.since < to.seq;
}

function take(entries: readonly Entry[], which: (e: Entry) => boolean): Taken & { readonly kept: Entry[] } {
  const kept: Entry[] = [];
  let count = 0;
  let idle = 0;
  let ref = -1;
  for (const e of entries) {
    if (!which(e)) kept.push(e);
    else {
      if (count === 0) ref = e.ref;
      count += e.count;
      if (e.idle) idle += e.count;
    }
  }
  return { count, idle, ref, kept };
}

function put(entries: Entry[], instance: Instance, at: number, lines: readonly EvidenceRef[]): Entry[] {
  const { events, rests } = instance;
  let sinceRef = -1;
  // A single place says where it ends, not where it began.
  if (events.length > 1)
    for (const { ref } of events) if (ref >= 0 && (sinceRef < 0 || ref < sinceRef)) sinceRef = ref;
  entries.push({
    at,
    firstAt: at,
    count: 1,
    ref: events.at(-1)?.ref ?? -1,
    since: rests?.since ?? Number.NaN,
    sinceRef,
    kinds: rests?.kinds ? new Set(rests.kinds) : null,
    idle: rests?.idle ?? false,
    lines,
  });
  return entries.length > MAX_ENTRIES ? joined(entries) : entries;
}

function joined(entries: Entry[]): Entry[] {
  entries.sort((a, b) => a.at - b.at);
  const out: Entry[] = [];
  for (let i = 0; i < entries.length; i += 2) {
    const first = entries[i]!;
    const second = entries[i + 1];
    out.push(second ? both(first, second) : first);
  }
  return out;
}

/** At the later moment, since the earlier, of the kinds of both. */
function both(first: Entry, second: Entry): Entry {
  return {
    at: second.at,
    firstAt: Math.min(first.firstAt, second.firstAt),
    count: first.count + second.count,
    ref: first.ref,
    since: !isKnown(first.since) || !isKnown(second.since) ? Number.NaN : Math.min(first.since, second.since),
    sinceRef: Math.min(first.sinceRef, second.sinceRef),
    kinds: first.kinds && second.kinds ? new Set([...first.kinds, ...second.kinds]) : null,
    idle: first.idle && second.idle,
    lines: bothLines(first.lines, second.lines),
  };
}

function bothLines(a: Entry['lines'], b: Entry['lines']): Entry['lines'] {
  if (a === null || b === null || a.length + b.length > MAX_LINES) return null;
  return a.length + b.length === 0 ? a : [...a, ...b];
}

function after(entries: readonly Entry[], from: number): Taken {
  return take(entries, (e) => e.at > from);
}

const sum = (a: Taken, b: Taken): Taken => ({
  count: a.count + b.count,
  idle: a.idle + b.idle,
  ref: a.count > 0 ? a.ref : b.ref,
});
