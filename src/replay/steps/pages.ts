import { FUNC, isTableFunc, type Op, pagesOf } from '../../kernel/ops.js';
import { CONTEXT } from '../../timeline/flags.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Hooks } from '../hooks.js';
import type { Cpu, Task } from '../state/contexts.js';
import { holdFrames, ownerOf, releaseFrames } from '../state/frames.js';
import type { MachineState } from '../state/machine-state.js';
import { deletePage, nextPage } from '../state/page-index.js';
import { type Gather, type Head, LIFE, type Table } from '../state/table-life.js';
import { forgetHead } from './callback-order.js';
import { callbackInferred, callbackOver } from './callbacks.js';

/** Freed tables remembered at most, for double frees and late hand-overs. */
const MAX_FREED = 1 << 16;
/** A callback releases its tables and its own page (mm/mmu_gather.c MAX_TABLE_BATCH). */
const MAX_CALLBACK_FREES = 512;

/** The page is in another life, but was not seen released: nor can its callback have run, which releases it. */
export function reused(state: MachineState, table: Table, op: Op, hooks: Hooks): void {
  hooks.tableReused(table, op);
  const { head } = table;
  if (head?.ran !== 0 || head.stale || !isTableFunc(head.func)) return;
  hooks.headReused(head, op);
  head.stale = true;
  forgetHead(state, head);
}

/** Pages are released: tables among them, batches of tables, frames. */
export function freePages(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
  const end = op.a0 + pagesOf(op);
  const inTask = op.context === CONTEXT.task || op.context === CONTEXT.unknown;
  const gather = inTask ? task.gather : null;
  for (let page = op.a0; page < end; page++) {
    // Outside gathers and callbacks a page that is neither a table nor a batch changes nothing.
    if (gather === null && runningOn(cpu, task) === null) page = nextKnown(state, page, end);
    if (page < end) freePage(state, page, op, task, cpu, inTask, gather, hooks);
  }
  releaseFrames(state.frames, op.a0, end - op.a0);
}

const runningOn = (cpu: Cpu | null, task: Task): Head | null =>
  cpu !== null && cpu.callbackTask === task.key ? cpu.callback : null;

const nextKnown = (state: MachineState, page: number, end: number): number =>
  nextPage(state.headPages, page, nextPage(state.tablePages, page, end));

function freePage(
  state: MachineState,
  pfn: number,
  op: Op,
  task: Task,
  cpu: Cpu | null,
  inTask: boolean,
  gather: Gather | null,
  hooks: Hooks,
): void {
  const table = state.tables.get(pfn);
  // Page cache and frames of other processes are released inside gathers too.
  const frame = gather !== null && ownerOf(state.frames, pfn) === gather.mm;
  const takes = gather === null || takesPages(gather, task);
  if (table) {
    if (table.life === LIFE.freed) hooks.tableFreedTwice(table, task, cpu, op);
    else freeTable(state, table, op, task, cpu, inTask, hooks);
  } else if (gather !== null && pfn === task.withdrawn && task.withdrawnSeq > gather.gbSeq) {
    // mm/huge_memory.c zap_deposited_table(): nothing ever led to it, so it owes no flush.
    task.withdrawn = Number.NaN;
  } else if (gather && takes !== false) {
    hooks.pageFreed(pfn, frame && takes === true, gather, op);
    if (gather.flushes === 0 && !gather.headless) {
      gather.early.push({ ref: op.ref, ts: op.tsNs, seq: state.seq, known: frame, taken: takes === true });
    }
  }
  if (gather && takes !== false) {
    if (gather.freesSinceFlush++ === 0) {
      gather.firstFreeRef = op.ref;
      gather.firstFreeKnown = (frame && takes === true) || table !== undefined;
      hooks.cycleFreed(gather, op);
    }
  }
  const running = runningOn(cpu, task);
  if (running && !running.over && running.frees.length < MAX_CALLBACK_FREES) running.frees.push(pfn);
  const batch = state.headsByPage.get(pfn);
  if (cpu && batch && batch === running) callbackOver(batch, cpu, op, hooks);
  if (batch) batchPageFreed(state, batch, op, cpu, inTask, hooks);
}

