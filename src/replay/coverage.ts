import { OP_COUNT } from '../kernel/ops.js';

/** Beside the operations: a reader section that names the table it walks (`OP.RB` with a table). */
export const NAMED_READER = OP_COUNT;
/** … a request to run `flush_tlb_func()` (`OP.IS`). */
export const FLUSH_SENT = OP_COUNT + 1;
const KINDS = OP_COUNT + 2;

/** Answer to an absence question: the probe demonstrably works (and the event is absent), or why we cannot tell. */
export interface AbsenceCase {
  /** Operation kind whose absence is the point. */
  readonly kind: number;
  readonly cpu: number;
  /** The probe must have fired on that CPU since its last loss and before now. */
  readonly proven: () => void;
  readonly unproven: (why: string) => void;
}

/**
 * Which operation kinds fire on which CPU, between losses.
 *
 * Absence of an event is evidence only where the same probe fired on that CPU before *and* after, with no loss
 * between; so an absence case waits here for the next firing, for a loss, or for the end.
 */
export class Coverage {
  private readonly kinds: number;
  private cpus = 0;
  /** Kinds there is room for: those of syscalls are many, and most recordings show few of the first. */
  private width = 0;
  /** Seq of the last firing since the last loss, by cpu * width + kind; 0 = none. */
  private last = new Float64Array(0);
  /** Seq of the newest firing before the last loss on all CPUs: what fired by then has not fired since. */
  private floor = 0;
  private newest = 0;
  private totals = new Float64Array(0);
  /** Those of captures that may be of another kernel, with other probes. */
  private past = new Float64Array(0);
  /** By cpu * kinds + kind. */
  private readonly waiting = new Map<number, AbsenceCase[]>();
  private waitingCount = 0;

  /** Kinds are below `kinds`; what lies beyond is never proven to fire. */
  constructor(kinds: number = KINDS) {
    this.kinds = kinds;
  }

  fired(kind: number, cpu: number, seq: number): void {
    // Neither a call that nobody can name.
    if (!(kind >= 0 && kind < this.width)) {
      if (!(kind >= 0 && kind < this.kinds)) return;
      this.grow(this.cpus, kind + 1);
    }
    this.totals[kind]!++;
    if (cpu < 0) return;
    if (cpu >= this.cpus) this.grow(cpu + 1, this.width);
    this.last[cpu * this.width + kind] = this.newest = seq;
    if (this.waitingCount > 0) this.settle(cpu * this.kinds + kind);
  }

  /** Times the operation was seen anywhere in the trace. */
  total(kind: number): number {
    return this.totals[kind] ?? 0;
  }

  /** … in this capture, and those before it of the same recorder. */
  shown(kind: number): number {
    return this.total(kind) - (this.past[kind] ?? 0);
  }

  /** What fired so far was another recorder's. */
  otherRecorder(): void {
    this.past.set(this.totals);
  }

  firedOn(kind: number, cpu: number): boolean {
    return (
      kind >= 0 &&
      kind < this.width &&
      cpu >= 0 &&
      cpu < this.cpus &&
      this.last[cpu * this.width + kind]! > this.floor
    );
  }

  /** Ask whether the absence of `kind` on `cpu` just now means anything; answered at once or later. */
  ask(question: AbsenceCase): void {
    if (!this.firedOn(question.kind, question.cpu)) {
      question.unproven('its probe was not seen to fire on this CPU before');
      return;
    }
    const slot = question.cpu * this.kinds + question.kind;
    const list = this.waiting.get(slot);
    if (list) list.push(question);
    else this.waiting.set(slot, [question]);
    this.waitingCount++;
  }

  /**
   * The recording still goes on here: every probe that has fired on this CPU since its last loss would have fired until
   * now, as if it did now.
   */
  alive(cpu: number): void {
    if (cpu < 0 || cpu >= this.cpus) return;
    // What is proven may ask for the next kind of its case.
    for (let before = -1; this.waitingCount !== before; ) {
      before = this.waitingCount;
      for (let kind = 0; kind < this.width; kind++) {
        if (this.last[cpu * this.width + kind]! > this.floor) this.settle(cpu * this.kinds + kind);
      }
    }
  }

  lost(cpu: number): void {
    const why = 'events were lost on this CPU before its probe fired again';
    if (cpu < 0) {
      this.floor = this.newest;
      this.abandonAll(why);
      return;
    }
    if (cpu >= this.cpus) this.grow(cpu + 1, this.width);
    for (let kind = 0; kind < this.width; kind++) {
      this.last[cpu * this.width + kind] = 0;
      this.abandon(cpu * this.kinds + kind, why);
    }
  }

  /** End of the recording or of a capture: nothing waiting can be proven any more. */
  end(why: string): void {
    this.abandonAll(why);
    this.last.fill(0);
    // Steps are counted anew in the next capture.
    this.floor = this.newest = 0;
  }

  private abandonAll(why: string): void {
    for (const slot of [...this.waiting.keys()]) this.abandon(slot, why);
  }

  private settle(slot: number): void {
    const list = this.waiting.get(slot);
    if (!list) return;
    this.waiting.delete(slot);
    this.waitingCount -= list.length;
    for (const question of list) question.proven();
  }

  private abandon(slot: number, why: string): void {
    const list = this.waiting.get(slot);
    if (!list) return;
    this.waiting.delete(slot);
    this.waitingCount -= list.length;
    for (const question of list) question.unproven(why);
  }

  private grow(cpus: number, width: number): void {
    const [size, before] = [cpus > this.cpus ? Math.max(cpus, this.cpus * 2, 8) : this.cpus, this.width];
    const wide = width > before ? Math.min(Math.max(width, before * 2, 64), this.kinds) : before;
    const bigger = new Float64Array(size * wide);
    for (let cpu = 0; cpu < this.cpus; cpu++)
      bigger.set(this.last.subarray(cpu * before, (cpu + 1) * before), cpu * wide);
    this.last = bigger;
    this.cpus = size;
    if (wide === before) return;
    const { totals, past } = this;
    this.totals = new Float64Array(wide);
    this.totals.set(totals);
    this.past = new Float64Array(wide);
    this.past.set(past);
    this.width = wide;
  }
}
