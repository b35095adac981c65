import { OP, type Op, READER } from '../kernel/ops.js';
import { CONTEXT } from '../timeline/flags.js';
import type { Hooks } from './hooks.js';
import type { Task } from './state/contexts.js';
import type { MachineState } from './state/machine-state.js';

/** Keys of interrupt contexts (`machine.ts` taskOf) lie at and below this. */
const FIRST_INTERRUPT_KEY = -1_000_000;

function readerKey(op: Op, task: Task): string {
  return `${task.key}/${op.a0}/${op.a1}`;
}

export function readerBegins(state: MachineState, op: Op, task: Task): void {
  task.readerSeen = true;
  const key = readerKey(op, task);
  const open = state.readers.get(key);
  if (open) {
    open.depth++;
    return;
  }
  state.readers.set(key, {
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
  });
}

export function readerEnds(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const key = readerKey(op, task);
  const reader = state.readers.get(key);
  const first = !task.readerSeen;
  task.readerSeen = true;
  if (!reader) {
    if (first) hooks.readerUnseen(op);
    return;
  }
  if (--reader.depth > 0) return;
  state.readers.delete(key);
  hooks.readerEnded(reader, op);
}

/**
 * Sections that cannot be open any more although no end was seen: none outlives the interrupt it ran in, nor a
 * return to user space. What they spanned stays undecided.
 */
export function expireReaders(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const inTask = op.context === CONTEXT.task;
  const boundary = op.kind === OP.SE || op.kind === OP.SX;
  if (!inTask) return;
  for (const [key, reader] of state.readers) {
    if (reader.kind > READER.preemptoff) continue;
    const interrupt = reader.task <= FIRST_INTERRUPT_KEY && reader.cpu === op.cpu;
    if (!interrupt && !(boundary && reader.task === task.key)) continue;
    state.readers.delete(key);
    hooks.readerExpired(reader);
  }
}
