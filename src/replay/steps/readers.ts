import { OP, type Op, READER } from '../../kernel/ops.js';
import { CONTEXT } from '../../timeline/flags.js';
import type { Hooks } from '../hooks.js';
import { interruptKey, type Reader, type Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';

/**
 * Sections open at once at most: no machine has so many CPUs, and what is preempted inside one is little. Where there are
 * more their ends were not recorded.
 */
const MAX_OPEN = 8192;

const readerKey = (kind: number, table: number, task: number): string => `${task}/${kind}/${table}`;

export function readerBegins(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  task.readerSeen = true;
  const key = readerKey(op.a0, op.a1, task.key);
  const open = state.readers.get(key);
  if (open) {
    open.depth++;
    return;
  }
  const reader: Reader = {
    kind: op.a0,
    table: op.a1,
    mm: op.a2 === op.a2 ? op.a2 : task.mm,
    ref: op.ref,
    ts: op.tsNs,
    seq: state.seq,
    cpu: op.cpu,
    task: task.key,
    depth: 1,
    overlaps: [],
  };
  state.readers.set(key, reader);
  join(state.readersOfTask, reader.task, reader);
  if (reader.table === reader.table) join(state.readersOfTable, reader.table, reader);
  if (state.readers.size > MAX_OPEN) crowded(state, hooks);
}

export function readerEnds(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const reader = state.readers.get(readerKey(op.a0, op.a1, task.key));
  const first = !task.readerSeen;
  task.readerSeen = true;
  if (!reader) {
    if (first) hooks.readerUnseen(op);
    return;
  }
  if (--reader.depth > 0) return;
  remove(state, reader);
  hooks.readerEnded(reader, op);
}

/**
 * Sections that cannot be open any more although no end was seen: none outlives the interrupt it ran in, nor a
 * return to user space. What they spanned stays undecided.
 */
export function expireReaders(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  if (op.context !== CONTEXT.task) return;
  let over: Reader[] | null = null;
  const ofContext = (key: number): void => {
    const open = state.readersOfTask.get(key);
    if (!open) return;
    for (const reader of open) if (reader.kind <= READER.preemptoff) (over ??= []).push(reader);
  };
  for (let context: number = CONTEXT.softirq; context <= CONTEXT.nmi; context++)
    ofContext(interruptKey(op.cpu, context));
  if (op.kind === OP.SE || op.kind === OP.SX) ofContext(task.key);
  if (over === null) return;
  // In the order in which they began, whatever they ran in.
  for (const reader of (over as Reader[]).sort((a, b) => a.seq - b.seq)) {
    remove(state, reader);
    hooks.readerExpired(reader);
  }
}

/** Half of them go at once. That a section is not known any more is no proof that it is over. */
function crowded(state: MachineState, hooks: Hooks): void {
  let left = MAX_OPEN / 2;
  for (const reader of [...state.readers.values()]) {
    if (left-- <= 0) break;
    remove(state, reader);
    hooks.readerExpired(reader);
  }
  state.lossSeq = state.seq;
}

function remove(state: MachineState, reader: Reader): void {
  state.readers.delete(readerKey(reader.kind, reader.table, reader.task));
  leave(state.readersOfTask, reader.task, reader);
  if (reader.table === reader.table) leave(state.readersOfTable, reader.table, reader);
}

function join(index: Map<number, Set<Reader>>, key: number, reader: Reader): void {
  const open = index.get(key);
  if (open) open.add(reader);
  else index.set(key, new Set([reader]));
}

function leave(index: Map<number, Set<Reader>>, key: number, reader: Reader): void {
  const open = index.get(key);
  if (open?.delete(reader) && open.size === 0) index.delete(key);
}
