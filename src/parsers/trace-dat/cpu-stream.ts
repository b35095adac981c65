import type { PageFeed } from './page-feed.js';
import { TraceDatError } from './trace-dat-error.js';

/** How ring-buffer stamps become times; shared by all CPUs of a recording. */
export interface StampScale {
  /** Offset from the time base of an absolute 64-bit stamp. */
  relative(stamp: bigint): number;
  /** x86-tsc recordings with a conversion to ns: every stamp goes through `relative`. */
  readonly exactOnly: boolean;
}

const PADDING = 29;
// Type 31 is an absolute stamp.
const TIME_EXTEND = 30;
const TS_MSB = 0xf8n << 56n;

/**
 * The records of one CPU in the order they were written. After `advance()` returned true the fields describe one
 * record. Sub-buffer layout: kernel/trace/ring_buffer.c, libtraceevent src/kbuffer-parse.c.
 */
export class CpuStream {
  readonly cpu: number;
  /** Position among all streams; breaks ties of equal stamps. */
  readonly order: number;
  /** Time of the record, relative to the time base. */
  ts = 0;
  /** The record's data is `bytes[at, at + size)`, valid until the next `advance()`. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  size = 0;
  /** Byte offset of the record's data in the (decompressed) file. */
  offset = 0;
  /** Events lost just before this record: 0 none, -1 an unknown number. */
  lost = 0;
  /** Damage met on this CPU; reading went on with the next page where there was one. */
  readonly problems: TraceDatError[] = [];
  problemCount = 0;

  /** The data ended in damage: what would have followed is lost. */
  get cutAtEnd(): boolean {
    return this.finished && (this.damaged || this.failed);
  }

  private failed = false;
  private readonly feed: PageFeed;
  private readonly littleEndian: boolean;
  private readonly longSize: number;
  private readonly dataOffset: number;
  private readonly scale: StampScale;
  private readonly file: string;
  private next = 0;
  private end = 0;
  private pageStamp = 0n;
  private sincePage = 0;
  private pageRelative = 0;
  private pageLost = 0;
  private damaged = false;
  private finished = false;

  constructor(
    cpu: number,
    order: number,
    feed: PageFeed,
    layout: { readonly littleEndian: boolean; readonly longSize: number; readonly dataOffset: number },
    scale: StampScale,
    file: string,
  ) {
    this.cpu = cpu;
    this.order = order;
    this.feed = feed;
    this.littleEndian = layout.littleEndian;
    this.longSize = layout.longSize;
    this.dataOffset = layout.dataOffset;
    this.scale = scale;
    this.file = file;
  }

  advance(): boolean {
    this.lost = 0;
    for (;;) {
      while (this.next + 4 <= this.end) {
        if (this.record()) return true;
      }
      if (!this.nextPage()) return false;
    }
  }

  /** Steps over one entry; true when it is a data record. */
  private record(): boolean {
    const head = this.u32(this.next);
    const type = this.littleEndian ? head & 31 : head >>> 27;
    const delta = this.littleEndian ? head >>> 5 : head & 0x7ffffff;
    let data = this.next + 4;
    let length: number;
    if (type === 0) {
      if (data + 4 > this.end) return this.damage('a record head is cut');
      length = (this.u32(data) - 4 + 3) & ~3;
      data += 4;
      if (length <= 0) return this.damage(`a record of ${length} bytes`);
    } else if (type < PADDING) length = type * 4;
    else if (type === PADDING) {
      // A padding without time is the unused rest of the sub-buffer.
      if (delta === 0 || data + 4 > this.end) {
        this.next = this.end;
        return false;
      }
      length = this.u32(data);
      if (length < 4) return this.damage(`a padding of ${length} bytes`);
      this.sincePage += delta;
      this.next = data + length;
      if (this.next > this.end || this.next < data) return this.damage('a padding runs past its sub-buffer');
      return false;
    } else {
      if (data + 4 > this.end) return this.damage('a time extension is cut');
      const upper = this.u32(data);
      if (type === TIME_EXTEND) this.sincePage += upper * 0x8000000 + delta;
      else this.absolute((BigInt(upper) << 27n) | BigInt(delta));
      this.next = data + 4;
      return false;
    }
    if (data + length > this.end) return this.damage(`a record of ${length} bytes runs past its sub-buffer`);
    this.sincePage += delta;
    this.next = data + length;
    this.at = data;
    this.size = length;
    this.offset = this.feed.offset + (data - this.feed.start);
    this.ts = this.scale.exactOnly
      ? this.scale.relative(this.pageStamp + BigInt(this.sincePage))
      : this.pageRelative + this.sincePage;
    this.lost = this.pageLost;
    this.pageLost = 0;
    return true;
  }

