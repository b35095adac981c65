import type { TrackArgs, TrackSink } from './sink.js';

/** A slice (or, with `toNs` = `fromNs`, an instant) as it was drawn. */
export interface Kept {
  readonly track: number;
  readonly name: string;
  readonly fromNs: number;
  readonly toNs: number;
  readonly args: TrackArgs;
  readonly flow: number;
}

export interface KeptTrack {
  readonly name: string;
  readonly parent: number;
}

/** Slices kept at most: a report shows windows and sums of them. */
const MOST = 300_000;

/** Keeps the first slices in memory, for reports. */
export class KeptSink implements TrackSink {
  readonly tracks: KeptTrack[] = [{ name: '', parent: 0 }];
  readonly slices: Kept[] = [];
  readonly counts: { readonly atNs: number; readonly value: number }[] = [];
  /** Slices that came after there was no more room. */
  leftOut = 0;

  track(name: string, parent: number): number {
    return this.tracks.push({ name, parent }) - 1;
  }

  slice(track: number, name: string, fromNs: number, toNs: number, args: TrackArgs, flow = 0): void {
    if (this.slices.length >= MOST) this.leftOut++;
    else this.slices.push({ track, name, fromNs, toNs, args, flow });
  }

  instant(track: number, name: string, atNs: number, args: TrackArgs, flow = 0): void {
    this.slice(track, name, atNs, atNs, args, flow);
  }

  counter(_track: number, value: number, atNs: number): void {
    if (this.counts.length < MOST) this.counts.push({ atNs, value });
  }

  end(): void {}

  /** `IPI handlers` of the track `CPU 3: IPI handlers`, and 3; CPU -1 where it belongs to none. */
  placeOf(track: number): { readonly what: string; readonly cpu: number } {
    const { name, parent } = this.tracks[track]!;
    const m = /^CPU (\d+)$/.exec(this.tracks[parent]?.name ?? '');
    return { what: name, cpu: m ? Number(m[1]) : -1 };
  }
}
