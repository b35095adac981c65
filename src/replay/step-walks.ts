import { kindSet, LOOKUP, OP, type Op, pagesOf, READER, SPIN } from '../kernel/ops.js';
import { CONTEXT } from '../timeline/flags.js';
import type { Hooks } from './hooks.js';
import type { Task } from './state/contexts.js';
import type { MachineState } from './state/machine-state.js';
import { deletePage, forEachPage, setPage } from './state/page-index.js';
import { LIFE } from './state/table-life.js';
import {
  type Bracket,
  type Instant,
  type Lookup,
  newWalkedTable,
  newWalker,
  type Section,
  type UnlinkedBy,
  type WalkedTable,
  type Walker,
} from './state/walks.js';

const RANGE = 2 ** 21;
/** A task holds no more locks at once (include/linux/sched.h MAX_LOCK_DEPTH is 48). */
const MAX_HELD = 64;
/** Walkers in one table, and GUP-fast brackets, at once: no machine has so many CPUs. */
const MAX_INSIDE = 8192;
const PAGE = 4096;
/** Ranges of one bracket looked at: GUP-fast takes a few pages at a time. */
const MAX_RANGES = 64;

/** What `stepWalks` has a case for. */
const WALK_KINDS = kindSet(
  OP.RB,
  OP.RE,
  OP.MAP,
  OP.MAPR,
  OP.SETP,
  OP.PLK,
  OP.GUP,
  OP.TR,
  OP.UL,
  OP.COLL,
  OP.DEFER,
  OP.FREE,
  OP.ALLOC,
  OP.SE,
  OP.SX,
);

/**
 * Walkers of PTE tables. A lookup names its table by what it returns (the address of an entry in it); its section lasts
 * from the `rcu_read_lock` inside the lookup to the unlock of the same depth (mm/pgtable-generic.c). GUP-fast runs with
 * interrupts off and shows only as a bracket around that.
 */
export function stepWalks(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  if (op.kind !== OP.RB && op.kind !== OP.RE && op.kind !== OP.MAP) hooks.walks.seen(op, task);
  if (WALK_KINDS[op.kind] === 0) return;
  switch (op.kind) {
    case OP.RB:
      if (op.a0 === READER.rcu && op.a1 !== op.a1) locked(state, op, walkerOf(task));
      return;
    case OP.RE:
      if (op.a0 === READER.rcu && op.a1 !== op.a1 && task.walker) unlocked(state, op, task.walker, hooks);
      return;
    case OP.MAP:
      begins(state, op, walkerOf(task));
      return;
    case OP.MAPR:
      returns(state, op, task, walkerOf(task), hooks);
      return;
    case OP.SETP: {
      const table = state.walks.tables.get(op.a1);
      if (table) hooks.walks.entrySet(table, task, op);
      return;
    }
    case OP.PLK:
      if (op.a1 === op.a1) lock(state, op, walkerOf(task));
      return;
    case OP.GUP:
      bracket(state, op, task, hooks);
      return;
    case OP.TR:
    case OP.UL:
      if (op.kind === OP.UL || op.a3 === 1) {
        unlink(state, op.a2, op, task, op.kind === OP.UL ? 'free_pte' : 'handed over', hooks);
      }
      return;
    case OP.COLL:
      if (op.a2 > 0) unlink(state, op.a2, op, task, 'pmdp_collapse_flush', hooks);
      return;
    case OP.DEFER:
      unlink(state, op.a1, op, task, 'pte_free_defer', hooks);
      return;
    case OP.FREE:
      if (state.walks.tables.size > 0) walked(state, op, (table) => free(state, table, op, hooks));
      return;
    case OP.ALLOC:
      if (state.walks.tables.size > 0) walked(state, op, (table) => forget(state, table, hooks));
      return;
    case OP.SE:
    case OP.SX:
      if (op.context === CONTEXT.task && task.walker) expire(state, task.walker, hooks);
      return;
    default:
  }
}

const walked = (state: MachineState, op: Op, each: (table: WalkedTable) => void): void =>
  forEachPage(state.walks.tables, state.walks.pages, op.a0, pagesOf(op), each);

