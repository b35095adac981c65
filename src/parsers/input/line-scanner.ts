import { latin1, MAX_CPUS, MAX_PID, RecordBatch } from '../../timeline/batch.js';
import { LAST_RESERVED, RESERVED } from '../../timeline/events.js';
import { CutWidth } from './cut-width.js';
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
import { type FactTaker, LineDoubts } from './line-doubts.js';
import { type LineTaker, LineWindow, MAX_LINE } from './line-window.js';
import { behindNuls, NUL_BYTES } from './nul-bytes.js';
import { FACT_PREFIX, isFactLine, RecordingFacts } from './recording-facts.js';
import { RunTogether } from './run-together.js';
import { Skips } from './skips.js';

/** Rows per batch: with a 256 KiB window about what one window of ftrace text holds. */
const BATCH_ROWS = 4096;
/** The same at first: a short recording spends no time on the room of a long one. */
const FEW_ROWS = 256;
/** A line number can be recovered from any offset by counting newlines from the last checkpoint. */
export const CHECKPOINT_LINES = 4096;
const MAX_STAMP = 2 ** 64;
const CR = 13;
const HASH = 35;

/**
 * Gives each line of a byte stream to the dialect and batches the rows it fills.
 *
 * Push chunks of any size; every line, the unterminated last one included, is counted under exactly one kind.
 * Batches reach the sink synchronously and are valid during that call only: bodies point into the window.
 */
export class LineScanner implements LineHost, FactTaker, LineTaker {
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
  private readonly window = new LineWindow(this);
  /** Lines begun. */
  private taken = 0;
  private readonly skipped = new Skips();
  /** Why a row of the current line was not taken. */
  private refused: string | null = null;
  private readonly doubts: LineDoubts;
  private readonly cut: CutWidth;
  private lineStart = 0;
  private lineEnd = 0;

  constructor(dialect: LineDialect, options: ScanOptions) {
    this.dialect = dialect;
    this.options = options;
    this.batch = new RecordBatch(FEW_ROWS);
    this.facts = options.facts ?? new RecordingFacts();
    this.names = options.context.names;
    this.events = options.context.events;
    this.together = new RunTogether(options.context.events);
    this.time = options.context.time;
    this.doubts = new LineDoubts(this, dialect, this.events, options.unordered !== true);
    this.cut = options.cut ?? new CutWidth();
    this.batch.input = options.input;
  }

  push(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    this.window.push(chunk);
  }

  /** End of input: the unterminated last line is a line too. */
  finish(): void {
    this.unterminated = this.window.finish();
    this.dialect.finish?.(this);
    this.handOn();
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
    this.doubts.row(batch.event[batch.length]!, batch.tsNs[batch.length]!);
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
    if (batch.length === batch.capacity) this.handOn();
  }

  /** Why the row at `batch.length` is no event that any form of output could carry; null if it is one. */
  private unsayable(): string | null {
    const { batch } = this;
    const i = batch.length;
    const event = batch.event[i]!;
    if (event <= LAST_RESERVED) return null;
    if (this.isCut(event)) return `cut off behind byte ${this.cut.width}, as other lines are`;
    const ts = batch.tsNs[i]!;
    // The kernel's stamps are unsigned 64-bit numbers.
    const absolute = (this.time.baseSec ?? 0) * 1e9 + ts;
    if (!(absolute < MAX_STAMP && absolute > -MAX_STAMP)) return 'an event whose stamp is beyond 64 bits';
    const wrong = this.events.whyNone(event);
    return wrong === null && this.together.holdsAnother(batch) ? 'two events run into one line' : wrong;
  }

  private isCut(event: number): boolean {
    const { cut, lineStart, lineEnd } = this;
    const width = lineEnd - lineStart;
    if (cut.passes(width)) return false;
    const known = cut.width > 0;
    if (!cut.isCut(width, this.events.head(event).name, latin1(this.window.bytes, lineStart, lineEnd)))
      return false;
    // Lines before this one were taken for whole.
    if (!known) this.fact(RESERVED.silentLoss, -1, 0);
    return true;
  }

