import { FLAG } from '../../timeline/flags.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { internBody, isStackTitle, lostLine, otherLine, packFlags } from '../input/kernel-pieces.js';
import { LatencyHeader } from './latency-header.js';
import { LatencyPrefix, TIME } from './latency-prefix.js';
import { isReported } from './trace-cmd-form.js';

/**
 * tracefs text with the option `latency-format`, and of the tracers that force it (irqsoff, preemptoff,
 * preemptirqsoff, wakeup, wakeup_rt, wakeup_dl), short or `verbose`:
 *
 *     ptw-munm-4138      0d..2.   14us#: native_flush_tlb_local <-flush_tlb_func
 *                 init    3127   2 1 00000001 00000001 [09ec6789] 17.456ms (+0.009ms): rcu_callback: …
 *
 * The short form cuts the comm to eight bytes and counts µs from the start of the trace: base 0, note
 * `relative-times`. The verbose form prints the absolute µs in brackets, which is what `tsNs` is taken from.
 * A clock that is no time (counter, x86-tsc, uptime) prints bare numbers: `time.unit` is `ticks`.
 * Source: kernel/trace/trace_output.c `trace_print_lat_context()`, `lat_print_timestamp()`.
 */
export const LATENCY_FORMAT: DialectInfo = {
  id: 'latency-format',
  title: 'tracefs text in latency format',
  score: scoreLatencyFormat,
  open: () => new LatencyFormatDialect(),
};

const BLANK = 32;
const COLON = 58;
const DASH = 45;
/** `%8.8s-%-7d`: the name has eight bytes, blanks included, in text that was not squeezed. */
const LAST_DASH = 17;

class LatencyFormatDialect implements LineDialect {
  readonly id = 'latency-format';
  readonly wholeLines = true;
  private readonly header = new LatencyHeader();
  private readonly prefix = new LatencyPrefix();
  private readonly ahead = new LatencyPrefix();
  private saidRelative = false;
  private saidGlued = false;
  private sawEvent = false;

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    if (start === end) return LINE.blank;
    const c = buf[start]!;
    if (this.prefix.parse(buf, start, end)) return this.event(buf, end, host);
    if (c === 35 /* # */) {
      this.header.line(buf, start, end, host);
      return LINE.header;
    }
    if (c === 67 /* C */) {
      const lost = lostLine(buf, start, end, host);
      if (lost >= 0) return lost as LineKind;
    }
    return otherLine(buf, start, end, this.sawEvent);
  }

  private event(buf: Uint8Array, end: number, host: LineHost): LineKind {
    this.sawEvent = true;
    if (this.prefix.time === TIME.us && !this.saidRelative) {
      this.saidRelative = true;
      host.note('relative-times', 'times count from the start of the trace, not from boot');
      host.note('comm-cut', 'latency format cuts task names to 8 characters');
    }
    // An event that printed nothing, not even its newline (ftrace.ts onSameLine()): the next one follows.
    const second = this.second(buf, this.prefix.body, end);
    const kind = writeLatencyRow(buf, second < 0 ? end : second, this.prefix, host);
    if (second < 0 || kind !== LINE.event) return kind;
    this.prefix.parse(buf, second, end);
    if (!this.saidGlued) {
      this.saidGlued = true;
      host.note(
        'glued-lines',
        'events stand on the line of an event that printed nothing, not even its newline (hash-ptr=0 on an old kernel): they are read',
      );
    }
    return this.event(buf, end, host);
  }

  /** Where another event begins behind `NAME: `; -1: nowhere. */
  private second(buf: Uint8Array, body: number, end: number): number {
    let p = body;
    while (p < end && buf[p] !== COLON && buf[p] !== BLANK) p++;
    if (p + 2 >= end || buf[p] !== COLON || buf[p + 1] !== BLANK) return -1;
    const at = p + 2;
    for (let q = at; q < Math.min(end - 1, at + LAST_DASH); q++) {
      if (buf[q] !== DASH || buf[q + 1]! < 48 || buf[q + 1]! > 57) continue;
      return this.ahead.parse(buf, at, end) && this.ahead.time === this.prefix.time ? at : -1;
    }
    return -1;
  }
}

/** Fills and commits the row of a line whose prefix has just been parsed; a stack's title line gives none. */
export function writeLatencyRow(
  buf: Uint8Array,
  end: number,
  prefix: LatencyPrefix,
  host: LineHost,
): LineKind {
  if (isStackTitle(buf, prefix.body, end)) return LINE.stack;
  const b = host.batch;
  const i = b.length;
  if (prefix.time === TIME.ticks) host.time.unit = 'ticks';
  b.tsNs[i] = host.time.relative(prefix.sec, prefix.ns);
  b.cpu[i] = prefix.cpu;
  b.pid[i] = prefix.pid;
  b.tgid[i] = -1;
  b.flags[i] =
    prefix.flagsStart < 0
      ? entryFlags(prefix.entryFlags, prefix.preemptCount)
      : packFlags(buf, prefix.flagsStart, prefix.flagsEnd);
  b.comm[i] = host.names.intern(buf, prefix.commStart, prefix.commEnd);
  b.aux[i] = 0;
  internBody(buf, prefix.body, end, host);
  host.commit();
  return LINE.event;
}

/** `trace_entry.flags` and `.preempt_count` as the verbose form prints them. Source: include/linux/trace_events.h. */
export function entryFlags(flags: number, preemptCount: number): number {
  let f: number = FLAG.known;
  if (flags & 0x01) f |= FLAG.irqsOff;
  // 0x02 was IRQS_NOSUPPORT up to 6.12, which x86 never sets.
  if (flags & 0x02) f |= FLAG.needReschedLazy;
  if (flags & 0x24) f |= FLAG.needResched;
  if (flags & 0x08) f |= FLAG.hardirq;
  if (flags & 0x10) f |= FLAG.softirq;
  if (flags & 0x40) f |= FLAG.nmi;
  if (flags & 0x80) f |= FLAG.bhOff;
  return (f | ((preemptCount & 15) << 8)) >>> 0;
}

/** Share of lines with the prefix; header lines of a latency trace alone are a hint. */
function scoreLatencyFormat(sample: Uint8Array): number {
  const prefix = new LatencyPrefix();
  let hits = 0;
  let other = 0;
  let named = false;
  let start = 0;
  const limit = Math.min(sample.length, 65536);
  while (start < limit) {
    let end = sample.indexOf(10, start);
    const cut = end < 0;
    if (cut) end = limit;
    if (prefix.parse(sample, start, end)) {
      if (!isReported(sample, prefix, end)) hits++;
      else other++;
    } else if (sample[start] === 35) {
      if (isLatencyTitle(sample, start, end)) named = true;
    } else if (end > start && !cut && sample[start + 1] !== 61 /* " => sym" */) other++;
    start = end + 1;
  }
  if (hits === 0) return named && other === 0 ? 0.6 : 0;
  const share = hits / (hits + other);
  return named ? Math.max(0.9, share) : share * 0.95;
}

/** `# … latency trace v…`. */
function isLatencyTitle(buf: Uint8Array, start: number, end: number): boolean {
  const words = ' latency trace v';
  outer: for (let p = start; p + words.length <= end; p++) {
    for (let i = 0; i < words.length; i++) if (buf[p + i] !== words.charCodeAt(i)) continue outer;
    return true;
  }
  return false;
}
