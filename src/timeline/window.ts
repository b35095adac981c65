import { type BatchSink, RecordBatch } from './batch.js';

/** What a copy takes besides its rows: merged inputs come in batches of a few rows. */
const BATCH_BYTES = 1024;

/** A copy of a batch that outlives the sink call. */
export function copyBatch(batch: RecordBatch): RecordBatch {
  const n = batch.length;
  const copy = new RecordBatch(n);
  let low = batch.bytes.length;
  let high = 0;
  for (let i = 0; i < n; i++) {
    if (batch.bodyStart[i]! < low) low = batch.bodyStart[i]!;
    if (batch.bodyEnd[i]! > high) high = batch.bodyEnd[i]!;
  }
  if (high < low) low = high = 0;
  copy.length = n;
  copy.input = batch.input;
  copy.bytes = Uint8Array.prototype.slice.call(batch.bytes, low, high);
  copy.tsNs.set(batch.tsNs.subarray(0, n));
  copy.offset.set(batch.offset.subarray(0, n));
  copy.line.set(batch.line.subarray(0, n));
  copy.cpu.set(batch.cpu.subarray(0, n));
  copy.pid.set(batch.pid.subarray(0, n));
  copy.tgid.set(batch.tgid.subarray(0, n));
  copy.flags.set(batch.flags.subarray(0, n));
  copy.comm.set(batch.comm.subarray(0, n));
  copy.event.set(batch.event.subarray(0, n));
  copy.aux.set(batch.aux.subarray(0, n));
  for (let i = 0; i < n; i++) {
    copy.bodyStart[i] = batch.bodyStart[i]! - low;
    copy.bodyEnd[i] = batch.bodyEnd[i]! - low;
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
