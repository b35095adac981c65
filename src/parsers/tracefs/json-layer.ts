import { TraceError } from '../input/trace-error.js';
import { SystemTraceEvents } from './system-trace-events.js';

/** Bytes that show a JSON trace by the keys it begins with. */
const LOOK = 4096;
const OPENING =
  /^\s*\{\s*"(?:traceEvents|systemTraceEvents|displayTimeUnit|controllerTraceDataKey|stackFrames|samples|metadata|otherData)"\s*:/;

/**
 * Takes the kernel's trace out of a Chrome or catapult JSON file and passes any other input on as it is. What is
 * passed on counts as the text of the input, as the text in a packed file does.
 */
export class JsonLayer {
  private readonly sink: (chunk: Uint8Array) => void;
  private readonly path: string;
  private state: 'undecided' | 'json' | 'other' = 'undecided';
  private held: Buffer = Buffer.alloc(0);
  private readonly inner = new SystemTraceEvents();

  constructor(path: string, sink: (chunk: Uint8Array) => void) {
    this.path = path;
    this.sink = sink;
  }

  write(chunk: Uint8Array): void {
    if (this.state === 'other') this.sink(chunk);
    else if (this.state === 'json') this.take(chunk);
    else {
      this.held = Buffer.concat([this.held, chunk]);
      const text = this.held.subarray(0, LOOK).toString('latin1');
      if (OPENING.test(text)) this.decide('json');
      else if (this.held.length >= LOOK || !/^\s*(?:\{\s*(?:"\w*(?:"\s*)?)?)?$/.test(text))
        this.decide('other');
    }
  }

  /** End of input. Throws TraceError for a JSON trace that holds no kernel events. */
  end(): void {
    if (this.state === 'undecided') this.decide('other');
    if (this.state === 'json' && !this.inner.found) {
      const what =
        'is a JSON trace without kernel events (systemTraceEvents): give the ftrace, trace-cmd or perf file it was made from';
      throw new TraceError('unsupported-format', what, { path: this.path });
    }
  }

  private decide(state: 'json' | 'other'): void {
    this.state = state;
    const { held } = this;
    this.held = Buffer.alloc(0);
    if (held.length > 0) this.write(held);
  }

  private take(chunk: Uint8Array): void {
    const text = this.inner.push(chunk);
    if (text.length > 0) this.sink(text);
  }
}
