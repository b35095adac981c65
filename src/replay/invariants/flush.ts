import { FUNC, OP, type Op } from '../../kernel/ops.js';
import { type Complaint, KNOWN } from '../ledger.js';
import type { Flush, Gather, Head, Table, Target } from '../state.js';
import {
  type Absence,
  absent,
  CLOCK,
  type Court,
  explainedBySkew,
  flips,
  instanceOf,
  LOSS,
  lostSince,
  margin,
  order,
  w,
  witnesses,
} from './court.js';
import { LateAnswers } from './late-answers.js';
import { SinglePathShape } from './single-path.js';
import { levelName, pageName } from './table-life.js';

const FLUSH_RETURN = 'the return of flush_tlb_mm_range()';
const FLUSH_PROBE = 'the flush_tlb_mm_range probes (entry and return)';

/**
 * Flushes: I02 tlb-before-free, I03 pwc-before-reuse, I09 invalidate-before-callrcu, I10 flush-mmu-order, I24 ipi-wait;
 * `single-path.ts` is asked for I07. Source: mm/mmu_gather.c tlb_flush_mmu(), tlb_table_flush();
 * arch/x86/mm/tlb.c flush_tlb_mm_range(); SDM vol. 3A §4.10.4.
 */
export class FlushFamily {
  private readonly court: Court;
  private readonly singlePath: SinglePathShape;
  private readonly answers: LateAnswers;

  private untargeted = 0;
  private untargetedRef = -1;

  constructor(court: Court) {
    this.court = court;
    this.singlePath = new SinglePathShape(court);
    this.answers = new LateAnswers(court);
  }

  end(): void {
    this.answers.end();
    const { coverage, ledger } = this.court;
    if (coverage.total(OP.IS) === 0) {
      for (let i = 0; i < this.untargeted; i++) {
        ledger.unknown(24, 'targets of the broadcast are not shown', this.untargetedRef);
      }
    }
    this.untargeted = 0;
  }

  tableFreed(table: Table, op: Op): void {
    if (table.trSeq === 0) return;
    const { ledger } = this.court;
    const flush = table.flush;
    if (flush) {
      ledger.pass(2, KNOWN.inferred);
      ledger.pass(3, everyTargetShown(flush) ? KNOWN.observed : KNOWN.inferred);
    } else if (table.leafFlush) {
      ledger.pass(2, KNOWN.inferred);
      if (everyTargetShown(table.leafFlush)) ledger.pass(3, KNOWN.inferred);
      else ledger.unknown(3, 'the flush passed freed_tables=0: lazy CPUs may have been skipped', op.ref);
    } else this.freedUnflushed(table, op);
    if (table.head === null && table.appRef >= 0 && table.freedByTask) this.singlePath.syncFree(table, op);
  }

  /** Released without a finished flush: not begun, or begun and not back. Both rest on what is not there. */
  private freedUnflushed(table: Table, op: Op): void {
    const begun = table.begun;
    const name = `${levelName(table)} table ${pageName(table.key)}`;
    for (const id of [2, 3]) {
      absent(
        this.court,
        id,
        { ...unflushed(table), instance: instanceOf(op) },
        {
          message: begun
            ? `${name} was released ${narrowOr(begun, 'before its flush returned')}`
            : `${name} was released with no TLB flush since its unlink`,
          ...stillCached(begun),
          events: witnesses(
            w(table.trRef, 'unlinked'),
            w(begun?.frRef ?? -1, 'flush begins'),
            w(begun?.leftOut?.ref ?? -1, 'addresses to be flushed'),
            w(table.head?.crRef ?? -1, 'call_rcu'),
            w(op.ref, 'released'),
          ),
        },
      );
    }
  }

