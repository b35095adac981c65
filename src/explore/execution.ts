import type { FuncTable } from '../kernel/func-table.js';
import type { Program } from '../litmus/program.js';
import { type Compiled, reader } from '../machine/compile.js';
import { Emitter } from '../machine/emitter.js';
import { unrelated } from '../machine/unrelated.js';
import type { Step } from './path.js';

/** An execution as a trace would show it. */
export interface Execution extends Program {
  readonly emitter: Emitter;
  /** Operations before the first step and after the last. */
  readonly body: { readonly from: number; readonly to: number };
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
  machine.setup?.(e, reader(compiled, initial));
  const from = e.ops.length;
  for (const step of path) step.command.ops?.(e, reader(compiled, step.before));
  const to = e.ops.length;
  other(1);
  return { ops: e.ops, funcs: e.funcs, stuck: [], emitter: e, body: { from, to } };
}
