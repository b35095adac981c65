import { NEW_HEADER, RESERVED } from '../../timeline/events.js';
import type { LineHost } from '../input/dialect.js';

/** Entries of a capture as they came, against those that its header counts (kernel/trace/trace.c print_trace_header()). */
export class CaptureEntries {
  events = 0;
  stacks = 0;
  /** Events that stood on the line of another. */
  glued = 0;

  /** A header begins another capture, unless nothing came before it. */
  begin(host: LineHost): void {
    // Lines of trace_pipe before the first header are a capture too.
    if (host.header.captures > 1 || this.events > 0) {
      this.end(host);
      host.fact(RESERVED.segment, -1, NEW_HEADER);
    }
    host.header.entriesInBuffer = -1;
    host.header.entriesWritten = -1;
    this.events = 0;
    this.stacks = 0;
  }

  /**
   * An event older than the last of its CPU. Where there are more than the header counts, `trace` was read while tracing went
   * on: its reader is overtaken by the writer, and goes on in what was written since (kernel/trace/ring_buffer.c rb_iter_head_event()).
   */
  wentBack(cpu: number, host: LineHost): void {
    const { entriesInBuffer } = host.header;
    if (entriesInBuffer < 0 || this.events + this.stacks < entriesInBuffer) return;
    host.fact(RESERVED.lost, cpu, -1);
    host.note(
      'read-while-tracing',
      `the header counts ${entriesInBuffer} entries, more are here, some before older ones: the buffer was read while tracing went on, and events were overwritten meanwhile`,
    );
  }

  /** What the header promised against what came. */
  end(host: LineHost): void {
    const { entriesInBuffer, entriesWritten } = host.header;
    const present = this.events + this.stacks;
    const missing = entriesInBuffer > present;
    if (this.glued > 0) {
      host.note(
        'glued-lines',
        `${this.glued} events stand on the line of an event that printed nothing, not even its newline (hash-ptr=0 on an old kernel): they are read${missing ? ', but the header counts more: what is absent here proves nothing' : ''}`,
      );
      if (missing) host.fact(RESERVED.silentLoss, -1, 0);
      this.glued = 0;
    }
    if (entriesInBuffer < 0) return;
    if (missing) {
      host.note(
        'cut-file',
        `the header counts ${entriesInBuffer} entries, ${present} are here: the file was cut after capture (no ring-buffer loss)`,
      );
    }
    if (entriesWritten > entriesInBuffer) {
      host.note(
        'overwritten',
        `the ring buffer overwrote ${entriesWritten - entriesInBuffer} older entries: the history before the first event is missing`,
      );
    }
  }
}
