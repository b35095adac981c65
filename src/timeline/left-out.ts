import type { RecordBatch } from './batch.js';
import type { EventTable } from './events.js';

/** Lines whose events another line has told of already: how many, and the first of them. */
export class LeftOut {
  count = 0;
  line = 0;
  offset = 0;
  text = '';
  private lastLine = 0;

  add(batch: RecordBatch, row: number, events: EventTable): void {
    // One line may give several rows.
    if (batch.line[row] === this.lastLine) return;
    this.lastLine = batch.line[row]!;
    if (this.count++ > 0) return;
    this.line = batch.line[row]!;
    this.offset = batch.offset[row]!;
    this.text = `${events.head(batch.event[row]!).name} ${batch.body(row)}`;
  }
}
