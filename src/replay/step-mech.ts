import { kindSet, LOCK_TYPE, OP, type Op, pagesOf } from '../kernel/ops.js';
import type { Hooks } from './hooks.js';
import { PROMISE } from './mech-hooks.js';
import type { Task } from './state/contexts.js';
import type { MachineState } from './state/machine-state.js';
import {
  cacheKey,
  type Holder,
  isAway,
  linkKey,
  type Mech,
  type MechPage,
  newMechPage,
} from './state/mech.js';
import { deletePage, forEachPage, setPage } from './state/page-index.js';
import { LIFE, newTable, type Table } from './state/table-life.js';
import {
  begunInvalidation,
  broadcastDone,
  clearHolders,
  handlerOver,
  hold,
  loadCr3,
  noteFlush,
  walk,
} from './step-caches.js';
import { backAgain, removalsFlushed, removes } from './step-removals.js';

/** `tlb_flush` reason of a CPU that has the mm no longer: nothing is invalidated (6.15+). */
const WRONG_CPU = 5;

/** Entries of a table; so many tables can be deposited on one. */
const ENTRIES = 512;
/** Processes that share one table of hugetlb pages, at most remembered. */
const MAX_LINKS = 4096;
/** INVLPGB without TLBSYNC, at most remembered. */
const MAX_BROADCASTS = 4096;
/** Locks of one task at once (include/linux/sched.h MAX_LOCK_DEPTH is 48). */
const MAX_LOCKS = 64;

