import { MAX_CPUS, MAX_PID, RecordBatch } from '../../timeline/batch.js';
import { LAST_RESERVED, RESERVED } from '../../timeline/events.js';
import {
  LINE,
  LINE_NAMES,
  type LineDialect,
  type LineHost,
  type LineKind,
  newHeader,
  type ScanOptions,
  type SkipReason,
} from './dialect.js';
import { behindBom, kernelIn } from './line-bytes.js';
import { behindNuls, NUL_BYTES } from './nul-bytes.js';
import { FACT_PREFIX, isFactLine, RecordingFacts } from './recording-facts.js';
import { RunTogether } from './run-together.js';
import { Skips } from './skips.js';

/** Lines longer than this are counted and passed over, never gathered in memory. */
export const MAX_LINE = 1 << 20;
/** Rows per batch: with a 256 KiB window about what one window of ftrace text holds. */
const BATCH_ROWS = 4096;
const WINDOW = 256 << 10;
/** The same at first, and as far as the window grows with it: a short recording spends no time on the room of a long one. */
const FEW_ROWS = 256;
const FEW_BYTES = 4 << 10;
const FEW_BYTES_MOST = 32 << 10;
/** A line number can be recovered from any offset by counting newlines from the last checkpoint. */
export const CHECKPOINT_LINES = 4096;
const MAX_STAMP = 2 ** 64;
const LF = 10;
const CR = 13;
const HASH = 35;
const BLANK = 32;

/**
 * Cuts a byte stream into lines, gives each to the dialect and batches the rows it fills.
 *
 * Push chunks of any size; every line, the unterminated last one included, is counted under exactly one kind.
 * Batches reach the sink synchronously and are valid during that call only: bodies point into the window.
 */
export class LineScanner implements LineHost {
  readonly names;
  readonly events;
  readonly time;
  batch: RecordBatch;
  readonly header = newHeader();
  readonly counts = new Float64Array(LINE_NAMES.length);
  readonly notes: { code: string; message: string }[] = [];
  /** Byte offset of line 1, 1 + CHECKPOINT_LINES, … */
  readonly checkpoints: number[] = [];
  lineNumber = 0;
  lineOffset = 0;
  /** Bytes taken in so far. */
  bytes = 0;
  /** The last line had no newline. */
  unterminated = false;
  private readonly together: RunTogether;
  private readonly dialect: LineDialect;
  private readonly options: ScanOptions;
  private readonly facts: RecordingFacts;
  /** A Buffer: its indexOf is memchr, a Uint8Array's is a byte loop three times slower. */
  private window: Buffer;
  /** Bytes of the window in use; they begin at stream offset `base`. */
  private used = 0;
  private base = 0;
  /** Bytes of the unfinished line that are known to hold no newline. */
  private searched = 0;
  /** Inside a line that has outgrown MAX_LINE. */
  private overlong = false;
  /** Lines begun. */
  private taken = 0;
  private readonly skipped = new Skips();
  /** A line was skipped since the last event: it may have been one. */
  private unread = false;
  /** A NUL byte has come: from there on every line is looked at for one. */
  private nuls = false;
  /** Why a row of the current line was not taken. */
  private refused: string | null = null;
  /** Newest stamp. */
  private lastNs = Number.NEGATIVE_INFINITY;
  /** Text that is no trace has come since the last event. */
  private prose = false;
  /** … or a piece of a line: an event may have stood there. */
  private gap = false;
  /** The last one committed. */
  private event = 0;
  private readonly ordered: boolean;
  private lineStart = 0;
  private lineEnd = 0;

  constructor(dialect: LineDialect, options: ScanOptions) {
    this.dialect = dialect;
    this.ordered = options.unordered !== true;
    this.options = options;
    this.batch = new RecordBatch(FEW_ROWS);
    this.window = Buffer.allocUnsafeSlow(FEW_BYTES);
    this.facts = options.facts ?? new RecordingFacts();
    this.names = options.context.names;
    this.events = options.context.events;
    this.together = new RunTogether(options.context.events);
    this.time = options.context.time;
    this.batch.input = options.input;
  }

  push(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    let at = 0;
    while (at < chunk.length) {
      const take = Math.min(chunk.length - at, WINDOW);
      if (this.used + take > this.window.length) this.enlarge(this.used + take);
      this.window.set(at === 0 && take === chunk.length ? chunk : chunk.subarray(at, at + take), this.used);
      if (!this.nuls) this.nuls = this.window.subarray(this.used, this.used + take).indexOf(0) >= 0;
      this.used += take;
      at += take;
      this.scan();
    }
  }

  /** End of input: the unterminated last line is a line too. */
  finish(): void {
    this.unterminated = this.overlong || this.used > 0;
    this.overlong = false;
    if (this.used > 0) {
      this.batch.bytes = this.window;
      this.line(0, this.used);
      this.used = this.searched = 0;
    }
    this.dialect.finish?.(this);
    this.flush();
  }

