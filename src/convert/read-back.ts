import { LINE, type LineHost, newHeader } from '../parsers/input/dialect.js';
import { FtraceDialect } from '../parsers/tracefs/ftrace.js';
import { MAX_CPUS, MAX_PID, RecordBatch } from '../timeline/batch.js';
import { EventTable } from '../timeline/events.js';
import { Interner } from '../timeline/interner.js';
import { TimeBase } from '../timeline/time-base.js';
import { stampOf, type Written } from './form-writer.js';

const CR = 13;

/**
 * Reads lines of ftrace text as the reader of this format will, to tell which rows it cannot give back: a text
 * without quotes has no rule that says so beforehand.
 */
export class ReadBack {
  private readonly written: Written;
  private readonly names = new Interner();
  private readonly events = new EventTable();
  private readonly time = new TimeBase();
  private readonly batch = new RecordBatch(1);
  private readonly dialect = new FtraceDialect();
  /** Pairs of heads known to be the same. */
  private readonly same = new Set<number>();
  private rows = 0;
  private facts = 0;
  private readonly host: LineHost;

  constructor(written: Written) {
    this.written = written;
    this.host = {
      names: this.names,
      events: this.events,
      time: this.time,
      batch: this.batch,
      lineNumber: 0,
      lineOffset: 0,
      header: newHeader(),
      commit: () => {
        this.rows++;
      },
      skip: () => LINE.skipped,
      unskip: () => {},
      fact: () => {
        this.facts++;
      },
      note: () => {},
    };
  }

  /** Header lines, which change what follows means. */
  header(bytes: Uint8Array, start: number, end: number): void {
    this.dialect.line(bytes, start, end, this.host);
  }

  /** The line `bytes[start, end)` was written for `row`: null if it gives it back, else what it does not. */
  differs(bytes: Uint8Array, start: number, end: number, from: RecordBatch, row: number): string | null {
    const { batch, written } = this;
    this.rows = this.facts = 0;
    if (end > start && bytes[end - 1] === CR) end--;
    batch.bytes = bytes;
    const kind = this.dialect.line(bytes, start, end, this.host);
    if (kind !== LINE.event || this.rows !== 1) return 'lines that do not read as an event';
    if (this.facts > 0) return 'stamps more than a second back: they read as a new capture';
    if (stampOf(this.time, batch.tsNs[0]!) !== stampOf(written.time, from.tsNs[row]!)) return 'stamps';
    const cpu = batch.cpu[0]! >= MAX_CPUS ? -1 : batch.cpu[0]!;
    const pid = batch.pid[0]! > MAX_PID ? -1 : batch.pid[0]!;
    if (cpu !== from.cpu[row] || pid !== from.pid[row]) return 'CPU or pid';
    if (batch.tgid[0] !== from.tgid[row]) return 'the thread group';
    const comm = written.names.bytesOf(from.comm[row]!);
    if (!equal(this.names.bytesOf(batch.comm[0]!), comm, 0, comm.length)) {
      return 'task names with blanks around them, or that hold what follows one';
    }
    if (batch.flags[0] !== from.flags[row]) return 'flags';
    if (!this.sameHead(from.event[row]!, batch.event[0]!)) {
      const { kind } = written.events.head(from.event[row]!);
      if (kind === 'span') return 'durations of calls (span): written as calls and returns';
      if (kind === 'function')
        return 'endings the compiler gave functions (.isra.0): the reader cuts them off';
      return `events of kind ${kind} that ftrace text has no form for`;
    }
    const body = bytes.subarray(batch.bodyStart[0]!, batch.bodyEnd[0]!);
    if (!equal(body, from.bytes, from.bodyStart[row]!, from.bodyEnd[row]!)) {
      return 'arguments with line breaks, or blanks around them';
    }
    return null;
  }

  private sameHead(a: number, b: number): boolean {
    const pair = a * 2 ** 24 + b;
    if (this.same.has(pair)) return true;
    const x = this.written.events.head(a);
    const y = this.events.head(b);
    const same =
      x.kind === y.kind && x.name === y.name && x.symbol === y.symbol && x.caller === y.caller && !x.stamp;
    if (same && this.same.size < 1 << 16) this.same.add(pair);
    return same;
  }
}

function equal(a: Uint8Array, b: Uint8Array, start: number, end: number): boolean {
  if (a.length !== end - start) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[start + i]) return false;
  return true;
}
