import { FUNC, type Op } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import type { Cpu, Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { type Head, LIFE } from '../state/table-life.js';
import { leaveLine } from './callback-order.js';

/** What has shown that a callback runs (`Head.shown`). */
const SHOWN_BY_TRACEPOINT = 1;
const SHOWN_BY_PROBE = 2;

/** The probe on an RCU callback. */
export function callback(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
  const head =
    (op.a0 === op.a0 ? state.headsByAddr.get(op.a0) : undefined) ?? justInvoked(cpu, task, op) ?? undefined;
  if (cpu) {
    cpu.callback = head ?? null;
    cpu.callbackTask = task.key;
  }
  if (!head) {
    // A function-tracer line gives no head: which enqueue it belongs to cannot be said.
    if (op.a0 === op.a0) hooks.callbackUnmatched(null, cpu, op);
    return;
  }
  if (head.shown & SHOWN_BY_PROBE) {
    hooks.callbackUnmatched(head, cpu, op);
    return;
  }
  head.shown |= SHOWN_BY_PROBE;
  head.nr = op.a3;
  if (op.nTables > 0) head.listed = listedBy(op);
  freesListed(state, op, head, hooks);
  if (head.ran === 2 && head.shown === SHOWN_BY_PROBE) hooks.callbackAfterInferred(head, op);
  const first = head.ran === 0;
  head.cbFunc = op.a1;
  if (first) ran(state, head, 1, op, cpu, hooks);
  else hooks.callbackFunc(head, op);
}

function listedBy(op: Op): number[] {
  const tables: number[] = [];
  for (let i = 0; i < op.nTables; i++) tables.push(op.tables[i]!);
  return tables;
}

/**
 * The head that `rcu_invoke_callback` has just named on this CPU, if its address is not known yet: its `call_rcu` probe
 * was before the recording began, its tracepoint in it.
 */
function justInvoked(cpu: Cpu | null, task: Task, op: Op): Head | null {
  const head = cpu?.callback ?? null;
  if (head === null || cpu!.callbackTask !== task.key || head.addr === head.addr) return null;
  if (head.shown !== SHOWN_BY_TRACEPOINT || head.func !== op.a1) return null;
  head.addr = op.a0;
  return head;
}

/** Everything that the callback releases is released. */
export function callbackOver(head: Head, cpu: Cpu, op: Op, hooks: Hooks): void {
  if (head.over) return;
  head.over = true;
  hooks.callbackOver(head, cpu, op);
}

/** The callback prints what it will release: a table released already is released twice. */
function freesListed(state: MachineState, op: Op, head: Head, hooks: Hooks): void {
  for (let i = 0; i < op.nTables; i++) {
    const table = state.tables.get(op.tables[i]!);
    if (
      table &&
      table.life === LIFE.freed &&
      table.trSeq > 0 &&
      table.head !== head &&
      table.freeSeq < head.crSeq
    ) {
      hooks.tableQueuedAfterFree(table, head, op);
    }
  }
}

/** The tracepoint `rcu_invoke_callback`. */
export function invoked(state: MachineState, op: Op, task: Task, cpu: Cpu | null, hooks: Hooks): void {
  const head = op.a0 === op.a0 ? state.headsByRhp.get(op.a0) : undefined;
  if (cpu) {
    cpu.callback = head ?? null;
    cpu.callbackTask = head ? task.key : Number.NaN;
  }
  if (!head) {
    if (cpu) unlinkedSingle(op, cpu, hooks);
    return;
  }
  state.headsByRhp.delete(op.a0);
  head.shown |= SHOWN_BY_TRACEPOINT;
  if (head.ran === 2 && head.shown === SHOWN_BY_TRACEPOINT) hooks.callbackAfterInferred(head, op);
  if (head.ran === 0) {
    head.cbFunc = op.a1;
    ran(state, head, 1, op, cpu, hooks);
  }
}

/**
 * `rcu_invoke_callback` of a single table without its enqueue. Its own probe cannot be set (notrace), so this is
 * the only sight of it; a pending head whose tracepoint value was never shown may be the one.
 */
function unlinkedSingle(op: Op, cpu: Cpu, hooks: Hooks): void {
  if (op.a1 !== FUNC.__tlb_remove_table_one_rcu) return;
  if (cpu.unnamed > 0) return;
  hooks.callbackUnmatched(null, cpu, op);
}

/** The callback's own probe was skipped (a kprobe hit inside another probe's handler): its frees show that it ran. */
export function callbackInferred(
  state: MachineState,
  head: Head,
  op: Op,
  cpu: Cpu | null,
  hooks: Hooks,
): void {
  ran(state, head, 2, op, cpu, hooks);
}

function ran(state: MachineState, head: Head, how: 1 | 2, op: Op, cpu: Cpu | null, hooks: Hooks): void {
  head.ran = how;
  head.cbRef = op.ref;
  head.cbTs = op.tsNs;
  head.cbSeq = state.seq;
  head.cbCpu = op.cpu;
  leaveLine(state, head);
  hooks.callbackRan(head, cpu, op);
  if (cpu && head.crCpu === cpu.id) cpu.matchedSeq = state.seq;
}

/** The return of a callback. */
export function callbackReturned(cpu: Cpu, task: Task, op: Op, hooks: Hooks): void {
  if (cpu.callback && cpu.callbackTask === task.key) callbackOver(cpu.callback, cpu, op, hooks);
  cpu.callback = null;
  cpu.callbackTask = Number.NaN;
}
