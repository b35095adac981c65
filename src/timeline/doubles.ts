import { type BatchSink, COLUMNS, type RecordBatch } from './batch.js';
import { Copies, NO_COPY, OF_EARLIER } from './copies.js';
import { DoubleRun } from './double-run.js';
import { type EventTable, LAST_RESERVED, RESERVED } from './events.js';
import { LeftOut } from './left-out.js';
import { copyBatch } from './window.js';

/** Rows held at most until it is known whether copies among them go. */
const HELD = 1 << 15;
/** Rows without any copy behind which nothing is written twice any more. */
const NO_MORE = 1 << 10;

/** Rows whose copies may still go. */
interface Held {
  readonly batch: RecordBatch;
  readonly copy: Uint8Array;
  /** Row from which on it is not known. */
  readonly from: number;
}

/**
 * Leaves out the second text of an event: buffers of two trace instances that both recorded it, put together by hand in the
 * order of their stamps. Where `DoubleRun` does not find a recording to be written so, two equal events are two.
 */
export class Doubles {
  readonly leftOut = new LeftOut();
  private readonly events: EventTable;
  private readonly sink: BatchSink;
  private readonly copies = new Copies();
  private readonly run: DoubleRun;
  private held: Held[] = [];
  private rows = 0;
  /** Rows since the last copy. */
  private without = 0;
  /** Kind of the last event, if it is not one of a pair by now. */
  private undecided: number = RESERVED.none;

  constructor(events: EventTable, sink: BatchSink) {
    this.events = events;
    this.sink = sink;
    this.run = new DoubleRun(events);
  }

  push(batch: RecordBatch): void {
    const { run, copies } = this;
    const some = (run.open || copies.any(batch)) && copies.find(batch) > 0;
    this.without = some ? 0 : this.without + batch.length;
    if (this.without >= NO_MORE) {
      run.restart();
      this.finish();
    }
    if (!some && !run.open) {
      this.undecided = batch.length > 0 ? batch.event[batch.length - 1]! : this.undecided;
      this.sink(batch);
      return;
    }
    const copy = new Uint8Array(batch.length);
    for (let row = 0; row < copy.length; row++) copy[row] = copies.of[row] === NO_COPY ? 0 : 1;
    const from = this.judge(batch, copy);
    if (from < batch.length && this.rows < HELD) {
      this.rows += batch.length;
      this.held.push({ batch: copyBatch(batch), copy, from });
      return;
    }
    copy.fill(0, from);
    this.finish();
    this.pass(batch, copy);
  }

  /** No more comes: what is not shown to be a second text is an event. */
  finish(): void {
    for (const { copy, from } of this.held) copy.fill(0, from);
    this.release();
  }

  /** Leaves in `copy` what goes, as far as that is known: up to the row returned, and where that is 0 not of those held either. */
  private judge(batch: RecordBatch, copy: Uint8Array): number {
    const { run } = this;
    const { of, paired, adjacent } = this.copies;
    const { event } = batch;
    const last = batch.length - 1;
    let decided = 0;
    if (this.undecided > LAST_RESERVED)
      run.event(this.undecided, of[0] === OF_EARLIER && event[0] === this.undecided, false);
    // Of the last one it is known with the next batch whether it is alone.
    this.undecided = paired[last] === 1 ? RESERVED.none : event[last]!;
    for (let row = 0; row <= last; row++) {
      const id = event[row]!;
      const alone = paired[row] === 0;
      if (id === RESERVED.segment) run.restart();
      else if (id > LAST_RESERVED && !(alone && row === last)) run.event(id, !alone, adjacent[row] === 1);
      if (run.open && !run.all && !run.some) continue;
      for (const { batch: held, copy: theirs, from } of this.held)
        this.decide(held, theirs, from, held.length);
      this.release();
      this.decide(batch, copy, decided, row + 1);
      decided = row + 1;
    }
    return decided;
  }

  private decide(batch: RecordBatch, copy: Uint8Array, from: number, to: number): void {
    for (let row = from; row < to; row++)
      if (copy[row] === 1 && !this.run.both(batch.event[row]!)) copy[row] = 0;
  }

  private release(): void {
    const { held } = this;
    if (held.length === 0) return;
    this.held = [];
    this.rows = 0;
    for (const { batch, copy } of held) this.pass(batch, copy);
  }

  /** Passes a batch on without the rows that are copies. */
  private pass(batch: RecordBatch, copy: Uint8Array): void {
    const { length } = batch;
    for (let row = 0; row < length; row++) if (copy[row] === 1) this.leftOut.add(batch, row, this.events);
    if (copy.includes(1)) {
      let to = 0;
      for (const name of COLUMNS) {
        const column = batch[name];
        to = 0;
        for (let row = 0; row < length; row++) if (copy[row] === 0) column[to++] = column[row]!;
      }
      batch.length = to;
    }
    if (batch.length > 0) this.sink(batch);
  }
}
