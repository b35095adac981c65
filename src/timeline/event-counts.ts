import type { RecordBatch } from './batch.js';
import { type EventKind, type EventTable, LAST_RESERVED } from './events.js';

/** How often an event was recorded. */
export interface EventCount {
  kind: EventKind;
  /** Name as printed. */
  event: string;
  /** Probed kernel symbol, empty where the line names none. */
  symbol: string;
  count: number;
}

/** Counts events per head; heads that differ only in the caller of a return probe count as one event. */
export class EventCounts {
  private counts = new Float64Array(256);
  private readonly events: EventTable;

  constructor(events: EventTable) {
    this.events = events;
  }

  batch(batch: RecordBatch): void {
    if (this.events.size > this.counts.length) {
      const bigger = new Float64Array(Math.max(this.events.size, this.counts.length * 2));
      bigger.set(this.counts);
      this.counts = bigger;
    }
    const { counts } = this;
    const ids = batch.event;
    for (let row = 0; row < batch.length; row++) counts[ids[row]!]!++;
  }

  /** Most frequent first; ties by name. */
  list(): EventCount[] {
    const merged = new Map<string, EventCount>();
    for (let id = LAST_RESERVED + 1; id < this.events.size; id++) {
      const count = this.counts[id] ?? 0;
      if (count === 0) continue;
      const { kind, name, symbol } = this.events.head(id);
      const key = `${kind}\0${name}\0${symbol}`;
      const old = merged.get(key);
      if (old) old.count += count;
      else merged.set(key, { kind, event: name, symbol, count });
    }
    return [...merged.values()].sort(
      (a, b) =>
        b.count - a.count ||
        compare(a.kind, b.kind) ||
        compare(a.event, b.event) ||
        compare(a.symbol, b.symbol),
    );
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
