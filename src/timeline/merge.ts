import { type BatchSink, RecordBatch } from './batch.js';
import { RESERVED } from './events.js';
import { copyBatch } from './window.js';

/** Bytes held of one input before its reader is asked to wait. */
const HIGH = 2 << 20;
const OUT_ROWS = 1 << 10;

interface Held {
  readonly batch: RecordBatch;
  /** Stamp each row is placed by: never falls, and a fact has that of the event it stands before; NaN until it comes. */
  readonly place: Float64Array;
  readonly bytes: number;
}

class Queue {
  readonly held: Held[] = [];
  /** Next row of the first batch. */
  row = 0;
  bytes = 0;
  last = Number.NEGATIVE_INFINITY;
  ended = false;
  wake: (() => void) | null = null;
  waiting: Promise<void> | null = null;
}

/**
 * Several time-ordered streams of batches → one, by stamp; equal stamps in the order of the inputs, rows of one input
 * never change their order. Reads no further ahead than it must: `gate` makes a reader wait whose input is ahead.
 */
export class BatchMerge {
  private readonly queues: Queue[];
  private readonly out = new RecordBatch(OUT_ROWS);
  private readonly sink: BatchSink;

  constructor(inputs: number, sink: BatchSink) {
    this.queues = Array.from({ length: inputs }, () => new Queue());
    this.sink = sink;
  }

  /** Takes a copy of the batch. */
  push(input: number, batch: RecordBatch): void {
    if (batch.length === 0) return;
    const queue = this.queues[input]!;
    const copy = copyBatch(batch);
    const n = copy.length;
    const place = new Float64Array(n).fill(Number.NaN);
    let known = 0;
    for (let row = 0; row < n; row++) {
      const ts = copy.tsNs[row]!;
      if (Number.isNaN(ts)) continue;
      if (ts > queue.last) queue.last = ts;
      // Facts before it wait for this stamp, also those at the end of the batches before.
      if (known === 0) settle(queue, queue.last);
      place.fill(queue.last, known, row + 1);
      known = row + 1;
    }
    const bytes = copy.bytes.length + n * 76;
    queue.held.push({ batch: copy, place, bytes });
    queue.bytes += bytes;
    this.drain();
  }

  /** Events of these CPUs are missing at this point of an input. */
  lost(queue: number, input: number, cpus: readonly number[]): void {
    const batch = new RecordBatch(cpus.length);
    batch.input = input;
    batch.length = cpus.length;
    batch.tsNs.fill(Number.NaN);
    // No line says it.
    batch.offset.fill(Number.NaN);
    batch.event.fill(RESERVED.lost);
    batch.cpu.set(cpus);
    batch.pid.fill(-1);
    batch.tgid.fill(-1);
    batch.aux.fill(-1);
    this.push(queue, batch);
  }

  /** No more of this input. */
  end(input: number): void {
    const queue = this.queues[input]!;
    if (queue.ended) return;
    settle(queue, queue.last);
    queue.ended = true;
    this.drain();
  }

  /** Null: read on. Otherwise wait: the others have to catch up first. */
  gate(input: number): Promise<void> | null {
    const queue = this.queues[input]!;
    if (queue.bytes <= HIGH || queue.ended) return null;
    queue.waiting ??= new Promise((resolve) => {
      queue.wake = resolve;
    });
    return queue.waiting;
  }

  private drain(): void {
    for (;;) {
      let first = -1;
      let firstPlace = 0;
      let bound = Number.POSITIVE_INFINITY;
      let boundInput = -1;
      for (let i = 0; i < this.queues.length; i++) {
        const queue = this.queues[i]!;
        const place = headOf(queue);
        if (Number.isNaN(place)) {
          if (queue.ended) continue;
          // What it will bring may come first.
          this.flush();
          return;
        }
        if (first < 0 || place < firstPlace) {
          if (first >= 0) {
            bound = firstPlace;
            boundInput = first;
          }
          first = i;
          firstPlace = place;
        } else if (boundInput < 0 || place < bound) {
          bound = place;
          boundInput = i;
        }
      }
      if (first < 0) {
        this.flush();
        return;
      }
      this.emit(this.queues[first]!, bound, boundInput < 0 || first < boundInput);
    }
  }

  /** Passes on the rows of one input up to `bound`, of its first batch only. */
  private emit(queue: Queue, bound: number, ties: boolean): void {
    const { out } = this;
    const { batch, place, bytes } = queue.held[0]!;
    const end = batch.length;
    if (out.length > 0 && (out.input !== batch.input || out.bytes !== batch.bytes)) this.flush();
    out.input = batch.input;
    out.bytes = batch.bytes;
    let row = queue.row;
    for (; row < end && (place[row]! < bound || (ties && place[row] === bound)); row++) {
      if (out.length === OUT_ROWS) this.flush();
      copyRow(batch, row, out);
    }
    queue.row = row;
    if (row < batch.length) return;
    this.flush();
    queue.held.shift();
    queue.row = 0;
    queue.bytes -= bytes;
    if (queue.bytes <= HIGH && queue.wake) {
      queue.wake();
      queue.wake = queue.waiting = null;
    }
  }

  private flush(): void {
    if (this.out.length === 0) return;
    this.sink(this.out);
    this.out.length = 0;
  }
}

/** Place of the next row; NaN where there is none, or it is a fact whose event has not come yet. */
function headOf(queue: Queue): number {
  return queue.held[0]?.place[queue.row] ?? Number.NaN;
}

/** Gives the facts at the end of what is held the place of what comes next; they may fill several batches. */
function settle(queue: Queue, next: number): void {
  for (let i = queue.held.length - 1; i >= 0; i--) {
    const { place } = queue.held[i]!;
    let row = place.length;
    while (row > 0 && Number.isNaN(place[row - 1]!)) row--;
    place.fill(next, row);
    if (row > 0) return;
  }
}

function copyRow(from: RecordBatch, row: number, to: RecordBatch): void {
  const i = to.length++;
  to.tsNs[i] = from.tsNs[row]!;
  to.offset[i] = from.offset[row]!;
  to.line[i] = from.line[row]!;
  to.cpu[i] = from.cpu[row]!;
  to.pid[i] = from.pid[row]!;
  to.tgid[i] = from.tgid[row]!;
  to.flags[i] = from.flags[row]!;
  to.comm[i] = from.comm[row]!;
  to.event[i] = from.event[row]!;
  to.bodyStart[i] = from.bodyStart[row]!;
  to.bodyEnd[i] = from.bodyEnd[row]!;
  to.aux[i] = from.aux[row]!;
}
