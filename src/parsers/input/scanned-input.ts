import type { InputReport } from '../../result/types.js';
import type { BatchSink } from '../../timeline/batch.js';
import type { DialectInfo, HeaderFacts, TraceContext } from './dialect.js';
import type { RecentLines } from './recent-lines.js';
import type { RecordingFacts } from './recording-facts.js';
import type { Compression } from './source.js';

export interface ScanInputOptions {
  /** Number of the input in the timeline, for evidence. */
  readonly input: number;
  readonly context: TraceContext;
  readonly sink: BatchSink;
  /** Takes what the recording says of itself, see `recording-facts.ts`. */
  readonly facts?: RecordingFacts | undefined;
  readonly format?: string | undefined;
  readonly stdin?: NodeJS.ReadableStream | undefined;
  /** Folder for a copy of stdin, so that its lines can be quoted; without it they cannot. */
  readonly spoolDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Keeps text of a packed file, so that lines can be quoted without unpacking it again. */
  readonly recent?: RecentLines | undefined;
  /** Asked between chunks: a promise to wait for before more is read. */
  readonly gate?: (() => Promise<void> | null) | undefined;
  readonly onProgress?:
    | ((p: { bytes: number; totalBytes: number | null; events: number }) => void)
    | undefined;
}

/** A line (or record) of an input, found again by its offset. */
export interface QuotedLine {
  /** 1-based. */
  readonly line: number;
  readonly offset: number;
  /** At most 512 bytes. */
  readonly text: string;
  /** Since the time base; NaN if the line carries none. */
  readonly tsNs: number;
  /** -1 unknown. */
  readonly cpu: number;
  readonly pid: number;
  /** `comm-pid`, empty if the line names no task. */
  readonly task: string;
}

/** An input read to its end, and what is needed to find its lines again. */
export interface ScannedInput {
  readonly report: InputReport;
  readonly header: HeaderFacts;
  /** Null for binary formats, which quote through `quote`. */
  readonly dialect: DialectInfo | null;
  /** Dialect of the line at an offset, where the input changes it. */
  readonly dialectAt?: ((offset: number) => DialectInfo) | undefined;
  /** Byte offset of every 4096th line. */
  readonly checkpoints: readonly number[];
  /** File that holds the bytes: the input itself, or the copy of stdin; '' when there is none. */
  readonly file: string;
  readonly compression: Compression;
  /** Its lines were taken out of what the file holds. */
  readonly wrapped?: boolean;
  /** Finds records of a binary input again, by offset. */
  readonly quote?: (
    offsets: ReadonlySet<number>,
  ) => Map<number, QuotedLine> | Promise<Map<number, QuotedLine>>;
}
