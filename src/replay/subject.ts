import { OP, type Op } from '../kernel/ops.js';
import type { MachineState } from './state/machine-state.js';

/** The mm an operation is about, NaN unknown: what `--mm` selects by. */
export function subjectMm(state: MachineState, op: Op): number {
  switch (op.kind) {
    case OP.GB:
    case OP.GE:
    case OP.FMMU:
    case OP.TR:
    case OP.APP:
    case OP.PVOP:
    case OP.FMULTI:
    case OP.INV:
      return op.a1;
    case OP.UL:
    case OP.PUB:
    case OP.PTEA:
    case OP.PMDA:
    case OP.FR:
    case OP.DEFER:
    case OP.EXITMM:
      return op.a0;
    case OP.FREE:
    case OP.ALLOC:
      return state.tables.get(op.a0)?.mm ?? taskMm(state, op);
    case OP.CB:
      return state.headsByAddr.get(op.a0)?.tables[0]?.mm ?? Number.NaN;
    case OP.RI:
      return state.headsByRhp.get(op.a0)?.tables[0]?.mm ?? Number.NaN;
    default:
      return taskMm(state, op);
  }
}

/**
 * The thread an operation belongs to: what `--pid` selects by. Callbacks run, and release tables, under any task's name:
 * they are their enqueuer's.
 */
export function subjectPid(state: MachineState, op: Op): number {
  switch (op.kind) {
    case OP.FREE: {
      const table = state.tables.get(op.a0);
      return table && table.trPid >= 0 ? table.trPid : op.pid;
    }
    case OP.CB:
      return state.headsByAddr.get(op.a0)?.crPid ?? op.pid;
    case OP.RI:
      return state.headsByRhp.get(op.a0)?.crPid ?? op.pid;
    case OP.CBret:
      return (op.cpu >= 0 ? state.cpus[op.cpu]?.callback?.crPid : undefined) ?? op.pid;
    default:
      return op.pid;
  }
}

function taskMm(state: MachineState, op: Op): number {
  return op.pid > 0 ? (state.tasks.get(op.pid)?.mm ?? Number.NaN) : Number.NaN;
}