  private absolute(stamp: bigint): void {
    this.pageStamp = stamp | ((this.pageStamp + BigInt(this.sincePage)) & TS_MSB);
    this.sincePage = 0;
    this.pageRelative = this.scale.relative(this.pageStamp);
  }

  private nextPage(): boolean {
    if (this.finished) return false;
    try {
      if (!this.feed.next()) {
        this.finished = true;
        return false;
      }
    } catch (e) {
      if (!(e instanceof TraceDatError)) throw e;
      this.problems.push(e);
      this.problemCount++;
      this.finished = this.failed = true;
      return false;
    }
    const f = this.feed;
    this.bytes = f.bytes;
    const p = f.start;
    const data = p + this.dataOffset;
    this.next = this.end = data;
    if (f.length < this.dataOffset) return !this.damage(`a sub-buffer of ${f.length} bytes is cut`);
    const a = this.u32(p);
    const b = this.u32(p + 4);
    this.pageStamp = this.littleEndian ? (BigInt(b) << 32n) | BigInt(a) : (BigInt(a) << 32n) | BigInt(b);
    this.sincePage = 0;
    this.pageRelative = this.scale.relative(this.pageStamp);
    const commit = this.u32(this.longSize === 8 && !this.littleEndian ? p + 12 : p + 8);
    let used = commit & 0x7ffffff & 0x3fffffff;
    const room = f.length - this.dataOffset;
    if (used > room) {
      // Only what is there can be read; a page of a cut file is one case, a damaged head the other.
      this.damage(`a sub-buffer claims ${used} bytes, ${room} are there`);
      used = room;
      this.next = data;
    }
    this.end = data + used;
    this.pageLost = this.damaged ? -1 : 0;
    this.damaged = false;
    if (commit >>> 31 === 1) {
      const at = data + used;
      const stored = (commit & 0x40000000) !== 0 && used + this.longSize <= room;
      const word = this.longSize === 8 && !this.littleEndian ? at + 4 : at;
      const n = stored ? this.u32(word) : 0;
      this.pageLost = stored && n > 0 && this.pageLost === 0 ? n : -1;
    }
    return true;
  }

  /** Notes damage and gives up the rest of the page; always false. */
  private damage(message: string): boolean {
    this.problemCount++;
    if (this.problems.length < 8) {
      const at = this.feed.offset + (this.next - this.feed.start);
      this.problems.push(new TraceDatError(this.file, at, `CPU ${this.cpu}: ${message}`));
    }
    this.next = this.end;
    this.damaged = true;
    return false;
  }

  private u32(p: number): number {
    const b = this.bytes;
    return this.littleEndian
      ? (b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24)) >>> 0
      : (b[p + 3]! | (b[p + 2]! << 8) | (b[p + 1]! << 16) | (b[p]! << 24)) >>> 0;
  }
}

/** Several streams as one in time order; equal stamps in the streams' order, as trace-cmd report merges CPUs. */
export class Merge {
  private readonly heap: CpuStream[];

  constructor(streams: readonly CpuStream[]) {
    this.heap = streams.filter((s) => s.advance());
    for (let i = (this.heap.length >> 1) - 1; i >= 0; i--) this.sift(i);
  }

  /** Stream whose record comes next; null at the end. */
  peek(): CpuStream | null {
    return this.heap[0] ?? null;
  }

  /** Moves past the record of `peek()`. */
  advance(): void {
    const top = this.heap[0];
    if (top === undefined) return;
    if (!top.advance()) {
      const last = this.heap.pop()!;
      if (this.heap.length === 0) return;
      this.heap[0] = last;
    }
    this.sift(0);
  }

  private sift(i: number): void {
    const heap = this.heap;
    const s = heap[i]!;
    for (;;) {
      let c = 2 * i + 1;
      if (c >= heap.length) break;
      if (c + 1 < heap.length && before(heap[c + 1]!, heap[c]!)) c++;
      if (!before(heap[c]!, s)) break;
      heap[i] = heap[c]!;
      i = c;
    }
    heap[i] = s;
  }
}

const before = (a: CpuStream, b: CpuStream): boolean => a.ts < b.ts || (a.ts === b.ts && a.order < b.order);
