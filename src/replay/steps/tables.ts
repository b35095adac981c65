import { FUNC, OP, type Op } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import type { Cpu, Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { setPage } from '../state/page-index.js';
import { LIFE, newTable, type Table } from '../state/table-life.js';
import { allocatePages, freePages, reused } from './pages.js';
import { closeGather, newGather } from './tasks.js';

const PMD_SIZE = 2 ** 21;

/** Operations on page-table pages: birth, publication, hand-over, release, reuse. */
export function stepTables(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
  switch (op.kind) {
    case OP.PTEN:
      born(state, op.a0, 1, task.mm, op, hooks);
      break;
    case OP.PUB: {
      learnMm(task, op.a0);
      // mm/memory.c pmd_install(): an attempt only; whoever loses the race frees its page at once.
      const table = known(state, op.a2) ?? born(state, op.a2, 1, op.a0, op, hooks);
      if (table) {
        if (table.life === LIFE.freed) born(state, op.a2, 1, op.a0, op, hooks);
        const live = state.tables.get(op.a2)!;
        if (live.life === LIFE.fresh || live.life === LIFE.unseen) live.life = LIFE.live;
        live.mm = op.a0;
        live.installer = task.key;
      }
      seenAsParent(state, op.a3, 2, op.a0, op, hooks);
      break;
    }
    case OP.PTEA:
      learnMm(task, op.a0);
      seenAsParent(state, op.a3, 2, op.a0, op, hooks);
      break;
    case OP.PMDA:
      learnMm(task, op.a0);
      seenAsParent(state, op.a3, 3, op.a0, op, hooks);
      break;
    case OP.UL: {
      const table = handOverTarget(state, op.a2, 1, op.a0, task, op, hooks);
      if (!table) break;
      table.ulRef = op.ref;
      // free_pte() names the gather; a marker without one only says that the entry was cleared.
      if (op.a3 === op.a3) table.reclaimRef = op.ref;
      if (op.a1 === op.a1) {
        table.lo = op.a1;
        table.hi = op.a1 + 1;
      }
      break;
    }
    case OP.ULret:
      task.reclaimRef = op.a0 === 1 ? op.ref : -1;
      break;
    case OP.TR:
      learnMm(task, op.a1);
      remove(state, op, op.a2, op.a3, task, hooks);
      break;
    case OP.APP:
    case OP.PVOP:
      append(state, op, task, hooks);
      break;
    case OP.DEFER: {
      const table = handOverTarget(state, op.a1, 1, op.a0, task, op, hooks);
      if (table) defer(state, table, task, op, hooks);
      break;
    }
    case OP.FREE:
      freePages(state, op, task, cpu, hooks);
      break;
    case OP.ALLOC:
      allocatePages(state, op, task, hooks);
      break;
    case OP.DR: {
      const table = state.tables.get(op.a1);
      if (table) hooks.dereferenced(table, op);
      break;
    }
    default:
      break;
  }
}

function learnMm(task: Task, mm: number): void {
  if (mm === mm && mm !== 0) task.mm = mm;
}

function known(state: MachineState, key: number): Table | undefined {
  return key === key ? state.tables.get(key) : undefined;
}

function born(
  state: MachineState,
  key: number,
  level: number,
  mm: number,
  op: Op,
  hooks: Hooks,
): Table | undefined {
  if (key !== key) return undefined;
  const old = state.tables.get(key);
  if (old && (old.life === LIFE.gathered || old.life === LIFE.rcu)) reused(state, old, op, hooks);
  const table = newTable(key, level, mm);
  table.life = LIFE.fresh;
  table.birthRef = op.ref;
  table.birthSeq = state.seq;
  setPage(state.tables, state.tablePages, key, table);
  return table;
}

/** A page that holds a page-table entry being filled is a table, whether or not its birth was seen. */
function seenAsParent(
  state: MachineState,
  key: number,
  level: number,
  mm: number,
  op: Op,
  hooks: Hooks,
): void {
  if (key !== key) return;
  const old = state.tables.get(key);
  if (old && (old.life === LIFE.fresh || old.life === LIFE.live || old.life === LIFE.unseen)) return;
  // Nobody fills an entry of a table that was handed over: it has been released unseen and is a new table now.
  if (old && old.life !== LIFE.freed) reused(state, old, op, hooks);
  const table = newTable(key, level, mm);
  table.life = LIFE.live;
  table.birthRef = op.ref;
  table.birthSeq = state.seq;
  setPage(state.tables, state.tablePages, key, table);
}

/** The table that a hand-over is about; reports what does not fit and starts a new life then. */
function handOverTarget(
  state: MachineState,
  key: number,
  level: number,
  mm: number,
  task: Task,
  op: Op,
  hooks: Hooks,
): Table | null {
  if (key !== key) return null;
  const old = state.tables.get(key);
  if (old) {
    if (old.life === LIFE.gathered || old.life === LIFE.rcu) hooks.tableRemovedTwice(old, op, old.trRef);
    else if (old.life === LIFE.freed) hooks.tableRemovedAfterFree(old, task, op);
    else return old;
  }
  const table = newTable(key, level, mm);
  table.life = LIFE.live;
  table.freedBeforeTr = old?.life === LIFE.freed;
  setPage(state.tables, state.tablePages, key, table);
  return table;
}

function remove(state: MachineState, op: Op, key: number, level: number, task: Task, hooks: Hooks): void {
  const table = handOverTarget(state, key, level, op.a1, task, op, hooks);
  if (!table) return;
  if (level > 0) table.level = level;
  if (op.a1 === op.a1) table.mm = op.a1;
  if (task.pgdEnd > task.pgdStart && task.pgdSeq > state.lossSeq && table.lo !== table.lo) {
    // mm/memory.c free_pgd_range() rounds its beginning down to the range of one PTE table.
    table.lo = task.pgdStart - (task.pgdStart % PMD_SIZE);
    table.hi = task.pgdEnd;
  }
  if (task.reclaimRef >= 0 && level === 1 && table.ulRef < 0) {
    table.ulRef = task.reclaimRef;
    table.reclaimRef = task.reclaimRef;
  } else if (level === 1 && task.syscall === FUNC.madvise) {
    // madvise() takes no range off: only its reclaim of empty tables hands one over (mm/memory.c zap_pte_range(), where the
    // compiler inlines what clears the entry).
    table.reclaimRef = op.ref;
  }
  task.reclaimRef = -1;
  hand(table, state, true, task, op, hooks);
}

/**
 * mm/khugepaged.c: pmdp_collapse_flush() has cleared the entry and flushed before pte_free_defer() is called, once for
 * each table. So the unlink lies before the last flush of this task that is not another deferred table's.
 */
function defer(state: MachineState, table: Table, task: Task, op: Op, hooks: Hooks): void {
  const flush = task.lastFlush;
  if (flush && !(flush.mm !== op.a0 && flush.mm === flush.mm && op.a0 === op.a0)) {
    table.begun = flush;
    if (flush.freedTables === 0) table.leafFlush = flush;
    else table.flush = flush;
  }
  hand(table, state, false, task, op, hooks);
  table.deferredSince = task.deferSeq === 0 && task.firstSeq === state.seq ? -1 : task.deferSeq;
  task.lastFlush = null;
  task.deferSeq = state.seq;
}

/** `gathered` false: handed over outside a gather (`pte_free_defer`). */
function hand(table: Table, state: MachineState, gathered: boolean, task: Task, op: Op, hooks: Hooks): void {
  table.life = LIFE.gathered;
  table.trRef = op.ref;
  table.trTs = op.tsNs;
  table.trCpu = op.cpu;
  table.trPid = op.pid;
  table.trSeq = state.seq;
  table.trEvent = state.event;
  const open = task.gather?.finishing ? (task.outer.at(-1) ?? null) : task.gather;
  table.trGather = (gathered && open?.gbSeq) || 0;
  hooks.tableRemoved(table, gathered ? open : null, task, op);
  if (!gathered) return;
  // One around it may be open still: that is another.
  if (op.a0 === task.endedTlb && task.gather?.tlb !== op.a0) hooks.tableAfterGather(table, task, op);
  // Nothing is handed over while a gather finishes: that one is over, its return was not seen.
  if (task.gather?.finishing) closeGather(task, op, hooks);
  // A gather without its own probes may be over as well: one of another mm is (include/asm-generic/tlb.h `tlb->mm`).
  if (task.gather?.headless && elsewhere(task.gather.mm, op.a1)) closeGather(task, op, hooks);
  // Without the gather's own probes the hand-over itself shows that one is open.
  if (!task.gather) task.gather = newGather(state, op, task, true);
  task.gather.pending.push(table);
  task.gather.batch.add(table);
  task.gather.tables++;
}

const elsewhere = (mm: number, other: number): boolean => mm === mm && other === other && mm !== other;

/** `tlb_remove_table()` / `native_tlb_remove_table()` follow their `___p*_free_tlb()`; alone they are the hand-over. */
function append(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  learnMm(task, op.a1);
  const table = known(state, op.a2);
  if (table && table.life === LIFE.gathered) {
    if (op.kind === OP.APP) {
      if (table.appRef >= 0) hooks.tableRemovedTwice(table, op, table.appRef);
      else table.appRef = op.ref;
    }
    return;
  }
  const same = justRemoved(task, op);
  if (same) {
    // One page under two names: the hand-over gave its address, this its struct page, and the bases are not known.
    setPage(state.tables, state.tablePages, op.a2, same);
    if (op.kind === OP.APP) same.appRef = op.ref;
    return;
  }
  remove(state, op, op.a2, 0, task, hooks);
  const fresh = known(state, op.a2);
  if (fresh && op.kind === OP.APP) fresh.appRef = op.ref;
}

/** The table of the hand-over that this append belongs to, where only identities that cannot be compared are known. */
function justRemoved(task: Task, op: Op): Table | null {
  const last = task.lastKind === OP.TR || task.lastKind === OP.PVOP ? task.gather?.pending.at(-1) : undefined;
  if (!last || op.a2 !== op.a2 || last.appRef >= 0) return null;
  return last.key < 0 || op.a2 < 0 ? last : null;
}
