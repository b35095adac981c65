import { type BatchSink, COLUMNS, RecordBatch } from './batch.js';
import { LAST_RESERVED, MISPLACED, RESERVED } from './events.js';

/** Rows held at first, and at most: a record that comes later than so many others than its stamp says is out of reach. */
export const REORDER_ROWS = 1 << 17;
const MOST_ROWS = 1 << 20;
/** More are held once a row had to be moved back by more than this part of those held: the next may be out of reach. */
const FAR = 1 / 4;
const OUT_ROWS = 1 << 13;
/** Rows that a row is moved past on average, at most, before another way of sorting is the faster one. */
const MOVES_PER_ROW = 8;
/** Bytes of a body that are copied one by one. */
const SHORT = 96;

/**
 * Puts records in the order of their stamps. bpftrace reads one buffer per CPU after the other, so its logs are not in
 * time order, but no record is far from its place. Equal stamps keep the order of the file.
 *
 * Half of the rows held are let go at a time; more are held the further rows have to be moved (a machine of many CPUs has as many
 * buffers that are read in turn). A record older than one let go before cannot be put in its place any more.
 * It was absent where it belongs, and stands where it does not: it is passed on behind a loss of its CPU, and the first
 * one behind a `silentLoss` too (`MISPLACED`): nothing is judged by what comes in no order. One input per instance.
 */
export class Reorder {
  /** Records that stood behind a later one in the input. */
  displaced = 0;
  /** Furthest that a record had to be moved back, in the stamps' unit. */
  worst = 0;
  /** Records that came too late to be put in their place. */
  late = 0;
  private held: RecordBatch;
  private order: Uint32Array;
  private readonly most: number;
  private bytes = new Uint8Array(1 << 20);
  private used = 0;
  private newest = Number.NEGATIVE_INFINITY;
  private released = Number.NEGATIVE_INFINITY;
  private readonly out = new RecordBatch(OUT_ROWS + 2);
  private readonly sink: BatchSink;

  /** `rows`: held at first; `most`: in the end. */
  constructor(sink: BatchSink, rows: number = REORDER_ROWS, most: number = MOST_ROWS) {
    this.sink = sink;
    this.most = most;
    this.held = new RecordBatch(rows);
    this.order = new Uint32Array(rows);
  }

  push(batch: RecordBatch): void {
    for (let row = 0; row < batch.length; row++) {
      // Stamps of two captures are not of one order: what came before goes first, whatever it says.
      if (batch.event[row] === RESERVED.segment) {
        this.release(this.held.length);
        this.newest = this.released = Number.NEGATIVE_INFINITY;
      }
      if (this.held.length === this.held.capacity) this.full();
      this.take(batch, row);
    }
  }

  /** End of the input: everything held goes on. */
  finish(): void {
    this.release(this.held.length);
  }

  private take(from: RecordBatch, row: number): void {
    const to = this.held;
    const i = to.length;
    to.input = from.input;
    // A fact has the time of what comes next; here it must keep its place, so it takes that of what came before.
    const ts = from.tsNs[row]!;
    to.tsNs[i] = Number.isNaN(ts) ? this.newest : ts;
    if (ts > this.newest) this.newest = ts;
    else if (ts < this.newest) {
      this.displaced++;
      if (this.newest - ts > this.worst) this.worst = this.newest - ts;
    }
    const start = from.bodyStart[row]!;
    const end = from.bodyEnd[row]!;
    copyColumns(from, row, to, i);
    to.bodyStart[i] = this.used;
    to.bodyEnd[i] = this.used + Math.max(0, end - start);
    this.room(end - start);
    this.copy(from.bytes, start, end);
    this.used = to.bodyEnd[i]!;
    to.length = i + 1;
  }

  /** A view costs more than the copy of a short body. */
  private copy(from: Uint8Array, start: number, end: number): void {
    const { bytes, used } = this;
    if (end - start > SHORT) bytes.set(from.subarray(start, end), used);
    else for (let p = start; p < end; p++) bytes[used + p - start] = from[p]!;
  }

