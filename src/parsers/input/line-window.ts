/** Lines longer than this are counted and passed over, never gathered in memory. */
export const MAX_LINE = 1 << 20;
/** Bytes scanned at once. */
const WINDOW = 256 << 10;
/** The same at first, and as far as the window grows with it: a short recording spends no time on the room of a long one. */
const FEW_BYTES = 4 << 10;
const FEW_BYTES_MOST = 32 << 10;
const LF = 10;

/** Who takes the lines of a window. */
export interface LineTaker {
  /** Lines of `bytes` come now. */
  linesOf(bytes: Buffer): void;
  /** Bytes `[start, end)` of the window are a line, without its newline. */
  line(start: number, end: number): void;
  /** A line begins at `start`, longer than MAX_LINE; no more is heard of it. */
  overlong(start: number, end: number): void;
  /** The bytes are about to move: what refers to them must be handed on. */
  handOn(): void;
  /** The window grows beyond what a short recording needs. */
  manyLines(): void;
}

/** Cuts a stream of bytes into lines. Push chunks of any size; each line is given once all of it is there. */
export class LineWindow {
  /** A Buffer: its indexOf is memchr, a Uint8Array's is a byte loop three times slower. */
  bytes: Buffer = Buffer.allocUnsafeSlow(FEW_BYTES);
  /** Offset of `bytes[0]` in the stream. */
  base = 0;
  /** A NUL byte has come: from there on every line is to be looked at for one. */
  nuls = false;
  private readonly taker: LineTaker;
  /** Bytes in use. */
  private used = 0;
  /** Bytes of the unfinished line that are known to hold no newline. */
  private searched = 0;
  /** Inside a line that has outgrown MAX_LINE. */
  private within = false;

  constructor(taker: LineTaker) {
    this.taker = taker;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const take = Math.min(chunk.length - at, WINDOW);
      if (this.used + take > this.bytes.length) this.enlarge(this.used + take);
      this.bytes.set(at === 0 && take === chunk.length ? chunk : chunk.subarray(at, at + take), this.used);
      if (!this.nuls) this.nuls = this.bytes.subarray(this.used, this.used + take).indexOf(0) >= 0;
      this.used += take;
      at += take;
      this.scan();
    }
  }

  /** End of the stream. True: its last line has no newline; it has been given, too. */
  finish(): boolean {
    const unterminated = this.within || this.used > 0;
    this.within = false;
    if (this.used > 0) {
      this.taker.linesOf(this.bytes);
      this.taker.line(0, this.used);
      this.used = this.searched = 0;
    }
    return unterminated;
  }

  private scan(): void {
    const { bytes, taker } = this;
    taker.linesOf(bytes);
    // A search goes on to the end of what it is given: not into what pushes of a byte each have not reached yet.
    const filled = bytes.subarray(0, this.used);
    let start = 0;
    if (this.within) {
      const lf = filled.indexOf(LF, 0);
      if (lf < 0) {
        this.base += this.used;
        this.used = 0;
        return;
      }
      this.within = false;
      start = this.searched = lf + 1;
    }
    let from = this.searched;
    for (;;) {
      const lf = filled.indexOf(LF, from);
      if (lf < 0) break;
      taker.line(start, lf);
      start = from = lf + 1;
    }
    taker.handOn();
    const rest = this.used - start;
    if (rest > MAX_LINE) {
      taker.overlong(start, this.used);
      this.within = true;
      this.base += this.used;
      this.used = this.searched = 0;
      return;
    }
    if (rest > 0 && start > 0) bytes.copyWithin(0, start, this.used);
    this.base += start;
    this.used = this.searched = rest;
  }

  /** Between scans. */
  private enlarge(size: number): void {
    const many = size > FEW_BYTES_MOST;
    this.taker.handOn();
    if (many) this.taker.manyLines();
    const bigger = Buffer.allocUnsafeSlow(Math.max(size * 2, many ? WINDOW * 2 : 0));
    bigger.set(this.bytes.subarray(0, this.used));
    this.bytes = bigger;
  }
}
