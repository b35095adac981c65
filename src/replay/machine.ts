import { OP, OP_COUNT, OP_FIRST_FACT, type Op } from '../kernel/ops.js';
import { MAX_CPUS } from '../timeline/batch.js';
import { CONTEXT, contextOf } from '../timeline/flags.js';
import { isKnown } from '../timeline/is-known.js';
import type { Hooks } from './hooks.js';
import { type Cpu, interruptKey, newCpu, newTask, type Task } from './state/contexts.js';
import type { MachineState } from './state/machine-state.js';
import { passFlush, stepFlush } from './steps/flush.js';
import { followHandlers, stepIpis } from './steps/ipis.js';
import { observeMech, stepMech } from './steps/mech.js';
import { stepRcu } from './steps/rcu.js';
import { expireReaders } from './steps/readers.js';
import { stepTables } from './steps/tables.js';
import { stepTasks } from './steps/tasks.js';
import { stepWalks } from './steps/walks.js';

/** No CPU goes offline and comes back in less: grace periods and the start of a CPU lie between (kernel/cpu.c). */
export const OFFLINE_NS = 5e6;

/** Who takes a step; a switch over the kinds themselves would compare them one after the other. */
const STEP = { tables: 1, flush: 2, rcu: 3, tasks: 4, hotplug: 5, lost: 6, ipis: 7 } as const;
const STEP_OF = new Uint8Array(OP_COUNT);
for (const [by, kinds] of [
  [
    STEP.tables,
    [
      OP.TR,
      OP.APP,
      OP.PVOP,
      OP.UL,
      OP.ULret,
      OP.PUB,
      OP.PTEA,
      OP.PMDA,
      OP.PTEN,
      OP.FREE,
      OP.ALLOC,
      OP.DEFER,
      OP.DR,
    ],
  ],
  [STEP.flush, [OP.FR, OP.FD, OP.FMULTI, OP.SYNCR]],
  [STEP.ipis, [OP.INV, OP.TLBF, OP.IS, OP.IE, OP.IX, OP.SSYNC, OP.SYNC1]],
  [STEP.rcu, [OP.CR, OP.CB, OP.CBret, OP.RQ, OP.RI, OP.GP, OP.GPX, OP.RB, OP.RE, OP.GUP]],
  [
    STEP.tasks,
    [
      OP.GB,
      OP.GE,
      OP.GEret,
      OP.FMMU,
      OP.UVMA,
      OP.FPGT,
      OP.FPGD,
      OP.SE,
      OP.SX,
      OP.SW,
      OP.EXITMM,
      OP.EXIT,
      OP.FORK,
    ],
  ],
  [STEP.hotplug, [OP.HOTPLUG]],
  [STEP.lost, [OP.lost]],
] as const) {
  for (const kind of kinds) STEP_OF[kind] = by;
}

/**
 * The simulated MMU + RCU core. A pure step function on explicit state: a recorded trace, a what-if program and
 * an exhaustive scheduler drive the same one. It decides nothing about right and wrong; it tells `hooks` what an
 * operation did, and the invariants (src/replay/rules) check that.
 */
export function step(state: MachineState, op: Op, hooks: Hooks): void {
  state.seq++;
  if (!isKnown(state.firstTs)) state.firstTs = op.tsNs;
  const cpu = op.cpu >= 0 ? cpuOf(state, op.cpu) : null;
  const task = taskOf(state, op, cpu);
  if (cpu) hooks.tick(cpu, op);
  if (state.readers.size > 0) expireReaders(state, op, task, hooks);
  if (task.flush !== null || task.unseenReturn !== null) passFlush(state, op, task, hooks);
  if (op.kind >= OP_FIRST_FACT) stepMech(state, op, task, hooks);
  else observeMech(state, op, task, hooks);
  stepWalks(state, op, task, hooks);
  switch (STEP_OF[op.kind]) {
    case STEP.tables:
      stepTables(state, op, task, cpu, hooks);
      break;
    case STEP.flush:
      stepFlush(state, op, task, hooks);
      break;
    case STEP.ipis:
      stepIpis(state, op, task, cpu, hooks);
      break;
    case STEP.rcu:
      stepRcu(state, op, task, cpu, hooks);
      break;
    case STEP.tasks:
      stepTasks(state, op, task, hooks);
      break;
    case STEP.hotplug:
      if (op.a0 < MAX_CPUS) cpuOf(state, op.a0).hotplugged = true;
      break;
    case STEP.lost:
      lose(state, op.cpu);
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
    followHandlers(cpu, op, state.seq);
    if (op.context === CONTEXT.task) {
      cpu.taskSeq = state.seq;
      cpu.taskTs = op.tsNs;
    }
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
function taskOf(state: MachineState, op: Op, cpu: Cpu | null): Task {
  let key: number;
  if (op.context === CONTEXT.task || op.context === CONTEXT.unknown) {
    key = op.pid > 0 ? op.pid : -(op.cpu + 2);
  } else {
    key = interruptKey(op.cpu, op.context);
  }
  // Mostly whoever has done something here just before.
  if (cpu?.context?.key === key) return cpu.context;
  let task = state.tasks.get(key);
  if (task === undefined) {
    task = newTask(key, state.seq);
    state.tasks.set(key, task);
  }
  if (cpu) cpu.context = task;
  return task;
}

/** An event that means nothing to the machine still shows, by its flags, that the CPU is in no hard interrupt. */
export function goesOn(state: MachineState, id: number, flags: number): void {
  const context = contextOf(flags);
  const cpu = state.cpus[id];
  if (cpu && (context === CONTEXT.task || context === CONTEXT.softirq)) cpu.handlerOverSeq = state.seq;
}

/** Events were lost on `id` (-1: any CPU): whatever was in progress there may have ended unseen. */
function lose(state: MachineState, id: number): void {
  if (state.seq > state.lossSeq) state.lossSeq = state.seq;
  if (state.seq > state.taskLossSeq) state.taskLossSeq = state.seq;
  const known = id >= 0 ? state.cpus[id] : undefined;
  for (const cpu of id < 0 ? state.cpus : known ? [known] : []) {
    cpu.lossSeq = state.seq;
    cpu.handler = null;
    cpu.callback = null;
    cpu.callbackTask = Number.NaN;
  }
}
