import { FuncTable } from '../kernel/func-table.js';
import { GP_EVENT, OP } from '../kernel/ops.js';
import { FLAG } from '../timeline/flags.js';
import { Names } from './names.js';

/** One operation of an execution, as plain numbers. */
export interface ProgramOp {
  readonly kind: number;
  readonly cpu: number;
  readonly pid: number;
  readonly flags: number;
  readonly slots: readonly number[];
  /** Place in the execution. */
  readonly ref: number;
}

export const TASK = FLAG.known;
export const SOFTIRQ = FLAG.known | FLAG.softirq;
export const HARDIRQ = FLAG.known | FLAG.hardirq | FLAG.irqsOff;
const FIRST_PID = 1000;

/** Collects the operations of one execution; what a state does not hold (generation and csd numbers) is counted here. */
export class Emitter {
  readonly ops: ProgramOp[] = [];
  readonly names = new Names();
  readonly funcs: FuncTable;
  private generation = 100;
  private readonly off = new Set<number>();
  private readonly ofCpu = new Map<number, number>();
  private csds = 0;
  private periods = 0;
  private readonly open = new Map<string, number>();

  /** `funcs`: one table may serve many executions. */
  constructor(funcs: FuncTable = new FuncTable()) {
    this.funcs = funcs;
  }

  emit(kind: number, cpu: number, slots: readonly number[], flags: number = TASK): void {
    const off = flags === TASK && this.off.has(cpu) ? FLAG.irqsOff : 0;
    this.ops.push({ kind, cpu, pid: FIRST_PID + cpu, flags: flags | off, slots, ref: this.ops.length });
  }

  /** What follows in task context of the CPU is with interrupts off, or on. */
  interrupts(cpu: number, off: boolean): void {
    if (off) this.off.add(cpu);
    else this.off.delete(cpu);
  }

  /** A flush of the CPU begins: the generation goes up. */
  nextGen(cpu = -1): number {
    this.ofCpu.set(cpu, ++this.generation);
    return this.generation;
  }

  /** The newest generation. */
  get gen(): number {
    return this.generation;
  }

  /** Generation of the flush that a CPU has begun last. */
  genOf(cpu: number): number {
    return this.ofCpu.get(cpu) ?? this.generation;
  }

  /** A grace period begins (1) or ends (0): gp_seq 4k+1, as the tracepoint prints it both times. */
  gracePeriod(begins: 0 | 1): void {
    this.periods += begins;
    this.emit(OP.GP, 0, [(this.periods - 1) * 4 + 1, begins ? GP_EVENT.start : GP_EVENT.end]);
  }

  /** Number of the request from one CPU to another; the same until it is answered. */
  csd(key: string): number {
    let csd = this.open.get(key);
    if (csd === undefined) this.open.set(key, (csd = ++this.csds));
    return csd;
  }

  answered(key: string): number {
    const csd = this.csd(key);
    this.open.delete(key);
    return csd;
  }
}
