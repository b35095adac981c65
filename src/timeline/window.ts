import { type BatchSink, COLUMNS, RecordBatch } from './batch.js';
import { NEW_HEADER, RESERVED } from './events.js';

/** What a copy takes besides its rows: merged inputs come in batches of a few rows. */
const BATCH_BYTES = 1024;

/** A copy of rows of a batch that outlives the sink call. */
export function copyBatch(batch: RecordBatch, from = 0, to = batch.length): RecordBatch {
  const n = to - from;
  const copy = new RecordBatch(n);
  let low = batch.bytes.length;
  let high = 0;
  for (let i = from; i < to; i++) {
    if (batch.bodyStart[i]! < low) low = batch.bodyStart[i]!;
    if (batch.bodyEnd[i]! > high) high = batch.bodyEnd[i]!;
  }
  if (high < low) low = high = 0;
  copy.length = n;
  copy.input = batch.input;
  copy.bytes = Uint8Array.prototype.slice.call(batch.bytes, low, high);
  for (const column of COLUMNS) copy[column].set(batch[column].subarray(from, to));
  for (let i = 0; i < n; i++) {
    copy.bodyStart[i]! -= low;
    copy.bodyEnd[i]! -= low;
  }
  return copy;
}

/**
 * Holds back the first batches of a stream while something must be learnt from them (address bases), then lets
 * everything pass. Memory is bounded by `maxBytes` of held bodies.
 */
export class HoldBack {
  private held: RecordBatch[] = [];
  private bytes = 0;
  private open = false;
  private readonly maxBytes: number;
  private readonly learn: (batch: RecordBatch) => boolean;
  private readonly ready: () => void;
  private readonly sink: BatchSink;

  /** `learn` returns true when it needs no more; `ready` is called once, before the first batch reaches `sink`. */
  constructor(maxBytes: number, learn: (batch: RecordBatch) => boolean, ready: () => void, sink: BatchSink) {
    this.maxBytes = maxBytes;
    this.learn = learn;
    this.ready = ready;
    this.sink = sink;
  }

  push(batch: RecordBatch): void {
    if (this.open) {
      this.sink(batch);
      return;
    }
    const copy = copyBatch(batch);
    this.held.push(copy);
    this.bytes += copy.bytes.length + copy.length * 68 + BATCH_BYTES;
    if (this.learn(copy) || this.bytes >= this.maxBytes) this.release();
  }

  /** End of the stream: whatever is held goes on. Idempotent. */
  release(): void {
    if (this.open) return;
    this.open = true;
    this.ready();
    for (const batch of this.held) this.sink(batch);
    this.held = [];
  }
}

/** First row from `from` on where a capture begins that may be of another kernel; -1: none does. */
export function nextCapture(batch: RecordBatch, from: number): number {
  for (let row = from; row < batch.length; row++) {
    if (batch.event[row] === RESERVED.segment && batch.aux[row] === NEW_HEADER) return row;
  }
  return -1;
}