const walkerOf = (task: Task): Walker => {
  task.walker ??= newWalker();
  return task.walker;
};

const now = (state: MachineState, op: Op): Instant => ({
  ref: op.ref,
  tsNs: op.tsNs,
  seq: state.seq,
  cpu: op.cpu,
});

function locked(state: MachineState, op: Op, walker: Walker): void {
  walker.depth++;
  walker.newestRef = op.ref;
  walker.newestNs = op.tsNs;
  walker.newestSeq = state.seq;
  walker.newestCpu = op.cpu;
  walker.newestDepth = walker.depth;
  const { plain } = walker;
  if (plain && plain.begin === null) {
    plain.begin = now(state, op);
    plain.depth = walker.depth;
  }
}

function unlocked(state: MachineState, op: Op, walker: Walker, hooks: Hooks): void {
  const { depth, open } = walker;
  if (depth === 0) return;
  walker.depth--;
  for (let i = open.length - 1; i >= 0; i--) {
    const section = open[i]!;
    if (section.depth < depth) break;
    open.splice(i, 1);
    ended(state, section, op, hooks);
  }
}

function ended(state: MachineState, section: Section, op: Op, hooks: Hooks): void {
  section.end = now(state, op);
  const table = state.walks.tables.get(section.table);
  if (table) {
    drop(table.open, section);
    table.lastEnd = section.end;
  }
  hooks.walks.sectionEnded(section, op);
}

function begins(state: MachineState, op: Op, walker: Walker): void {
  const lookup: Lookup = {
    entry: now(state, op),
    table: op.a2,
    slot: op.a0,
    slotPage: op.a3,
    addr: op.a1,
    mm: op.a4,
    how: op.a5,
    begin: null,
    depth: 0,
  };
  if (op.a5 === LOOKUP.plain) walker.plain = lookup;
  else walker.outer = lookup;
}

function returns(state: MachineState, op: Op, task: Task, walker: Walker, hooks: Hooks): void {
  const plain = op.a5 === LOOKUP.plain;
  const lookup = plain ? walker.plain : walker.outer;
  if (plain) walker.plain = null;
  else walker.outer = null;
  if (!(op.a1 >= 0) || op.a0 === 0) {
    if (op.a0 === 0) hooks.walks.lookedUp(lookup, null, task, op);
    return;
  }
  const table = named(state, op.a1);
  learn(table, lookup, plain ? walker.outer : null);
  hooks.walks.lookedUp(lookup, table, task, op);
  if (!plain) {
    if (op.a5 === LOOKUP.lock) holds(state, op, walker);
    return;
  }
  state.walks.lookups++;
  const begin = lookup ? lookup.begin : newestLock(walker);
  if (!begin) {
    table.unbounded++;
    return;
  }
  const { depth } = lookup ?? walker;
  // Another section of the same depth cannot be open any more: its end was not seen.
  let from = walker.open.length;
  while (from > 0 && walker.open[from - 1]!.depth >= depth) from--;
  for (const old of walker.open.splice(from)) lose(state, old, hooks);
  const section: Section = {
    kind: 'walk',
    table: table.key,
    task: task.key,
    begin,
    depth,
    own: table.ulTask === task.key || (lookup !== null && !isTablePage(lookup.slotPage)),
    end: null,
    released: [],
    insideAtUnlink: false,
  };
  table.sections++;
  // The oldest has ended unseen: a table is not walked by so many at once.
  if (table.open.length >= MAX_INSIDE) lose(state, table.open[0]!, hooks);
  table.open.push(section);
  walker.open.push(section);
  const { ul } = table;
  if (!ul || section.own) return;
  if (begin.seq < ul.seq) {
    // Its lookup was under way when the table was unlinked.
    section.insideAtUnlink = true;
    table.inside.push(section);
  } else if (table.ulBy === 'pmdp_collapse_flush') relinked(table);
  else table.late++;
}

