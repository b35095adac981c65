import { RESERVED } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { BPFTRACE_LOG, BpftraceLogDialect } from './bpftrace-log.js';
import { shapeOf } from './printf-columns.js';

/**
 * `bpftrace -f json` of a program that prints events: one object a line, the text of each `printf()` in one of them.
 *
 *     {"type": "attached_probes", "data": {"probes": 16}}
 *     {"type": "printf", "data": "8140075272 1 103 105 ptw-spin1 tlb_flush reason=1 pages=-1\n"}
 *     {"type": "lost_events", "data": {"events": 12}}
 *
 * The text is read as a printf log (`bpftrace-log.ts`), put over the line it came in. A printf without a line's end is
 * continued by the next. Maps and histograms in the stream are foreign here: `pttrace hist` reads them.
 * Source: bpftrace src/output.cpp JsonOutput.
 */
export const BPFTRACE_JSON_LOG: DialectInfo = {
  id: 'bpftrace-json',
  title: 'a printf log of bpftrace -f json',
  unordered: true,
  silentLoss:
    'bpftrace tells how many events were lost, but neither where nor when: what is absent here proves nothing',
  score,
  open: (sample) => new BpftraceJsonLogDialect(sample ?? new Uint8Array(0)),
};

/** Objects that say something of the run, and hold no event. */
const NOTICES = new Set(['attached_probes', 'time', 'cat', 'join', 'syscall', 'value', 'helper_error']);
const MAX_CARRY = 1 << 16;
const LF = 10;

class BpftraceJsonLogDialect implements LineDialect {
  readonly id = 'bpftrace-json';
  private readonly log: BpftraceLogDialect;
  private readonly utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Text printed without a line's end. */
  private carry = '';

  constructor(sample: Uint8Array) {
    this.log = new BpftraceLogDialect(shapeOf(new TextEncoder().encode(printed(sample))));
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    let p = start;
    while (p < end && (buf[p] === 32 || buf[p] === 9)) p++;
    if (p === end) return LINE.blank;
    // Warnings and errors stand as plain text between the objects.
    if (buf[p] !== 0x7b) return LINE.foreign;
    let o: { type?: unknown; data?: unknown };
    try {
      o = JSON.parse(this.utf8.decode(buf.subarray(p, end)));
    } catch {
      return host.skip('bpftrace JSON: a line that is no valid JSON');
    }
    if (o.type === 'printf' && typeof o.data === 'string') return this.printf(o.data, buf, start, end, host);
    if (o.type === 'lost_events') {
      const lost = (o.data as { events?: unknown } | null)?.events;
      host.fact(RESERVED.lost, -1, Number.isSafeInteger(lost) ? (lost as number) : -1);
      return LINE.lost;
    }
    if (o.type === 'attached_probes') this.log.begins(host);
    return typeof o.type === 'string' && NOTICES.has(o.type) ? LINE.header : LINE.foreign;
  }

  finish(host: LineHost): void {
    if (this.carry !== '') host.note('cut-line', 'the last text printed has no end: it was not used');
  }

  private printf(data: string, buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const text = this.carry + data;
    const last = text.lastIndexOf('\n');
    if (last < 0) {
      this.carry = text.length <= MAX_CARRY ? text : '';
      if (this.carry === '') return host.skip('bpftrace JSON: text without an end');
      return LINE.continuation;
    }
    this.carry = text.slice(last + 1);
    const lines = Buffer.from(text.slice(0, last));
    if (lines.length > end - start)
      return host.skip('bpftrace JSON: a line put together of several has no room');
    buf.set(lines, start);
    const stop = start + lines.length;
    let kind: LineKind = LINE.blank;
    for (let p = start; p <= stop; ) {
      let q = buf.indexOf(LF, p);
      if (q < 0 || q > stop) q = stop;
      const one = this.log.line(buf, p, q, host);
      // One object may print several lines, but is one: skipped if any was, else an event if any was.
      if (one === LINE.skipped || kind === LINE.blank || (one === LINE.event && kind !== LINE.skipped)) {
        kind = one;
      }
      p = q + 1;
    }
    return kind;
  }
}

/** What the printf objects of the sample print. */
function printed(sample: Uint8Array): string {
  const lines = new TextDecoder().decode(sample.subarray(0, 1 << 15)).split(/\r?\n/, 300);
  if (lines.length > 1) lines.pop();
  let text = '';
  for (const line of lines) {
    if (!/^\s*\{\s*"type":\s*"printf"/.test(line)) continue;
    try {
      text += String((JSON.parse(line) as { data: unknown }).data);
    } catch {
      // A damaged line shows no shape.
    }
  }
  return text;
}

/** Objects of bpftrace, whose printed text has the shape of an event log. */
function score(sample: Uint8Array): number {
  const text = printed(sample);
  return text === '' ? 0 : Math.min(1, BPFTRACE_LOG.score(new TextEncoder().encode(text)) * 1.2);
}
