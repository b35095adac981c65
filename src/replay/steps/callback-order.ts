import { FUNC } from '../../kernel/ops.js';
import type { Cpu } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { deletePage } from '../state/page-index.js';
import type { Head } from '../state/table-life.js';

/** Pending heads per CPU kept in order; beyond it (callbacks never shown) the oldest are forgotten. */
const MAX_FIFO = 1 << 16;

/** Queued as a single table, its tracepoint not seen: the callback that shows next may be its own. */
export const isUnnamed = (head: Head): boolean =>
  head.func === FUNC.__tlb_remove_table_one_rcu && head.rhp !== head.rhp;

/** The head goes to the end of its CPU's order. */
export function lineUp(cpu: Cpu, head: Head, seq: number): void {
  cpu.fifo.push(head);
  head.lineSeq = seq;
  if (isUnnamed(head)) cpu.unnamed++;
  if (cpu.fifo.length <= MAX_FIFO) return;
  for (const old of cpu.fifo.splice(0, MAX_FIFO / 2)) out(cpu, old);
  cpu.overtaken = Math.max(0, cpu.overtaken - MAX_FIFO / 2);
}

function out(cpu: Cpu, head: Head): void {
  head.lineSeq = 0;
  if (isUnnamed(head)) cpu.unnamed--;
}

/** Its place in its CPU's order. */
function placeOf(cpu: Cpu, head: Head): number {
  const { fifo } = cpu;
  let [low, high] = [0, fifo.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fifo[middle]!.lineSeq < head.lineSeq) low = middle + 1;
    else high = middle;
  }
  return low;
}

function takeOut(state: MachineState, head: Head): void {
  const cpu = head.lineSeq > 0 ? state.cpus[head.crCpu] : undefined;
  if (!cpu) return;
  const at = placeOf(cpu, head);
  if (at < cpu.overtaken) cpu.overtaken--;
  cpu.fifo.splice(at, 1);
  out(cpu, head);
}

/** It stands behind all others of this CPU now. */
export function moveLast(state: MachineState, head: Head, cpu: Cpu): void {
  if (cpu.id === head.crCpu && cpu.fifo.at(-1) === head) return;
  takeOut(state, head);
  head.crCpu = cpu.id;
  lineUp(cpu, head, state.seq);
}

/** Take the head out of its CPU's order; whatever stands before it has been overtaken. */
export function leaveLine(state: MachineState, head: Head): void {
  const cpu = head.lineSeq > 0 ? state.cpus[head.crCpu] : undefined;
  if (!cpu) return;
  const at = placeOf(cpu, head);
  for (let i = cpu.overtaken; i < at; i++) {
    const older = cpu.fifo[i]!;
    if (older.overtakenBy !== null) continue;
    older.overtakenBy = head;
    older.overtakenSeq = state.seq;
  }
  cpu.overtaken = Math.max(cpu.overtaken, at);
  takeOut(state, head);
}

/** The memory that holds the head is gone (or queued anew): nothing of it is pending any more. */
export function forgetHead(state: MachineState, head: Head): void {
  if (state.headsByAddr.get(head.addr) === head) state.headsByAddr.delete(head.addr);
  if (state.headsByRhp.get(head.rhp) === head) state.headsByRhp.delete(head.rhp);
  if (state.headsByPage.get(head.page) === head) deletePage(state.headsByPage, state.headPages, head.page);
  takeOut(state, head);
}
