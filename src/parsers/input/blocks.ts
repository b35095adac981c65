import { NEW_HEADER, RESERVED } from '../../timeline/events.js';
import { histogramRow, ROW } from '../printed/histogram-rows.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from './dialect.js';

/** A stretch of an input in one dialect. */
export interface Block {
  readonly dialect: DialectInfo;
  /** 1-based. */
  readonly firstLine: number;
  readonly offset: number;
  readonly why: string;
}

export interface BlockOptions {
  readonly first: DialectInfo;
  readonly open: () => LineDialect;
  readonly why: string;
  /** Dialects a later block may be in, the more special first. */
  readonly others: readonly DialectInfo[];
}

/** Dialects whose own header begins with `# tracer:`; to perf it is a comment. */
const TRACEFS: ReadonlySet<string> = new Set(['ftrace', 'function-graph', 'latency-format', 'ftrace-dump']);
/** A single line shows a dialect when it scores this much in it … */
const SURE = 0.85;
/** … and no more than this in the one that did not take it. */
const UNLIKE = 0.3;

/**
 * A dialect for inputs that change theirs: a report with a piece of ftrace, one of perf script and a histogram in it.
 *
 * A line that the dialect of the block cannot place is shown to the others; the one that recognises it begins a block
 * of its own there, and a capture of its own in the timeline, as two recorders share no order. Judged line by line, so
 * that the answer does not depend on how the bytes came in. Rows of printed histograms are headers here: `info`,
 * `hist` and `compare` read them.
 */
export class BlockDialect implements LineDialect {
  readonly id: string;
  readonly blocks: Block[] = [];
  /** Lines of printed histograms. */
  histogramLines = 0;
  private inner: LineDialect;
  private info: DialectInfo;
  private readonly options: BlockOptions;
  private eventsOfBlock = 0;
  /** The last line was a histogram row whose bar may go on. */
  private wrapped = false;

  constructor(options: BlockOptions) {
    this.options = options;
    this.id = options.first.id;
    this.info = options.first;
    this.inner = options.open();
  }

  get wholeLines(): boolean {
    return this.inner.wholeLines === true;
  }

  get amongOthers(): boolean {
    return this.inner.amongOthers === true;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    if (this.blocks.length === 0) this.begin(this.info, this.options.why, host);
    const kind = this.inner.line(buf, start, end, host);
    if (kind === LINE.event) {
      this.eventsOfBlock++;
      return kind;
    }
    const strange = kind === LINE.header && !TRACEFS.has(this.info.id) && tracerOf(buf, start, end) !== '';
    if (kind !== LINE.foreign && kind !== LINE.skipped && kind !== LINE.continuation && !strange) return kind;
    // Text that goes on an event may look like a table.
    const row = kind === LINE.continuation ? ROW.none : histogramRow(buf, start, end);
    if (row !== ROW.none && (row !== ROW.bar || this.wrapped)) {
      if (kind === LINE.skipped) host.unskip();
      this.histogramLines++;
      this.wrapped = row === ROW.row;
      return row === ROW.bar ? LINE.continuation : LINE.header;
    }
    this.wrapped = false;
    const other = this.recognised(buf, start, end);
    if (other === null) return kind;
    if (kind === LINE.skipped) host.unskip();
    this.turn(other, host);
    const again = this.inner.line(buf, start, end, host);
    if (again === LINE.event) this.eventsOfBlock++;
    return again;
  }

  finish(host: LineHost): void {
    this.inner.finish?.(host);
  }

  /** The dialect of the block that holds the line at `offset`. */
  at(offset: number): DialectInfo {
    let found = this.options.first;
    for (const block of this.blocks) if (block.offset <= offset) found = block.dialect;
    return found;
  }

  private turn(info: DialectInfo, host: LineHost): void {
    this.inner.finish?.(host);
    if (this.eventsOfBlock > 0) host.fact(RESERVED.segment, -1, NEW_HEADER);
    this.begin(info, `line ${host.lineNumber} is ${info.title}`, host);
    this.info = info;
    this.inner = info.open();
    this.eventsOfBlock = 0;
  }

  private begin(dialect: DialectInfo, why: string, host: LineHost): void {
    this.blocks.push({ dialect, firstLine: host.lineNumber, offset: host.lineOffset, why });
  }

  private recognised(buf: Uint8Array, start: number, end: number): DialectInfo | null {
    if (isCpusLine(buf, start, end)) {
      return this.info.id === 'trace-cmd-report'
        ? null
        : (this.options.others.find((d) => d.id === 'trace-cmd-report') ?? null);
    }
    const tracer = tracerOf(buf, start, end);
    if (tracer !== '') {
      const id = tracer === 'function_graph' ? 'function-graph' : 'ftrace';
      return this.info.id === id ? null : (this.options.others.find((d) => d.id === id) ?? null);
    }
    if (!isCandidate(buf, start, end)) return null;
    const line = new Uint8Array(end - start + 1);
    line.set(buf.subarray(start, end));
    line[end - start] = 10;
    for (const info of this.options.others) {
      if (info !== this.info && info.score(line) >= SURE)
        return this.info.score(line) <= UNLIKE ? info : null;
    }
    return null;
  }
}

/**
 * Whether a line can be an event of any dialect: a colon behind a digit (`12.345678: `), a unit of time, or a column
 * rule. One pass over the bytes, since a kernel log may hold a million lines that are not.
 */
function isCandidate(buf: Uint8Array, start: number, end: number): boolean {
  const stop = Math.min(end, start + 200);
  for (let i = start + 1; i < stop; i++) {
    const c = buf[i]!;
    if (c === 58) {
      const before = buf[i - 1]!;
      if (before >= 48 && before <= 57) return true;
    } else if (c === 124) return true;
    else if (c === 115 && (buf[i - 1] === 117 || buf[i - 1] === 109)) return true;
  }
  return false;
}

/** `cpus=4`: what `trace-cmd report` begins with; its lines are hard to tell from those of tracefs. */
function isCpusLine(buf: Uint8Array, start: number, end: number): boolean {
  if (end - start < 6 || end - start > 10 || buf[start] !== 99) return false;
  return /^cpus=\d+$/.test(Buffer.from(buf.subarray(start, end)).toString('latin1'));
}

/** Tracer of a tracefs header's first line, `# tracer: function`; '' for any other line. */
function tracerOf(buf: Uint8Array, start: number, end: number): string {
  let p = start;
  while (p < end && buf[p] === 32) p++;
  if (end - p < 11 || end - p > 60 || buf[p] !== 35 || buf[p + 2] !== 116) return '';
  return /^# tracer: (\w+)/.exec(Buffer.from(buf.subarray(p, end)).toString('latin1'))?.[1] ?? '';
}
