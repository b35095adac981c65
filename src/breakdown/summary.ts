import type { Op } from '../kernel/ops.js';
import type { PhaseSummary } from '../result/types.js';
import { PHASES, PhaseClock, SYSCALLS } from './phases.js';

/** The short form of a breakdown, taken beside a replay from the same operations. */
export class PhaseWatch {
  private readonly name: string;
  private readonly clocks: readonly PhaseClock[];

  /** `name`: the syscall that is measured; where it does not unmap, or does not occur, every mmu_gather is. */
  constructor(name: string) {
    this.name = name;
    const syscall = SYSCALLS[name];
    const gathers = new PhaseClock({ gather: true });
    this.clocks = syscall === undefined ? [gathers] : [new PhaseClock({ syscall }), gathers];
  }

  step(op: Op): void {
    for (const clock of this.clocks) clock.step(op);
  }

  /** Nothing is carried over a loss or into a new capture. */
  cut(): void {
    for (const clock of this.clocks) clock.cut();
  }

  /** Null where no span is divided by any event. */
  finish(): PhaseSummary | null {
    this.cut();
    const clock = this.clocks.find((c) => c.spans.count > 0);
    if (clock === undefined || clock.begins.every((n) => n === 0)) return null;
    return {
      what: clock === this.clocks.at(-1) ? 'mmu_gather' : this.name,
      count: clock.spans.count,
      censored: clock.censored,
      sumNs: Number(clock.spans.sumNs),
      phases: PHASES.map((phase, i) => ({ phase, sumNs: clock.sums[i]! })).filter((p) => p.sumNs > 0),
    };
  }
}

/** Phases named in a summary; the others are one part. */
const NAMED = 4;

/** `flush: wait 93.3 %, free 2.28 %, … of 931.5 ms in 84 calls`: longest first. */
export function phaseWords(s: PhaseSummary, duration: (ns: number) => string): string {
  const longest = [...s.phases].sort((a, b) => b.sumNs - a.sumNs);
  const part = (ns: number): string => `${Number(((100 * ns) / s.sumNs).toPrecision(3))} %`;
  const named = longest.slice(0, NAMED).map((p) => `${p.phase} ${part(p.sumNs)}`);
  const rest = longest.slice(NAMED).reduce((sum, p) => sum + p.sumNs, 0);
  if (rest > 0) named.push(`other ${part(rest)}`);
  return `${named.join(', ')} of ${duration(s.sumNs)} in ${s.count} ${s.what === 'mmu_gather' ? 'gathers' : 'calls'} (pttrace breakdown)`;
}
