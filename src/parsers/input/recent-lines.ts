import { type EvidenceRef, makeRef, refInput, refOffset } from '../../timeline/batch.js';
import { CHECKPOINT_LINES } from './line-scanner.js';

/** Unpacked text that is kept. */
const KEPT = 8 << 20;
/** Of one line. */
const LONGEST = 64 << 10;
const LF = 10;

/** A line as it stood in the text. */
export interface KeptLine {
  /** 1-based. */
  readonly line: number;
  /** From the offset asked for to the end of the line, its newline not included. */
  readonly bytes: Uint8Array;
}

/**
 * The last text of a packed recording, so that its lines can be quoted without unpacking it once more. Before text gives way
 * to newer one, the lines in it that are wanted by then are copied. What is wanted only later is not here: for those the
 * file is read again.
 */
export class RecentLines {
  private readonly lines = new Map<EvidenceRef, KeptLine>();
  private readonly wanted: () => Iterable<EvidenceRef>;
  private readonly kept: number;
  /** Made when there is text. */
  private ring: Buffer = Buffer.alloc(0);
  private input = -1;
  private checkpoints: readonly number[] = [];
  /** Offsets of the text that is here: from `low` up to `high`, at most as much as the ring holds. */
  private low = 0;
  private high = 0;
  /** Up to here it was asked what is wanted. */
  private asked = 0;

  /** `wanted`: what would be quoted if the recording ended now. */
  constructor(wanted: () => Iterable<EvidenceRef>, kept = KEPT) {
    this.wanted = wanted;
    this.kept = kept;
  }

  /** The text of another input follows. */
  begin(input: number): void {
    if (this.high > 0) this.keep(this.wanted());
    this.input = input;
    this.checkpoints = [];
    this.low = this.high = this.asked = 0;
  }

  /** `checkpoints`: offsets of lines 1, 4097, … as far as they are known; more are appended to it. */
  countedBy(checkpoints: readonly number[]): void {
    this.checkpoints = checkpoints;
  }

  push(chunk: Uint8Array): void {
    if (this.ring.length === 0) this.ring = Buffer.allocUnsafeSlow(this.kept);
    const size = this.kept;
    for (let at = 0; at < chunk.length; ) {
      // Half of the ring at a time: what was noted since stands in the other half.
      if (this.high - this.asked >= size / 2) this.keep(this.wanted());
      const to = this.high % size;
      const take = Math.min(chunk.length - at, size - to, Math.max(1, size >> 2));
      this.ring.set(chunk.subarray(at, at + take), to);
      at += take;
      this.high += take;
      this.low = Math.max(this.low, this.high - size);
    }
  }

  /** Copies the lines of `refs` that are still here. */
  keep(refs: Iterable<EvidenceRef>): void {
    this.asked = this.high;
    const offsets: number[] = [];
    for (const ref of refs) {
      if (refInput(ref) === this.input && !this.lines.has(ref)) offsets.push(refOffset(ref));
    }
    let counted = -1;
    let line = 1;
    for (const offset of offsets.sort((a, b) => a - b)) {
      if (offset < this.low || offset >= this.high) continue;
      const checkpoint = lastAtMost(this.checkpoints, offset);
      if (checkpoint < 0) continue;
      const from = this.checkpoints[checkpoint]!;
      if (from > counted) {
        if (from < this.low) continue;
        counted = from;
        line = checkpoint * CHECKPOINT_LINES + 1;
      }
      line += this.newlines(counted, offset);
      counted = offset;
      const bytes = this.lineAt(offset);
      if (bytes !== null) this.lines.set(makeRef(this.input, offset), { line, bytes });
    }
  }

  get(ref: EvidenceRef): KeptLine | undefined {
    return this.lines.get(ref);
  }

  private newlines(from: number, to: number): number {
    let count = 0;
    for (let at = from; at < to; ) {
      const piece = this.piece(at, to);
      for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, lf + 1)) count++;
      at += piece.length;
    }
    return count;
  }

  /** Null: its end is not here. */
  private lineAt(offset: number): Uint8Array | null {
    const most = Math.min(this.high, offset + LONGEST);
    for (let at = offset; at < most; ) {
      const piece = this.piece(at, most);
      const lf = piece.indexOf(LF);
      if (lf >= 0) return this.copy(offset, at + lf);
      at += piece.length;
    }
    return most === offset + LONGEST ? this.copy(offset, most) : null;
  }

  private copy(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(to - from);
    for (let at = from; at < to; ) {
      const piece = this.piece(at, to);
      bytes.set(piece, at - from);
      at += piece.length;
    }
    return bytes;
  }

  /** Text from `from`, up to `to` or to where the ring turns. */
  private piece(from: number, to: number): Buffer {
    const start = from % this.ring.length;
    return this.ring.subarray(start, Math.min(this.ring.length, start + to - from));
  }
}

/** Index of the last element ≤ `value` of an ascending list, -1 none. */
export function lastAtMost(list: readonly number[], value: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (list[mid]! <= value) low = mid + 1;
    else high = mid;
  }
  return low - 1;
}
