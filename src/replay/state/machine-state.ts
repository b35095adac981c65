import type { Cpu, Reader, Task } from './contexts.js';
import { type Frames, newFrames } from './frames.js';
import type { GracePeriods } from './grace-periods.js';
import { type Mech, newMech } from './mech.js';
import { newPageIndex, type PageIndex } from './page-index.js';
import type { Flush, Head, Stray, Table, Target } from './table-life.js';
import { newWalks, type Walks } from './walks.js';

/**
 * Explicit state of the simulated machine: plain data, no methods, no hidden globals, so that a driver can clone
 * it (`cloneState`) and step the copies apart. See docs/architecture.md for the three drivers.
 */
export interface MachineState {
  /** Steps taken. */
  seq: number;
  /** Number of the event that is being stepped, as the driver counts them; 0: it does not. */
  event: number;
  /** Stamp of the first one; NaN before it. */
  firstTs: number;
  /** By page: set and deleted by `setPage` and `deletePage`, as `tablePages` says which there are. */
  tables: Map<number, Table>;
  tablePages: PageIndex;
  frames: Frames;
  tasks: Map<number, Task>;
  cpus: Cpu[];
  headsByAddr: Map<number, Head>;
  headsByRhp: Map<number, Head>;
  /** Batch heads by the page that holds them: releasing that page ends the pending state. */
  headsByPage: Map<number, Head>;
  headPages: PageIndex;
  csds: Map<number, Target>;
  /** Handlers whose request has not been seen, by csd: of before the recording, lost, or stamped behind them. */
  strays: Map<number, Stray>;
  openFlushes: Flush[];
  /** The flush of each mm that has returned last, to tell handlers that run later. */
  doneFlushes: Map<number, Flush>;
  /** Requests for flushes are recorded (`csd_queue_cpu`): handlers are then matched by them. */
  requestsShown: boolean;
  /** Step of the last broadcast of tlb_remove_table_sync_one() whose requests are not recorded, 0 none: whose tables waited for it is not known. */
  unaskedSyncSeq: number;
  /** By task, kind and table, oldest first. */
  readers: Map<string, Reader>;
  /** The same by the key of the context they run in, and by table. */
  readersOfTask: Map<number, Set<Reader>>;
  readersOfTable: Map<number, Set<Reader>>;
  /** Open GUP brackets: task key → seq of the entry. */
  gups: Map<number, number>;
  /** Functions of page tables that were queued, a bit each (1 << FuncId); bit 0: callbacks of which it is not known what they are. */
  queuedFuncs: number;
  gp: GracePeriods;
  /** Seq of the last loss anywhere, 0 none. */
  lossSeq: number;
  /** The same, but for losses that hold nothing of what a task itself does. */
  taskLossSeq: number;
  freedTables: number;
  /** Facts about who may cache what, see `state/mech.ts`. */
  mech: Mech;
  /** Who walks which table. */
  walks: Walks;
}

export function newState(): MachineState {
  return {
    seq: 0,
    event: 0,
    firstTs: Number.NaN,
    tables: new Map(),
    tablePages: newPageIndex(),
    frames: newFrames(),
    tasks: new Map(),
    cpus: [],
    headsByAddr: new Map(),
    headsByRhp: new Map(),
    headsByPage: new Map(),
    headPages: newPageIndex(),
    csds: new Map(),
    strays: new Map(),
    openFlushes: [],
    doneFlushes: new Map(),
    requestsShown: false,
    unaskedSyncSeq: 0,
    readers: new Map(),
    readersOfTask: new Map(),
    readersOfTable: new Map(),
    gups: new Map(),
    queuedFuncs: 0,
    gp: {
      starts: 0,
      opening: false,
      seq: Number.NaN,
      startRef: -1,
      ended: 0,
      endedRef: -1,
      endedTs: Number.NaN,
      unshownEnd: 0,
      expedited: { starts: 0, running: false, ended: 0 },
    },
    lossSeq: 0,
    taskLossSeq: 0,
    freedTables: 0,
    mech: newMech(),
    walks: newWalks(),
  };
}

/** An independent copy; sharing between objects (a table and its head) is kept within the copy. */
export function cloneState(state: MachineState): MachineState {
  return structuredClone(state);
}
