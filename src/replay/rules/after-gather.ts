import { GATHER } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import { isKnown } from '../../timeline/is-known.js';
import { absent, type Evidence, w, witnesses } from '../evidence.js';
import type { Task } from '../state/contexts.js';
import type { Gather, Table } from '../state/table-life.js';
import type { Verdicts } from '../verdicts.js';
import { levelName, pageName } from './names.js';

/** One hand-over after the end of its gather: whether another began unseen is shown by what its task does next. */
interface Pending {
  readonly table: Table;
  readonly tlb: number;
  readonly ref: number;
  readonly cpu: number;
  readonly endRef: number;
  readonly endSeq: number;
  /** Another gather of the task is open, around the one that has ended. */
  readonly within: boolean;
}

/**
 * I49 gather-pair, tables that come too late: the `mmu_gather` that the hand-over names has ended, and is neither begun
 * anew before nor finished again after it. Source: mm/mmu_gather.c tlb_gather_mmu(), tlb_finish_mmu().
 */
export class AfterGather {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  private readonly pending = new Map<number, Pending[]>();

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  handedOver(table: Table, task: Task, op: Op): void {
    const list = this.pending.get(task.key);
    const one: Pending = {
      table,
      tlb: GATHER.tlb(op),
      ref: op.ref,
      cpu: op.cpu,
      endRef: task.lastGeRef,
      endSeq: task.endedSeq,
      within: task.gather !== null,
    };
    if (list) list.push(one);
    else this.pending.set(task.key, [one]);
  }

  /** A finish of the same `mmu_gather`: it was open, only its beginning was missed. */
  finished(gather: Gather | null, task: Task, op: Op): void {
    if (this.pending.size === 0) return;
    const list = this.pending.get(task.key);
    if (!list) return;
    const itself = (p: Pending): boolean => op.a0 === p.tlb || !isKnown(op.a0);
    // The end of the one around it tells nothing of it.
    const left = list.filter((p) => p.within && !itself(p));
    if (left.length > 0) this.pending.set(task.key, left);
    else if (itself(list[0]!) || list[0]!.within || (gather && !gather.headless))
      this.pending.delete(task.key);
  }

  /** The task does what it cannot do inside a gather. */
  outside(task: Task, op: Op): void {
    if (this.pending.size === 0) return;
    const list = this.pending.get(task.key);
    if (!list) return;
    this.pending.delete(task.key);
    for (const p of list) {
      absent(
        this.evidence,
        this.verdicts,
        {
          kinds: [OP.GB, OP.GE],
          cpu: p.cpu,
          since: p.endSeq,
          probe: 'the probes on tlb_gather_mmu and tlb_finish_mmu',
        },
        {
          message: `${levelName(p.table)} table ${pageName(p.table.key)} was handed to a gather that had ended`,
          held: [`${pageName(p.table.key)}: unlinked, in no gather that flushes or releases it`],
          missing: 'tlb_gather_mmu() of this gather',
          before: p.ref,
          events: witnesses(
            w(p.endRef, 'the gather ends'),
            w(p.ref, 'table handed over'),
            w(op.ref, 'the task goes on without one'),
          ),
        },
      );
    }
  }

  /** Nothing that these tasks do shows any more whether a gather was open. */
  end(): void {
    for (const list of this.pending.values()) {
      for (const p of list) this.verdicts.unknown(NEVER_OUTSIDE, p.ref);
    }
    this.pending.clear();
  }
}

const NEVER_OUTSIDE =
  'a table was handed to a gather that had ended; what the task does next, which would show that no other began, is not in the trace';