/** MADV_FREE, MADV_COLD, MADV_PAGEOUT (include/uapi/asm-generic/mman-common.h). */
const MARKING: ReadonlySet<number> = new Set([8, 20, 21]);

/**
 * Whether the gather takes pages off their tables; null: not shown. mm/madvise.c madvise_free_pte_range() and
 * madvise_cold_or_pageout_pte_range() only mark pages, and move them between lists. What is released meanwhile others had unmapped:
 * a list's batch on this CPU (mm/swap.c folio_batch_move_lru()) had the last reference; or reclaim, which flushes by itself.
 */
function takesPages(gather: Gather, task: Task): boolean | null {
  if (gather.full || gather.unmaps || gather.tables > 0) return true;
  const { syscall, advice } = task;
  if (syscall === FUNC.madvise || syscall === FUNC.process_madvise)
    return isKnown(advice) ? !MARKING.has(advice) : null;
  return syscall >= 0 ? true : null;
}

function freeTable(
  state: MachineState,
  table: Table,
  op: Op,
  task: Task,
  cpu: Cpu | null,
  inTask: boolean,
  hooks: Hooks,
): void {
  const head = table.head;
  if (head && head.ran === 0 && !head.stale && !inTask && isTableFunc(head.func))
    callbackInferred(state, head, op, cpu, hooks);
  if (head?.ran === 2) head.inferredFrees++;
  table.freeRef = op.ref;
  table.freeTs = op.tsNs;
  table.freeCpu = op.cpu;
  table.freeSeq = state.seq;
  table.freedByTask = inTask;
  hooks.tableFreed(table, task, cpu, op);
  if (task.gather && inTask && task.gather.batch.delete(table)) task.gather.released.push(table);
  table.life = LIFE.freed;
  // A single table's rcu_head lies in its own struct page: it is gone with the page.
  if (head && head.page === table.key && head.ran !== 0) forgetHead(state, head);
  // All tables are looked at: not more often than they have grown by a part.
  if (++state.freedTables > MAX_FREED && state.freedTables > state.tables.size / 4) pruneFreed(state);
}

/** mm/mmu_gather.c tlb_remove_table_rcu(): the batch page is released last. */
function batchPageFreed(
  state: MachineState,
  head: Head,
  op: Op,
  cpu: Cpu | null,
  inTask: boolean,
  hooks: Hooks,
): void {
  // Tables go first, the batch page last: a page released before any of them is not the callback's doing.
  const untouched =
    head.tablesKnown && head.tables.length > 0 && head.tables.every((t) => t.life === LIFE.rcu);
  if (head.ran === 0 && untouched) hooks.headReused(head, op);
  else if (head.ran === 0 && !inTask) callbackInferred(state, head, op, cpu, hooks);
  forgetHead(state, head);
}

/** Pages are taken into use: what they were before is over. */
export function allocatePages(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const pages = pagesOf(op);
  const end = op.a0 + pages;
  for (let page = nextKnown(state, op.a0, end); page < end; page = nextKnown(state, page + 1, end)) {
    const table = state.tables.get(page);
    if (table) {
      if (table.life === LIFE.gathered || table.life === LIFE.rcu) reused(state, table, op, hooks);
      deletePage(state.tables, state.tablePages, page);
    }
    const head = state.headsByPage.get(page);
    if (head) {
      if (head.ran === 0) hooks.headReused(head, op);
      forgetHead(state, head);
    }
  }
  if (op.a2 === 1) holdFrames(state.frames, op.a0, pages, task.mm);
  else releaseFrames(state.frames, op.a0, pages);
}

function pruneFreed(state: MachineState): void {
  for (const [key, table] of state.tables)
    if (table.life === LIFE.freed) deletePage(state.tables, state.tablePages, key);
  state.freedTables = 0;
}