/** Facts of an operation: who links what, who may cache it, which locks are held. Runs before the machine's step. */
export function stepMech(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const { mech } = state;
  if (mech.arrived.size > 0 && op.kind !== OP.CR3 && op.kind !== OP.LZ) cameBack(state, op, hooks);
  switch (op.kind) {
    case OP.LINK:
      link(state, op);
      break;
    case OP.SETE: {
      const page = pageOf(state, op.a0);
      hooks.mech.entrySet(page, page.everLinked && page.links.length === 0, op);
      if (page.entries.size < ENTRIES || page.entries.has(op.a1)) page.entries.set(op.a1, op.a2);
      pageOf(state, op.a2);
      break;
    }
    case OP.CLRE: {
      const page = pageOf(state, op.a0);
      for (const { mm } of page.links) {
        leafHolders(state, page, mm, op.a1, op);
        removes(mech, mm, op.a1, { seq: state.seq, ref: op.ref });
      }
      page.entries.delete(op.a1);
      break;
    }
    case OP.HW:
      backAgain(state, op, frameAt(state, op.a0, op.a1), hooks);
      walk(state, op);
      break;
    case OP.IOTLB:
      clearHolders(mech, op.cpu, op.a1, {
        mm: op.a0,
        start: Number.NaN,
        end: Number.NaN,
        leaf: false,
        kernelOnly: false,
      });
      break;
    case OP.BIND: {
      const head = state.headsByAddr.get(op.a0);
      const table = tableOf(state, op.a2, op);
      if (!head || !table) break;
      // The probe on call_rcu has shown it already.
      if (head.tables.includes(table)) break;
      head.tables.push(table);
      head.tablesKnown = true;
      table.head = head;
      table.life = LIFE.rcu;
      hooks.mech.bound(pageOf(state, op.a2), head, op);
      break;
    }
    case OP.REUSE: {
      const page = pageOf(state, op.a0);
      hooks.mech.released(page, true, task, op);
      for (const h of page.holders) giveAway(mech, h, op);
      page.holders = [];
      page.entries.clear();
      break;
    }
    case OP.LK:
      takes(mech, task, op);
      break;
    case OP.UN: {
      if (op.a2 === op.a2) hooks.mech.promised(PROMISE.unlock, staleAt(state, op.a1, op.a2), op);
      const mine = mech.locks.get(task.key) ?? [];
      const at = mine.findLastIndex((l) => l.lock === op.a0);
      if (at >= 0) mine.splice(at, 1);
      if (mine.length === 0) mech.locks.delete(task.key);
      break;
    }
    case OP.NEED:
      hooks.mech.needed(mech.locks.get(task.key)?.find((l) => l.lock === op.a0) ?? null, op);
      break;
    case OP.VMAUL:
      hooks.mech.promised(PROMISE.vma, staleAt(state, op.a0, op.a1), op);
      break;
    case OP.GONE:
      hooks.mech.promised(PROMISE.return, staleAt(state, op.a0, op.a1), op);
      break;
    case OP.HUGE:
      hooks.mech.promised(PROMISE.huge, smallAt(state, op.a0, op.a1), op);
      break;
    case OP.EMPTY: {
      const page = pageOf(state, op.a0);
      hooks.mech.declaredEmpty(page, op);
      page.emptied = op.ref;
      break;
    }
    case OP.PTL: {
      const page = pageOf(state, op.a0);
      hooks.mech.splitLock(page, op.a1 !== 1, op);
      if (op.a1 !== 1) page.ptlFreed = op.ref;
      break;
    }
    case OP.PGD:
      pageOf(state, op.a0).pgd = true;
      mech.pgds++;
      break;
    case OP.DEP: {
      // By a probe: walks/collapse.ts keeps the lists.
      if (op.a2 === op.a2) break;
      const page = pageOf(state, op.a0);
      hooks.mech.deposited(page, op.a1, mech.sync, op);
      page.depositedOn = op.a1;
      const parent = pageOf(state, op.a1);
      if (parent.deposits.length < ENTRIES) parent.deposits.push(op.a0);
      parent.everDeposits = true;
      break;
    }
    case OP.WDR: {
      const page = mech.pages.get(op.a0);
      if (!page) break;
      const parent = mech.pages.get(page.depositedOn);
      if (parent) parent.deposits = parent.deposits.filter((d) => d !== op.a0);
      page.depositedOn = Number.NaN;
      break;
    }
    case OP.PIN: {
      const page = pageOf(state, op.a0);
      const stale = page.everLinked && page.links.length === 0;
      hooks.mech.pinned(page, stale, op.a1 === 1, op);
      break;
    }
    case OP.MOVE: {
      const page = mech.pages.get(op.a2);
      const table = state.tables.get(op.a2);
      const live = page && page.links.length > 0 && table?.life === LIFE.live ? page : null;
      hooks.mech.moved(live, op);
      break;
    }
    case OP.LZ:
      if (op.a1 === 1) {
        mech.lazy.set(op.cpu, { mm: op.a0, ref: op.ref });
        for (const h of mech.holders.get(cacheKey(op.cpu, Number.NaN, op.a0)) ?? []) h.lazy = true;
      } else mech.lazy.delete(op.cpu);
      break;
    case OP.CR3:
      loadCr3(mech, op, state.seq);
      break;
    case OP.BCAST:
      hooks.mech.seen(op, task);
      if (mech.broadcasts.length >= MAX_BROADCASTS) mech.broadcasts.shift();
      mech.broadcasts.push({ cpu: op.cpu, mm: op.a0, ref: op.ref, seq: state.seq });
      break;
    case OP.BATCH:
    case OP.BATCHE:
      hooks.mech.seen(op, task);
      break;
    case OP.TLBSYNC:
      broadcastDone(mech, op.cpu);
      break;
    default:
      break;
  }
}

/** What `observeMech` has a case for. */
const OBSERVED_KINDS = kindSet(
  OP.INV,
  OP.FR,
  OP.RQ,
  OP.FMULTI,
  OP.GP,
  OP.PUB,
  OP.EXITMM,
  OP.RB,
  OP.GUP,
  OP.TLBF,
  OP.IX,
  OP.FREE,
  OP.ALLOC,
  OP.UL,
  OP.TR,
  OP.APP,
  OP.PVOP,
  OP.SYNC1,
  OP.SYNCR,
  OP.FD,
  OP.RE,
);