  private room(length: number): void {
    if (this.used + length <= this.bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.bytes.length * 2, this.used + length));
    bigger.set(this.bytes.subarray(0, this.used));
    this.bytes = bigger;
  }

  /** Makes room for another row. */
  private full(): void {
    const { held } = this;
    const n = held.length;
    this.sort(n);
    if (n < this.most && furthest(this.order, n) > n * FAR) this.grow(Math.min(n * 2, this.most));
    else this.passOn(Math.max(1, n >> 1));
  }

  private grow(rows: number): void {
    const { held } = this;
    const bigger = new RecordBatch(rows);
    bigger.input = held.input;
    bigger.length = held.length;
    for (const column of COLUMNS) bigger[column].set(held[column]);
    this.held = bigger;
    this.order = new Uint32Array(rows);
  }

  /** Passes on the oldest `count` rows. */
  private release(count: number): void {
    this.sort(this.held.length);
    this.passOn(count);
  }

  private passOn(count: number): void {
    const { order } = this;
    const n = this.held.length;
    for (let k = 0; k < count; k++) this.emit(order[k]!);
    this.flush();
    this.keep(order.subarray(count, n).sort());
  }

  /** The first `n` of `order` become the rows in the order of their stamps, those of equal stamps in that of the input. */
  private sort(n: number): void {
    const { order } = this;
    const stamps = this.held.tsNs;
    for (let i = 0; i < n; i++) order[i] = i;
    // Nearly sorted: each row is moved past the few that it stands behind. An input that is not has another way.
    let moves = MOVES_PER_ROW * n;
    for (let i = 1; i < n; i++) {
      const ts = stamps[i]!;
      let k = i;
      for (; k > 0 && stamps[order[k - 1]!]! > ts; k--) order[k] = order[k - 1]!;
      order[k] = i;
      moves -= i - k;
      if (moves < 0) {
        // The engine's merge sort takes runs as they are. Stable by its definition.
        order.set(
          Array.from({ length: n }, (_, row) => row).sort((a, b) => stamps[a]! - stamps[b]! || a - b),
        );
        return;
      }
    }
  }

  private emit(row: number): void {
    const { out, held } = this;
    if (out.length >= OUT_ROWS) this.flush();
    const ts = held.tsNs[row]!;
    if (ts < this.released) {
      if (this.late === 0) this.gap(RESERVED.silentLoss, -1, MISPLACED);
      this.late++;
      this.gap(RESERVED.lost, held.cpu[row]!, -1);
    } else this.released = ts;
    const i = out.length;
    out.input = held.input;
    copyColumns(held, row, out, i);
    // The stamp that kept a fact in its place was lent to it.
    out.tsNs[i] = held.event[row]! <= LAST_RESERVED ? Number.NaN : ts;
    out.bodyStart[i] = held.bodyStart[row]!;
    out.bodyEnd[i] = held.bodyEnd[row]!;
    out.length = i + 1;
  }

  private gap(event: number, cpu: number, count: number): void {
    const { out } = this;
    const i = out.length;
    out.tsNs[i] = Number.NaN;
    out.cpu[i] = cpu;
    out.pid[i] = -1;
    out.tgid[i] = -1;
    out.flags[i] = 0;
    out.comm[i] = 0;
    out.event[i] = event;
    out.bodyStart[i] = out.bodyEnd[i] = 0;
    out.aux[i] = count;
    out.length = i + 1;
  }

  private flush(): void {
    if (this.out.length === 0) return;
    this.out.bytes = this.bytes;
    this.sink(this.out);
    this.out.length = 0;
  }

  /** Moves the rows that stay to the front, in the order of the input: in runs, as most of them stand side by side. */
  private keep(rows: Uint32Array): void {
    const { held, bytes } = this;
    const n = rows.length;
    let used = 0;
    for (let i = 0, next = 0; i < n; i = next) {
      const first = rows[i]!;
      for (next = i + 1; next < n && rows[next] === first + next - i; ) next++;
      const last = first + next - i - 1;
      // Bodies stand in the order of their rows, without gaps.
      const start = held.bodyStart[first]!;
      const end = held.bodyEnd[last]!;
      bytes.copyWithin(used, start, end);
      if (first !== i) for (const column of COLUMNS) held[column].copyWithin(i, first, last + 1);
      for (let row = i; row < next; row++) {
        held.bodyStart[row]! -= start - used;
        held.bodyEnd[row]! -= start - used;
      }
      used += end - start;
    }
    held.length = n;
    this.used = used;
  }
}

/** By how many places the row that is moved furthest to the front is moved. */
function furthest(order: Uint32Array, n: number): number {
  let most = 0;
  for (let k = 0; k < n; k++) if (order[k]! - k > most) most = order[k]! - k;
  return most;
}

/** All columns but the stamp and the place of the body. */
function copyColumns(from: RecordBatch, a: number, to: RecordBatch, b: number): void {
  to.offset[b] = from.offset[a]!;
  to.line[b] = from.line[a]!;
  to.cpu[b] = from.cpu[a]!;
  to.pid[b] = from.pid[a]!;
  to.tgid[b] = from.tgid[a]!;
  to.flags[b] = from.flags[a]!;
  to.comm[b] = from.comm[a]!;
  to.event[b] = from.event[a]!;
  to.aux[b] = from.aux[a]!;
}