  get skips(): SkipReason[] {
    return this.skipped.reasons;
  }

  // LineHost

  commit(within = 0): void {
    const { batch } = this;
    const wrong = this.unsayable();
    if (wrong !== null) {
      this.refused = wrong;
      return;
    }
    const event = batch.event[batch.length]!;
    if (event > LAST_RESERVED) {
      if (this.gap) this.behindGap();
      this.unread = false;
      this.event = event;
    }
    const ts = batch.tsNs[batch.length]!;
    if (this.prose) this.behindProse(ts);
    if (ts > this.lastNs) this.lastNs = ts;
    const i = batch.length++;
    if (batch.cpu[i]! >= MAX_CPUS || batch.cpu[i]! < -1) {
      this.note(
        'cpu-range',
        `no machine has ${MAX_CPUS} CPUs: numbers beyond (line ${this.lineNumber}) count as unknown`,
      );
      batch.cpu[i] = -1;
    }
    if (batch.pid[i]! > MAX_PID) {
      this.note(
        'pid-range',
        `no kernel has pids above ${MAX_PID}: line ${this.lineNumber} and its like have none`,
      );
      batch.pid[i] = -1;
    }
    batch.line[i] = this.lineNumber;
    batch.offset[i] = this.lineOffset + within;
    // Here and not before the line: one line may give several rows.
    if (batch.length === batch.capacity) this.flush();
  }

  /** Why the row at `batch.length` is no event that any form of output could carry; null if it is one. */
  private unsayable(): string | null {
    const { batch } = this;
    const i = batch.length;
    const event = batch.event[i]!;
    if (event <= LAST_RESERVED) return null;
    const ts = batch.tsNs[i]!;
    // The kernel's stamps are unsigned 64-bit numbers.
    const absolute = (this.time.baseSec ?? 0) * 1e9 + ts;
    if (!(absolute < MAX_STAMP && absolute > -MAX_STAMP)) return 'an event whose stamp is beyond 64 bits';
    const wrong = this.events.whyNone(event);
    return wrong === null && this.together.holdsAnother(batch) ? 'two events run into one line' : wrong;
  }

  skip(reason: string): LineKind {
    const { lineNumber, lineOffset, lineStart, lineEnd } = this;
    return this.skipped.add(reason, lineNumber, lineOffset, this.window, lineStart, lineEnd);
  }

  unskip(): void {
    this.skipped.takeBack();
  }

  fact(event: number, cpu: number, aux: number): void {
    const { batch } = this;
    const i = batch.length;
    batch.tsNs[i] = Number.NaN;
    batch.cpu[i] = cpu;
    batch.pid[i] = -1;
    batch.tgid[i] = -1;
    batch.flags[i] = 0;
    batch.comm[i] = 0;
    batch.event[i] = event;
    batch.bodyStart[i] = 0;
    batch.bodyEnd[i] = 0;
    batch.aux[i] = aux;
    this.commit();
  }

  note(code: string, message: string): void {
    if (!this.notes.some((n) => n.code === code)) this.notes.push({ code, message });
  }

  recorded(text: string): void {
    const line = Buffer.from(`${FACT_PREFIX}${text}`);
    this.learn(line, 0, line.length);
  }

  private scan(): void {
    const { window } = this;
    this.batch.bytes = window;
    // A search goes on to the end of what it is given: not into what pushes of a byte each have not reached yet.
    const filled = window.subarray(0, this.used);
    let start = 0;
    if (this.overlong) {
      const lf = filled.indexOf(LF, 0);
      if (lf < 0) {
        this.base += this.used;
        this.used = 0;
        return;
      }
      this.overlong = false;
      start = this.searched = lf + 1;
    }
    let from = this.searched;
    for (;;) {
      const lf = filled.indexOf(LF, from);
      if (lf < 0) break;
      this.line(start, lf);
      start = from = lf + 1;
    }
    // The bodies of the batch stand in the window: hand it over before the bytes move.
    this.flush();
    const rest = this.used - start;
    if (rest > MAX_LINE) {
      this.begin(start, this.used);
      this.counts[this.skip(`line longer than ${MAX_LINE} bytes`)]!++;
      this.hole();
      this.overlong = true;
      this.base += this.used;
      this.used = this.searched = 0;
      return;
    }
    if (rest > 0 && start > 0) window.copyWithin(0, start, this.used);
    this.base += start;
    this.used = this.searched = rest;
  }

  private begin(start: number, end: number): void {
    const nth = this.taken++;
    const { places } = this.options;
    if (places) {
      this.lineNumber = places.lines[nth]!;
      this.lineOffset = places.offsets[nth]!;
    } else {
      if (nth % CHECKPOINT_LINES === 0) this.checkpoints.push(this.base + start);
      this.lineNumber = nth + 1;
      this.lineOffset = this.base + start;
    }
    this.lineStart = start;
    this.lineEnd = end;
    this.skipped.nextLine();
  }