/** The same for operations that probes show, where they concern pages with known facts. */
export function observeMech(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const { mech } = state;
  if (mech.arrived.size > 0 && op.kind !== OP.INV && op.kind !== OP.TLBF) cameBack(state, op, hooks);
  if (OBSERVED_KINDS[op.kind] === 0) return;
  switch (op.kind) {
    case OP.INV:
      hooks.mech.seen(op, task);
      begunInvalidation(mech, op);
      break;
    case OP.FR:
    case OP.RQ:
    case OP.FMULTI:
    case OP.GP:
    case OP.PUB:
    case OP.EXITMM:
    case OP.RB:
    case OP.GUP:
      hooks.mech.seen(op, task);
      break;
    case OP.TLBF:
      noteFlush(mech, op.cpu, op.a1 !== WRONG_CPU);
      break;
    case OP.IX:
      handlerOver(mech, op.cpu);
      break;
    case OP.FREE:
    case OP.ALLOC:
      if (mech.pages.size > 0) {
        forEachPage(mech.pages, mech.pageIndex, op.a0, pagesOf(op), (page) => {
          if (op.kind === OP.FREE) hooks.mech.released(page, false, task, op);
          forget(state, page, op);
        });
      }
      break;
    case OP.UL: {
      const page = mech.pages.get(op.a2);
      if (page) unlink(state, page, op.a0, op.a1, op);
      break;
    }
    case OP.TR:
    case OP.APP:
    case OP.PVOP: {
      const page = mech.pages.get(op.a2) ?? null;
      if (page || mech.pgds > 0) hooks.mech.handedOver(page, op);
      if (page && page.links.length > 0) unlink(state, page, op.a1, Number.NaN, op);
      break;
    }
    case OP.SYNC1:
      hooks.mech.seen(op, task);
      if (op.a0 === 0) mech.sync = { seq: state.seq, ref: op.ref };
      break;
    case OP.SYNCR:
      hooks.mech.seen(op, task);
      if (op.a0 === 1) {
        const held = (mech.locks.get(task.key) ?? []).filter((l) => l.type === LOCK_TYPE.spin);
        hooks.mech.sleeps(held, op);
      } else mech.gp = { seq: state.seq, ref: op.ref };
      break;
    case OP.FD:
      if (task.flush) removalsFlushed(mech, task.flush);
      break;
    case OP.RE: {
      const page = mech.pages.get(op.a1);
      if (page) page.readsOver++;
      break;
    }
    default:
      break;
  }
}

function takes(mech: Mech, task: Task, op: Op): void {
  let mine = mech.locks.get(task.key);
  if (!mine) mech.locks.set(task.key, (mine = []));
  if (mine.length >= MAX_LOCKS) mine.shift();
  const type = op.a1 === 1 ? LOCK_TYPE.spin : LOCK_TYPE.sleeping;
  mine.push({ lock: op.a0, task: task.key, type, ref: op.ref });
}

export function pageOf(state: MachineState, key: number): MechPage {
  let page = state.mech.pages.get(key);
  if (!page) {
    page = newMechPage(key);
    if (key === key) setPage(state.mech.pages, state.mech.pageIndex, key, page);
  }
  return page;
}

function tableOf(state: MachineState, key: number, op: Op): Table | null {
  if (key !== key) return null;
  let table = state.tables.get(key);
  if (!table || table.life === LIFE.freed) {
    table = newTable(key, 0, Number.NaN);
    table.life = LIFE.live;
    table.birthRef = op.ref;
    table.birthSeq = state.seq;
    setPage(state.tables, state.tablePages, key, table);
  }
  return table;
}

function link(state: MachineState, op: Op): void {
  const table = tableOf(state, op.a2, op);
  if (!table) return;
  table.life = LIFE.live;
  table.mm = op.a0;
  const page = pageOf(state, op.a2);
  if (op.a3 > 0) page.level = table.level = op.a3;
  page.everLinked = true;
  // One entry, told twice, is one entry.
  if (page.links.some((l) => l.mm === op.a0 && l.va === op.a1)) return;
  if (page.links.length >= MAX_LINKS) {
    state.lossSeq = state.seq;
    return;
  }
  page.links.push({ mm: op.a0, va: op.a1 });
  page.sharers = Math.max(page.sharers, page.links.length);
  const key = linkKey(op.a0, op.a1);
  const chain = state.mech.links.get(key);
  if (chain) chain.push(op.a2);
  else state.mech.links.set(key, [op.a2]);
}