  reused(table: Table, op: Op): void {
    const { ledger, coverage } = this.court;
    // Releases are shown by pfn: without the base they cannot be tied to this table.
    if (coverage.total(OP.FREE) === 0 || table.key < 0) return;
    if (lostSince(this.court, table.trSeq)) {
      ledger.unknown(3, LOSS, op.ref);
      return;
    }
    ledger.violated(3, {
      message: `${levelName(table)} table ${pageName(table.key)} was allocated again before it was released`,
      known: KNOWN.absence,
      assumesAllCpus: true,
      events: witnesses(
        w(table.trRef, 'unlinked'),
        w(table.head?.crRef ?? -1, 'call_rcu'),
        w(op.ref, 'reused'),
      ),
    });
  }

  /** A page that is not a tracked table, released by the gather's own task. */
  pageFreed(known: boolean, gather: Gather, op: Op): void {
    if (gather.narrow) this.afterNarrow(known, gather.narrow, op);
    else if (gather.flushes > 0) this.court.ledger.pass(2, KNOWN.inferred);
    else if (gather.headless) this.court.ledger.censored(2);
    else gather.early.push({ ref: op.ref, ts: op.tsNs, seq: this.court.state.seq, known });
  }

  /** I02, data pages: the flush before their release was one of other addresses. */
  private afterNarrow(known: boolean, flush: Flush, op: Op): void {
    if (!known) {
      const why = 'the flush before it leaves addresses out; whether the page was mapped there is not known';
      this.court.ledger.unknown(2, why, op.ref);
      return;
    }
    absent(
      this.court,
      2,
      { kinds: [OP.FR], cpu: flush.cpu, since: flush.frSeq, probe: FLUSH_PROBE, instance: instanceOf(op) },
      {
        message: `a page of this mm was released ${narrowOr(flush, '')}`,
        ...stillCached(flush),
        before: op.ref,
        events: witnesses(
          w(flush.leftOut!.ref, 'addresses to be flushed'),
          w(flush.frRef, 'flush begins'),
          w(op.ref, 'page released'),
        ),
      },
    );
  }

  flushDone(flush: Flush, gather: Gather | null, op: Op): void {
    if (gather && gather.early.length > 0) {
      this.judgeEarly(gather, flush, op);
    }
    if (flush.handlersOnly ? everyCpuAnswered(flush) : flush.targets.length > 0) this.targetsLeft(flush, op);
    else if (flush.multi) {
      // Nobody needed an interrupt, or nothing shows who got one: told apart at the end.
      if (this.untargeted++ === 0) this.untargetedRef = flush.frRef;
    }
  }

