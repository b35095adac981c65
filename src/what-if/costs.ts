import type { Random } from '../latency/statistics/resampling.js';
import { type CostRange, PRIOR_COSTS, PRIOR_GRACE_PERIOD_MS } from '../simulate/costs.js';
import type { GatherRec, Recorded, Samples } from './recorded.js';

/**
 * `measured`: the step itself, in this recording. `proxy`: a step that does almost the same, in this recording.
 * `prior`: the range of kernel-semantics §6.5 for bare metal; the recording has nothing to measure it by.
 */
export type CostBasis = 'measured' | 'proxy' | 'prior';

/** One term of the cost model. */
export interface Cost {
  readonly id: CostId;
  readonly basis: CostBasis;
  /** What it was taken from, in words. */
  readonly from: string;
  /** ns; a prior is a range: two values. */
  readonly values: readonly number[];
  readonly count: number;
}

export type CostId =
  | 'append'
  | 'batchPage'
  | 'callRcu'
  | 'pageFree'
  | 'callbackTable'
  | 'flush'
  | 'sync'
  | 'gracePeriod';

const round = (of: 'ipiSend' | 'ipiArrive' | 'handler', end: 0 | 1): number => PRIOR_COSTS[of][end];
const IPI_ROUND: CostRange = [
  round('ipiSend', 0) + round('ipiArrive', 0) + round('handler', 0),
  round('ipiSend', 1) + round('ipiArrive', 1) + round('handler', 1),
];

/** Those of the simulator, kernel-semantics §6.5: of bare metal, so too small for an emulated or traced machine. */
export const PRIORS: Readonly<Record<CostId, CostRange>> = {
  append: PRIOR_COSTS.append,
  batchPage: PRIOR_COSTS.batchPage,
  callRcu: PRIOR_COSTS.callRcu,
  pageFree: PRIOR_COSTS.pageFree,
  callbackTable: PRIOR_COSTS.pageFree,
  flush: IPI_ROUND,
  sync: IPI_ROUND,
  gracePeriod: [PRIOR_GRACE_PERIOD_MS[0] * 1e6, PRIOR_GRACE_PERIOD_MS[1] * 1e6],
};

/** Enough to draw from; with fewer a stand-in with more is better. */
const ENOUGH = 3;

export class CostModel {
  readonly costs: Readonly<Record<CostId, Cost>>;
  private readonly flushBy: ReadonlyMap<number, readonly number[]>;

  constructor(recorded: Recorded) {
    const s = recorded.samples;
    const delays = recorded.callbacks.map((c) => c.ranNs - c.queuedNs);
    const allFlushes = [...s.flush.values()].flatMap((x) => x.values);
    const withIpis = [...s.flush].filter(([m]) => m !== 0).flatMap(([, x]) => x.values);
    this.flushBy = new Map([...s.flush].map(([m, x]) => [m, x.values]));
    this.costs = {
      append: pick('append', [
        [s.append, 'measured', 'time before tlb_remove_table'],
        [s.probe, 'proxy', 'time before native_tlb_remove_table: a probe and hardly any code'],
      ]),
      batchPage: pick('batchPage', [
        [s.batchPage, 'measured', 'time before mm_page_alloc in tlb_remove_table'],
        [s.pageAlloc, 'proxy', 'time before mm_page_alloc in __pte_alloc'],
      ]),
      callRcu: pick('callRcu', [
        [s.tableCall, 'measured', 'call_rcu of page tables'],
        [s.callRcu, 'proxy', 'call_rcu of any other function, from its probe to the last event in it'],
      ]),
      pageFree: pick('pageFree', [[s.pageFree, 'measured', 'one more page in a run of mm_page_free']]),
      callbackTable: pick('callbackTable', [
        [s.callbackTable, 'measured', 'tlb_remove_table_rcu, by table'],
        [s.pageFree, 'proxy', 'one more page in a run of mm_page_free'],
      ]),
      flush: pick('flush', [
        [withIpis, 'measured', 'flush_tlb_mm_range in gathers, with IPIs'],
        [allFlushes, 'proxy', 'flush_tlb_mm_range in gathers, without IPIs'],
      ]),
      sync: pick('sync', [
        [s.sync, 'measured', 'a round of tlb_remove_table_sync_one'],
        [withIpis, 'proxy', 'flush_tlb_mm_range with IPIs: a round of IPIs to the same CPUs'],
      ]),
      gracePeriod: pick('gracePeriod', [[delays, 'proxy', 'call_rcu to callback, of any function']]),
    };
  }

  /** Durations of flushes that interrupt `targets` CPUs; all flushes where none did so. */
  flushes(targets: number): readonly number[] {
    const same = this.flushBy.get(targets);
    return same && same.length >= ENOUGH ? same : this.costs.flush.values;
  }
}

function pick(
  id: CostId,
  from: readonly (readonly [Samples | readonly number[], CostBasis, string])[],
): Cost {
  const held = from.map(([s, basis, words]) => {
    const values = 'values' in s && !Array.isArray(s) ? (s as Samples).values : (s as readonly number[]);
    return { id, basis, from: words, values, count: 'count' in s ? (s as Samples).count : values.length };
  });
  const best = held.find((c) => c.values.length >= ENOUGH) ?? held.find((c) => c.values.length > 0);
  if (best) return best;
  return { id, basis: 'prior', from: 'nothing to measure: bare-metal range', values: PRIORS[id], count: 0 };
}

/** A cost drawn once: from what was seen, or anywhere in a prior's range. */
export function draw(values: readonly number[], prior: boolean, random: Random): number {
  if (values.length === 0) return 0;
  if (prior) return values[0]! + (values[values.length - 1]! - values[0]!) * random();
  return values[Math.floor(random() * values.length)]!;
}

const MOST_DRAWS = 32;

/** Sum of `n` costs; of more than 32, 32 drawn and scaled. */
export function drawSum(n: number, values: readonly number[], prior: boolean, random: Random): number {
  if (n <= 0) return 0;
  const k = Math.min(n, MOST_DRAWS);
  let sum = 0;
  for (let i = 0; i < k; i++) sum += draw(values, prior, random);
  return (sum * n) / k;
}

/** CPUs that a flush for freed tables interrupts in this gather: as the recorded ones did. */
export function tableTargets(g: GatherRec): number {
  for (let i = g.flushes.length - 1; i >= 0; i--) {
    const f = g.flushes[i]!;
    if (f.atTable > 0 || f.phase > 0) return f.targets;
  }
  return g.flushes.at(-1)?.targets ?? 0;
}
