import { type EventTable, LAST_RESERVED, RESERVED } from '../../timeline/events.js';
import { LINE, type LineDialect, type LineKind } from './dialect.js';

const HASH = 35;
const BLANK = 32;

/** What takes the facts: `LineScanner`. */
export interface FactTaker {
  fact(event: number, cpu: number, aux: number): void;
  note(code: string, message: string): void;
  /** Lets `fact` put a fact before the row that is being committed. */
  beforeRow(fact: () => void): void;
}

/** What the lines between events leave in doubt: events that may be missing there, and time that begins anew. */
export class LineDoubts {
  private readonly to: FactTaker;
  private readonly dialect: LineDialect;
  private readonly events: EventTable;
  private readonly ordered: boolean;
  /** A line was skipped since the last event: it may have been one. */
  private unread = false;
  /** Newest stamp. */
  private lastNs = Number.NEGATIVE_INFINITY;
  /** Text that is no trace has come since the last event. */
  private prose = false;
  /** … or a piece of a line: an event may have stood there. */
  private gap = false;
  /** The last one committed. */
  private last = 0;

  /** `ordered`: the recorder writes in the order of time. */
  constructor(to: FactTaker, dialect: LineDialect, events: EventTable, ordered: boolean) {
    this.to = to;
    this.dialect = dialect;
    this.events = events;
    this.ordered = ordered;
  }

  /** A row that is being committed. */
  row(event: number, tsNs: number): void {
    if (event > LAST_RESERVED) {
      if (this.gap) this.behindGap();
      this.unread = false;
      this.last = event;
    }
    if (this.prose) this.behindProse(tsNs);
    if (tsNs > this.lastNs) this.lastNs = tsNs;
  }

  /**
   * A line behind an event that is none. A recorder prints nothing there but what user space wrote into the event:
   * where a file was cut, overwritten or put together, pieces of events are left, and people cut what they paste.
   */
  between(kind: LineKind, bytes: Uint8Array, start: number, end: number): void {
    if (this.last === 0) return;
    if (kind === LINE.foreign && this.ordered) this.prose = true;
    const piece =
      kind === LINE.foreign ? this.dialect.amongOthers !== true : this.dialect.wholeLines === true;
    if (!piece || this.events.head(this.last).kind === 'print') return;
    let p = start;
    while (p < end && bytes[p]! <= BLANK) p++;
    if (bytes[p] !== HASH) this.gap = true;
  }

  /** What a line says that could not be used is not known: an event that seems absent may stand in it. */
  hole(): void {
    if (this.unread) return;
    this.unread = true;
    this.to.fact(RESERVED.lost, -1, -1);
  }

  /** As `hole`, once an event comes behind it: text behind the last one is no gap. */
  private behindGap(): void {
    this.gap = false;
    this.to.beforeRow(() => this.hole());
  }

  /** Of two excerpts in one text the later may come first: an earlier stamp behind prose is of another excerpt. */
  private behindProse(tsNs: number): void {
    // A fact has no time of its own.
    if (tsNs !== tsNs) return;
    this.prose = false;
    if (!(tsNs < this.lastNs)) return;
    this.lastNs = Number.NEGATIVE_INFINITY;
    this.to.beforeRow(() => this.to.fact(RESERVED.segment, -1, 0));
    this.to.note('excerpts', 'behind prose the time goes back: taken as another excerpt');
  }
}
