import { isFlags } from './canonical-rows.js';
import { PIECE, PIECES } from './piece-heads.js';

/**
 * Reads the JSON lines that nearly all are, byte by byte and without making an object: one flat object whose keys are those of
 * an event, each once; strings of plain ASCII without a backslash; whole numbers; no blank but one behind a colon or a
 * comma. It says nothing of any other line, right or wrong: the reader that asks `JSON.parse` and the schema judges those.
 */
export class JsonLineScan {
  sec = 0;
  ns = 0;
  /** -1 not there. */
  cpu = -1;
  pid = -1;
  tgid = -1;
  /** Whole ns; NaN not there. */
  durNs = Number.NaN;
  /** Ranges in the buffer of the line; empty: not there. */
  commStart = 0;
  commEnd = 0;
  flagsStart = 0;
  flagsEnd = 0;
  argsStart = 0;
  argsEnd = 0;
  /** Ranges of the strings that name the event, by `PIECE`. */
  readonly pieceFrom = new Int32Array(PIECES);
  readonly pieceTo = new Int32Array(PIECES);
  /** All of these fields with their keys, where no other stands between them; `namedTo` 0: where one does. */
  namedFrom = 0;
  namedTo = 0;
  private p = 0;
  /** Of the string read last. */
  private textStart = 0;
  private textEnd = 0;

  /**
   * Whether `buf[start, end)` is such a line and keeps to what the schema asks of its values, except that the pieces that
   * name the event are for the caller to judge. False: the fields are meaningless.
   */
  parse(buf: Uint8Array, view: DataView, start: number, end: number): boolean {
    const { pieceFrom, pieceTo } = this;
    this.cpu = this.pid = this.tgid = -1;
    this.durNs = Number.NaN;
    this.commStart = this.commEnd = this.flagsStart = this.flagsEnd = this.argsStart = this.argsEnd = start;
    // A call of `fill` would cost more.
    for (let piece = 0; piece < PIECES; piece++) pieceFrom[piece] = pieceTo[piece] = start;
    if (end - start < 2 || buf[start] !== 0x7b || buf[end - 1] !== 0x7d) return false;
    // The brace stays outside: every loop below ends at it.
    const last = end - 1;
    let seen = 0;
    // Others since the first field that names the event; it is over where one of them is followed by one more that does.
    let others = 0;
    let apart = false;
    this.namedFrom = this.namedTo = 0;
    let p = start + 1;
    for (;;) {
      if (p < last && buf[p] === 32 && p > start + 1) p++;
      const field = fieldAt(buf, view, p, last);
      if (field < 0 || (seen & (1 << field)) !== 0) return false;
      seen |= 1 << field;
      const names = field >= FIELD.kind;
      if (names && this.namedFrom === 0) this.namedFrom = p;
      else if (names && others > 0) apart = true;
      p += KEY_LENGTH[field]!;
      if (p < last && buf[p] === 32) p++;
      this.p = p;
      if (!this.value(buf, view, field, last)) return false;
      p = this.p;
      if (names) this.namedTo = p;
      else if (this.namedFrom > 0) others++;
      if (p === last) {
        if (apart) this.namedTo = 0;
        return (seen & NEEDED) === NEEDED;
      }
      if (buf[p] !== 44) return false;
      p++;
    }
  }

  private value(buf: Uint8Array, view: DataView, field: number, last: number): boolean {
    switch (field) {
      case FIELD.tsNs:
        return this.stamp(buf, last);
      case FIELD.cpu:
        this.cpu = this.whole(buf, last);
        return this.cpu >= 0 && this.cpu <= 8191;
      case FIELD.pid:
        this.pid = this.whole(buf, last);
        return this.pid >= 0 && this.pid <= 4194304;
      case FIELD.tgid:
        this.tgid = this.whole(buf, last);
        return this.tgid >= 0 && this.tgid <= 2147483647;
      case FIELD.durNs:
        this.durNs = this.whole(buf, last);
        return this.durNs >= 0;
      default:
        if (!this.text(buf, view, last)) return false;
    }
    const { textStart, textEnd } = this;
    switch (field) {
      case FIELD.comm:
        this.commStart = textStart;
        this.commEnd = textEnd;
        return true;
      case FIELD.args:
        this.argsStart = textStart;
        this.argsEnd = textEnd;
        return true;
      case FIELD.flags:
        this.flagsStart = textStart;
        this.flagsEnd = textEnd;
        return isFlags(buf, textStart, textEnd);
      default: {
        const piece = field - FIELD.kind;
        this.pieceFrom[piece] = textStart;
        this.pieceTo[piece] = textEnd;
        // An empty symbol or caller is as good as none.
        return textEnd > textStart || piece === PIECE.symbol || piece === PIECE.caller;
      }
    }
  }