  skip(reason: string): LineKind {
    const { lineNumber, lineOffset, lineStart, lineEnd } = this;
    return this.skipped.add(reason, lineNumber, lineOffset, this.window.bytes, lineStart, lineEnd);
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

  // FactTaker

  beforeRow(fact: () => void): void {
    const { batch } = this;
    const row = batch.length;
    if (row + 1 >= batch.capacity) this.handOn();
    const at = batch.length;
    batch.copyRow(row, at + 1);
    fact();
    if (batch.length === at) batch.copyRow(at + 1, at);
  }

  // LineTaker

  linesOf(bytes: Buffer): void {
    this.batch.bytes = bytes;
  }

  overlong(start: number, end: number): void {
    this.begin(start, end);
    this.counts[this.skip(`line longer than ${MAX_LINE} bytes`)]!++;
    this.doubts.hole();
  }

  /** The bodies of the batch stand in the window. */
  handOn(): void {
    if (this.batch.length > 0) this.options.sink(this.batch);
    this.batch.length = 0;
  }

  /** Nothing stands in the batch. */
  manyLines(): void {
    if (this.batch.capacity >= BATCH_ROWS) return;
    this.batch = new RecordBatch(BATCH_ROWS);
    this.batch.input = this.options.input;
  }

  line(start: number, end: number): void {
    const { bytes } = this.window;
    if (end > start && bytes[end - 1] === CR) end--;
    this.begin(start, end);
    if (this.taken === 1) start = behindBom(bytes, start, end);
    if (this.window.nuls) {
      const text = behindNuls(bytes, start, end);
      if (text > start) this.doubts.hole();
      if (text < 0) {
        this.counts[this.skip(NUL_BYTES)]!++;
        this.doubts.hole();
        return;
      }
      start = text;
    }
    if (bytes[start] === HASH && isFactLine(bytes, start, end)) {
      this.takeFact(start, end);
      return;
    }
    const { baseSec } = this.time;
    this.refused = null;
    const kind = this.dialect.line(bytes, start, end, this);
    const taken = this.refused === null ? kind : this.refuse(this.refused, baseSec);
    this.counts[taken]!++;
    if (taken === LINE.skipped) this.doubts.hole();
    if (kind === LINE.foreign || kind === LINE.continuation) this.doubts.between(kind, bytes, start, end);
    if (kind === LINE.foreign || kind === LINE.header) this.kernelNamed(start, end);
  }

  private begin(start: number, end: number): void {
    const nth = this.taken++;
    const { places } = this.options;
    if (places) {
      this.lineNumber = places.lines[nth]!;
      this.lineOffset = places.offsets[nth]!;
    } else {
      if (nth % CHECKPOINT_LINES === 0) this.checkpoints.push(this.window.base + start);
      this.lineNumber = nth + 1;
      this.lineOffset = this.window.base + start;
    }
    this.lineStart = start;
    this.lineEnd = end;
    this.skipped.nextLine();
  }

  private refuse(reason: string, baseSec: number | null): LineKind {
    // A wrong first stamp is no zero point for those behind it.
    this.time.baseSec = baseSec;
    this.unskip();
    return this.skip(reason);
  }

  /** `Linux version 7.3.4 (…)` of the kernel's log, `# os release : 6.12.117` of perf's header. */
  private kernelNamed(start: number, end: number): void {
    const named = kernelIn(this.window.bytes, start, Math.min(end, start + 160));
    if (named !== '') this.recorded(`kernel Linux ${named}`);
  }

  private takeFact(start: number, end: number): void {
    this.counts[LINE.header]!++;
    // What stands behind an event is known behind it only, however the rows are batched.
    this.handOn();
    this.learn(this.window.bytes, start, end);
  }

  private learn(bytes: Uint8Array, start: number, end: number): void {
    const told = this.facts.take(bytes, start, end);
    if (told) this.note(told.code, told.message);
    if (this.facts.clock !== '') this.header.clock = this.facts.clock;
  }
}
