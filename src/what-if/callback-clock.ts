import type { Random } from '../latency/statistics/resampling.js';
import { firstIndex } from '../timeline/first-index.js';
import { draw, PRIORS } from './costs.js';
import type { CallbackRec } from './recorded.js';

/** A callback queued within this of ours goes with the same grace period. */
const NEIGHBOUR_NS = 1e6;

/** How the time of a callback that the recording does not have was found. */
export type ClockBasis = 'neighbour' | 'delay' | 'prior';

/**
 * When would a callback queued at a time on a CPU have started? The list of a CPU is first in, first out
 * (kernel/rcu/rcu_segcblist.c), so its recorded neighbour tells; failing that a recorded delay of any callback, failing
 * that the range of kernel-semantics §6.5.
 */
export class CallbackClock {
  readonly used: Record<ClockBasis, number> = { neighbour: 0, delay: 0, prior: 0 };
  private readonly byCpu = new Map<number, CallbackRec[]>();
  private readonly delays: number[];
  private readonly random: Random;

  constructor(callbacks: readonly CallbackRec[], random: Random) {
    this.random = random;
    this.delays = callbacks.map((c) => c.ranNs - c.queuedNs);
    for (const c of callbacks) {
      const list = this.byCpu.get(c.cpu);
      if (list) list.push(c);
      else this.byCpu.set(c.cpu, [c]);
    }
    for (const list of this.byCpu.values()) list.sort((a, b) => a.queuedNs - b.queuedNs);
  }

  /** Operation before which it has run at the latest: the start of the next callback of that CPU; -1 none. */
  latest(cpu: number, queuedNs: number): number {
    return this.byCpu.get(cpu)?.[this.after(cpu, queuedNs)]?.op ?? -1;
  }

  startOf(cpu: number, queuedNs: number): number {
    const list = this.byCpu.get(cpu) ?? [];
    const low = this.after(cpu, queuedNs);
    const next = list[low];
    if (next && next.queuedNs - queuedNs <= NEIGHBOUR_NS) return this.found('neighbour', next.ranNs);
    const before = list[low - 1];
    if (before && queuedNs - before.queuedNs <= NEIGHBOUR_NS && before.ranNs >= queuedNs) {
      return this.found('neighbour', before.ranNs);
    }
    if (this.delays.length > 0) return this.found('delay', queuedNs + draw(this.delays, false, this.random));
    return this.found('prior', queuedNs + draw(PRIORS.gracePeriod, true, this.random));
  }

  /** First callback queued at that time or later. */
  private after(cpu: number, queuedNs: number): number {
    const list = this.byCpu.get(cpu) ?? [];
    return firstIndex(list.length, (i) => list[i]!.queuedNs < queuedNs);
  }

  private found(basis: ClockBasis, ns: number): number {
    this.used[basis]++;
    return ns;
  }
}
