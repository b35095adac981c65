import type { EventTable } from '../../timeline/events.js';

/** Kinds of events, or tasks, of which each stands in one block, and events of one on an average, at least. */
const BLOCKS = 4;
const LONG = 8;
/** Values that are remembered: of more it is not known whether each comes in one block. */
const MOST = 1 << 16;

export const SORTED_OTHERWISE =
  'the lines are sorted by something else than time: what came before what is not known (sort them by time first)';

/** Whether every value comes in one block. */
class Blocks {
  private readonly seen = new Set<number>();
  private last = Number.NaN;
  private again = false;

  next(value: number): void {
    if (this.again || value === this.last) return;
    this.last = value;
    if (this.seen.has(value) || this.seen.size === MOST) {
      this.again = true;
      this.seen.clear();
    } else this.seen.add(value);
  }

  holds(events: number): boolean {
    return !this.again && this.seen.size >= BLOCKS && events >= this.seen.size * LONG;
  }
}

/**
 * Lines that were sorted by the name of the event or by the task (`sort -k 5`, a table of a viewer): each of them stands in one
 * block, in which time goes on; the next block begins where the last one began. No recording in the order of its time is so.
 */
export class SortedOtherwise {
  private readonly events: EventTable;
  private readonly names = new Map<string, number>();
  /** By the head of an event: the number of its name. */
  private readonly nameOf: number[] = [];
  private readonly byName = new Blocks();
  private readonly byTask = new Blocks();
  private count = 0;
  private lastEvent = -1;

  constructor(events: EventTable) {
    this.events = events;
  }

  event(event: number, pid: number): void {
    this.count++;
    this.byTask.next(pid);
    if (event === this.lastEvent) return;
    this.lastEvent = event;
    this.byName.next((this.nameOf[event] ??= this.numberOf(this.events.head(event).name)));
  }

  /** `back`: time has gone back somewhere. */
  found(back: boolean): boolean {
    return back && (this.byName.holds(this.count) || this.byTask.holds(this.count));
  }

  private numberOf(name: string): number {
    const number = this.names.get(name) ?? this.names.size;
    this.names.set(name, number);
    return number;
  }
}
