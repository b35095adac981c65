import { OP, type Op, type OpKind } from '../../kernel/ops.js';
import { CONTEXT } from '../../timeline/flags.js';
import { isKnown } from '../../timeline/is-known.js';
import { type Absence, absent, type Evidence, instanceOf, w, witnesses } from '../evidence.js';
import type { Flush, Gather, Table } from '../state/table-life.js';
import { KNOWN, type Violation } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { tableName } from './names.js';

export const FLUSH_RETURN = 'the return of flush_tlb_mm_range()';
export const FLUSH_PROBE = 'the flush_tlb_mm_range probes (entry and return)';

/** Of a table whose flush returned, unless every CPU it was sent to is shown to have invalidated all (`everyTargetShown`). */
export const LEAVES_ONLY = 'the flush passed freed_tables=0: lazy CPUs may have been skipped';

export const NEVER_BACK =
  'the return of its flush is never shown, and nothing tells what ran in interrupts (no flags column)';

/** Why a page released before the flush accuses nobody; null: it does. */
export function earlyDoubt({ known, taken }: Gather['early'][number], when: string): string | null {
  if (!known) return `a page freed ${when} is not known to be a frame of this mm`;
  return taken
    ? null
    : `a page was freed ${when}, but perhaps by MADV_FREE, MADV_COLD or MADV_PAGEOUT, which only mark pages: needs the arguments of madvise() and process_madvise(), or probes on unmap_vmas and free_pgtables`;
}

/** Released between the beginning of a flush and where its return was due: it may have been back by then. */
export const perhapsBack = (early: Gather['early'][number], flush: Flush): boolean =>
  flush.backByOrder && early.seq > flush.frSeq;

/** What may have been missed where a flush seems to be absent: it, and the gather that it belongs to. */
const FLUSHING: readonly OpKind[] = [OP.FR, OP.FD, OP.FMULTI, OP.GB, OP.GE, OP.TR, OP.APP, OP.UL];

/** What is not there where a table has no finished flush at `op`: its return, or all of it. */
export function flushAbsence(table: Table, { context }: Op): Absence {
  const { begun } = table;
  // A deferred table was unlinked and flushed before it was handed over.
  const since = isKnown(table.deferredSince) ? table.deferredSince : table.trSeq;
  if (!begun) return { kinds: [OP.FR, OP.FD], cpu: table.trCpu, since, probe: FLUSH_PROBE };
  return {
    kinds: [OP.FD],
    cpu: begun.cpu,
    since: begun.frSeq,
    probe: FLUSH_PROBE,
    // Without a flags column the task's program order proves nothing: one hit of the return probe may be missing.
    doubt: () =>
      context === CONTEXT.unknown && (begun.fdSeq === 0 || begun.backByOrder) ? NEVER_BACK : null,
  };
}

/** A table without a finished flush: not begun, or begun and not back. Either rests on what is not there. */
export function unflushed(
  evidence: Evidence,
  verdicts: Verdicts,
  table: Table,
  op: Op,
  done: string,
  role: string,
): void {
  if (table.deferredSince < 0) {
    verdicts.unknown('its unlink and its flush lie before the recording', op.ref);
    return;
  }
  const { begun } = table;
  const absence = flushAbsence(table, op);
  const released = role === 'released';
  absent(evidence, verdicts, released ? { ...absence, instance: instanceOf(op) } : absence, {
    message: begun
      ? `${tableName(table)} was ${done} ${narrowOr(begun, 'before its flush returned')}`
      : `${tableName(table)} was ${done} with no TLB flush since its unlink`,
    ...stillCached(begun),
    rests: { since: absence.since, kinds: FLUSHING },
    events: witnesses(
      w(table.trRef, 'unlinked'),
      w(begun?.frRef ?? -1, 'flush begins'),
      w(begun?.leftOut?.ref ?? -1, 'addresses to be flushed'),
      w(released ? (table.head?.crRef ?? -1) : -1, 'call_rcu'),
      w(op.ref, role),
    ),
  });
}

