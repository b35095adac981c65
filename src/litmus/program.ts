import { FuncTable } from '../kernel/func-table.js';
import type { ProgramOp } from '../machine/emitter.js';
import { Names } from '../machine/names.js';
import { unrelated } from '../machine/unrelated.js';
import { KernelModel } from '../mmu/kernel-model.js';
import { RcuModel } from '../mmu/rcu-model.js';
import { UsageError } from '../result/usage-error.js';
import { FLAG } from '../timeline/flags.js';
import { ACTIONS, type StepTools } from './step-actions.js';
import type { LitmusOrder, LitmusStep, LitmusTest } from './test.js';

const TASK = FLAG.known;
const FIRST_PID = 1000;

/** What one order becomes: operations as a trace would show them, in order. */
export interface Program {
  readonly ops: readonly ProgramOp[];
  readonly funcs: FuncTable;
  /** CPUs that wait forever: their remaining steps never ran. */
  readonly stuck: readonly number[];
}

/** Numbers and operations of one order, setup included. Throws UsageError for a step that cannot be meant. */
export function programOf(test: LitmusTest, order: LitmusOrder): Program {
  return new Builder(test, order).build();
}

class Builder {
  private readonly test: LitmusTest;
  private readonly order: LitmusOrder;
  private readonly names = new Names();
  private readonly funcs = new FuncTable();
  private readonly ops: ProgramOp[] = [];
  private readonly kernel: KernelModel;
  private readonly rcu: RcuModel;
  private readonly waiting = new Map<number, LitmusStep[]>();
  /** (mm, address) → tables, innermost last. */
  private readonly mapped = new Map<string, string[]>();
  private readonly entries = new Map<string, Set<string>>();
  private readonly readers = new Map<string, number[]>();
  private readonly bound = new Map<string, string>();
  private readonly ran = new Set<string>();
  private readonly inside: StepTools['inside'] = new Map();
  private readonly scans: StepTools['scans'] = new Map();
  private gen = 100;

  constructor(test: LitmusTest, order: LitmusOrder) {
    this.test = test;
    this.order = order;
    const broken = new Set(order.broken);
    this.kernel = new KernelModel((kind, cpu, slots) => this.emit(kind, cpu, slots), broken);
    this.rcu = new RcuModel((kind, cpu, slots) => this.emit(kind, cpu, slots), broken);
  }

  build(): Program {
    const steps = [...this.test.setup, ...this.order.steps];
    // A machine whose other CPUs show nothing may be one that was recorded in part: all of them are at work.
    const last = steps.reduce((most, s) => Math.max(most, s.cpu), 0);
    const cpus = Array.from({ length: last + 1 }, (_, cpu) => cpu);
    const devices = [...new Set(steps.filter((s) => s.device >= 0).map((s) => s.device))];
    this.unrelated(cpus, devices, 0);
    for (const step of steps) this.schedule(step);
    this.unrelated(cpus, devices, 1);
    const stuck = [...this.waiting].filter(([, list]) => list.length > 0).map(([cpu]) => cpu);
    return { ops: this.ops, funcs: this.funcs, stuck };
  }

  /** A recording has other work before and after: it shows which probes fire on which CPU. */
  private unrelated(cpus: readonly number[], devices: readonly number[], round: number): void {
    const emit = (kind: number, cpu: number, slots: readonly number[]): void => this.emit(kind, cpu, slots);
    unrelated(emit, this.names, () => ++this.gen, cpus, devices, round);
  }

  private schedule(step: LitmusStep): void {
    const cpu = Math.max(step.cpu, 0);
    const later = this.waiting.get(cpu);
    if (step.device < 0 && (this.kernel.waits(cpu) || (later && later.length > 0))) {
      if (later) later.push(step);
      else this.waiting.set(cpu, [step]);
    } else this.step(step, cpu);
    for (const [waiter, list] of this.waiting) {
      while (list.length > 0 && !this.kernel.waits(waiter)) this.step(list.shift()!, waiter);
    }
  }

  private step(step: LitmusStep, cpu: number): void {
    const run = ACTIONS[step.op];
    if (!run) throw new UsageError(`there is no step ${step.op}`);
    try {
      run(this.tools, step, cpu);
    } catch (error) {
      if (error instanceof UsageError) throw new UsageError(`${this.test.id}: ${error.message}`);
      throw error;
    }
  }

  private emit(kind: number, cpu: number, slots: readonly number[], flags: number = TASK): void {
    this.ops.push({ kind, cpu, pid: FIRST_PID + cpu, flags, slots, ref: this.ops.length });
  }

  private readonly tools: StepTools = {
    emit: (kind, cpu, slots, flags) => this.emit(kind, cpu, slots, flags),
    kernel: () => this.kernel,
    rcu: () => this.rcu,
    mm: (name) => this.names.mm(name),
    va: (name) => this.names.va(name),
    page: (name) => this.names.page(name),
    head: (name) => this.names.head(name),
    lock: (name) => this.funcs.idOfName(name),
    level: (table) => this.test.levels.get(table) ?? 1,
    mapped: this.mapped,
    entries: this.entries,
    readers: this.readers,
    bound: this.bound,
    ran: this.ran,
    inside: this.inside,
    scans: this.scans,
    nextGen: () => ++this.gen,
    broken: (rule) => this.order.broken.includes(rule),
  };
}
