import { tableTargets } from './costs.js';
import type { GatherPlan } from './gather-plan.js';
import type { GatherRec, Recorded } from './recorded.js';
import type { WhatIfCount } from './report.js';
import type { Change } from './transform.js';

/**
 * Counts over all gathers. After = recorded + (what the target's plan does − what the recorded kernel's plan does), so
 * what the model does not explain stays as it was.
 */
export function countsOf(
  recorded: Recorded,
  changes: readonly (Change | null)[],
  cpus: number,
): WhatIfCount[] {
  const { gathers } = recorded;
  const sum = (of: (g: GatherRec) => number): number => gathers.reduce((s, g) => s + of(g), 0);
  const planned = (of: (p: GatherPlan) => number, which: 'from' | 'to'): number =>
    gathers.reduce((s, _, i) => s + (changes[i] ? of(changes[i][which]) : 0), 0);
  /** Counted in the recording. */
  const counted = (
    name: string,
    what: string,
    before: (g: GatherRec) => number,
    of: PlanCount,
  ): WhatIfCount => row(name, what, sum(before), planned(of, 'to') - planned(of, 'from'));
  /** Not counted in the recording: what its plan does. */
  const byPlan = (name: string, what: string, of: PlanCount): WhatIfCount =>
    row(name, what, planned(of, 'from'), planned(of, 'to') - planned(of, 'from'));
  return [
    row('gathers', 'mmu_gather from tlb_gather_mmu() to tlb_finish_mmu()', gathers.length, 0),
    counted(
      'tables',
      'page tables removed',
      (g) => g.levels.length,
      () => 0,
    ),
    counted('flushes', 'flush_tlb_mm_range() in gathers', (g) => g.flushes.length, flushesOf),
    flushIpis(gathers, changes),
    counted(
      'syncRounds',
      'tlb_remove_table_sync_one()',
      (g) => g.syncs,
      (p) => p.syncs,
    ),
    syncIpis(
      sum((g) => g.syncs),
      sum((g) => g.syncIpis),
      planned((p) => p.syncs, 'to') - planned((p) => p.syncs, 'from'),
      cpus,
    ),
    counted(
      'batchCalls',
      'call_rcu() of a batch of tables',
      (g) => g.batchCalls,
      (p) => p.batchCalls,
    ),
    counted(
      'singleCalls',
      'call_rcu() of one table',
      (g) => g.singleCalls,
      (p) => p.singleCalls,
    ),
    byPlan('deferredTables', 'tables freed by RCU', (p) => p.fates.filter((f) => f !== 'inline').length),
    byPlan('inlineTables', 'tables freed inside the gather', (p) => p.inlineFrees),
    byPlan('gracePeriods', 'synchronize_rcu() waited for', (p) => p.gracePeriods),
  ];
}

type PlanCount = (plan: GatherPlan) => number;

const row = (name: string, what: string, before: number | null, more: number): WhatIfCount => ({
  name,
  what,
  before,
  after: before === null ? null : Math.max(0, before + more),
});

const flushesOf: PlanCount = (p) => p.midFlushes + (p.finalFlush ? 1 : 0);

/** Unknown where the recording does not show whom each flush interrupts. */
function flushIpis(gathers: readonly GatherRec[], changes: readonly (Change | null)[]): WhatIfCount {
  const known = gathers.every((g) => g.flushes.every((f) => f.targets >= 0));
  const ipis = gathers.reduce((s, g) => s + g.flushes.reduce((n, f) => n + Math.max(0, f.targets), 0), 0);
  const more = gathers.reduce((s, g, i) => {
    const c = changes[i];
    return c ? s + (flushesOf(c.to) - flushesOf(c.from)) * Math.max(0, tableTargets(g)) : s;
  }, 0);
  return row('flushIpis', 'IPIs of those flushes', known ? ipis : null, more);
}

function syncIpis(syncs: number, ipis: number, moreSyncs: number, cpus: number): WhatIfCount {
  const more = moreSyncs < 0 && syncs > 0 ? (ipis * moreSyncs) / syncs : moreSyncs * (cpus - 1);
  return row('syncIpis', 'IPIs of those, to all other CPUs online', ipis, more);
}

/** Counts of all gathers of one shape: the same tables in the same order, in the same kind of gather. */
export interface ShapeCounts {
  readonly shape: string;
  readonly gathers: number;
  readonly counts: readonly WhatIfCount[];
}

/** Counts per shape: recordings of one workload that hold different numbers of calls can be compared by them. */
export function shapeCounts(
  recorded: Recorded,
  changes: readonly (Change | null)[],
  cpus: number,
): ShapeCounts[] {
  const groups = new Map<string, number[]>();
  recorded.gathers.forEach((g, i) => {
    if (g.levels.length === 0) return;
    const where = g.span >= 0 ? 'syscall' : g.fullmm ? 'exit' : 'other';
    const key = `${where} ${g.levels.join('')}`;
    const list = groups.get(key);
    if (list) list.push(i);
    else groups.set(key, [i]);
  });
  return [...groups].map(([shape, list]) => ({
    shape,
    gathers: list.length,
    counts: countsOf(
      { ...recorded, gathers: list.map((i) => recorded.gathers[i]!) },
      list.map((i) => changes[i]!),
      cpus,
    ),
  }));
}
