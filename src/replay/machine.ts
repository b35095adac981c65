import { OP, OP_FIRST_FACT, type Op } from '../kernel/ops.js';
import { MAX_CPUS } from '../timeline/batch.js';
import { CONTEXT } from '../timeline/flags.js';
import type { Hooks } from './hooks.js';
import { type Cpu, newCpu, newTask, type Task } from './state/contexts.js';
import type { MachineState } from './state/machine-state.js';
import { passFlush, stepFlush } from './step-flush.js';
import { observeMech, stepMech } from './step-mech.js';
import { stepRcu } from './step-rcu.js';
import { expireReaders } from './step-readers.js';
import { stepTables } from './step-tables.js';
import { stepTasks } from './step-tasks.js';
import { stepWalks } from './step-walks.js';

/** No CPU goes offline and comes back in less: grace periods and the start of a CPU lie between (kernel/cpu.c). */
export const OFFLINE_NS = 5e6;

/**
 * The simulated MMU + RCU core. A pure step function on explicit state: a recorded trace, a what-if program and
 * an exhaustive scheduler drive the same one. It decides nothing about right and wrong; it tells `hooks` what an
 * operation did, and the invariants (src/replay/rules) check that.
 */
export function step(state: MachineState, op: Op, hooks: Hooks): void {
  state.seq++;
  if (state.firstTs !== state.firstTs) state.firstTs = op.tsNs;
  const cpu = op.cpu >= 0 ? cpuOf(state, op.cpu) : null;
  const task = taskOf(state, op);
  if (cpu) hooks.tick(cpu, op);
  if (state.readers.size > 0) expireReaders(state, op, task, hooks);
  if (task.flush !== null || task.unseenReturn !== null) passFlush(state, op, task, hooks);
  if (op.kind >= OP_FIRST_FACT) stepMech(state, op, task, hooks);
  else observeMech(state, op, task, hooks);
  stepWalks(state, op, task, hooks);
  switch (op.kind) {
    case OP.TR:
    case OP.APP:
    case OP.PVOP:
    case OP.UL:
    case OP.ULret:
    case OP.PUB:
    case OP.PTEA:
    case OP.PMDA:
    case OP.PTEN:
    case OP.FREE:
    case OP.ALLOC:
    case OP.DEFER:
    case OP.DR:
      stepTables(state, op, task, cpu, hooks);
      break;
    case OP.FR:
    case OP.FD:
    case OP.FMULTI:
    case OP.INV:
    case OP.TLBF:
    case OP.IS:
    case OP.IE:
    case OP.IX:
    case OP.SYNC1:
    case OP.SYNCR:
      stepFlush(state, op, task, cpu, hooks);
      break;
    case OP.CR:
    case OP.CB:
    case OP.CBret:
    case OP.RQ:
    case OP.RI:
    case OP.GP:
    case OP.GPX:
    case OP.RB:
    case OP.RE:
    case OP.GUP:
      stepRcu(state, op, task, cpu, hooks);
      break;
    case OP.GB:
    case OP.GE:
    case OP.GEret:
    case OP.FMMU:
    case OP.FPGD:
    case OP.SE:
    case OP.SX:
    case OP.SW:
    case OP.EXITMM:
    case OP.EXIT:
    case OP.FORK:
      stepTasks(state, op, task, hooks);
      break;
    case OP.HOTPLUG:
      if (op.a0 < MAX_CPUS) cpuOf(state, op.a0).hotplugged = true;
      break;
    case OP.lost:
      lose(state, op.cpu);
      break;
    default:
      break;
  }
  // Switched out is not done with: the next operation goes on where it was.
  if (op.kind !== OP.SW) {
    task.lastKind = op.kind;
    if (op.kind !== OP.CR) listed(state, task);
  }
  if (cpu) {
    if (op.kind !== OP.FREE && op.kind !== OP.FPSC) cpu.freeRunSeq = 0;
    else if (cpu.freeRunSeq === 0) cpu.freeRunSeq = state.seq;
    if (op.tsNs - cpu.lastTs >= OFFLINE_NS) {
      cpu.silentFrom = cpu.lastSeq;
      cpu.silentTo = state.seq;
    }
    cpu.lastSeq = state.seq;
    cpu.lastTs = op.tsNs;
    cpu.lastRef = op.ref;
  }
}

/** Whoever does something else has returned from the call_rcu() before it. */
function listed(state: MachineState, task: Task): void {
  const { enqueue } = task;
  if (!enqueue?.open) return;
  enqueue.open = false;
  if (enqueue.head && enqueue.head.listedSeq === 0) enqueue.head.listedSeq = state.seq;
}

export function cpuOf(state: MachineState, id: number): Cpu {
  const cpus = state.cpus;
  while (cpus.length <= id) cpus.push(newCpu(cpus.length));
  return cpus[id]!;
}

/**
 * Whose program order an operation belongs to: the task, or the interrupt that runs on top of it. The context
 * comes from the flags column, never from the pid: callbacks run under any task's name.
 */
function taskOf(state: MachineState, op: Op): Task {
  let key: number;
  if (op.context === CONTEXT.task || op.context === CONTEXT.unknown) {
    key = op.pid > 0 ? op.pid : -(op.cpu + 2);
  } else {
    key = -(1_000_000 + (op.cpu + 1) * 4 + op.context);
  }
  let task = state.tasks.get(key);
  if (task === undefined) {
    task = newTask(key, state.seq);
    state.tasks.set(key, task);
  }
  return task;
}

/** Events were lost on `id` (-1: any CPU): whatever was in progress there may have ended unseen. */
function lose(state: MachineState, id: number): void {
  if (state.seq > state.lossSeq) state.lossSeq = state.seq;
  for (const cpu of state.cpus) {
    if (id >= 0 && cpu.id !== id) continue;
    cpu.lossSeq = state.seq;
    cpu.handler = null;
    cpu.callback = null;
    cpu.callbackTask = Number.NaN;
  }
}
