import { tableTargets } from './costs.js';
import type { GatherPlan } from './gather-plan.js';
import type { Recorded } from './recorded.js';
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
  const sum = (of: (i: number) => number): number => gathers.reduce((s, _, i) => s + of(i), 0);
  const delta = (of: (p: GatherPlan) => number): number =>
    sum((i) => (changes[i] ? of(changes[i]!.to) - of(changes[i]!.from) : 0));
  const flushesOf = (p: GatherPlan): number => p.midFlushes + (p.finalFlush ? 1 : 0);
  const flushes = sum((i) => gathers[i]!.flushes.length);
  const known = gathers.every((g) => g.flushes.every((f) => f.targets >= 0));
  const ipis = sum((i) => gathers[i]!.flushes.reduce((s, f) => s + Math.max(0, f.targets), 0));
  const moreIpis = sum((i) => {
    const c = changes[i];
    return c ? (flushesOf(c.to) - flushesOf(c.from)) * Math.max(0, tableTargets(gathers[i]!)) : 0;
  });
  const syncs = sum((i) => gathers[i]!.syncs);
  const syncIpis = sum((i) => gathers[i]!.syncIpis);
  const moreSyncs = delta((p) => p.syncs);
  const row = (name: string, what: string, before: number | null, more: number): WhatIfCount => ({
    name,
    what,
    before,
    after: before === null ? null : Math.max(0, before + more),
  });
  return [
    row('gathers', 'mmu_gather from tlb_gather_mmu() to tlb_finish_mmu()', gathers.length, 0),
    row(
      'tables',
      'page tables removed',
      sum((i) => gathers[i]!.levels.length),
      0,
    ),
    row('flushes', 'flush_tlb_mm_range() in gathers', flushes, delta(flushesOf)),
    row('flushIpis', 'IPIs of those flushes', known ? ipis : null, moreIpis),
    row('syncRounds', 'tlb_remove_table_sync_one()', syncs, moreSyncs),
    row(
      'syncIpis',
      'IPIs of those, to all other CPUs online',
      syncIpis,
      moreSyncs < 0 && syncs > 0 ? (syncIpis * moreSyncs) / syncs : moreSyncs * (cpus - 1),
    ),
    row(
      'batchCalls',
      'call_rcu() of a batch of tables',
      sum((i) => gathers[i]!.batchCalls),
      delta((p) => p.batchCalls),
    ),
    row(
      'singleCalls',
      'call_rcu() of one table',
      sum((i) => gathers[i]!.singleCalls),
      delta((p) => p.singleCalls),
    ),
    row(
      'deferredTables',
      'tables freed by RCU',
      delta0(changes, (p) => p.fates.filter((f) => f !== 'inline').length, 'from'),
      delta((p) => p.fates.filter((f) => f !== 'inline').length),
    ),
    row(
      'inlineTables',
      'tables freed inside the gather',
      delta0(changes, (p) => p.inlineFrees, 'from'),
      delta((p) => p.inlineFrees),
    ),
    row(
      'gracePeriods',
      'synchronize_rcu() waited for',
      delta0(changes, (p) => p.gracePeriods, 'from'),
      delta((p) => p.gracePeriods),
    ),
  ];
}

const delta0 = (
  changes: readonly (Change | null)[],
  of: (p: GatherPlan) => number,
  which: 'from' | 'to',
): number => changes.reduce((s, c) => s + (c ? of(c[which]) : 0), 0);

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
