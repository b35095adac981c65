import { GP_EVENT, OP } from '../kernel/ops.js';
import type { Emit } from './kernel-model.js';

/** Low two bits of gp_seq are the state of a grace period; the number proper is above them. */
const STEP = 4;
const RUNNING = 1;

/** `rcu_seq_snap()`: the number at which a whole grace period has passed since now. */
export const snap = (gpSeq: number): number =>
  gpSeq + 2 * STEP - 1 - ((((gpSeq + 2 * STEP - 1) % STEP) + STEP) % STEP);

interface Waiting {
  readonly head: string;
  /** Value of gp_seq at which it may run; NaN: in NEXT or the bypass list, none is asked for yet. */
  target: number;
}

interface RcuCpu {
  /** Sections open on the CPU, by task on it. */
  readers: { readonly kind: 'rcu' | 'cpu'; preempted: boolean }[];
  /** The grace period in progress still waits for it. */
  owesQs: boolean;
  /** WAIT, NEXT_READY and NEXT of the segmented list, oldest first. */
  readonly callbacks: Waiting[];
  /** Callbacks are offloaded: enqueues stay in the bypass list until it is flushed. */
  offloaded: boolean;
  readonly bypass: Waiting[];
}

/**
 * Tree RCU as far as order goes: one grace period at a time, who must report for it, preempted readers that hold it
 * up, the segmented callback list and the bypass list of offloaded CPUs. Source: kernel/rcu/tree.c, tree_plugin.h
 * (PREEMPT_RCU), rcu_segcblist.c, tree_nocb.h.
 */
export class RcuModel {
  private readonly emit: Emit;
  private readonly broken: ReadonlySet<string>;
  private readonly cpus = new Map<number, RcuCpu>();
  /** Preempted readers that the grace period in progress waits for. */
  private blocked: RcuCpu['readers'] = [];
  gpSeq = 0;

  constructor(emit: Emit, broken: ReadonlySet<string>) {
    this.emit = emit;
    this.broken = broken;
  }

  /** `rcu`: rcu_read_lock(), preemptible. `cpu`: interrupts, preemption or bottom halves off. */
  readerBegins(cpu: number, kind: 'rcu' | 'cpu'): void {
    this.cpu(cpu).readers.push({ kind, preempted: false });
  }

  readerEnds(cpu: number, kind: 'rcu' | 'cpu'): void {
    const { readers } = this.cpu(cpu);
    const at = readers.findLastIndex((r) => r.kind === kind);
    if (at < 0) return;
    const [gone] = readers.splice(at, 1);
    this.blocked = this.blocked.filter((r) => r !== gone);
  }

  /** The task on the CPU is switched out: a quiescent state of the CPU, not of a reader that it interrupts. */
  preempt(cpu: number): void {
    const c = this.cpu(cpu);
    for (const r of c.readers) {
      if (r.kind !== 'rcu' || r.preempted) continue;
      r.preempted = true;
      // Counted for the grace period in progress only if that still waits for this CPU.
      if (c.owesQs) this.blocked.push(r);
    }
    this.quiescent(cpu);
  }

  /** A context switch, idle or user mode. Where a section is open on the CPU itself there is none. */
  quiescent(cpu: number): void {
    const c = this.cpu(cpu);
    const reading = c.readers.some((r) => !r.preempted);
    if (reading && !this.broken.has('gp-ignores-irqs-off')) return;
    c.owesQs = false;
    this.emit(OP.QS, cpu, [1]);
  }

  /** False: one is in progress already. */
  gpStart(cpu: number): boolean {
    if (this.gpSeq % STEP !== 0) return false;
    this.gpSeq += RUNNING;
    for (const c of this.cpus.values()) {
      c.owesQs = true;
      // Preempted before the start: on the node's list, carried over.
      for (const r of c.readers) if (r.preempted && !this.blocked.includes(r)) this.blocked.push(r);
    }
    this.emit(OP.GP, cpu, [this.gpSeq, GP_EVENT.start]);
    return true;
  }

  /** False: some CPU or preempted reader has still to report, so it does not end. */
  gpEnd(cpu: number): boolean {
    if (this.gpSeq % STEP !== RUNNING) return false;
    const owing = [...this.cpus.values()].some((c) => c.owesQs && c.readers.some((r) => !r.preempted));
    const held = this.blocked.length > 0 && !this.broken.has('gp-ignores-preempted');
    if (owing || held) return false;
    // CPUs without a section are found idle or in user mode by the force-quiescent-state scan.
    for (const c of this.cpus.values()) c.owesQs = false;
    this.emit(OP.GP, cpu, [this.gpSeq, GP_EVENT.end]);
    this.gpSeq += STEP - RUNNING;
    this.blocked = [];
    return true;
  }

  enqueue(cpu: number, head: string): void {
    const c = this.cpu(cpu);
    if (c.offloaded) c.bypass.push({ head, target: Number.NaN });
    else c.callbacks.push({ head, target: snap(this.gpSeq) });
  }

  offload(cpu: number): void {
    this.cpu(cpu).offloaded = true;
  }

  /** The bypass list is flushed (10 s, memory pressure, a callback in a hurry): only now a grace period counts. */
  flushBypass(cpu: number): void {
    const c = this.cpu(cpu);
    for (const w of c.bypass.splice(0)) c.callbacks.push({ head: w.head, target: snap(this.gpSeq) });
  }

  /** Heads of the CPU whose callbacks may run now, in the order of their enqueue; they leave the list. */
  takeDone(cpu: number): string[] {
    const c = this.cpu(cpu);
    const early = this.broken.has('callbacks-before-gp');
    const done: string[] = [];
    while (c.callbacks.length > 0 && (early || c.callbacks[0]!.target <= this.gpSeq)) {
      done.push(c.callbacks.shift()!.head);
    }
    return done;
  }

  /** A callback was run by hand. */
  forget(head: string): void {
    for (const c of this.cpus.values()) {
      for (const list of [c.callbacks, c.bypass]) {
        const at = list.findIndex((w) => w.head === head);
        if (at >= 0) list.splice(at, 1);
      }
    }
  }

  private cpu(id: number): RcuCpu {
    let c = this.cpus.get(id);
    if (!c) {
      c = { readers: [], owesQs: this.gpSeq % STEP === RUNNING, callbacks: [], offloaded: false, bypass: [] };
      this.cpus.set(id, c);
    }
    return c;
  }
}
