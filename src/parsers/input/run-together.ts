import { latin1, type RecordBatch } from '../../timeline/batch.js';
import type { EventTable } from '../../timeline/events.js';

/** Stamp of another event of the kernel's text, whatever of its line stands before it: no body has one. */
const ANOTHER = /\d\.(?:\d{6}|\d{9}): /;
/** Enough for any body with fields and the columns of the next event. */
const LOOKED_AT = 4096;

/**
 * Finds events whose body goes on with the columns of another: the newline between them is lost, as on serial consoles
 * and in damaged files, perhaps with whole lines. Only bodies longer than all before of the same event are looked at.
 */
export class RunTogether {
  /** Bytes of the longest body by event. */
  private longest = new Uint32Array(256);
  private readonly events: EventTable;

  constructor(events: EventTable) {
    this.events = events;
  }

  /** Does the row at `batch.length` hold more than its own event? */
  holdsAnother(batch: RecordBatch): boolean {
    const i = batch.length;
    const event = batch.event[i]!;
    const length = batch.bodyEnd[i]! - batch.bodyStart[i]!;
    return length > (this.longest[event] ?? 0) && this.another(batch, event, length);
  }

  private another(batch: RecordBatch, event: number, length: number): boolean {
    const at = batch.bodyStart[batch.length]!;
    // What is written to the marker may hold anything.
    if (this.events.head(event).kind !== 'print') {
      if (ANOTHER.test(latin1(batch.bytes, at, at + Math.min(length, LOOKED_AT)))) return true;
    }
    this.grow(event);
    this.longest[event] = length;
    return false;
  }

  private grow(event: number): void {
    if (event < this.longest.length) return;
    const longer = new Uint32Array(Math.max(this.longest.length * 2, event + 1));
    longer.set(this.longest);
    this.longest = longer;
  }
}
