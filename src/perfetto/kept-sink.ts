import type { TrackArgs, TrackSink } from './sink.js';
import { GRACE_ROWS } from './tracks.js';

/** A slice (or, with `toNs` = `fromNs`, an instant) on a row of a CPU, or a grace period. */
export interface Kept {
  /** -1: a grace period. */
  readonly cpu: number;
  /** The row: `IPI handlers`, `callbacks`, `readers`, … */
  readonly what: string;
  readonly name: string;
  readonly fromNs: number;
  readonly toNs: number;
  /** Slices of one flow are joined by an arrow; 0: none. */
  readonly flow: number;
}

/** A stretch of time, ns relative to the time base. */
export interface TimeWindow {
  readonly fromNs: number;
  readonly toNs: number;
}

/** Slices kept at most for one window: a picture shows no more. */
const MOST = 4000;

/** Keeps what the CPUs did in some stretches of time. */
export class KeptSink implements TrackSink {
  /** By window, in the order given. */
  private readonly kept: readonly { readonly window: TimeWindow; readonly slices: Kept[]; leftOut: number }[];
  private readonly rows: { readonly name: string; readonly parent: number }[] = [{ name: '', parent: 0 }];

  constructor(windows: readonly TimeWindow[]) {
    this.kept = windows.map((window) => ({ window, slices: [], leftOut: 0 }));
  }

  /** What is kept of the window with this number; `leftOut`: slices for which there was no room. */
  of(window: number): { readonly slices: readonly Kept[]; readonly leftOut: number } {
    return this.kept[window] ?? { slices: [], leftOut: 0 };
  }

  track(name: string, parent: number): number {
    return this.rows.push({ name, parent }) - 1;
  }

  slice(track: number, name: string, fromNs: number, toNs: number, _args: TrackArgs, flow = 0): void {
    for (const part of this.kept) {
      if (toNs < part.window.fromNs || fromNs > part.window.toNs) continue;
      const { name: what, parent } = this.rows[track]!;
      const cpu = cpuOf(what, this.rows[parent]?.name ?? '');
      if (cpu === null) return;
      if (part.slices.length >= MOST) part.leftOut++;
      else part.slices.push({ cpu, what, name, fromNs, toNs, flow });
    }
  }

  instant(track: number, name: string, atNs: number, args: TrackArgs, flow = 0): void {
    this.slice(track, name, atNs, atNs, args, flow);
  }

  counter(): void {}

  end(): void {}
}

/** CPU of a row by the name of its parent, -1 for grace periods; null: rows of tasks, mms and page tables. */
function cpuOf(row: string, parent: string): number | null {
  const cpu = /^CPU (\d+)$/.exec(parent)?.[1];
  if (cpu !== undefined) return Number(cpu);
  return GRACE_ROWS.some((name) => name === row) ? -1 : null;
}
