import { OP, type Op } from '../../kernel/ops.js';
import { KNOWN } from '../ledger.js';
import { LIFE, type Table, type Task } from '../state.js';
import { type Court, LOSS, w, witnesses } from './court.js';
import { pageName } from './table-life.js';

/** A table that leaves by a path without probes is gone within a grace period; what is still there later is left. */
const SETTLE_NS = 1e9;

interface Left {
  readonly table: Table;
  readonly ref: number;
  readonly ts: number;
}

/**
 * I51 nr-ptes: when exit_mmap() returns, every PTE table that the process got in the recording has been handed over.
 * Source: kernel/fork.c check_mm() "non-zero pgtables_bytes on freeing mm".
 */
export class TableCountFamily {
  private readonly court: Court;
  private readonly byMm = new Map<number, Set<number>>();
  private readonly exits = new Map<number, number>();
  private left: Left[] = [];

  constructor(court: Court) {
    this.court = court;
  }

  seen(op: Op, task: Task): void {
    if (op.kind === OP.PUB) {
      if (op.a0 !== op.a0 || op.a2 !== op.a2) return;
      const keys = this.byMm.get(op.a0);
      if (keys) keys.add(op.a2);
      else this.byMm.set(op.a0, new Set([op.a2]));
    } else if (op.kind === OP.EXITMM) {
      if (op.a1 === 1) this.exits.set(task.key, op.a0);
      else this.exited(op, task);
    }
  }

  private exited(op: Op, task: Task): void {
    const mm = this.exits.get(task.key);
    this.exits.delete(task.key);
    const keys = mm === undefined ? undefined : this.byMm.get(mm);
    if (mm === undefined || !keys) return;
    this.byMm.delete(mm);
    const { ledger, state, coverage } = this.court;
    if (coverage.total(OP.FREE) === 0 || coverage.total(OP.TR) === 0) return;
    let left = 0;
    for (const key of keys) {
      const table = state.tables.get(key);
      if (table && table.mm === mm && table.life === LIFE.live && table.trSeq === 0) {
        left++;
        this.left.push({ table, ref: op.ref, ts: op.tsNs });
      }
    }
    if (left > 0) return;
    // What was lost may have linked another.
    if (state.lossSeq > 0) ledger.unknown(51, LOSS, op.ref);
    else ledger.pass(51, KNOWN.inferred);
  }

  end(): void {
    const { ledger, state } = this.court;
    const now = Math.max(...state.cpus.map((c) => c.lastTs), Number.NEGATIVE_INFINITY);
    for (const { table, ref, ts } of this.left) {
      const still = state.tables.get(table.key) === table && table.life === LIFE.live;
      if (!still) {
        ledger.unknown(51, 'it left by a path that no probe shows (pte_free_defer, a deposit)', ref);
      } else if (state.lossSeq > 0) ledger.unknown(51, LOSS, ref);
      else if (now - ts < SETTLE_NS) ledger.unknown(51, 'the trace ends before it can be called left', ref);
      else {
        ledger.violated(51, {
          message: `page table ${pageName(table.key)} is left after exit_mmap() of its process`,
          known: KNOWN.absence,
          assumesAllCpus: true,
          events: witnesses(w(table.birthRef, 'allocated'), w(ref, 'exit_mmap returned')),
        });
      }
    }
    this.left = [];
  }
}
