import { OP, type Op } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { linkKey, type MechPage, newMechPage } from '../state/mech.js';
import { deletePage, setPage } from '../state/page-index.js';
import { LIFE, newTable, type Table } from '../state/table-life.js';
import { giveAway, hold } from '../steps/caches.js';
import { removes } from '../steps/removals.js';
import type { FactSteps } from './fact-step.js';

/** Entries of a table. */
const ENTRIES = 512;
/** Processes that share one table of hugetlb pages, at most remembered. */
const MAX_LINKS = 4096;

/** Facts of who links which table where, and of what its entries point to. */
export const LINK_STEPS: FactSteps = {
  [OP.LINK]: link,
  [OP.SETE]: setEntry,
  [OP.CLRE]: clearEntry,
  [OP.PGD]: topLevel,
};

/** The page with that key; one that no fact was about is made. */
export function pageOf(state: MachineState, key: number): MechPage {
  let page = state.mech.pages.get(key);
  if (!page) {
    page = newMechPage(key);
    if (key === key) setPage(state.mech.pages, state.mech.pageIndex, key, page);
  }
  return page;
}

/** The table with that key; one that is not known, or freed, begins a life. Null: no key. */
export function tableOf(state: MachineState, key: number, op: Op): Table | null {
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
    state.lossSeq = Math.max(state.lossSeq, state.seq);
    return;
  }
  page.links.push({ mm: op.a0, va: op.a1 });
  page.sharers = Math.max(page.sharers, page.links.length);
  const key = linkKey(op.a0, op.a1);
  const chain = state.mech.links.get(key);
  if (chain) chain.push(op.a2);
  else state.mech.links.set(key, [op.a2]);
}

function setEntry(state: MachineState, op: Op, _task: Task, hooks: Hooks): void {
  const page = pageOf(state, op.a0);
  hooks.mech.entrySet(page, page.everLinked && page.links.length === 0, op);
  if (page.entries.size < ENTRIES || page.entries.has(op.a1)) page.entries.set(op.a1, op.a2);
  pageOf(state, op.a2);
}

function clearEntry(state: MachineState, op: Op): void {
  const page = pageOf(state, op.a0);
  for (const { mm } of page.links) {
    leafHolders(state, page, mm, op.a1, op);
    removes(state.mech, mm, op.a1, { seq: state.seq, ref: op.ref });
  }
  page.entries.delete(op.a1);
}

function topLevel(state: MachineState, op: Op): void {
  pageOf(state, op.a0).pgd = true;
  state.mech.pgds++;
}

/** The parent entry is cleared: from here on only what was cached before leads to the table. */
export function unlink(state: MachineState, page: MechPage, mm: number, va: number, op: Op): void {
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

/** What (mm, address) maps to by the facts so far; NaN: not known. */
export function frameAt(state: MachineState, mm: number, va: number): number {
  const chain = state.mech.links.get(linkKey(mm, va));
  const page = chain ? state.mech.pages.get(chain.at(-1)!) : undefined;
  return page?.entries.get(va) ?? Number.NaN;
}

/** The page is given away: no fact is about it any more. */
export function forget(state: MachineState, page: MechPage, op: Op): void {
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
