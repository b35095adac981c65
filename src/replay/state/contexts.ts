import type { EvidenceRef } from '../../timeline/batch.js';
import type { Enqueue, Flush, Gather, Head, Sync, Table, Target } from './table-life.js';
import type { Walker } from './walks.js';

export interface Task {
  readonly key: number;
  /** Seq of the first operation seen of it. */
  readonly firstSeq: number;
  /** Last enqueue, to pair what several probes and the tracepoint show of one call_rcu. */
  enqueue: Enqueue | null;
  /** The innermost gather that is open. */
  gather: Gather | null;
  /** Gathers it is nested in, outermost first (mprotect of a part of a hugetlb VMA opens up to three). */
  outer: Gather[];
  flush: Flush | null;
  /** The last flush that is back by what the task did next, until that is certain. */
  unseenReturn: Flush | null;
  /** The last flush that is back, since the last table it deferred. */
  lastFlush: Flush | null;
  /** Seq of the last `pte_free_defer()`. */
  deferSeq: number;
  sync: Sync | null;
  /** Learnt from gathers, flushes and faults; NaN unknown. */
  mm: number;
  lastKind: number;
  /** Open syscall id, -1 none. */
  syscall: number;
  /** What the last madvise() it entered was asked to do; NaN not known. */
  advice: number;
  syscallRef: EvidenceRef;
  syscallSeq: number;
  /** Any syscall event of this task seen since the last loss or segment. */
  syscallSeen: boolean;
  gatherSeen: boolean;
  readerSeen: boolean;
  lastSyscallRef: EvidenceRef;
  lastGeRef: EvidenceRef;
  /** `free_pgd_range()` it is in: user addresses [start, end); NaN none. */
  pgdStart: number;
  pgdEnd: number;
  pgdSeq: number;
  /** The gather that has ended last, until the next one begins: its `tlb`, NaN none, and the step of its end. */
  endedTlb: number;
  endedSeq: number;
  /** `try_get_and_clear_pmd()` and alike have returned true: the next table it hands over was reclaimed. */
  reclaimRef: EvidenceRef;
  /** The spare table it has withdrawn last (`pgtable_trans_huge_withdraw`), until it is released; NaN none. */
  withdrawn: number;
  withdrawnSeq: number;
  /** `sched_process_exit` of this tid with no sign of a new task since: seq, 0 none. */
  exitSeq: number;
  exitRef: EvidenceRef;
  /** The syscall it was in when it exited, -1 none. */
  exitSyscall: number;
  /** Page tables it is walking; null: no lookup of it seen. */
  walker: Walker | null;
}

export interface Cpu {
  readonly id: number;
  /** Broadcast handler running here. */
  handler: Target | null;
  /** Table callback running here. */
  callback: Head | null;
  /** Key of the context the callback runs in; NaN none. */
  callbackTask: number;
  /** Seq at which the current run of nothing but page releases began here; 0 none. */
  freeRunSeq: number;
  /** Whose program order the last op on this CPU belongs to; null none yet. */
  context: Task | null;
  /** Seq of the last op on this CPU. */
  lastSeq: number;
  /** Heads queued here and not yet run, oldest first. */
  fifo: Head[];
  /** How many of them, from the first on, have been overtaken by a younger one that ran. */
  overtaken: number;
  /** How many of them are single tables whose tracepoint value was never shown. */
  unnamed: number;
  /** A head whose enqueue is in the trace has run here: callbacks of earlier enqueues are over. */
  matchedSeq: number;
  lastTs: number;
  lastRef: EvidenceRef;
  /** Seq and time of the last op of a task here, outside any interrupt; 0 none. */
  taskSeq: number;
  taskTs: number;
  /** Seq of the last op here by which whatever handler began before it is over: outside hard interrupts, or where one begins or ends; 0 none. */
  handlerOverSeq: number;
  /** Seq of the first op of the last interrupt that ran a handler here; 0 none. */
  handlerSeq: number;
  /** Seq of the last loss on this CPU, 0 none. */
  lossSeq: number;
  /** Last span without any event here that is long enough for the CPU to go offline and come back: its ends. */
  silentFrom: number;
  silentTo: number;
  /** It is taken offline or online: told by `cpuhp:*`, or by its thread that does it. */
  hotplugged: boolean;
}

/** A section of a software walker. */
export interface Reader {
  readonly kind: number;
  readonly table: number;
  readonly mm: number;
  readonly ref: EvidenceRef;
  readonly ts: number;
  readonly seq: number;
  readonly cpu: number;
  /** Key of the context it runs in. */
  readonly task: number;
  depth: number;
  /** Objects freed / callbacks run while it was open: decided when it ends. Bounded by `remember()`. */
  overlaps: {
    what: 'free' | 'callback';
    table: Table | null;
    head: Head | null;
    ref: EvidenceRef;
    ts: number;
    cpu: number;
  }[];
}

export function newTask(key: number, firstSeq = 0): Task {
  return {
    key,
    firstSeq,
    enqueue: null,
    gather: null,
    outer: [],
    flush: null,
    unseenReturn: null,
    lastFlush: null,
    deferSeq: 0,
    sync: null,
    mm: Number.NaN,
    lastKind: 0,
    syscall: -1,
    advice: Number.NaN,
    syscallRef: -1,
    syscallSeq: 0,
    syscallSeen: false,
    gatherSeen: false,
    readerSeen: false,
    lastSyscallRef: -1,
    lastGeRef: -1,
    pgdStart: Number.NaN,
    pgdEnd: Number.NaN,
    pgdSeq: 0,
    endedTlb: Number.NaN,
    endedSeq: 0,
    reclaimRef: -1,
    withdrawn: Number.NaN,
    withdrawnSeq: 0,
    exitSeq: 0,
    exitRef: -1,
    exitSyscall: -1,
    walker: null,
  };
}

export function newCpu(id: number): Cpu {
  return {
    id,
    handler: null,
    callback: null,
    callbackTask: Number.NaN,
    freeRunSeq: 0,
    context: null,
    lastSeq: -1,
    taskSeq: 0,
    handlerOverSeq: 0,
    handlerSeq: 0,
    taskTs: Number.NaN,
    fifo: [],
    overtaken: 0,
    unnamed: 0,
    matchedSeq: 0,
    lastTs: Number.NEGATIVE_INFINITY,
    lastRef: -1,
    lossSeq: 0,
    silentFrom: -1,
    silentTo: -1,
    hotplugged: false,
  };
}

const INTERRUPTS = 1_000_000;

/** Key of what runs in an interrupt of a CPU; below all those of tasks. */
export const interruptKey = (cpu: number, context: number): number => -(INTERRUPTS + (cpu + 1) * 4 + context);
