import { kindSet, OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Evidence } from '../evidence.js';
import { flips, LOSS, margin, order, w, witnesses } from '../evidence.js';
import { pageName } from '../rules/names.js';
import { everyTargetShown, flushAbsence, LEAVES_ONLY, stillCached } from '../rules/unflushed.js';
import type { Task } from '../state/contexts.js';
import type { Instant } from '../state/walks.js';
import { KNOWN } from '../tally.js';
import { absent } from './absent.js';

/** Calls that promise their caller that what they removed is gone. */
const PROMISING = new Set(['munmap', 'mmap', 'mremap', 'madvise', 'mprotect', 'brk']);
const MAX_REMOVED = 4096;

/** A gather that ends while another one on the same mm is under way. */
interface Nested {
  readonly begin: Instant;
  readonly other: Instant;
  readonly otherTask: number;
  readonly mm: number;
  flushed: boolean;
}

/** What `seen` has a case for. */
const RETURN_KINDS = kindSet(OP.GB, OP.TR, OP.FR, OP.GE, OP.GEret, OP.SE, OP.EXIT, OP.SX, OP.EXITMM, OP.lost);

/**
 * I29 flush-before-return, as far as probes go. Page tables: what a call handed to a gather has been flushed when the call
 * returns. And mm/mmu_gather.c tlb_finish_mmu(): who ends a gather while another one on the mm is pending
 * (mm_tlb_flush_nested()) flushes all of it, since the other may have removed entries that it has not flushed yet.
 */
export class Returns {
  private readonly evidence: Evidence;
  private readonly nameOf: (id: number) => string;
  /** Tables handed over since a call that promises began, by task. */
  private readonly removed = new Map<number, { key: number; ref: EvidenceRef }[]>();
  /** Gathers between `tlb_gather_mmu` and the entry of `tlb_finish_mmu`: mm → task → beginning. */
  private readonly gathering = new Map<number, Map<number, Instant>>();
  private readonly ending = new Map<number, Nested>();

  constructor(evidence: Evidence, nameOf: (id: number) => string) {
    this.evidence = evidence;
    this.nameOf = nameOf;
  }

  seen(op: Op, task: Task): void {
    if (RETURN_KINDS[op.kind] === 0) return;
    switch (op.kind) {
      case OP.GB:
        if (isKnown(op.a1)) this.begun(op, task);
        return;
      case OP.TR:
        this.remove(op, task);
        return;
      case OP.FR: {
        const nested = this.ending.get(task.key);
        if (nested && op.a0 === nested.mm) nested.flushed = true;
        return;
      }
      case OP.GE:
        this.finishes(op, task);
        return;
      case OP.GEret:
        this.finished(op, task);
        return;
      case OP.SE:
      case OP.EXIT:
        this.removed.delete(task.key);
        return;
      case OP.SX:
        this.returns(op, task);
        return;
      case OP.EXITMM:
        this.gathering.delete(op.a0);
        return;
      case OP.lost:
        for (const list of this.removed.values()) {
          this.evidence.ledger.unknown(29, LOSS, list[0]!.ref, list.length);
        }
        this.removed.clear();
        this.gathering.clear();
        this.ending.clear();
        return;
      default:
    }
  }

  private now(op: Op): Instant {
    return { ref: op.ref, tsNs: op.tsNs, seq: this.evidence.state.seq, cpu: op.cpu };
  }

  private begun(op: Op, task: Task): void {
    let tasks = this.gathering.get(op.a1);
    if (!tasks) this.gathering.set(op.a1, (tasks = new Map()));
    // The outermost is what counts.
    if (!tasks.has(task.key)) tasks.set(task.key, this.now(op));
  }

  private remove(op: Op, task: Task): void {
    if (!isKnown(op.a2) || op.a2 === 0 || task.syscall < 0) return;
    if (!PROMISING.has(this.nameOf(task.syscall))) return;
    let list = this.removed.get(task.key);
    if (!list) this.removed.set(task.key, (list = []));
    if (list.length < MAX_REMOVED) list.push({ key: op.a2, ref: op.ref });
  }

  private finishes(op: Op, task: Task): void {
    const tasks = this.gathering.get(op.a1);
    const mine = tasks?.get(task.key);
    if (!tasks || !mine) return;
    // An inner gather of the task ends: the outer one goes on, and counts as pending.
    if (task.outer.length > 0) return;
    tasks.delete(task.key);
    if (tasks.size === 0) this.gathering.delete(op.a1);
    // `mm->tlb_flush_pending` above one: the kernel sees the other.
    if (!(op.a7 >= 2)) return;
    for (const [otherTask, other] of tasks) {
      this.ending.set(task.key, { begin: this.now(op), other, otherTask, mm: op.a1, flushed: false });
      return;
    }
  }

  private finished(op: Op, task: Task): void {
    const nested = this.ending.get(task.key);
    if (!nested || task.outer.length > 0) return;
    this.ending.delete(task.key);
    const { evidence } = this;
    if (nested.flushed) {
      evidence.ledger.pass(29, KNOWN.observed);
      return;
    }
    // The other may have ended meanwhile: then it has flushed itself.
    const { begin, other, mm } = nested;
    if (this.gathering.get(mm)?.get(nested.otherTask) !== other) return;
    if (order(evidence, other.tsNs, other.cpu, begin.tsNs, begin.cpu) !== KNOWN.observed) return;
    absent(
      evidence,
      29,
      { kinds: [OP.FR], cpu: op.cpu, since: begin.seq, probe: 'the flush_tlb_mm_range probe' },
      {
        message:
          'a gather ended without a flush while another one on the same mm was pending: what that one removed may still be cached when the call returns',
        ...flips(margin(evidence, other.tsNs, other.cpu, begin.tsNs, begin.cpu)),
        events: witnesses(
          w(other.ref, 'other gather begins'),
          w(begin.ref, 'this one ends'),
          w(op.ref, 'without a flush'),
        ),
      },
    );
  }

  private returns(op: Op, task: Task): void {
    const list = this.removed.get(task.key);
    if (!list) return;
    this.removed.delete(task.key);
    if (op.a0 !== task.syscall) return;
    const { evidence } = this;
    for (const { key, ref } of list) {
      const table = evidence.state.tables.get(key);
      // Released, and in use again: another life.
      if (!table || table.trRef !== ref) continue;
      if (table.flush) {
        evidence.ledger.pass(29, KNOWN.observed);
        continue;
      }
      const { begun, leafFlush } = table;
      if (leafFlush) {
        if (everyTargetShown(leafFlush)) evidence.ledger.pass(29, KNOWN.inferred);
        else evidence.ledger.unknown(29, LEAVES_ONLY, op.ref);
        continue;
      }
      absent(evidence, 29, flushAbsence(table, op), {
        message: `${this.nameOf(op.a0)} returned before table ${pageName(key)}, which it unlinked, was flushed`,
        ...stillCached(begun),
        events: witnesses(w(ref, 'unlinked'), w(begun?.frRef ?? -1, 'flush begins'), w(op.ref, 'returns')),
      });
    }
  }
}