/** The parent entry is cleared: from here on only what was cached before leads to the table. */
function unlink(state: MachineState, page: MechPage, mm: number, va: number, op: Op): void {
  const { mech } = state;
  let at = page.links.findIndex((l) => l.mm === mm && l.va === va);
  if (at < 0) at = page.links.findIndex((l) => l.mm === mm || mm !== mm);
  if (at < 0) at = page.links.length === 1 ? 0 : -1;
  if (at < 0) return;
  const [gone] = page.links.splice(at, 1);
  const key = linkKey(gone!.mm, gone!.va);
  const chain = (mech.links.get(key) ?? []).filter((k) => k !== page.key);
  if (chain.length > 0) mech.links.set(key, chain);
  else mech.links.delete(key);
  page.ul = { seq: state.seq, ref: op.ref };
  page.ulTs = op.tsNs;
  page.ulCpu = op.cpu;
  for (const l of mech.loadedByMm.get(gone!.mm)?.values() ?? []) {
    hold(mech, page, l.cpu, Number.NaN, gone!.mm, gone!.va, false, l.ref, state.seq);
    for (const [at2, frame] of page.entries) {
      const framePage = pageOf(state, frame);
      hold(mech, framePage, l.cpu, Number.NaN, gone!.mm, at2, true, l.ref, state.seq);
    }
  }
}

/** Every CPU with the mm in CR3 may have cached the translation that is cleared now. */
function leafHolders(state: MachineState, page: MechPage, mm: number, va: number, op: Op): void {
  const frame = page.entries.get(va);
  if (frame === undefined) return;
  for (const l of state.mech.loadedByMm.get(mm)?.values() ?? []) {
    hold(state.mech, pageOf(state, frame), l.cpu, Number.NaN, mm, va, true, op.ref, state.seq);
  }
}

function holdersAt(state: MachineState, mm: number, va: number, keep: (h: Holder) => boolean): Holder[] {
  const { heldAt } = state.mech;
  const key = linkKey(mm, va);
  // What is gone does not come back.
  const left = (heldAt.get(key) ?? []).filter((h) => h.hold !== 0);
  if (left.length > 0) heldAt.set(key, left);
  else heldAt.delete(key);
  return left.filter((h) => keep(h) && !isAway(state.mech, h));
}

/** Who may still use a translation of (mm, address) that memory no longer holds. */
function staleAt(state: MachineState, mm: number, va: number): Holder[] {
  const current = frameAt(state, mm, va);
  return holdersAt(state, mm, va, (h) => h.page !== current);
}

const smallAt = (state: MachineState, mm: number, va: number): Holder[] =>
  holdersAt(state, mm, va, () => true);

/** What a CPU holds of a page that is gone matters only if the CPU can come back to the mm with it. */
function giveAway(mech: Mech, h: Holder, op: Op): void {
  if (h.hold !== 0 && isAway(mech, h)) h.parkedRef = op.ref;
  else h.hold = 0;
}

/** First sight of a CPU after it loaded CR3: whatever it was to flush with that is flushed by now. */
function cameBack(state: MachineState, op: Op, hooks: Hooks): void {
  const { mech } = state;
  const mm = mech.arrived.get(op.cpu);
  if (mm === undefined) return;
  mech.arrived.delete(op.cpu);
  for (const h of mech.holders.get(cacheKey(op.cpu, Number.NaN, mm)) ?? []) {
    if (h.hold === 0 || h.parkedRef < 0) continue;
    hooks.mech.cameBack(h, op);
    h.hold = 0;
  }
}

function frameAt(state: MachineState, mm: number, va: number): number {
  const chain = state.mech.links.get(linkKey(mm, va));
  const page = chain ? state.mech.pages.get(chain.at(-1)!) : undefined;
  return page?.entries.get(va) ?? Number.NaN;
}

function forget(state: MachineState, page: MechPage, op: Op): void {
  const { mech } = state;
  deletePage(mech.pages, mech.pageIndex, page.key);
  for (const h of page.holders) giveAway(mech, h, op);
  for (const { mm, va } of page.links) {
    const key = linkKey(mm, va);
    const chain = (mech.links.get(key) ?? []).filter((k) => k !== page.key);
    if (chain.length > 0) mech.links.set(key, chain);
    else mech.links.delete(key);
  }
}
