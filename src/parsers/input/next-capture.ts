import { NEW_HEADER, RESERVED } from '../../timeline/events.js';
import type { LineHost } from './dialect.js';

/**
 * Tells captures that stand one behind the other in a text by what each begins with. What begins so behind events is
 * another run, perhaps of another kernel: nothing may be carried across.
 */
export class NextCapture {
  private events = false;

  /** A line of the capture holds an event. */
  event(): void {
    this.events = true;
  }

  /** What a recorder prints before its first event. */
  header(host: LineHost): void {
    if (!this.events) return;
    this.events = false;
    host.fact(RESERVED.segment, -1, NEW_HEADER);
  }
}
