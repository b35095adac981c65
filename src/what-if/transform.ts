import { PAGE_BUNDLE } from '../kernel/free-paths.js';
import { type CostId, type CostModel, tableTargets } from './costs.js';
import { type GatherPlan, type GatherShape, planGather } from './gather-plan.js';
import type { Policy } from './policy.js';
import { type GatherRec, PHASE, STEP } from './recorded.js';

/** A cost put in (n > 0) or, where the step's own time was not recorded, taken out (n < 0). */
export interface Term {
  readonly cost: CostId;
  readonly n: number;
  /** Flushes: CPUs interrupted. */
  readonly targets: number;
}

/** What another variant changes in one gather. */
export interface Change {
  readonly from: GatherPlan;
  readonly to: GatherPlan;
  /** Time of recorded steps that the variant does not have. */
  readonly removedNs: number;
  readonly terms: readonly Term[];
  /** The plan of the recorded kernel gives the recorded counts. */
  readonly agrees: boolean;
}

/** What the gather met, read off what the recorded kernel did. */
export function shapeOf(g: GatherRec, source: Policy): GatherShape {
  const zapFlush = g.flushes.some((f) => f.phase === PHASE.zap);
  // A page batch that flushes with fewer than nine pages could not grow: there was no memory for a batch page either.
  const starved =
    source.leaf === 'pages' &&
    (g.flushes.some((f) => f.phase === PHASE.tables && f.atTable <= g.levels.length) ||
      (zapFlush && g.firstRound > 0 && g.firstRound <= PAGE_BUNDLE + 1));
  const noMemory = source.leaf === 'pages' ? g.levels.map(() => starved) : g.single;
  const pagesLeft = Math.max(0, g.pages - g.pagesEarly);
  return {
    levels: g.levels,
    noMemory,
    pagesLeft,
    pending: pagesLeft > 0,
    // Before 6.9 the page batch was full at 8, not at 7 (mm/mmu_gather.c __tlb_remove_page_size()).
    stackSlots: zapFlush && g.firstRound === PAGE_BUNDLE + 1 ? PAGE_BUNDLE + 1 : PAGE_BUNDLE,
  };
}

const flushes = (p: GatherPlan): number => p.midFlushes + (p.finalFlush ? 1 : 0);

/** `noMemory`: at which tables an ask of the target would fail, where that is not as recorded. */
export function changeOf(
  g: GatherRec,
  source: Policy,
  target: Policy,
  noMemory?: readonly boolean[] | undefined,
): Change {
  const shape = shapeOf(g, source);
  const from = planGather(source, shape);
  const to = planGather(target, noMemory ? { ...shape, noMemory } : shape);
  const terms: Term[] = [];
  let removedNs = 0;
  const step = (cost: CostId, n: number, now: number, seenNs: number): void => {
    if (now > n) terms.push({ cost, n: now - n, targets: 0 });
    else if (now < n && seenNs > 0) removedNs += (seenNs * (n - now)) / n;
    else if (now < n) terms.push({ cost, n: now - n, targets: 0 });
  };
  const freeNs =
    g.ns[STEP.tableFree]! > 0 || g.tailPages === 0
      ? g.ns[STEP.tableFree]!
      : (g.tailNs * Math.min(from.inlineFrees, g.tailPages)) / g.tailPages;
  step('append', from.appended, to.appended, g.ns[STEP.append]!);
  step('batchPage', from.batchPages, to.batchPages, g.ns[STEP.batchPage]!);
  step('callRcu', from.batchCalls + from.singleCalls, to.batchCalls + to.singleCalls, g.ns[STEP.callRcu]!);
  step('sync', from.syncs, to.syncs, g.ns[STEP.sync]!);
  step('pageFree', from.inlineFrees, to.inlineFrees, freeNs);
  step('gracePeriod', from.gracePeriods, to.gracePeriods, g.ns[STEP.gracePeriod]!);
  const more = flushes(to) - flushes(from);
  if (more > 0) terms.push({ cost: 'flush', n: more, targets: tableTargets(g) });
  else if (more < 0) {
    const own = g.flushes.filter((f) => f.phase !== PHASE.zap);
    const all = own.reduce((sum, f) => sum + f.ns, 0);
    if (own.length > 0) removedNs += (all * Math.min(-more, own.length)) / own.length;
    else terms.push({ cost: 'flush', n: more, targets: tableTargets(g) });
  }
  return { from, to, removedNs, terms, agrees: agrees(g, from) };
}

function agrees(g: GatherRec, plan: GatherPlan): boolean {
  const own = g.flushes.filter((f) => f.phase !== PHASE.zap).length;
  return (
    own === flushes(plan) &&
    g.batchCalls === plan.batchCalls &&
    g.singleCalls === plan.singleCalls &&
    (g.syncs === plan.syncs || g.syncs === 0)
  );
}

/** Values that a term is drawn from, and whether they are a prior's range. */
export function valuesOf(term: Term, model: CostModel): { values: readonly number[]; prior: boolean } {
  const cost = model.costs[term.cost];
  if (term.cost === 'flush' && cost.basis !== 'prior')
    return { values: model.flushes(term.targets), prior: false };
  return { values: cost.values, prior: cost.basis === 'prior' };
}
