import type { CpuClock } from './capture-clocks.js';

/** Events of a capture, by their numbers: behind `from`, up to `to`. */
export interface Extent {
  readonly from: number;
  readonly to: number;
}

interface Shown extends Extent {
  /** CPUs that have events in it. */
  readonly cpus: number;
  /** Inputs that are one recording. */
  readonly group: number;
}

/** Captures of one recording. */
interface Group {
  /** CPUs that the events speak of: one more than the highest that acts or is interrupted. */
  named: number;
  /** CPUs that have events. */
  readonly acting: Set<number>;
  /** One capture shows several of them. */
  together: boolean;
}

const newGroup = (): Group => ({ named: 0, acting: new Set(), together: false });

/**
 * Which CPUs each capture shows. A file may hold the text of one CPU after that of another (`per_cpu/cpuN/trace`): all of them
 * are in it, and none of them shows what the others did. Where any capture shows several, all were recorded together: CPUs that
 * another one shows were idle.
 */
export class RecordedCpus {
  private readonly captures: Shown[] = [];
  private readonly recordings: Group[] = [newGroup()];

  /** The next inputs are of another recording. */
  nextGroup(): void {
    this.recordings.push(newGroup());
  }

  /** An event speaks of this CPU. */
  name(cpu: number): void {
    const group = this.recordings.at(-1)!;
    if (cpu >= group.named) group.named = cpu + 1;
  }

  /** A capture ends. */
  captureEnds({ from, to }: Extent, clocks: readonly CpuClock[]): void {
    if (to <= from) return;
    let cpus = 0;
    clocks.forEach(({ lastEvent }, cpu) => {
      if (lastEvent <= from) return;
      cpus++;
      this.name(cpu);
      this.recordings.at(-1)!.acting.add(cpu);
    });
    if (cpus > 1) this.recordings.at(-1)!.together = true;
    this.captures.push({ from, to, cpus, group: this.recordings.length - 1 });
  }

  /** Captures that do not show every CPU, by what is to be said of them. `announced`: CPUs that headers tell of, by group. */
  lacking(announced: readonly number[]): ReadonlyMap<string, readonly Extent[]> {
    const out = new Map<string, Extent[]>();
    for (const capture of this.captures) {
      const { named, acting, together } = this.recordings[capture.group]!;
      const machine = Math.max(announced[capture.group] ?? 0, named);
      const shown = together ? acting.size : capture.cpus;
      if (shown >= machine) continue;
      const where = shown < acting.size ? 'that capture' : 'this trace';
      const why = `only ${shown} of ${machine} CPUs have events in ${where}: the others may have acted unseen`;
      const same = out.get(why);
      if (same) same.push(capture);
      else out.set(why, [capture]);
    }
    return out;
  }

  get groups(): number {
    return this.recordings.length;
  }
}
