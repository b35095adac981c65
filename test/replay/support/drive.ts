import { CR_SOURCE, OP, Op, type OpKind } from '../../../src/kernel/ops.js';
import type { Hooks } from '../../../src/replay/hooks.js';
import { step } from '../../../src/replay/machine.js';
import { SilentMechHooks } from '../../../src/replay/mech-hooks.js';
import { SilentHooks } from '../../../src/replay/silent-hooks.js';
import type { Task } from '../../../src/replay/state/contexts.js';
import { type MachineState, newState } from '../../../src/replay/state/machine-state.js';
import type { Table } from '../../../src/replay/state/table-life.js';
import { CONTEXT } from '../../../src/timeline/flags.js';

type Call = readonly [name: string, ...args: unknown[]];

/** The machine, stepped by hand; every call of a hook is kept but `tick`. */
export class Drive {
  readonly state: MachineState = newState();
  calls: Call[] = [];
  private readonly hooks: Hooks;
  private ref = 0;

  constructor() {
    const heard = <T extends object>(of: T): T =>
      new Proxy(of, {
        get: (target, name, self) => {
          const known = Reflect.get(target, name, self);
          if (typeof known !== 'function' || name === 'tick') return known;
          return (...args: unknown[]) => void this.calls.push([String(name), ...args]);
        },
      });
    const mech = heard(new SilentMechHooks());
    this.hooks = heard(Object.assign(new SilentHooks(), { mech }));
  }

  /** One step; its reference is the number of the step, its stamp ten times that. Returns the number. */
  do(kind: OpKind, over: Partial<Op> = {}): number {
    const op = new Op();
    this.ref++;
    const { tables, ...rest } = over;
    Object.assign(op, { kind, ref: this.ref, tsNs: this.ref * 10, cpu: 0, pid: 10 }, rest);
    op.context = over.context ?? CONTEXT.task;
    if (tables) op.tables.set(tables);
    step(this.state, op, this.hooks);
    return this.ref;
  }

  /** Calls of one hook since the last time it was asked for. */
  heard(name: string): Call[] {
    const found = this.calls.filter((c) => c[0] === name);
    this.calls = this.calls.filter((c) => c[0] !== name);
    return found;
  }

  task(pid = 10): Task {
    return this.state.tasks.get(pid)!;
  }

  table(key: number): Table {
    return this.state.tables.get(key)!;
  }

  /** A gather begun, and tables handed to it. */
  gather(...tables: number[]): void {
    this.do(OP.GB, { a0: 500, a1: MM });
    for (const t of tables) this.do(OP.TR, { a0: 500, a1: MM, a2: t, a3: 1 });
  }

  /** A flush from entry to return, without IPIs. */
  flush(freedTables = 1, mm = MM): void {
    this.do(OP.FR, { a0: mm, a1: 0, a2: 4096, a3: 12, a4: freedTables });
    this.do(OP.FD);
  }

  enqueue(addr: number, func: number, page: number, over: Partial<Op> = {}): number {
    return this.do(OP.CR, { a0: addr, a1: func, a2: page, a4: CR_SOURCE.call_rcu, ...over });
  }
}

/** An mm, as its address. */
export const MM = 7000;
