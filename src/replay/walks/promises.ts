import { kindSet, LOOKUP, OP, type Op, SPIN } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Evidence } from '../evidence.js';
import { w, witnesses } from '../evidence.js';
import type { Task } from '../state/contexts.js';
import { KNOWN } from '../tally.js';
import { absent } from './absent.js';

/** include/linux/mm.h. */
const VM_PFNMAP = 0x400;
const VM_MIXEDMAP = 0x10000000;

interface Gathering {
  /** unmap_vmas() was entered. */
  unmapped: EvidenceRef;
  /** A flush since has returned. */
  flushed: EvidenceRef;
  /** Notifiers were told since. */
  notified: boolean;
}

/** What `seen` has a case for. */
const PROMISE_KINDS = kindSet(
  OP.UVMA,
  OP.MNI,
  OP.FD,
  OP.VMAOFF,
  OP.GE,
  OP.UNSH,
  OP.SE,
  OP.SX,
  OP.MAPR,
  OP.PLK,
  OP.EXITMM,
  OP.lost,
);

/**
 * What has to be flushed before something else happens, by probes: I28 flush-before-ptl-drop,
 * I30 pfnmap-flush-before-vma-unlink, I33 secondary-mmu (user tables), I35 unshare-sync.
 */
export class Promises {
  private readonly evidence: Evidence;
  private readonly gathers = new Map<number, Gathering>();
  /** Shared PMD tables left by a task since its last flush. */
  private readonly unshared = new Map<number, { ref: EvidenceRef; seq: number; flushed: boolean }>();
  /** In mremap: old tables whose lock the task took, and whether a flush came while it held it. */
  private readonly moving = new Map<
    number,
    Map<number, { ref: EvidenceRef; seq: number; flushed: boolean }>
  >();
  /** Tasks in exit_mmap(). */
  private readonly exiting = new Set<number>();
  private readonly syscallName: (id: number) => string;

  constructor(evidence: Evidence, syscallName: (id: number) => string) {
    this.evidence = evidence;
    this.syscallName = syscallName;
  }

  seen(op: Op, task: Task): void {
    if (PROMISE_KINDS[op.kind] === 0) return;
    switch (op.kind) {
      case OP.UVMA:
        this.gathers.set(task.key, { unmapped: op.ref, flushed: -1, notified: false });
        return;
      case OP.MNI: {
        const g = this.gathers.get(task.key);
        if (g) g.notified = true;
        return;
      }
      case OP.FD:
        this.flushed(op, task);
        return;
      case OP.VMAOFF:
        this.offFile(op, task);
        return;
      case OP.GE:
        this.secondary(op, task);
        return;
      case OP.UNSH:
        if (op.a5 === 0 && op.a0 === 1) {
          this.unshared.set(task.key, { ref: op.ref, seq: this.evidence.state.seq, flushed: false });
        }
        return;
      case OP.SE:
        if (this.syscallName(op.a0) === 'mremap') this.moving.set(task.key, new Map());
        return;
      case OP.SX:
        this.returns(op, task);
        return;
      case OP.MAPR:
        if (op.a5 === LOOKUP.lock && op.a1 >= 0 && op.a0 !== 0) {
          this.locked(op, task);
        }
        return;
      case OP.PLK:
        if (!isKnown(op.a1)) return;
        if (op.a5 === SPIN.unlock) this.unlocked(op, task);
        // The PMD lock of a table that is moved whole, or of a huge page.
        else if (op.a5 === SPIN.lock && !task.gather) this.locked(op, task);
        return;
      case OP.EXITMM:
        if (op.a1 === 1) this.exiting.add(task.key);
        else this.exiting.delete(task.key);
        return;
      case OP.lost:
        this.gathers.clear();
        this.unshared.clear();
        this.moving.clear();
        return;
      default:
    }
  }

  private locked(op: Op, task: Task): void {
    const locks = this.moving.get(task.key);
    if (locks && !locks.has(op.a1)) {
      locks.set(op.a1, { ref: op.ref, seq: this.evidence.state.seq, flushed: false });
    }
  }

  private flushed(op: Op, task: Task): void {
    const g = this.gathers.get(task.key);
    if (g) g.flushed = op.ref;
    const left = this.unshared.get(task.key);
    if (left) left.flushed = true;
    const locks = this.moving.get(task.key);
    if (!locks || task.gather) return;
    for (const lock of locks.values()) {
      if (!task.flush || task.flush.frSeq > lock.seq) lock.flushed = true;
    }
  }

  /** I30: once the mapping is off its file, unmap_mapping_range() cannot find what is still cached. */
  private offFile(op: Op, task: Task): void {
    const g = this.gathers.get(task.key);
    if (!g || !isKnown(op.a1) || !hasPfns(op.a1)) return;
    if (g.flushed >= 0) {
      this.evidence.ledger.pass(30, KNOWN.observed);
      return;
    }
    // Without a present entry there is nothing to flush: the vvar mapping of every process that exits is of this kind.
    if (this.exiting.has(task.key) || task.gather?.full === true) return;
    this.evidence.ledger.unknown(
      30,
      'no flush between unmap_vmas and the unlink; whether anything was mapped there is not shown',
      op.ref,
    );
  }

  /** I33, user half: nobody is subscribed, or whoever is was told. */
  private secondary(op: Op, task: Task): void {
    const g = this.gathers.get(task.key);
    this.gathers.delete(task.key);
    if (!isKnown(op.a6)) return;
    if (op.a6 === 0) this.evidence.ledger.pass(33, KNOWN.observed);
    else if (g?.notified) this.evidence.ledger.pass(33, KNOWN.inferred);
    else {
      this.evidence.ledger.unknown(
        33,
        'a device or guest is subscribed to the mm; whether it was told is not shown: needs __mmu_notifier_invalidate_range_start',
        op.ref,
      );
    }
  }

  /** I28: eb66ae030829, the old place is flushed before whoever waits for its lock can see the new one. */
  private unlocked(op: Op, task: Task): void {
    const locks = this.moving.get(task.key);
    const lock = locks?.get(op.a1);
    if (!locks || !lock) return;
    locks.delete(op.a1);
    // Without a flush inside nothing present was moved, as far as this shows.
    if (lock.flushed) this.evidence.ledger.pass(28, KNOWN.observed);
  }

  private returns(op: Op, task: Task): void {
    this.moving.delete(task.key);
    const left = this.unshared.get(task.key);
    if (!left) return;
    this.unshared.delete(task.key);
    if (left.flushed) {
      this.evidence.ledger.pass(35, KNOWN.inferred);
      return;
    }
    absent(
      this.evidence,
      35,
      { kinds: [OP.FD], cpu: op.cpu, since: left.seq, probe: 'the flush_tlb_mm_range probe' },
      {
        message: 'a shared PMD table was left, and the call returned without a flush',
        events: witnesses(w(left.ref, 'left'), w(op.ref, 'returns')),
      },
    );
  }
}

/** Both flags stand in the low word. */
const hasPfns = (flags: number): boolean => {
  const low = flags % 2 ** 32;
  return (low & VM_PFNMAP) !== 0 || (low & VM_MIXEDMAP) !== 0;
};
