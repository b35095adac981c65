/** Range a step takes, ns unless named otherwise. Drawn log-uniformly. */
export type CostRange = readonly [lowNs: number, highNs: number];

export type SimCostId =
  | 'syscall'
  | 'zapPage'
  | 'unlink'
  | 'append'
  | 'batchPage'
  | 'callRcu'
  | 'pageFree'
  | 'flushLocal'
  | 'ipiSend'
  | 'ipiArrive'
  | 'handler'
  | 'faultTable'
  | 'faultPage'
  | 'invoke';

export type SimCosts = Readonly<Record<SimCostId, CostRange>>;

/**
 * Priors of kernel-semantics §6.5 for bare metal. Nobody measured them on the machine that is simulated: the shape
 * of a simulated log is exact, its times are a guess within these ranges.
 */
export const PRIOR_COSTS: SimCosts = {
  syscall: [300, 900],
  zapPage: [10, 40],
  unlink: [15, 60],
  append: [5, 20],
  batchPage: [50, 300],
  callRcu: [50, 200],
  pageFree: [80, 400],
  flushLocal: [150, 500],
  /** Per further target: 0.1–0.5 µs. */
  ipiSend: [100, 500],
  /** To the first target: 1–4 µs. */
  ipiArrive: [1_000, 4_000],
  handler: [200, 600],
  faultTable: [300, 900],
  faultPage: [200, 700],
  invoke: [40, 150],
};

/** A normal grace period, ms (HZ=250, few CPUs). The simulator takes that of the workload, this by default. */
export const PRIOR_GRACE_PERIOD_MS: CostRange = [5, 40];

/** What the times do not contain; printed beside every summary. */
export const LIMITS: readonly string[] = [
  'times are drawn from the priors of bare metal (or the factor given), with stalls as one published histogram has them; not measured',
  'no cache or TLB refill misses, no lock contention but mmap_lock, no NUMA, no probe overhead',
  'interrupts and softirqs do not lengthen the task that they interrupt',
  'each thread unmaps a range under a top-level entry of its own: upper tables always go with it',
  'grace periods take a drawn time, or as long as a reader holds them; no stalls, no boosting',
];
