import type { Policy } from './policy.js';
import type { Recorded } from './recorded.js';
import { NO_BETTER, NO_CHANGE, type WhatIfReport } from './report.js';
import type { Change } from './transform.js';

/** Where nothing or only the free path's own steps change, pairs of recordings differed by more than the model says. */
export function noBetter(report: WhatIfReport, changes: readonly Change[]): string[] {
  const other = (c: Change): boolean =>
    c.from.midFlushes !== c.to.midFlushes ||
    c.from.finalFlush !== c.to.finalFlush ||
    c.from.syncs !== c.to.syncs ||
    c.from.gracePeriods !== c.to.gracePeriods;
  if (report.series.every((s) => s.changed === 0)) return report.series.length > 0 ? [NO_CHANGE] : [];
  return changes.some(other) ? [] : [NO_BETTER];
}

/** What a reader has to know of the answer. `part`: of the asks for memory that failed, where they are drawn. */
export function notesOf(
  report: WhatIfReport,
  recorded: Recorded,
  from: Policy,
  to: Policy,
  part: number | null,
): string[] {
  const notes: string[] = [];
  const { withTables, reproduced, cut } = report.gathers;
  if (from.id === to.id) notes.push(`the recording can be ${to.id} already: nothing changes`);
  if (reproduced < withTables) {
    notes.push(
      `the model reproduces the recorded counts of ${reproduced} of ${withTables} gathers with tables; of the others only the difference between the variants is applied`,
    );
  }
  const { starved } = report.gathers;
  if (part !== null) {
    notes.push(
      `${starved} of ${withTables} gathers found no memory for a batch: ${to.id} asks at other points, so each of its asks is drawn to fail in ${Math.round(part * 100)} %, as often as those recorded; what would have failed is not known, so there are no intervals`,
    );
  } else if (starved > 0 && from.leaf !== to.leaf) {
    notes.push(
      `${starved} of ${withTables} gathers found no memory for a batch, nearly all that asked: ${to.id} is taken to find none at any of their tables`,
    );
  }
  if (cut > 0)
    notes.push(`${cut} gathers are cut by an end of the recording or by lost events and are left out`);
  if (recorded.full) notes.push('more syscalls than are kept one by one: the first 500000 are re-run');
  for (const c of report.costs) {
    if (c.used && c.basis === 'prior')
      notes.push(`${c.id}: a prior of bare metal, nothing in the recording measures it`);
  }
  if ((report.deferred?.clock.prior ?? 0) > 0) {
    notes.push('the recording shows no RCU callback: when tables would come back is a prior of 5 to 40 ms');
  }
  return notes;
}
