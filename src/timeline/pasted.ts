import type { BatchSink, RecordBatch } from './batch.js';
import { type EventTable, LAST_RESERVED, RESERVED } from './events.js';
import { LeftOut } from './left-out.js';
import { copyBatch } from './window.js';

/** Rows that are remembered: of a longer stretch a second text looks like time that goes back. */
const FIRST = 1 << 8;
const MOST = 1 << 14;
/** An original lies no further back than so many rows that are older. */
const VAIN = 64;
/** Rows looked at for each row, on an average, and at first: in a text without any order everything goes back. */
const LOOKS_A_ROW = 8;
const LOOKS_FIRST = 1 << 18;
const NONE = -1;

const anyway = (): boolean => true;

/**
 * Leaves out a stretch of lines that stands a second time behind itself, as a slip of the mouse pastes it: time goes back,
 * and row for row the stamp, CPU, task, event and length are what they were before. One row alone that is so stays.
 */
export class Pasted {
  readonly leftOut = new LeftOut();
  private readonly events: EventTable;
  private readonly sink: BatchSink;
  /** A ring of the last rows; `count` were put in so far. */
  private tsNs = new Float64Array(FIRST);
  private cpu = new Int32Array(FIRST);
  private pid = new Int32Array(FIRST);
  private event = new Uint32Array(FIRST);
  private size = new Uint32Array(FIRST);
  private count = 0;
  private before = Number.NEGATIVE_INFINITY;
  private looks = LOOKS_FIRST;
  /** Number of the row that the next one is compared with; `NONE`: nothing is being repeated. */
  private original = NONE;
  /** The first row that is as before, until a second one is. */
  private held: RecordBatch | null = null;

  constructor(events: EventTable, sink: BatchSink) {
    this.events = events;
    this.sink = sink;
  }

  push(batch: RecordBatch): void {
    const { length } = batch;
    let from = 0;
    for (let row = 0; row < length; row++) {
      if (this.original !== NONE) {
        if (this.isNext(batch, row) || this.isNextOfAnother(batch, row)) {
          this.repeats(batch, row);
          from = row + 1;
          continue;
        }
        this.ends();
      }
      const event = batch.event[row]!;
      if (event <= LAST_RESERVED) {
        if (event === RESERVED.segment) this.forget();
        continue;
      }
      const ts = batch.tsNs[row]!;
      if (ts < this.before && this.find(batch, row)) {
        if (row > from) this.sink(copyBatch(batch, from, row));
        this.held = copyBatch(batch, row, row + 1);
        from = row + 1;
        continue;
      }
      this.add(batch, row, ts, event);
    }
    if (from === 0) this.sink(batch);
    else if (from < length) this.sink(copyBatch(batch, from, length));
  }

  /** No more comes. */
  finish(): void {
    this.ends();
  }

  private add(batch: RecordBatch, row: number, ts: number, event: number): void {
    if (this.count >= this.tsNs.length && this.tsNs.length < MOST) this.enlarge();
    this.looks += LOOKS_A_ROW;
    const at = this.count++ & (this.tsNs.length - 1);
    this.tsNs[at] = ts;
    this.cpu[at] = batch.cpu[row]!;
    this.pid[at] = batch.pid[row]!;
    this.event[at] = event;
    this.size[at] = batch.bodyEnd[row]! - batch.bodyStart[row]!;
    this.before = ts;
  }

  /**
   * Looks for a row that the one at hand, which is older than the one before it, may be a copy of; `also` asks more of it. The
   * next one is compared with what follows it.
   */
  private find(batch: RecordBatch, row: number, also: (nth: number) => boolean = anyway): boolean {
    const ts = batch.tsNs[row]!;
    const oldest = Math.max(0, this.count - this.tsNs.length);
    let vain = 0;
    for (let nth = this.count - 1; nth >= oldest && vain < VAIN && this.looks > 0; nth--) {
      this.looks--;
      if (this.tsNs[nth & (this.tsNs.length - 1)]! < ts) vain++;
      else if (this.isCopy(batch, row, nth) && also(nth)) {
        this.original = nth + 1;
        return true;
      }
    }
    return false;
  }

  /** Events of one microsecond may be alike: of the first row there may be several originals. */
  private isNextOfAnother(batch: RecordBatch, row: number): boolean {
    const { held } = this;
    return (
      held !== null && this.find(held, 0, (nth) => nth + 1 < this.count && this.isCopy(batch, row, nth + 1))
    );
  }

  private isNext(batch: RecordBatch, row: number): boolean {
    return this.original < this.count && this.isCopy(batch, row, this.original);
  }

  private isCopy(batch: RecordBatch, row: number, nth: number): boolean {
    const at = nth & (this.tsNs.length - 1);
    return (
      this.tsNs[at] === batch.tsNs[row] &&
      this.cpu[at] === batch.cpu[row] &&
      this.event[at] === batch.event[row] &&
      this.pid[at] === batch.pid[row] &&
      this.size[at] === batch.bodyEnd[row]! - batch.bodyStart[row]!
    );
  }

  private repeats(batch: RecordBatch, row: number): void {
    this.original++;
    if (this.held) this.leftOut.add(this.held, 0, this.events);
    this.held = null;
    this.leftOut.add(batch, row, this.events);
  }

  /** The stretch is over. */
  private ends(): void {
    const { held } = this;
    this.held = null;
    this.original = NONE;
    if (!held) return;
    this.add(held, 0, held.tsNs[0]!, held.event[0]!);
    this.sink(held);
  }

  private forget(): void {
    this.count = 0;
    this.before = Number.NEGATIVE_INFINITY;
  }

  private enlarge(): void {
    const to = this.tsNs.length * 2;
    const grown = <T extends { set(from: T): void }>(into: T, from: T): T => {
      into.set(from);
      return into;
    };
    this.tsNs = grown(new Float64Array(to), this.tsNs);
    this.cpu = grown(new Int32Array(to), this.cpu);
    this.pid = grown(new Int32Array(to), this.pid);
    this.event = grown(new Uint32Array(to), this.event);
    this.size = grown(new Uint32Array(to), this.size);
  }
}
