import type { EventId } from './events.js';

/** Id of a task name in the recording's name table. */
export type NameId = number;

/**
 * Where a line stands: input number and byte offset in one double, so that an event costs 8 bytes to remember.
 * `offset` counts bytes of the decompressed input.
 */
export type EvidenceRef = number;

const INPUT_SHIFT = 2 ** 45;
/** More CPUs than any x86 kernel can have (NR_CPUS is at most 8192): a larger number is damage. */
export const MAX_CPUS = 8192;
/** PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h): a larger number is damage. */
export const MAX_PID = 4 << 20;
export const NO_REF: EvidenceRef = -1;
export const makeRef = (input: number, offset: number): EvidenceRef => input * INPUT_SHIFT + offset;
export const refInput = (ref: EvidenceRef): number => Math.floor(ref / INPUT_SHIFT);
export const refOffset = (ref: EvidenceRef): number => ref % INPUT_SHIFT;

/** The columns of a batch. */
export const COLUMNS = [
  'tsNs',
  'offset',
  'line',
  'cpu',
  'pid',
  'tgid',
  'flags',
  'comm',
  'event',
  'bodyStart',
  'bodyEnd',
  'aux',
] as const;

/** Three columns of eight bytes, nine of four. */
const ROW_BYTES = 3 * 8 + 9 * 4;

/**
 * A batch of records in columns. Valid only during the sink call that delivers it: `bytes` is the scanner's
 * own buffer and is overwritten afterwards.
 */
export class RecordBatch {
  /** Rows in use. */
  length = 0;
  input = 0;
  /** Backing bytes of the rows' lines and bodies. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Nanoseconds (or clock ticks, see `TimeBase.unit`) since the time base. */
  readonly tsNs: Float64Array;
  /** Byte offset of the line in the decompressed input. */
  readonly offset: Float64Array;
  /** 1-based. */
  readonly line: Uint32Array;
  /** -1 unknown. */
  readonly cpu: Int32Array;
  /** Thread id; -1 unknown. */
  readonly pid: Int32Array;
  /** -1 unknown. */
  readonly tgid: Int32Array;
  /** See `FLAG`. */
  readonly flags: Uint32Array;
  readonly comm: Uint32Array;
  readonly event: Uint32Array;
  /** Arguments of the event, after its head: `bytes[bodyStart, bodyEnd)`. */
  readonly bodyStart: Uint32Array;
  readonly bodyEnd: Uint32Array;
  /** `RESERVED.lost`: number of events, -1 unknown. `span` events: duration in ns. Otherwise 0. */
  readonly aux: Float64Array;
  readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    // One piece of memory for all columns: a dozen pieces take longer to get, and to give back, than a short recording to read.
    const memory = new ArrayBuffer(capacity * ROW_BYTES);
    let used = 0;
    const next = (bytes: number): number => {
      used += capacity * bytes;
      return used - capacity * bytes;
    };
    this.tsNs = new Float64Array(memory, next(8), capacity);
    this.offset = new Float64Array(memory, next(8), capacity);
    this.aux = new Float64Array(memory, next(8), capacity);
    this.line = new Uint32Array(memory, next(4), capacity);
    this.cpu = new Int32Array(memory, next(4), capacity);
    this.pid = new Int32Array(memory, next(4), capacity);
    this.tgid = new Int32Array(memory, next(4), capacity);
    this.flags = new Uint32Array(memory, next(4), capacity);
    this.comm = new Uint32Array(memory, next(4), capacity);
    this.event = new Uint32Array(memory, next(4), capacity);
    this.bodyStart = new Uint32Array(memory, next(4), capacity);
    this.bodyEnd = new Uint32Array(memory, next(4), capacity);
  }

  ref(row: number): EvidenceRef {
    return makeRef(this.input, this.offset[row]!);
  }

  /** The event's arguments as text. Cold paths only. */
  body(row: number): string {
    return latin1(this.bytes, this.bodyStart[row]!, this.bodyEnd[row]!);
  }

  /** Row `from` as row `to` as well. */
  copyRow(from: number, to: number): void {
    const columns = [
      this.tsNs,
      this.offset,
      this.line,
      this.cpu,
      this.pid,
      this.tgid,
      this.flags,
      this.comm,
      this.event,
      this.bodyStart,
      this.bodyEnd,
      this.aux,
    ];
    for (const column of columns) column[to] = column[from]!;
  }

  eventId(row: number): EventId {
    return this.event[row]!;
  }
}

export type BatchSink = (batch: RecordBatch) => void;

/** Bytes from which on the engine's own conversion is the faster one. */
const LONG_TEXT = 24;

/** The bytes as text, one character each. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start >= LONG_TEXT && bytes instanceof Buffer) return bytes.toString('latin1', start, end);
  let s = '';
  for (let i = start; i < end; i++) s += String.fromCharCode(bytes[i]!);
  return s;
}
