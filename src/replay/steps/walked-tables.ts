import { type Op, pagesOf } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { deletePage, forEachPage, setPage } from '../state/page-index.js';
import { LIFE } from '../state/table-life.js';
import {
  type Bracket,
  type Instant,
  type Lookup,
  newWalkedTable,
  type Section,
  type UnlinkedBy,
  type WalkedTable,
} from '../state/walks.js';

/** Bytes of user space that one PTE table maps. */
export const RANGE = 2 ** 21;

/** Every table that a lookup has named among the pages of an operation. */
export const walkedAmong = (state: MachineState, op: Op, each: (table: WalkedTable) => void): void =>
  forEachPage(state.walks.tables, state.walks.pages, op.a0, pagesOf(op), each);

/** When and where the operation is. */
export const instantOf = (state: MachineState, op: Op): Instant => ({
  ref: op.ref,
  tsNs: op.tsNs,
  seq: state.seq,
  cpu: op.cpu,
});

/** A section ends: its table has one reader less. */
export function sectionEnded(state: MachineState, section: Section, op: Op, hooks: Hooks): void {
  section.end = instantOf(state, op);
  const table = state.walks.tables.get(section.table);
  if (table) {
    drop(table.open, section);
    table.lastEnd = section.end;
  }
  hooks.walks.sectionEnded(section, op);
}

/** The entry lies in the direct map, where page tables are; the collapser's own lies on its stack. */
export const isTablePage = (key: number): boolean => !(key < 0);

/** Found again through an ordinary entry: a collapse that failed, or that installs the same table again (7.2). */
export function relinked(table: WalkedTable): void {
  table.ul = null;
  table.ulTask = Number.NaN;
  table.inside = [];
}

/** The table that a lookup names; from here on its life is followed. */
export function walkedTable(state: MachineState, key: number): WalkedTable {
  let table = state.walks.tables.get(key);
  if (!table) {
    table = newWalkedTable(key, state.seq);
    setPage(state.walks.tables, state.walks.pages, key, table);
    unlinkedBefore(state, table);
  }
  return table;
}

/** First named by a lookup when it had been handed to a gather already. */
function unlinkedBefore(state: MachineState, table: WalkedTable): void {
  const known = state.tables.get(table.key);
  if (!known || (known.life !== LIFE.gathered && known.life !== LIFE.rcu) || known.trPid <= 0) return;
  table.ul = { ref: known.trRef, tsNs: known.trTs, seq: known.trSeq, cpu: known.trCpu };
  table.ulTask = known.trPid;
}

/** What a lookup tells of a table: its mm, and the range that it maps. */
export function learnRange(table: WalkedTable, lookup: Lookup | null, outer: Lookup | null): void {
  if (!lookup) return;
  const mm = outer && outer.mm === outer.mm ? outer.mm : lookup.mm;
  if (mm === mm) table.mm = mm;
  if (table.range === table.range || lookup.addr !== lookup.addr || !isTablePage(lookup.slotPage)) return;
  table.range = Math.floor(lookup.addr / RANGE);
}

/** The table is taken out of the tree: whoever is inside reads on. */
export function unlinkWalked(
  state: MachineState,
  key: number,
  op: Op,
  task: Task,
  by: UnlinkedBy,
  hooks: Hooks,
): void {
  const table = state.walks.tables.get(key);
  if (!table || table.ul) return;
  table.ul = instantOf(state, op);
  table.ulBy = by;
  table.ulTask = task.key;
  for (const section of table.open) {
    if (section.own || section.task === task.key) continue;
    section.insideAtUnlink = true;
    table.inside.push(section);
  }
  if (table.range === table.range) {
    for (const b of state.walks.brackets.values()) {
      if (table.range < b.firstRange || table.range > b.lastRange || b.task === task.key) continue;
      const section = sectionOf(b, table);
      table.open.push(section);
      table.inside.push(section);
    }
  }
  hooks.walks.unlinked(table, op);
}

function sectionOf(b: Bracket, table: WalkedTable): Section {
  const section: Section = {
    kind: 'gup',
    table: table.key,
    task: b.task,
    begin: b.begin,
    depth: Number.NaN,
    own: false,
    end: null,
    released: [],
    insideAtUnlink: true,
  };
  b.sections.push(section);
  return section;
}

/** Its page is released, under whoever is still inside. */
export function releaseWalked(state: MachineState, table: WalkedTable, op: Op, hooks: Hooks): void {
  const at = { free: instantOf(state, op), ul: table.ul };
  for (const section of table.open) section.released.push(at);
  hooks.walks.released(table, op);
  deletePage(state.walks.tables, state.walks.pages, table.key);
}

/** Its page is in use for something else: the release was not seen. */
export function forgetWalked(state: MachineState, table: WalkedTable, hooks: Hooks): void {
  hooks.walks.forgotten(table);
  deletePage(state.walks.tables, state.walks.pages, table.key);
}

/** The end of a section was not seen. */
export function loseSection(state: MachineState, section: Section, hooks: Hooks): void {
  const table = state.walks.tables.get(section.table);
  if (table) {
    drop(table.open, section);
    table.unbounded++;
  }
  hooks.walks.sectionLost(section);
}

function drop<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