  /** A string without escapes; sets the range between its quotes. */
  private text(buf: Uint8Array, view: DataView, last: number): boolean {
    let { p } = this;
    if (buf[p] !== 34) return false;
    this.textStart = ++p;
    p = behindPlain(buf, view, p, last);
    if (p === last || buf[p] !== 34) return false;
    this.textEnd = p;
    this.p = p + 1;
    return true;
  }

  /** A number without sign, point or exponent; -1 for any other value. */
  private whole(buf: Uint8Array, last: number): number {
    const from = this.p;
    let p = from;
    let n = 0;
    let c = 0;
    for (; p < last && (c = buf[p]!) >= 48 && c <= 57; p++) n = n * 10 + c - 48;
    this.p = p;
    const digits = p - from;
    return digits === 0 || digits > 15 || (digits > 1 && buf[from] === 48) ? -1 : n;
  }

  /** The stamp as text or as a number. */
  private stamp(buf: Uint8Array, last: number): boolean {
    const quoted = buf[this.p] === 34;
    const from = quoted ? this.p + 1 : this.p;
    let p = from;
    while (p < last && buf[p]! >= 48 && buf[p]! <= 57) p++;
    const digits = p - from;
    if (quoted ? digits === 0 || digits > 19 || p === last || buf[p] !== 34 : !isWhole(buf, from, digits)) {
      return false;
    }
    const split = Math.max(from, p - 9);
    let sec = 0;
    let ns = 0;
    for (let k = from; k < split; k++) sec = sec * 10 + buf[k]! - 48;
    for (let k = split; k < p; k++) ns = ns * 10 + buf[k]! - 48;
    this.sec = sec;
    this.ns = ns;
    this.p = quoted ? p + 1 : p;
    return true;
  }
}

const isWhole = (buf: Uint8Array, from: number, digits: number): boolean =>
  digits > 0 && digits <= 15 && (digits === 1 || buf[from] !== 48);

/** Bits of the fields read; those from `kind` on are pieces, in the order of `PIECE`. */
const FIELD = { tsNs: 0, cpu: 1, pid: 2, tgid: 3, durNs: 4, comm: 5, args: 6, flags: 7, kind: 8 } as const;
const NAMES = [
  'tsNs',
  'cpu',
  'pid',
  'tgid',
  'durNs',
  'comm',
  'args',
  'flags',
  'kind',
  'event',
  'symbol',
  'caller',
  'stamp',
];
const NEEDED = (1 << FIELD.tsNs) | (1 << (FIELD.kind + PIECE.event));
/** Each key as it stands, with its quotes and colon: 6 to 9 bytes, so that three words cover it. */
const KEYS = NAMES.map((name) => Buffer.from(`"${name}":`));
const KEY_LENGTH = Uint8Array.from(KEYS, (key) => key.length);
const FIRST_WORD = Int32Array.from(KEYS, (key) => key.readInt32LE(0));
const MIDDLE_WORD = Int32Array.from(KEYS, (key) => key.readInt32LE(key.length >> 2));
const LAST_WORD = Int32Array.from(KEYS, (key) => key.readInt32LE(key.length - 4));
/** Twice the first letter and the second tell the key: no two of these sums are the same. */
const BY_LETTERS = new Int8Array(512).fill(-1);
NAMES.forEach((name, field) => {
  BY_LETTERS[name.charCodeAt(0) * 2 + name.charCodeAt(1)] = field;
});

/** The field whose key stands at `p`; -1 for any other text. */
function fieldAt(buf: Uint8Array, view: DataView, p: number, last: number): number {
  if (p + 4 > last) return -1;
  const field = BY_LETTERS[(buf[p + 1]! * 2 + buf[p + 2]!) & 511]!;
  if (field < 0) return -1;
  const length = KEY_LENGTH[field]!;
  return p + length <= last &&
    view.getInt32(p, true) === FIRST_WORD[field] &&
    view.getInt32(p + length - 4, true) === LAST_WORD[field] &&
    view.getInt32(p + (length >> 2), true) === MIDDLE_WORD[field]
    ? field
    : -1;
}

/** Where ASCII that stands in a JSON string for itself ends: at a byte beyond 127 or below 32, a quote, a backslash, `end`. */
function behindPlain(buf: Uint8Array, view: DataView, from: number, end: number): number {
  let p = from;
  for (; p + 4 <= end; p += 4) {
    const w = view.getInt32(p, true);
    const control = (w - 0x20202020) | 0;
    const quote = ((w ^ 0x22222222) - 0x01010101) | 0;
    const backslash = ((w ^ 0x5c5c5c5c) - 0x01010101) | 0;
    // The high bit of the first such byte; those of bytes behind it may be wrong.
    const found = (w | control | quote | backslash) & 0x80808080;
    if (found !== 0) return p + ((31 - Math.clz32(found & -found)) >> 3);
  }
  for (; p < end; p++) {
    const c = buf[p]!;
    if (c < 32 || c > 127 || c === 34 || c === 92) break;
  }
  return p;
}
