import { latin1 } from '../../timeline/batch.js';
import { OVERWRITTEN, RESERVED } from '../../timeline/events.js';
import type { LineHost } from '../input/dialect.js';

/** Not the kernel's: `pttrace convert --to ftrace` says so of recordings whose losses are told elsewhere. */
export const SILENT_LOSS = '# losses are told elsewhere';
export const NO_HEADER = 0;
export const HEADER = 1;
/** `# tracer:` begins a new capture. */
export const NEW_CAPTURE = 2;

/**
 * Comment lines of a tracefs `trace` file. Source: kernel/trace/trace.c `print_event_info()`,
 * `print_func_help_header[_irq]()`, `trace_latency_header()`; kernel/trace/trace_printk.c `ftrace_warn_on…`.
 *
 * A task may be called "# comment": its line starts with blanks, a header in column 0. In prose `# ` is a shell's
 * prompt: outside a header (`inHeader`) only the lines that the kernel prints are one.
 */
export function headerLine(
  buf: Uint8Array,
  start: number,
  end: number,
  inHeader: boolean,
  host: LineHost,
): 0 | 1 | 2 {
  if (start + 1 < end && buf[start + 1] !== 32 && buf[start + 1] !== 35) return NO_HEADER;
  const text = latin1(buf, start, Math.min(end, start + 200));
  if (text.startsWith('#####')) return NO_HEADER;
  const { header } = host;
  let m: RegExpExecArray | null;
  if ((m = /^#\s*tracer: (\S+)/.exec(text))) {
    header.tracer = m[1]!;
    header.captures++;
    header.flagColumns = 0;
    return NEW_CAPTURE;
  }
  if ((m = /^#\s*entries-in-buffer\/entries-written: (\d+)\/(\d+)(?:\s+#P:(\d+))?/.exec(text))) {
    header.entriesInBuffer = Number(m[1]);
    header.entriesWritten = Number(m[2]);
    if (m[3] !== undefined) header.cpus = Number(m[3]);
  } else if ((m = /^#.*CPU#\s+(\|+)\s+TIMESTAMP/.exec(text))) header.flagColumns = m[1]!.length;
  else if (/FUNCTION TRACING IS CORRUPTED/.test(text)) {
    host.note(
      'corrupted',
      'the kernel says that function tracing is corrupted: function events may be missing',
    );
  } else if (text === SILENT_LOSS) {
    host.fact(RESERVED.silentLoss, -1, 0);
    host.note('silent-loss', 'its recorder tells of losses elsewhere: what is absent here proves nothing');
  } else if (/Snapshot is (?:freed|allocated)/.test(text)) {
    host.note('snapshot', 'this is an empty snapshot file, which holds a help text only');
  } else if (!inHeader && !PIECE.test(text)) return NO_HEADER;
  return HEADER;
}

/** Legends and rulers of the column head, snapshot help, latency preamble. */
const PIECE =
  /^#\s*$|^#[\s|/]*_-+=>|^#[ |/]*(?:delay|[|/])[ |/]*$|^#\s+(?:TASK|CPU#?)\b|^#\s+[-=|*]|^# (?:echo|latency:|WARNING:)|^#\s+MAY BE MISSING/;

/**
 * `CPU:3 [LOST 264 EVENTS]`, `CPU:3 [LOST EVENTS]`, trace-cmd's `CPU:3 [264 EVENTS DROPPED]`, and
 * `##### CPU 3 buffer started ####`; null for any other line.
 */
export function lossLine(
  buf: Uint8Array,
  start: number,
  end: number,
): { event: number; cpu: number; count: number } | null {
  if (end - start < 14 || end - start > 80) return null;
  const text = latin1(buf, start, end);
  let m = /^CPU:(\d+) \[(?:LOST(?: (\d+))? EVENTS|(?:(\d+) )?EVENTS DROPPED)\]\s*$/.exec(text);
  if (m) return { event: RESERVED.lost, cpu: Number(m[1]), count: Number(m[2] ?? m[3] ?? -1) };
  // Printed where any buffer has overrun only (kernel/trace/trace.c test_cpu_buff_start()).
  m = /^##### CPU (\d+) buffer started ####\s*$/.exec(text);
  if (m) return { event: RESERVED.bufferStart, cpu: Number(m[1]), count: OVERWRITTEN };
  m = /^CPU:(\d+) \[SUBBUFFER START\]\s*$/.exec(text);
  return m ? { event: RESERVED.bufferStart, cpu: Number(m[1]), count: 0 } : null;
}