/** `what` happened at `op` after a flush of the gather that was one of other addresses (`leftOut`). */
export function flushedElsewhere(
  evidence: Evidence,
  verdicts: Verdicts,
  flush: Flush,
  op: Op,
  what: string,
  role: string,
): void {
  absent(
    evidence,
    verdicts,
    { kinds: [OP.FR], cpu: flush.cpu, since: flush.frSeq, probe: FLUSH_PROBE, instance: instanceOf(op) },
    {
      message: `${what} ${narrowOr(flush, '')}`,
      ...stillCached(flush),
      before: op.ref,
      events: witnesses(
        w(flush.leftOut?.ref ?? -1, 'addresses to be flushed'),
        w(flush.frRef, 'flush begins'),
        w(op.ref, role),
      ),
    },
  );
}

/** As `unflushed`, of a flush whose return was not seen before, but comes now. */
export const withinFlush = (
  table: Table,
  flush: Flush,
  op: Op,
  done: string,
  role: string,
): Omit<Violation, 'known'> => ({
  message: `${tableName(table)} was ${done} before its flush returned`,
  ...stillCached(flush),
  before: op.ref,
  events: witnesses(
    w(table.trRef, 'unlinked'),
    w(flush.frRef, 'flush begins'),
    w(role === 'released' ? (table.head?.crRef ?? -1) : -1, 'call_rcu'),
    w(op.ref, role),
  ),
});

/** … of a page released in that gather. */
export const pageWithinFlush = (gather: Gather, flush: Flush, op: Op): Omit<Violation, 'known'> => ({
  message: 'a page of this mm was released before the TLB flush of its gather had returned',
  severity: 'S1',
  before: op.ref,
  missing: FLUSH_RETURN,
  events: witnesses(
    w(gather.gbRef, 'gather begins'),
    w(flush.frRef, 'flush begins'),
    w(op.ref, 'page released'),
  ),
});

/** Who may still walk a table whose flush has not returned, as far as its sender says. */
export function stillCached(begun: Flush | null): { held?: readonly string[]; missing?: string } {
  if (!begun) return {};
  if (begun.leftOut && begun.fdSeq > 0) {
    const { start, end } = begun.leftOut;
    return {
      held: [`CPUs of the mm: what they cached of ${range(start, end)}`],
      missing: `flush_tlb_mm_range() of ${range(start, end)}`,
    };
  }
  const open = begun.targets.filter((t) => t.ixRef < 0);
  const held = open.map(
    (t) => `CPU ${t.cpu}: TLB and paging-structure cache, its flush handler not finished`,
  );
  return held.length > 0 ? { held, missing: FLUSH_RETURN } : { missing: FLUSH_RETURN };
}

const range = (start: number, end: number): string => `0x${start.toString(16)}-0x${end.toString(16)}`;

/** A flush that has returned and is not enough asked for other addresses. */
export function narrowOr(begun: Flush, early: string): string {
  if (!begun.leftOut || begun.fdSeq === 0) return early;
  const { start, end } = begun.leftOut;
  return `after a flush of ${range(begun.start, begun.end)}, which leaves out ${range(start, end)}`;
}

/** freed_tables interrupts every CPU of the mask: with all of their handlers seen, none is missing. */
export function everyCpuAnswered(flush: Flush): boolean {
  if (flush.freedTables !== 1 || !(flush.mask > 0) || flush.targets.length === 0) return false;
  let bits = flush.mask;
  for (let cpu = 0; bits > 0; cpu++, bits = Math.floor(bits / 2)) {
    if (bits % 2 === 1 && cpu !== flush.cpu && !flush.targets.some((t) => t.cpu === cpu)) return false;
  }
  return true;
}

export function everyTargetShown(flush: Flush): boolean {
  if (!flush.multi || (flush.handlersOnly && !everyCpuAnswered(flush))) return false;
  for (const target of flush.targets) if (target.invRef < 0) return false;
  return flush.targets.length > 0;
}

/** A page of the mm that was released before the flush of its gather had returned. */
export const releasedEarly = (
  gather: Gather,
  early: Gather['early'][number],
  flush: Flush,
  op: Op,
): Violation => ({
  message: 'a page of this mm was released before the TLB flush of its gather had returned',
  known: KNOWN.observed,
  severity: 'S1',
  before: early.ref,
  missing: FLUSH_RETURN,
  events: witnesses(
    w(gather.gbRef, 'gather begins'),
    w(early.ref, 'page released'),
    w(flush.frRef, 'flush begins'),
    w(op.ref, 'flush done'),
  ),
});
