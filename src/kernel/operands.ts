import { FUNC, type Op } from './ops.js';

/**
 * The slots of an operation by name, one group for each kind (or kinds of one shape) that a rule reads. `OP` says what
 * a slot holds; NaN where the trace does not say. The steps of the machine, which run for every event, read the slots
 * themselves.
 */
export const GATHER = {
  tlb: (op: Op): number => op.a0,
  mm: (op: Op): number => op.a1,
  /** `GB`: 1 = the whole address space goes. */
  fullMm: (op: Op): number => op.a2,
  /** `GB` of `tlb_gather_mmu_vma()`. */
  ofVma: (op: Op): boolean => op.a2 === 2,
  /** `GE`: fullmm is bit 0; vma_huge is bit 9, up to 6.1 bit 8. */
  flags: (op: Op): number => op.a5,
} as const;

/** `TR`: a table is handed to a gather. */
export const HAND_OVER = { level: (op: Op): number => op.a3 } as const;

export const GRACE_PERIOD = {
  seq: (op: Op): number => op.a0,
  event: (op: Op): number => op.a1,
  /** Given by probes that read `rcu_state`, not by the tracepoint. */
  byProbe: (op: Op): number => op.a2,
} as const;

/** `CR`, `CB`, `RQ`, `RI`: an RCU callback, queued or run. */
export const CALLBACK = {
  /** `RQ`, `RI`: the head as the tracepoint prints it, which may be a hash. */
  rhp: (op: Op): number => op.a0,
  func: (op: Op): number => op.a1,
  /** Tables in the batch. */
  batchNr: (op: Op): number => op.a3,
} as const;

/** `BATCH`, `BATCHE`: callbacks run in one go. */
export const RCU_BATCH = {
  limit: (op: Op): number => op.a1,
  invoked: (op: Op): number => op.a0,
  /** FuncId of the printed state. */
  state: (op: Op): number => op.a1,
} as const;

/** `SE`, `SX`. */
export const SYSCALL = {
  id: (op: Op): number => op.a0,
  /** Of `SE`: what madvise() or process_madvise() is asked to do; NaN: not shown, or another call. */
  advice: (op: Op): number => {
    if (op.a0 === FUNC.madvise) return op.a3;
    return op.a0 === FUNC.process_madvise ? op.a4 : Number.NaN;
  },
} as const;

/** `PUB`, `MOVE`: an entry that leads to a table is installed. */
export const INSTALL = { mm: (op: Op): number => op.a0, table: (op: Op): number => op.a2 } as const;

/** `EXITMM`. */
export const EXIT_MM = { mm: (op: Op): number => op.a0, entry: (op: Op): boolean => op.a1 === 1 } as const;

/** `GUP`: bracket around get_user_pages_fast(). */
export const GUP = { entry: (op: Op): boolean => op.a0 === 1 } as const;

/** `RB`, `RE`, `DR`. */
export const READ = { kind: (op: Op): number => op.a0 } as const;

/** `FR`. */
export const FLUSH = {
  mm: (op: Op): number => op.a0,
  end: (op: Op): number => op.a2,
  stride: (op: Op): number => op.a3,
  freedTables: (op: Op): number => op.a4,
} as const;

/** `FMULTI`, `INV`: the flush as its sender, and as its target, sees it. */
export const SHOOTDOWN = { mm: (op: Op): number => op.a1, tlbGen: (op: Op): number => op.a4 } as const;

export const SWITCH = { prevPid: (op: Op): number => op.a0, nextPid: (op: Op): number => op.a1 } as const;

/** `TLBF`. */
export const TLB_FLUSH = { reason: (op: Op): number => op.a1 } as const;

/** `EXIT`: a thread is gone. */
export const TASK_EXIT = { tid: (op: Op): number => op.a0 } as const;

/** `UN`: lock dropped. */
export const UNLOCK = { promisedVa: (op: Op): number => op.a2 } as const;