  private judgeEarly(gather: Gather, flush: Flush, op: Op): void {
    const { ledger } = this.court;
    for (const early of gather.early) {
      if (lostSince(this.court, gather.gbSeq)) {
        ledger.unknown(2, LOSS, early.ref);
        continue;
      }
      if (!early.known) {
        ledger.unknown(2, 'a page freed before the flush is not known to be a frame of this mm', early.ref);
        continue;
      }
      for (const id of [2, 10]) {
        ledger.violated(id, {
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
      }
    }
    gather.early = [];
  }

  gatherOver(gather: Gather, op: Op): void {
    if (gather.early.length === 0) return;
    for (const early of gather.early) {
      if (!early.known) {
        this.court.ledger.unknown(
          2,
          'a page freed without a flush is not known to be a frame of this mm',
          early.ref,
        );
        continue;
      }
      absent(
        this.court,
        2,
        { kinds: [OP.FR, OP.FD], cpu: op.cpu, since: gather.gbSeq, probe: FLUSH_PROBE },
        {
          message: 'a page of this mm was released by a gather that never flushed',
          before: early.ref,
          events: witnesses(
            w(gather.gbRef, 'gather begins'),
            w(early.ref, 'page released'),
            w(op.ref, 'gather ends'),
          ),
        },
      );
    }
    gather.early = [];
  }

  /** I10, first release of a cycle after its flush. */
  cycleFreed(gather: Gather): void {
    if (gather.flushes > 0) this.court.ledger.pass(10, KNOWN.observed);
  }

  /** I24: kernel/smp.c smp_call_function_many_cond() with wait: the sender leaves after the last handler. */
  private targetsLeft(flush: Flush, op: Op): void {
    const { ledger } = this.court;
    let missing = 0;
    for (const target of flush.targets) if (target.ixRef < 0 && target.invRef < 0) missing++;
    for (const target of flush.targets) {
      if (target.ixRef < 0) flush.lateTargets++;
      else this.court.skew.bound(target.cpu, flush.cpu, op.tsNs - target.ixTs);
    }
    if (missing === 0 && flush.targets.some((t) => t.inverted)) {
      ledger.unknown(24, CLOCK, op.ref);
      flush.lateTargets = -1;
      return;
    }
    if (missing === 0 && lostSince(this.court, flush.frSeq)) {
      // A target that was lost with its handler would not be missed.
      ledger.unknown(24, LOSS, op.ref);
      return;
    }
    if (missing === 0) {
      flush.waited = true;
      this.answers.returned(flush);
      const seen = flush.lateTargets === 0 && !flush.handlersOnly;
      ledger.pass(24, seen ? KNOWN.observed : KNOWN.inferred);
      return;
    }
    for (const target of flush.targets) {
      if (target.ixRef >= 0 || target.invRef >= 0) continue;
      absent(
        this.court,
        24,
        {
          kinds: [OP.IX],
          cpu: target.cpu,
          since: flush.frSeq,
          probe: 'csd:csd_function_exit',
          instance: instanceOf(op),
          still: () => target.ixRef < 0 && target.invRef < 0,
          doubt: () => (target.inverted ? CLOCK : null),
        },
        {
          assumesAllCpus: false,
          message: `the flush returned although CPU ${target.cpu} never ran its handler`,
          held: [`CPU ${target.cpu}: its TLB, not flushed`],
          events: witnesses(w(target.isRef, `sent to CPU ${target.cpu}`), w(op.ref, 'flush returned')),
        },
      );
    }
  }

  targetLate(target: Target, op: Op): void {
    const flush = target.flush!;
    const { ledger } = this.court;
    if (flush.waited) {
      flush.waited = false;
      ledger.revoke(24, KNOWN.inferred);
    } else if (flush.lateTargets < 0) return;
    // One verdict per broadcast.
    flush.lateTargets = -1;
    const known = order(this.court, flush.fdTs, flush.cpu, target.ixTs, target.cpu);
    if (known === null) {
      ledger.unknown(24, CLOCK, op.ref);
      return;
    }
    const complaint: Complaint = {
      message: `the flush returned before CPU ${target.cpu} had finished its handler`,
      known,
      certain: true,
      held: [`CPU ${target.cpu}: its TLB, the handler not finished`],
      before: flush.fdRef,
      ...flips(margin(this.court, flush.fdTs, flush.cpu, target.ixTs, target.cpu)),
      events: witnesses(
        w(flush.frRef, 'flush begins'),
        w(target.isRef, `sent to CPU ${target.cpu}`),
        w(flush.fdRef, 'flush returned'),
        w(op.ref, 'handler ends'),
      ),
    };
    const skewed = explainedBySkew(this.court, flush.fdTs, flush.cpu, target.ixTs, target.cpu);
    if (skewed) this.answers.late(flush, target.cpu, complaint);
    else ledger.violated(24, complaint);
  }

  queued(head: Head, gather: Gather | null, op: Op): void {
    for (const table of head.tables) {
      if (table.trSeq > 0) this.invalidatedBefore(table, head, op);
    }
    if (head.func === FUNC.__tlb_remove_table_one_rcu) {
      for (const table of head.tables) if (table.flush) this.singlePath.callRcu(table, op);
    }
    if (gather && head.func === FUNC.tlb_remove_table_rcu && gather.lastFlush) this.orderInCycle(gather, op);
  }

  /** I09: commit d86564a2f085, invalidate before the batch is handed to RCU. */
  private invalidatedBefore(table: Table, head: Head, op: Op): void {
    const { ledger } = this.court;
    if (table.flush) {
      const single = head.func !== FUNC.tlb_remove_table_rcu;
      const said = table.flush.freedTables === 1;
      ledger.pass(9, said ? (single ? KNOWN.observed : KNOWN.inferred) : KNOWN.assumed);
      return;
    }
    const name = `${levelName(table)} table ${pageName(table.key)}`;
    if (table.leafFlush) {
      ledger.violated(9, {
        message: `${name} was queued to RCU after a flush with freed_tables=0, which skips lazy CPUs`,
        known: KNOWN.observed,
        held: ['lazy CPUs of mm_cpumask: paging-structure caches, the way through the table'],
        events: witnesses(
          w(table.trRef, 'unlinked'),
          w(table.leafFlush.frRef, 'flush'),
          w(op.ref, 'call_rcu'),
        ),
      });
    } else {
      const begun = table.begun;
      const ids = head.func === FUNC.__tlb_remove_table_one_rcu ? [9, 7] : [9];
      for (const id of ids) {
        absent(this.court, id, unflushed(table), {
          message: begun
            ? `${name} was queued to RCU ${narrowOr(begun, 'before its flush returned')}`
            : `${name} was queued to RCU with no TLB flush since its unlink`,
          ...stillCached(begun),
          events: witnesses(
            w(table.trRef, 'unlinked'),
            w(begun?.frRef ?? -1, 'flush begins'),
            w(begun?.leftOut?.ref ?? -1, 'addresses to be flushed'),
            w(op.ref, 'call_rcu'),
          ),
        });
      }
    }
  }

  private orderInCycle(gather: Gather, op: Op): void {
    const { ledger } = this.court;
    if (gather.freesSinceFlush === 0) {
      if (lostSince(this.court, gather.lastFlush?.fdSeq ?? 0)) ledger.unknown(10, LOSS, op.ref);
      else ledger.pass(10, KNOWN.observed);
    } else if (gather.firstFreeKnown) {
      ledger.violated(10, {
        message: 'a page was released between the flush and the hand-over of the table batch to RCU',
        known: KNOWN.observed,
        before: gather.firstFreeRef,
        events: witnesses(
          w(gather.lastFlush?.fdRef ?? -1, 'flush done'),
          w(gather.firstFreeRef, 'page released'),
          w(op.ref, 'call_rcu'),
        ),
      });
    } else {
      ledger.unknown(10, 'a page freed between flush and call_rcu is not known to be of this mm', op.ref);
    }
  }
}

const range = (start: number, end: number): string => `0x${start.toString(16)}-0x${end.toString(16)}`;

/** A flush that has returned and is not enough asked for other addresses. */
function narrowOr(begun: Flush, early: string): string {
  if (!begun.leftOut || begun.fdSeq === 0) return early;
  const { start, end } = begun.leftOut;
  return `after a flush of ${range(begun.start, begun.end)}, which leaves out ${range(start, end)}`;
}

/** Who may still walk a table whose flush has not returned, as far as its sender says. */
function stillCached(begun: Flush | null): { held?: readonly string[]; missing?: string } {
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

/** The absence that a table without a finished flush rests on. */
function unflushed(table: Table): Absence {
  const begun = table.begun;
  return begun
    ? { kinds: [OP.FD], cpu: begun.cpu, since: begun.frSeq, probe: FLUSH_PROBE }
    : { kinds: [OP.FR, OP.FD], cpu: table.trCpu, since: table.trSeq, probe: FLUSH_PROBE };
}

/** freed_tables interrupts every CPU of the mask: with all of their handlers seen, none is missing. */
function everyCpuAnswered(flush: Flush): boolean {
  if (flush.freedTables !== 1 || !(flush.mask > 0) || flush.targets.length === 0) return false;
  let bits = flush.mask;
  for (let cpu = 0; bits > 0; cpu++, bits = Math.floor(bits / 2)) {
    if (bits % 2 === 1 && cpu !== flush.cpu && !flush.targets.some((t) => t.cpu === cpu)) return false;
  }
  return true;
}

function everyTargetShown(flush: Flush): boolean {
  if (!flush.multi || (flush.handlersOnly && !everyCpuAnswered(flush))) return false;
  for (const target of flush.targets) if (target.invRef < 0) return false;
  return flush.targets.length > 0;
}
