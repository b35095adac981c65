import type { RecordBatch } from './batch.js';
import { LAST_RESERVED, RESERVED } from './events.js';

/** Stamps of two trace instances for one hit differ by what the kernel needs to write the first of them. */
const APART_NS = 2000;
/** Events of a CPU that a copy may come behind: those of the same microsecond, when buffers are sorted by their stamps. */
const BEHIND = 16;

/** Batches of fewer rows are looked through in any case. */
const FEW = 64;

/** Per row of a batch: no copy of anything; what it is a copy of went on with a batch before. */
export const NO_COPY = -1;
export const OF_EARLIER = -2;

/**
 * Pairs of events that say the same: CPU, task, event and arguments are equal, the stamps nearly, and neither is paired with
 * a third one. Of an event that happens twice and is written twice, two pairs are found.
 */
export class Copies {
  /** By row: the row it is a copy of, `NO_COPY` or `OF_EARLIER`. */
  of = new Int32Array(0);
  /** By row: 1 if it is one of a pair. */
  paired = new Uint8Array(0);
  /** By row: 1 if it is a copy, and nothing of its CPU came in between. */
  adjacent = new Uint8Array(0);
  private cpus = 0;
  /** `BEHIND` places a CPU: its last events; `RESERVED.none` once they are paired. */
  private ts = new Float64Array(0);
  private event = new Uint32Array(0);
  private pid = new Int32Array(0);
  /** Its row, or `OF_EARLIER`: then the arguments stand in `kept`. */
  private row = new Int32Array(0);
  private start = new Uint32Array(0);
  private end = new Uint32Array(0);
  /** By CPU: events put in so far, and the place of the one that came last; -1 it was a copy. */
  private count = new Uint32Array(0);
  private last = new Int32Array(0);
  private kept = new Uint8Array(0);
  private spare = new Uint8Array(0);

  /** Whether any event stands right behind one that says the same: where events are written twice some do, elsewhere nearly none. */
  any(batch: RecordBatch): boolean {
    const { length, bytes, tsNs, cpu, event, pid, bodyStart, bodyEnd } = batch;
    if (length < FEW) return true;
    let before = event[0]!;
    for (let row = 1; row < length; row++) {
      const now = event[row]!;
      const same = now === before && cpu[row] === cpu[row - 1] && pid[row] === pid[row - 1];
      before = now;
      if (!same || !(tsNs[row]! - tsNs[row - 1]! <= APART_NS)) continue;
      const size = bodyEnd[row]! - bodyStart[row]!;
      if (size !== bodyEnd[row - 1]! - bodyStart[row - 1]!) continue;
      if (alike(bytes, bodyStart[row]!, bytes, bodyStart[row - 1]!, size)) return true;
    }
    return false;
  }

  /** Returns how many copies are in the batch. */
  find(batch: RecordBatch): number {
    const n = batch.length;
    if (this.of.length < n) {
      this.of = new Int32Array(batch.capacity);
      this.paired = new Uint8Array(batch.capacity);
      this.adjacent = new Uint8Array(batch.capacity);
    }
    const { of, paired, adjacent } = this;
    of.fill(NO_COPY, 0, n);
    paired.fill(0, 0, n);
    adjacent.fill(0, 0, n);
    let copies = 0;
    for (let row = 0; row < n; row++) {
      const event = batch.event[row]!;
      if (event <= LAST_RESERVED) {
        if (event === RESERVED.segment) this.event.fill(RESERVED.none);
        continue;
      }
      const slot = batch.cpu[row]! + 1;
      if (slot >= this.cpus) this.enlarge(slot + 1);
      const at = this.likeOf(batch, row, slot);
      if (at < 0) {
        this.add(batch, row, slot);
        continue;
      }
      copies++;
      const first = this.row[at]!;
      of[row] = first;
      paired[row] = 1;
      if (first >= 0) paired[first] = 1;
      if (this.last[slot] === at) adjacent[row] = 1;
      this.event[at] = RESERVED.none;
      this.last[slot] = -1;
    }
    this.keep(batch);
    return copies;
  }

  /** Place of the event that the row is a copy of; -1 there is none. */
  private likeOf(batch: RecordBatch, row: number, slot: number): number {
    const count = this.count[slot]!;
    const oldest = Math.max(0, count - BEHIND);
    const low = batch.tsNs[row]! - APART_NS;
    const high = batch.tsNs[row]! + APART_NS;
    const event = batch.event[row]!;
    // The newest first: nearly always it is too old already.
    for (let k = count - 1; k >= oldest; k--) {
      const at = slot * BEHIND + (k % BEHIND);
      const ts = this.ts[at]!;
      if (!(ts >= low && ts <= high)) return -1;
      if (this.event[at] === event && this.pid[at] === batch.pid[row] && this.saysTheSame(batch, row, at))
        return at;
    }
    return -1;
  }

  private saysTheSame(batch: RecordBatch, row: number, at: number): boolean {
    const bytes = this.row[at] === OF_EARLIER ? this.kept : batch.bytes;
    const theirs = this.start[at]!;
    const ours = batch.bodyStart[row]!;
    const length = batch.bodyEnd[row]! - ours;
    if (this.end[at]! - theirs !== length) return false;
    return alike(bytes, theirs, batch.bytes, ours, length);
  }

  private add(batch: RecordBatch, row: number, slot: number): void {
    const at = slot * BEHIND + (this.count[slot]!++ % BEHIND);
    this.ts[at] = batch.tsNs[row]!;
    this.event[at] = batch.event[row]!;
    this.pid[at] = batch.pid[row]!;
    this.row[at] = row;
    this.start[at] = batch.bodyStart[row]!;
    this.end[at] = batch.bodyEnd[row]!;
    this.last[slot] = at;
  }

  /** The bytes of the batch go: what may still be copied is remembered without them. */
  private keep(batch: RecordBatch): void {
    let used = 0;
    let to = this.spare;
    for (let at = 0; at < this.cpus * BEHIND; at++) {
      if (this.event[at] === RESERVED.none) continue;
      const from = this.row[at] === OF_EARLIER ? this.kept : batch.bytes;
      const length = this.end[at]! - this.start[at]!;
      if (used + length > to.length) {
        const bigger = new Uint8Array(2 * (used + length));
        bigger.set(to.subarray(0, used));
        to = bigger;
      }
      for (let i = 0; i < length; i++) to[used + i] = from[this.start[at]! + i]!;
      this.start[at] = used;
      this.end[at] = used += length;
      this.row[at] = OF_EARLIER;
    }
    this.spare = this.kept;
    this.kept = to;
  }

  private enlarge(cpus: number): void {
    const size = Math.max(cpus, this.cpus * 2, 8);
    const grown = <T extends { set(from: T): void }>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.ts = grown(new Float64Array(size * BEHIND), this.ts);
    this.event = grown(new Uint32Array(size * BEHIND), this.event);
    this.pid = grown(new Int32Array(size * BEHIND), this.pid);
    this.row = grown(new Int32Array(size * BEHIND), this.row);
    this.start = grown(new Uint32Array(size * BEHIND), this.start);
    this.end = grown(new Uint32Array(size * BEHIND), this.end);
    this.count = grown(new Uint32Array(size), this.count);
    this.last = grown(new Int32Array(size).fill(-1), this.last);
    this.cpus = size;
  }
}

function alike(a: Uint8Array, at: number, b: Uint8Array, from: number, length: number): boolean {
  // Addresses differ in their last digits first.
  for (let i = length - 1; i >= 0; i--) if (a[at + i] !== b[from + i]) return false;
  return true;
}
