import { OP } from '../kernel/ops.js';
import { type FlushRec, type GatherRec, STEP_COUNT } from './recorded.js';

/** A task inside the measured syscall or a gather. */
export interface TaskState {
  span: number;
  gather: GatherRec | null;
  lastNs: number;
  lastKind: number;
  /** The wait for tlb_remove_table_sync_one() goes on until the task's next own step. */
  syncing: boolean;
  /** call_rcu() goes on: 1 of any function, 2 of page tables. */
  calling: 0 | 1 | 2;
  callingNs: number;
  /** Events inside that call. */
  inside: number;
  flush: FlushRec | null;
  finishing: boolean;
  /** A run of page frees: pages, tables among them, time without the first. */
  run: {
    pages: number;
    tables: number;
    ns: number;
    batched: number;
    batchedNs: number;
    batchedFirst: boolean;
  };
}

export const newRun = (): TaskState['run'] => ({
  pages: 0,
  tables: 0,
  ns: 0,
  batched: 0,
  batchedNs: 0,
  batchedFirst: true,
});

export function newTask(span: number, ts: number): TaskState {
  return {
    span,
    gather: null,
    lastNs: ts,
    lastKind: OP.none,
    syncing: false,
    calling: 0,
    callingNs: 0,
    inside: 0,
    flush: null,
    finishing: false,
    run: newRun(),
  };
}

export function newGather(pid: number, cpu: number, fullmm: boolean, span: number, ts: number): GatherRec {
  return {
    pid,
    cpu,
    fullmm,
    span,
    beginNs: ts,
    endNs: Number.NaN,
    firstNs: Number.NaN,
    handNs: ts,
    levels: [],
    tables: [],
    single: [],
    flushes: [],
    appended: 0,
    batchPages: 0,
    batchCalls: 0,
    singleCalls: 0,
    syncs: 0,
    syncIpis: 0,
    inlineFrees: 0,
    pages: 0,
    pagesEarly: 0,
    firstRound: 0,
    ns: new Float64Array(STEP_COUNT),
    tailNs: 0,
    tailPages: 0,
    callNs: [],
    ops: { removed: [], appended: [], freed: [], called: [], synced: [], finish: -1, handed: -1, end: -1 },
  };
}