  private line(start: number, end: number): void {
    if (end > start && this.window[end - 1] === CR) end--;
    this.begin(start, end);
    if (this.taken === 1) start = behindBom(this.window, start, end);
    if (this.nuls) {
      const text = behindNuls(this.window, start, end);
      if (text > start) this.hole();
      if (text < 0) {
        this.counts[this.skip(NUL_BYTES)]!++;
        this.hole();
        return;
      }
      start = text;
    }
    if (this.window[start] === HASH && isFactLine(this.window, start, end)) {
      this.takeFact(start, end);
      return;
    }
    const { baseSec } = this.time;
    this.refused = null;
    const kind = this.dialect.line(this.window, start, end, this);
    const taken = this.refused === null ? kind : this.refuse(this.refused, baseSec);
    this.counts[taken]!++;
    if (taken === LINE.skipped) this.hole();
    if (kind === LINE.foreign || kind === LINE.continuation) this.between(kind, start, end);
    if (kind === LINE.foreign || kind === LINE.header) this.kernelNamed(start, end);
  }

  /**
   * A line behind an event that is none. A recorder prints nothing there but what user space wrote into the event:
   * where a file was cut, overwritten or put together, pieces of events are left, and people cut what they paste.
   */
  private between(kind: LineKind, start: number, end: number): void {
    if (this.event === 0) return;
    if (kind === LINE.foreign && this.ordered) this.prose = true;
    const piece =
      kind === LINE.foreign ? this.dialect.amongOthers !== true : this.dialect.wholeLines === true;
    if (!piece || this.events.head(this.event).kind === 'print') return;
    let p = start;
    while (p < end && this.window[p]! <= BLANK) p++;
    if (this.window[p] !== HASH) this.gap = true;
  }

  /** As `hole`, once an event comes behind it: text behind the last one is no gap. */
  private behindGap(): void {
    this.gap = false;
    this.beforeRow(() => this.hole());
  }

  /** What a line says that could not be used is not known: an event that seems absent may stand in it. */
  private hole(): void {
    if (this.unread) return;
    this.unread = true;
    this.fact(RESERVED.lost, -1, -1);
  }

  private refuse(reason: string, baseSec: number | null): LineKind {
    // A wrong first stamp is no zero point for those behind it.
    this.time.baseSec = baseSec;
    this.unskip();
    return this.skip(reason);
  }

  /** Of two excerpts in one text the later may come first: an earlier stamp behind prose is of another excerpt. */
  private behindProse(ts: number): void {
    // A fact has no time of its own.
    if (ts !== ts) return;
    this.prose = false;
    if (!(ts < this.lastNs)) return;
    this.lastNs = Number.NEGATIVE_INFINITY;
    this.beforeRow(() => this.fact(RESERVED.segment, -1, 0));
    this.note('excerpts', 'behind prose the time goes back: taken as another excerpt');
  }

  /** A fact, before the row that is being committed. */
  private beforeRow(fact: () => void): void {
    const { batch } = this;
    const row = batch.length;
    if (row + 1 >= batch.capacity) this.flush();
    const at = batch.length;
    batch.copyRow(row, at + 1);
    fact();
    if (batch.length === at) batch.copyRow(at + 1, at);
  }

  /** `Linux version 7.3.4 (…)` of the kernel's log, `# os release : 6.12.117` of perf's header. */
  private kernelNamed(start: number, end: number): void {
    const named = kernelIn(this.window, start, Math.min(end, start + 160));
    if (named !== '') this.recorded(`kernel Linux ${named}`);
  }

  private takeFact(start: number, end: number): void {
    this.counts[LINE.header]!++;
    // What stands behind an event is known behind it only, however the rows are batched.
    this.flush();
    this.learn(this.window, start, end);
  }

  private learn(bytes: Uint8Array, start: number, end: number): void {
    const told = this.facts.take(bytes, start, end);
    if (told) this.note(told.code, told.message);
    if (this.facts.clock !== '') this.header.clock = this.facts.clock;
  }

  private flush(): void {
    if (this.batch.length > 0) this.options.sink(this.batch);
    this.batch.length = 0;
  }

  /** Between scans: nothing stands in the batch but facts from before the first line. */
  private enlarge(size: number): void {
    const many = size > FEW_BYTES_MOST;
    this.flush();
    if (many && this.batch.capacity < BATCH_ROWS) this.batch = new RecordBatch(BATCH_ROWS);
    this.batch.input = this.options.input;
    const bigger = Buffer.allocUnsafeSlow(Math.max(size * 2, many ? WINDOW * 2 : 0));
    bigger.set(this.window.subarray(0, this.used));
    this.window = bigger;
  }
}