/** Where only the return is probed: the lock taken last is the one inside the lookup. */
const newestLock = (walker: Walker): Instant | null =>
  walker.depth > 0 && walker.newestDepth === walker.depth
    ? { ref: walker.newestRef, tsNs: walker.newestNs, seq: walker.newestSeq, cpu: walker.newestCpu }
    : null;

/** The entry lies in the direct map, where page tables are; the collapser's own lies on its stack. */
const isTablePage = (key: number): boolean => !(key < 0);

/** Found again through an ordinary entry: a collapse that failed, or that installs the same table again (7.2). */
function relinked(table: WalkedTable): void {
  table.ul = null;
  table.ulTask = Number.NaN;
  table.inside = [];
}

function named(state: MachineState, key: number): WalkedTable {
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

function learn(table: WalkedTable, lookup: Lookup | null, outer: Lookup | null): void {
  if (!lookup) return;
  const mm = outer && outer.mm === outer.mm ? outer.mm : lookup.mm;
  if (mm === mm) table.mm = mm;
  if (table.range === table.range || lookup.addr !== lookup.addr || !isTablePage(lookup.slotPage)) return;
  table.range = Math.floor(lookup.addr / RANGE);
}

function lock(state: MachineState, op: Op, walker: Walker): void {
  if (op.a5 === SPIN.unlock) {
    const at = walker.held.findLastIndex((h) => h.table === op.a1);
    if (at >= 0) walker.held.splice(at, 1);
  } else if (op.a5 === SPIN.lock && walker.outer === null) {
    holds(state, op, walker);
  }
}

function holds(state: MachineState, op: Op, walker: Walker): void {
  walker.held.push({ table: op.a1, lock: now(state, op) });
  if (walker.held.length > MAX_HELD) walker.held.shift();
}

function bracket(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const { brackets } = state.walks;
  const old = brackets.get(task.key);
  if (old) {
    brackets.delete(task.key);
    for (const section of old.sections) {
      if (op.a0 === 0) ended(state, section, op, hooks);
      else lose(state, section, hooks);
    }
  }
  if (op.a0 !== 1 || op.a1 !== op.a1) return;
  const firstRange = Math.floor(op.a1 / RANGE);
  const pagesAsked = op.a2 > 0 ? op.a2 : 1;
  const lastRange = Math.min(Math.floor((op.a1 + pagesAsked * PAGE - 1) / RANGE), firstRange + MAX_RANGES);
  if (brackets.size >= MAX_INSIDE) {
    const [oldest] = brackets.values();
    brackets.delete(oldest!.task);
    for (const section of oldest!.sections) lose(state, section, hooks);
  }
  brackets.set(task.key, { task: task.key, begin: now(state, op), firstRange, lastRange, sections: [] });
}

function unlink(state: MachineState, key: number, op: Op, task: Task, by: UnlinkedBy, hooks: Hooks): void {
  const table = state.walks.tables.get(key);
  if (!table || table.ul) return;
  table.ul = now(state, op);
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

function free(state: MachineState, table: WalkedTable, op: Op, hooks: Hooks): void {
  const at = { free: now(state, op), ul: table.ul };
  for (const section of table.open) section.released.push(at);
  hooks.walks.released(table, op);
  deletePage(state.walks.tables, state.walks.pages, table.key);
}

function forget(state: MachineState, table: WalkedTable, hooks: Hooks): void {
  hooks.walks.forgotten(table);
  deletePage(state.walks.tables, state.walks.pages, table.key);
}

function lose(state: MachineState, section: Section, hooks: Hooks): void {
  const table = state.walks.tables.get(section.table);
  if (table) {
    drop(table.open, section);
    table.unbounded++;
  }
  hooks.walks.sectionLost(section);
}

/** No section outlives a return to user space: what is still open there has ended unseen. */
function expire(state: MachineState, walker: Walker, hooks: Hooks): void {
  for (const section of walker.open) lose(state, section, hooks);
  walker.open.length = 0;
  walker.held.length = 0;
  walker.depth = 0;
  walker.plain = null;
  walker.outer = null;
}

function drop<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
