import { all, type Command } from './command.js';
import type { Cue } from './cue.js';
import type { Kernel } from './kernel.js';

/** Place in a thread's code; may be used before it is known. */
export class Label {
  at = -1;
}

/** One of the ways on from a place. */
export interface Way {
  readonly text: string;
  readonly when?: string | undefined;
  readonly set?: readonly string[];
  /** Default: the next place. */
  readonly to?: Label;
  readonly ops?: Command['ops'] | undefined;
  readonly cue?: Cue;
}

/** A trace prints whether interrupts were off. */
const withInterrupts =
  (ops: NonNullable<Command['ops']>, cpu: number): NonNullable<Command['ops']> =>
  (e, read) => {
    e.interrupts(cpu, read(`irq_${cpu}`) === 1);
    ops(e, read);
    e.interrupts(cpu, false);
  };

/**
 * A program on a CPU, written step by step. It stands at a place (`pc_N`) until the guard of one of its ways holds;
 * preempted, or while the hypervisor has taken the CPU away, it stands still.
 */
export class Thread {
  readonly kernel: Kernel;
  readonly cpu: number;
  private place = 0;
  private readonly pending: { readonly at: number; readonly way: Way }[] = [];

  constructor(kernel: Kernel, cpu: number, role: string) {
    this.kernel = kernel;
    this.cpu = cpu;
    kernel.model.variable(`pc_${cpu}`, 0, cpu);
    kernel.model.variable(`irq_${cpu}`, 0, cpu);
    kernel.model.roles[cpu] = role;
  }

  /** One step, several where the program chooses; then the next place. */
  step(...ways: readonly Way[]): void {
    for (const way of ways) this.pending.push({ at: this.place, way });
    this.place++;
  }

  /**
   * Steps that depend on whether a rule is broken; where it is broken now and then only, both, and whoever drives the
   * machine chooses each time.
   */
  either(rule: string, steps: (broken: boolean) => void): void {
    if (!this.kernel.sometimes(rule)) {
      steps(this.kernel.broken(rule));
      return;
    }
    const [without, end] = [new Label(), new Label()];
    this.step({ text: `keeps ${rule}`, cue: 'kept' }, { text: `breaks ${rule}`, to: without, cue: 'broken' });
    steps(false);
    this.step({ text: `${rule} was kept`, to: end });
    this.here(without);
    steps(true);
    this.here(end);
  }

  /** The label stands at the next place. */
  here(label: Label): void {
    label.at = this.place;
  }

  /** The name of a variable that belongs to this CPU. */
  own(name: string): string {
    return this.kernel.model.variable(`${name}_${this.cpu}`, 0, this.cpu);
  }

  /** Last call: gives all steps to the model. */
  end(): void {
    const { model } = this.kernel;
    const pc = `pc_${this.cpu}`;
    for (const { at, way } of this.pending) {
      const next = way.to ? way.to.at : at + 1;
      if (next < 0) throw new Error(`a way of thread ${this.cpu} leads nowhere: ${way.text}`);
      model.command({
        actor: `thread ${this.cpu}`,
        cpu: this.cpu,
        at,
        guard: all(
          `${pc} == ${at}`,
          model.has(`pre_${this.cpu}`) && `pre_${this.cpu} != 1`,
          model.has(`out_${this.cpu}`) && `out_${this.cpu} == 0`,
          way.when,
        ),
        set: [...(way.set ?? []), `${pc} = ${next}`],
        text: way.text,
        ops: way.ops ? withInterrupts(way.ops, this.cpu) : null,
        cue: way.cue,
      });
    }
    model.ends.set(pc, this.place);
  }
}
