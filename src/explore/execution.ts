import type { FuncTable } from '../kernel/func-table.js';
import { CR_SOURCE, OP } from '../kernel/ops.js';
import type { Program } from '../litmus/program.js';
import { type Compiled, reader } from '../machine/compile.js';
import { Emitter } from '../machine/emitter.js';
import { FLUSH_ALL } from '../machine/flush-reasons.js';
import { unrelated } from '../machine/unrelated.js';
import type { Step } from './path.js';

/** An execution as a trace would show it. */
export interface Execution extends Program {
  readonly emitter: Emitter;
  /** Operations before the first step and after the last. */
  readonly body: { readonly from: number; readonly to: number };
}

/** Functions of other work. */
const [OTHER_IPI, OTHER_CALLBACK] = ['other_ipi_func', 'other_rcu_func'];
/** Heads of other work, far from those of tables. */
const OTHER_HEADS = 0x7000_0000;

/**
 * On each CPU a flush with interrupts on, an allocation, a request to another CPU and a call_rcu(), none of them about tables: they show
 * that the probes fire there, so that what an execution leaves out is known not to have happened.
 */
function probesAtWork(e: Emitter, cpus: readonly number[]): void {
  const mm = e.names.mm('(other process)');
  for (const cpu of cpus) {
    const csd = e.csd(`other ${e.ops.length}`);
    const head = OTHER_HEADS + e.ops.length;
    e.emit(OP.FR, cpu, [mm, 0, FLUSH_ALL, 12, 0]);
    e.emit(OP.INV, cpu, [0, mm, 0, FLUSH_ALL, e.nextGen(cpu)]);
    e.emit(OP.FD, cpu, []);
    e.emit(OP.ALLOC, cpu, [e.names.page(`(other page ${e.ops.length})`), 0, 0]);
    e.emit(OP.IS, cpu, [(cpu + 1) % cpus.length, e.funcs.idOfName(OTHER_IPI), csd]);
    e.emit(OP.CR, cpu, [head, e.funcs.idOfName(OTHER_CALLBACK), Number.NaN, Number.NaN, CR_SOURCE.call_rcu]);
  }
}

/** The operations of a path, with setup before and unrelated work around it as any recording has. */
export function executionOf(compiled: Compiled, path: readonly Step[], funcs?: FuncTable): Execution {
  const { machine, initial } = compiled;
  const e = new Emitter(funcs);
  const cpus = Array.from({ length: machine.cpus }, (_, cpu) => cpu);
  const devices = machine.commands.some((c) => c.actor === 'device') ? [0] : [];
  const other = (round: number): void =>
    unrelated(
      (kind, cpu, slots) => e.emit(kind, cpu, slots),
      e.names,
      () => e.nextGen(),
      cpus,
      devices,
      round,
    );
  other(0);
  probesAtWork(e, cpus);
  machine.setup?.(e, reader(compiled, initial));
  const from = e.ops.length;
  for (const step of path) step.command.ops?.(e, reader(compiled, step.before));
  const to = e.ops.length;
  probesAtWork(e, cpus);
  other(1);
  return { ops: e.ops, funcs: e.funcs, stuck: [], emitter: e, body: { from, to } };
}
