import { GP_EVENT, OP } from '../kernel/ops.js';
import { type Compiled, reader } from '../machine/compile.js';
import { Emitter, type ProgramOp } from '../machine/emitter.js';
import type { Step } from './path.js';

/**
 * For each step of a path the earlier ones that it answers, by what a trace would show of them: an interrupt the step that
 * sent it, the return of a flush the interrupts that were answered, a grace period and a callback the call_rcu() that waits.
 */
export function causesOf(compiled: Compiled, path: readonly Step[]): number[][] {
  const e = new Emitter();
  compiled.machine.setup?.(e, reader(compiled, compiled.initial));
  const seen = new Seen();
  return path.map((step, at) => {
    const from = e.ops.length;
    step.command.ops?.(e, reader(compiled, step.before));
    const causes = e.ops.slice(from).flatMap((op) => seen.answers(op, at));
    return [...new Set(causes)].filter((cause) => cause !== at).sort((a, b) => a - b);
  });
}

/** Steps by what can be answered yet. */
class Seen {
  /** By csd: who sent it. */
  private readonly sent = new Map<number, { cpu: number; at: number }>();
  /** By sender: interrupts of its open flush or sync that were answered. */
  private readonly answered = new Map<number, number[]>();
  /** By head as the tracepoints print it: call_rcu() whose callback has not run. */
  private readonly queued = new Map<number, number>();
  private gpStart = -1;
  private gpEnd = -1;

  answers({ kind, cpu, slots }: ProgramOp, at: number): number[] {
    if (kind === OP.IS) {
      this.sent.set(slots[2]!, { cpu, at });
      return [];
    }
    if (kind === OP.IE) {
      const request = this.sent.get(slots[2]!);
      if (!request) return [];
      this.answered.set(request.cpu, [...(this.answered.get(request.cpu) ?? []), at]);
      return [request.at];
    }
    if (kind === OP.FD || (kind === OP.SYNC1 && slots[0] === 0)) {
      const all = this.answered.get(cpu) ?? [];
      this.answered.delete(cpu);
      return all;
    }
    if (kind === OP.RQ) {
      this.queued.set(slots[0]!, at);
      return [];
    }
    if (kind === OP.GP) return this.gracePeriod(slots[1] === GP_EVENT.start, at);
    if (kind !== OP.RI) return [];
    const queued = this.queued.get(slots[0]!) ?? -1;
    this.queued.delete(slots[0]!);
    return this.gpEnd > queued ? [this.gpEnd] : queued >= 0 ? [queued] : [];
  }

  private gracePeriod(starts: boolean, at: number): number[] {
    if (starts) {
      this.gpStart = at;
      return [...this.queued.values()];
    }
    this.gpEnd = at;
    return this.gpStart >= 0 ? [this.gpStart] : [];
  }
}
