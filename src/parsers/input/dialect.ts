import type { BatchSink, RecordBatch } from '../../timeline/batch.js';
import type { EventTable } from '../../timeline/events.js';
import type { Interner } from '../../timeline/interner.js';
import type { TimeBase } from '../../timeline/time-base.js';
import type { CutWidth } from './cut-width.js';
import type { RecordingFacts } from './recording-facts.js';

/** Every line of an input is of exactly one kind; the counts of the kinds sum to the number of lines. */
export const LINE = {
  event: 0,
  header: 1,
  lost: 2,
  stack: 3,
  continuation: 4,
  blank: 5,
  /** Prose, patch text, anything around a trace that is not trace. */
  foreign: 6,
  /** Looks like trace but could not be used; counted under a reason. */
  skipped: 7,
} as const;
export type LineKind = (typeof LINE)[keyof typeof LINE];
export const LINE_NAMES = [
  'event',
  'header',
  'lost',
  'stack',
  'continuation',
  'blank',
  'foreign',
  'skipped',
] as const;

export interface SkipReason {
  readonly reason: string;
  count: number;
  /** 1-based. */
  readonly firstLine: number;
  readonly firstOffset: number;
  /** The first such line, cut at 120 bytes. */
  readonly text: string;
}

/** Names, heads and clock shared by every input of one timeline. */
export interface TraceContext {
  readonly names: Interner;
  readonly events: EventTable;
  readonly time: TimeBase;
}

/** What the framer offers a dialect while it looks at one line. */
export interface LineHost extends TraceContext {
  /** The batch being filled; a dialect writes its columns at `batch.length` and returns `LINE.event`. */
  readonly batch: RecordBatch;
  /** 1-based number and byte offset of the current line. */
  readonly lineNumber: number;
  readonly lineOffset: number;
  /**
   * Commit the row at `batch.length` (line, offset and input are filled in). `within`: byte of the line at which it
   * begins, where several events stand on one.
   */
  commit(within?: number): void;
  /** Count a skipped line under `reason`; returns `LINE.skipped`. */
  skip(reason: string): LineKind;
  /** Take back the skip just counted: the line was recognised after all, or is counted already. */
  unskip(): void;
  /**
   * Emit an in-band fact (`RESERVED.lost` …); its time is that of the next event (`tsNs` NaN). It takes the row at
   * `batch.length`: call it before the line's own row is filled, and read `batch.length` after it.
   */
  fact(event: number, cpu: number, aux: number): void;
  /** A fact of `recording-facts.ts`, without its prefix, that stands in the format's own words. */
  recorded?(text: string): void;
  /** Something about the recording that the report must say (clock, cut file, overwritten buffer). */
  note(code: string, message: string): void;
  readonly header: HeaderFacts;
}

/** What the recorder's own header lines said. -1 / empty = not said. */
export interface HeaderFacts {
  tracer: string;
  entriesInBuffer: number;
  entriesWritten: number;
  cpus: number;
  /** Number of flag columns announced by the header, 0 = irq-info off, -1 = no header. */
  flagColumns: number;
  /** One per capture in the file. */
  captures: number;
  clock: string;
}

export const newHeader = (): HeaderFacts => ({
  tracer: '',
  entriesInBuffer: -1,
  entriesWritten: -1,
  cpus: -1,
  flagColumns: -1,
  captures: 0,
  clock: '',
});

/** One text format. Stateful across lines of one input (stack blocks, header in progress). */
export interface LineDialect {
  readonly id: string;
  /** An event is one line, unless user space wrote more of them: any other text behind it is a piece of a lost one. */
  readonly wholeLines?: boolean;
  /** Lines of others stand between its events by nature. */
  readonly amongOthers?: boolean;
  /**
   * Classify `buf[start, end)` (no newline, no CR) and, for an event, fill one row and `host.commit()` it.
   * Must look at no byte outside the range and must end for every input.
   */
  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind;
  /** Called once after the last line. */
  finish?(host: LineHost): void;
}

export interface DialectInfo {
  readonly id: string;
  readonly title: string;
  /** How sure the first bytes make us, 0 (not this) … 1. Content only, never the file name. */
  score(sample: Uint8Array): number;
  /** `sample`: the first bytes of the input, for dialects whose columns show in many lines only. */
  open(sample?: Uint8Array): LineDialect;
  /** Lines are not in time order; the records are sorted before they go on. */
  readonly unordered?: true;
  /** The recorder tells of lost events, but not in this text. */
  readonly silentLoss?: string;
  /** The same where the recording says `losses none`: what may be missing all the same (`IN_HANDLERS`). */
  readonly missedInHandlers?: string;
}

export interface ScanOptions {
  /** Lines are not in time order. */
  readonly unordered?: boolean | undefined;
  readonly input: number;
  readonly context: TraceContext;
  readonly sink: BatchSink;
  /** Takes what a recording says of itself, see `recording-facts.ts`. */
  readonly facts?: RecordingFacts | undefined;
  /** What the first lines show of where the lines are cut off; default: nothing. */
  readonly cut?: CutWidth | undefined;
  /** Where the lines stand in the file, when they are not those of the file itself. */
  readonly places?: { readonly lines: Uint32Array; readonly offsets: Float64Array } | undefined;
}
