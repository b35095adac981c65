import { kindSet, LOOKUP, OP, type Op, READER, SPIN } from '../../kernel/ops.js';
import { CONTEXT } from '../../timeline/flags.js';
import type { Hooks } from '../hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { type Instant, type Lookup, newWalker, type Section, type Walker } from '../state/walks.js';
import {
  forgetWalked,
  instantOf,
  isTablePage,
  learnRange,
  loseSection,
  RANGE,
  releaseWalked,
  relinked,
  sectionEnded,
  unlinkWalked,
  walkedAmong,
  walkedTable,
} from './walked-tables.js';

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
        unlinkWalked(state, op.a2, op, task, op.kind === OP.UL ? 'free_pte' : 'handed over', hooks);
      }
      return;
    case OP.COLL:
      if (op.a2 > 0) unlinkWalked(state, op.a2, op, task, 'pmdp_collapse_flush', hooks);
      return;
    case OP.DEFER:
      unlinkWalked(state, op.a1, op, task, 'pte_free_defer', hooks);
      return;
    case OP.FREE:
      if (state.walks.tables.size > 0) releases(state, op, hooks);
      return;
    case OP.ALLOC:
      if (state.walks.tables.size > 0) allocates(state, op, hooks);
      return;
    case OP.SE:
    case OP.SX:
      if (op.context === CONTEXT.task && task.walker) expire(state, task.walker, hooks);
      return;
    default:
  }
}

// Apart from the step: a function whose closures hold its arguments makes room for them at each call, whatever comes of it.
const releases = (state: MachineState, op: Op, hooks: Hooks): void =>
  walkedAmong(state, op, (table) => releaseWalked(state, table, op, hooks));

const allocates = (state: MachineState, op: Op, hooks: Hooks): void =>
  walkedAmong(state, op, (table) => forgetWalked(state, table, hooks));

const walkerOf = (task: Task): Walker => {
  task.walker ??= newWalker();
  return task.walker;
};

function locked(state: MachineState, op: Op, walker: Walker): void {
  walker.depth++;
  walker.newestRef = op.ref;
  walker.newestNs = op.tsNs;
  walker.newestSeq = state.seq;
  walker.newestCpu = op.cpu;
  walker.newestDepth = walker.depth;
  const { plain } = walker;
  if (plain && plain.begin === null) {
    plain.begin = instantOf(state, op);
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
    sectionEnded(state, section, op, hooks);
  }
}

function begins(state: MachineState, op: Op, walker: Walker): void {
  const lookup: Lookup = {
    entry: instantOf(state, op),
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
  const table = walkedTable(state, op.a1);
  learnRange(table, lookup, plain ? walker.outer : null);
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
  for (const old of walker.open.splice(from)) loseSection(state, old, hooks);
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
  if (table.open.length >= MAX_INSIDE) loseSection(state, table.open[0]!, hooks);
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

function lock(state: MachineState, op: Op, walker: Walker): void {
  if (op.a5 === SPIN.unlock) {
    const at = walker.held.findLastIndex((h) => h.table === op.a1);
    if (at >= 0) walker.held.splice(at, 1);
  } else if (op.a5 === SPIN.lock && walker.outer === null) {
    holds(state, op, walker);
  }
}

function holds(state: MachineState, op: Op, walker: Walker): void {
  walker.held.push({ table: op.a1, lock: instantOf(state, op) });
  if (walker.held.length > MAX_HELD) walker.held.shift();
}

function bracket(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const { brackets } = state.walks;
  const old = brackets.get(task.key);
  if (old) {
    brackets.delete(task.key);
    for (const section of old.sections) {
      if (op.a0 === 0) sectionEnded(state, section, op, hooks);
      else loseSection(state, section, hooks);
    }
  }
  if (op.a0 !== 1 || op.a1 !== op.a1) return;
  const firstRange = Math.floor(op.a1 / RANGE);
  const pagesAsked = op.a2 > 0 ? op.a2 : 1;
  const lastRange = Math.min(Math.floor((op.a1 + pagesAsked * PAGE - 1) / RANGE), firstRange + MAX_RANGES);
  if (brackets.size >= MAX_INSIDE) {
    const [oldest] = brackets.values();
    brackets.delete(oldest!.task);
    for (const section of oldest!.sections) loseSection(state, section, hooks);
  }
  brackets.set(task.key, {
    task: task.key,
    begin: instantOf(state, op),
    firstRange,
    lastRange,
    sections: [],
  });
}

/** No section outlives a return to user space: what is still open there has ended unseen. */
function expire(state: MachineState, walker: Walker, hooks: Hooks): void {
  for (const section of walker.open) loseSection(state, section, hooks);
  walker.open.length = 0;
  walker.held.length = 0;
  walker.depth = 0;
  walker.plain = null;
  walker.outer = null;
}
