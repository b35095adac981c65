import type { EvidenceRef } from '../timeline/batch.js';

/** Entries kept one by one; beyond it neighbours in time are joined, at the later of their moments. */
const MAX_ENTRIES = 8192;

/** How many instances were taken back, and one of them. */
export interface Taken {
  readonly count: number;
  readonly ref: EvidenceRef;
}

interface Instance {
  readonly certain?: boolean;
  readonly assumesAllCpus?: boolean;
  readonly events: readonly { readonly ref: EvidenceRef }[];
}

interface Entry {
  at: number;
  count: number;
  /** A place of the first of them. */
  ref: EvidenceRef;
}

/**
 * When violations happened that a later discovery may still put in doubt: a loss, or CPUs that were not recorded.
 * Every one is counted, whether its witnesses are kept or not. Bounded: joining moves an instance to a later
 * moment only, so that at most too many become unknown, never too few.
 */
export class Doubtful {
  private byLoss: Entry[] = [];
  private byLossOrCpus: Entry[] = [];

  add(instance: Instance, at: number): void {
    const ref = instance.events.at(-1)?.ref ?? -1;
    if (instance.assumesAllCpus) this.byLossOrCpus = put(this.byLossOrCpus, at, ref);
    else if (!instance.certain) this.byLoss = put(this.byLoss, at, ref);
  }

  /** Those that happened after event number `from`. */
  lost(from: number): Taken {
    const a = after(this.byLoss, from);
    const b = after(this.byLossOrCpus, from);
    if (a.count > 0) this.byLoss = this.byLoss.filter((e) => e.at <= from);
    if (b.count > 0) this.byLossOrCpus = this.byLossOrCpus.filter((e) => e.at <= from);
    return { count: a.count + b.count, ref: a.count > 0 ? a.ref : b.ref };
  }

  /** Those that hold only if every CPU was recorded. */
  blind(): Taken {
    const taken = after(this.byLossOrCpus, Number.NEGATIVE_INFINITY);
    this.byLossOrCpus = [];
    return taken;
  }
}

function put(entries: Entry[], at: number, ref: EvidenceRef): Entry[] {
  entries.push({ at, count: 1, ref });
  return entries.length > MAX_ENTRIES ? joined(entries) : entries;
}

function joined(entries: Entry[]): Entry[] {
  entries.sort((a, b) => a.at - b.at);
  const out: Entry[] = [];
  for (let i = 0; i < entries.length; i += 2) {
    const first = entries[i]!;
    const second = entries[i + 1];
    out.push(second ? { at: second.at, count: first.count + second.count, ref: first.ref } : first);
  }
  return out;
}

function after(entries: readonly Entry[], from: number): Taken {
  let count = 0;
  let ref = -1;
  for (const e of entries) {
    if (e.at <= from) continue;
    if (count === 0) ref = e.ref;
    count += e.count;
  }
  return { count, ref };
}
