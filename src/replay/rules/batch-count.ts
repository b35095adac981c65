import { CALLBACK } from '../../kernel/operands.js';
import { FUNC, OP, type Op } from '../../kernel/ops.js';
import type { Evidence } from '../evidence.js';
import type { Head } from '../state/table-life.js';

/** What the count that a batch callback prints says of the tables that were appended; null: nothing, or that it agrees. */
export type BatchCount = 'lost' | 'still-listed' | 'differs' | null;

export function batchCount({ state }: Evidence, head: Head, op: Op): BatchCount {
  if (
    op.kind !== OP.CB ||
    !(CALLBACK.batchNr(op) >= 0) ||
    head.func !== FUNC.tlb_remove_table_rcu ||
    !head.tablesKnown
  )
    return null;
  if (CALLBACK.batchNr(op) === head.tables.length) return null;
  // Every level passes tlb_remove_table(): only where its probe showed all of them is the count known.
  if (head.tables.length === 0 || !head.tables.every((t) => t.appRef >= 0)) return null;
  // What waited by itself for all CPUs or for a grace period was released by its task, shown or not.
  const unasked = state.unaskedSyncSeq;
  const alone = head.tables.filter(
    (t) => t.sync !== null || t.gpWait || (t.flush !== null && t.trSeq < unasked),
  ).length;
  if (CALLBACK.batchNr(op) < head.tables.length && CALLBACK.batchNr(op) >= head.tables.length - alone)
    return null;
  if (state.lossSeq > 0) return 'lost';
  const stillListed =
    head.released.length > 0 && CALLBACK.batchNr(op) === head.tables.length + head.released.length;
  return stillListed ? 'still-listed' : 'differs';
}
