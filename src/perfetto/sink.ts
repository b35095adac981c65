/** What a slice or instant says of itself. */
export type TrackArgs = readonly (readonly [name: string, value: string | number])[];

/** One form of a trace for a viewer. Stamps are ns relative to the time base; ids are those that `track` gave. */
export interface TrackSink {
  /** A row of the viewer; `parent` 0: at the top. */
  track(name: string, parent: number, counter?: boolean): number;
  /** `flow` 0: none; slices and instants with one flow are joined by an arrow, in the order of their times. */
  slice(track: number, name: string, fromNs: number, toNs: number, args: TrackArgs, flow?: number): void;
  instant(track: number, name: string, atNs: number, args: TrackArgs, flow?: number): void;
  counter(track: number, value: number, atNs: number): void;
  end(): void;
}

/** Where a form's bytes go, and what its stamps mean. */
export interface SinkOutput {
  readonly write: (bytes: Uint8Array) => void;
  /** Absolute ns of a relative stamp, as a decimal string. */
  readonly absolute: (tsNs: number) => string;
}

export type MakeSink = (out: SinkOutput) => TrackSink;
