/**
 * Layers that wrap tracefs text in other files. They give the inner bytes and say where in the file each inner
 * line stands, so that evidence points into the file the user has.
 */
const BACKSLASH = 92;
const QUOTE = 34;

/** Body of an atrace capture in the first bytes of a file. */
export interface AtraceBody {
  /** Where the body starts: behind the line `TRACE:`. */
  readonly offset: number;
  /** The body is a zlib stream (`atrace -z`), to be inflated with node:zlib; otherwise plain text. */
  readonly zlib: boolean;
}

/**
 * Finds `TRACE:` at the start of a line (`capturing trace... done\nTRACE:\n…`); null when there is none.
 * `\r\n` line ends are those of `adb shell` on old devices.
 */
export function findAtraceBody(sample: Uint8Array): AtraceBody | null {
  const mark = [84, 82, 65, 67, 69, 58];
  const limit = Math.min(sample.length, 4096);
  scan: for (let p = 0; p + 7 <= limit; p++) {
    if (p > 0 && sample[p - 1] !== 10) continue;
    for (let i = 0; i < mark.length; i++) if (sample[p + i] !== mark[i]) continue scan;
    let q = p + mark.length;
    if (sample[q] === 13) q++;
    if (sample[q] !== 10) continue;
    q++;
    // RFC 1950: CMF 0x78 (deflate, 32 K window) and a header that is a multiple of 31.
    const zlib =
      q + 1 < sample.length && sample[q] === 0x78 && ((sample[q]! << 8) | sample[q + 1]!) % 31 === 0;
    return { offset: q, zlib };
  }
  return null;
}

const STATE = { outside: 0, string: 1, afterKey: 2, trace: 3 } as const;

/**
 * Takes the string `"systemTraceEvents": "…"` out of a Chrome/catapult JSON trace, chunk by chunk.
 * Only a key is matched, not the same words inside another string. Several such strings are joined.
 */
export class SystemTraceEvents {
  private state: number = STATE.outside;
  private escape = 0;
  private unicode = 0;
  private high = 0;
  private key = '';
  private read = 0;
  private written = 0;
  private out = new Uint8Array(0);
  private n = 0;
  /** Inner and outer offset of every line start; between them an escape costs more outside than inside. */
  private innerStarts: number[] = [];
  private outerStarts: number[] = [];
  /** The trace string was found. */
  found = false;
  /** Its closing quote was found. */
  complete = false;

  /** Inner bytes of the next chunk of the file. */
  push(chunk: Uint8Array): Uint8Array {
    // An escape of up to 12 bytes may end here and give four.
    this.out = new Uint8Array(chunk.length + 8);
    this.n = 0;
    for (let i = 0; i < chunk.length; i++, this.read++) {
      const c = chunk[i]!;
      if (this.state === STATE.trace) this.traceByte(c);
      else this.outerByte(c);
    }
    this.written += this.n;
    return this.out.subarray(0, this.n);
  }

  /** Offset in the file of inner offset `inner`: exact for line starts, else of its line's start. */
  outerOffset(inner: number): number {
    let lo = 0;
    let hi = this.innerStarts.length - 1;
    if (hi < 0) return 0;
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if (this.innerStarts[mid]! <= inner) lo = mid;
      else hi = mid - 1;
    }
    return this.outerStarts[lo]!;
  }

  private outerByte(c: number): void {
    if (this.state === STATE.string) {
      if (this.escape > 0) this.escape = 0;
      else if (c === BACKSLASH) this.escape = 1;
      else if (c === QUOTE) this.state = STATE.afterKey;
      if (this.key.length < 32) this.key += String.fromCharCode(c);
    } else if (c === QUOTE) {
      if (this.state === STATE.afterKey && this.key === ':systemTraceEvents') {
        this.state = STATE.trace;
        this.found = true;
        this.complete = false;
        this.mark();
      } else {
        this.state = STATE.string;
      }
      this.key = '';
    } else if (this.state === STATE.afterKey && c === 58) {
      this.key = `:${this.key.slice(0, -1)}`;
    } else if (c > 32) {
      this.state = STATE.outside;
    }
  }

  /** The next inner byte starts a line, and comes from the next outer byte. */
  private mark(): void {
    this.innerStarts.push(this.written + this.n);
    this.outerStarts.push(this.read + 1);
  }

  private put(c: number): void {
    this.out[this.n++] = c;
    if (c === 10) this.mark();
  }

  private traceByte(c: number): void {
    if (this.escape === 0) {
      if (c === BACKSLASH) this.escape = 1;
      else if (c === QUOTE) {
        this.state = STATE.outside;
        this.complete = true;
        this.key = '';
      } else this.put(c);
    } else if (this.escape === 1) {
      this.escape = c === 117 /* u */ ? 2 : 0;
      this.unicode = 0;
      if (this.escape === 0) this.put(UNESCAPED.get(c) ?? c);
    } else {
      this.unicode = this.unicode * 16 + (Number.parseInt(String.fromCharCode(c), 16) || 0);
      if (++this.escape < 6) return;
      this.escape = 0;
      this.codeUnit(this.unicode);
    }
  }

  private codeUnit(unit: number): void {
    if (unit >= 0xd800 && unit < 0xdc00) {
      this.high = unit;
      return;
    }
    let point = unit;
    if (unit >= 0xdc00 && unit < 0xe000 && this.high > 0) {
      point = 0x10000 + ((this.high - 0xd800) << 10) + unit - 0xdc00;
    }
    this.high = 0;
    for (const c of new TextEncoder().encode(String.fromCodePoint(point))) this.put(c);
  }
}

const UNESCAPED = new Map<number, number>([
  [98, 8],
  [102, 12],
  [110, 10],
  [114, 13],
  [116, 9],
]);

/** The sample is JSON that holds the key. */
export function isSystemTraceJson(sample: Uint8Array): boolean {
  const text = new TextDecoder('latin1').decode(sample);
  return /^\s*[{[]/.test(text) && /"systemTraceEvents"\s*:\s*"/.test(text);
}
