import { latin1 } from '../../timeline/batch.js';
import { NEW_HEADER, RESERVED } from '../../timeline/events.js';
import type { LineHost } from '../input/dialect.js';

/**
 * Comment lines at the top of latency-format and function_graph text, and the preamble of latency tracers:
 *
 *     # tracer: irqsoff
 *     # irqsoff latency trace v1.1.5 on 6.12.117
 *     # latency: 11202 us, #68/68, CPU#2 | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:4)
 *     #    | task: ptw-spin2-4134 (uid:0 nice:0 policy:0 rt_prio:0)
 *     #  => started at: irqentry_enter
 *     #  => ended at:   irqentry_exit_to_user_mode
 *
 * Source: kernel/trace/trace.c `print_trace_header()`; trace_functions_graph.c `__print_graph_headers_flags()`.
 */
export class LatencyHeader {
  /** A REL TIME column was announced (function_graph shape of a latency tracer). */
  relTime = false;

  /** Takes one line that begins with `#`; puts what it says into `host.header` and the notes. */
  line(buf: Uint8Array, start: number, end: number, host: LineHost): void {
    const text = latin1(buf, start, Math.min(end, start + 400));
    const h = host.header;
    let m: RegExpExecArray | null;
    if ((m = /^#\s*tracer: (\S+)/.exec(text))) {
      h.tracer = m[1]!;
      this.relTime = false;
      h.captures++;
      if (h.captures > 1) host.fact(RESERVED.segment, -1, NEW_HEADER);
    } else if ((m = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)\s+#P:(\d+)/.exec(text))) {
      setEntries(h, m[1]!, m[2]!, m[3]!, host);
    } else if ((m = /^# latency: (\d+) us, #(\d+)\/(\d+), CPU#(\d+) \|.*#P:(\d+)/.exec(text))) {
      setEntries(h, m[2]!, m[3]!, m[5]!, host);
      // Tracers without a latency of their own print 0 here.
      if (m[1] !== '0') {
        host.note('tracer-latency', `${h.tracer} tracer: worst latency ${m[1]} us, seen on CPU ${m[4]}`);
      }
    } else if ((m = /^#\s+\| task: (.+)-(\d+) \(uid/.exec(text))) {
      if (m[1] !== '') host.note('tracer-task', `task of the trace: ${m[1]}-${m[2]}`);
    } else if ((m = /^#\s+=> (started|ended) at:\s+(\S+)/.exec(text))) {
      host.note(`tracer-${m[1]}`, `critical section ${m[1]} at ${m[2]}`);
    } else if (/^#\s+REL TIME\s/.test(text)) {
      this.relTime = true;
    } else if (text.startsWith('# WARNING: FUNCTION TRACING IS CORRUPTED')) {
      host.note(
        'tracing-corrupted',
        'the kernel says that function tracing is corrupted: calls may be missing',
      );
    }
  }
}

function setEntries(
  h: LineHost['header'],
  inBuffer: string,
  written: string,
  cpus: string,
  host: LineHost,
): void {
  h.entriesInBuffer = Number(inBuffer);
  h.entriesWritten = Number(written);
  h.cpus = Number(cpus);
  if (h.entriesWritten > h.entriesInBuffer) {
    const lost = h.entriesWritten - h.entriesInBuffer;
    host.note(
      'overwritten',
      `the ring buffer had overwritten ${lost} of ${h.entriesWritten} events before the read`,
    );
  }
}
