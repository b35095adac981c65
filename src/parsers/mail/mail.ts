import { gunzipSync } from 'node:zlib';

/** A mail as lines that dialects can read, and where each stands in the file. */
export interface MailText {
  /** The lines, quote marks and transfer encoding off, each with a newline. */
  readonly bytes: Uint8Array;
  /** Of each line: number (1-based) and byte offset of the line of the file it begins in. */
  readonly lines: Uint32Array;
  readonly offsets: Float64Array;
  /** Of each line: quote marks before it. */
  readonly depths: Uint8Array;
  /** Lines of the file that only go on the one before (soft line breaks of quoted-printable). */
  readonly joined: number;
  /** What could not be read, in words. */
  readonly notes: readonly { code: string; message: string }[];
}

const LF = 10;
const CR = 13;
const EQUALS = 61;
const QUOTE = 62;
const BLANK = 32;
/** Bytes looked at. */
const LOOK = 64 << 10;
const HEADER =
  /^(?:from|to|cc|subject|date|message-id|in-reply-to|references|reply-to|mime-version|content-type|received|return-path|x-[\w-]+|list-[\w-]+): ?\S/i;

/**
 * Whether text is a mail: header fields at its top (RFC 5322 2.2; `From ` of a mailbox counts), or a fifth of its
 * lines quoted with `>` as in a reply.
 */
export function looksLikeMail(sample: Uint8Array): boolean {
  const lines = Buffer.from(sample.subarray(0, LOOK)).toString('latin1').split(/\r?\n/);
  let fields = 0;
  for (const line of lines.slice(0, 60)) {
    if (HEADER.test(line)) fields++;
    else if (line.trim() === '' && fields > 0) break;
  }
  if (fields >= 3) return true;
  const written = lines.filter((line) => line.trim() !== '');
  const quoted = written.filter((line) => /^(?:> ?)+\S|^> *\S/.test(line)).length;
  return quoted >= 2 && quoted * 5 >= written.length;
}

/**
 * Undoes what mail does to a pasted trace: quote marks, quoted-printable (RFC 2045 6.7) of the parts that declare it,
 * no-break spaces. Header fields and other parts stay as they are, for they are prose.
 */
export function readMail(bytes: Uint8Array): MailText {
  const reader = new MailReader(bytes);
  for (let start = 0; start < bytes.length; ) start = reader.line(start);
  return reader.finish();
}

/** Where a separator of parts may stand: a mailbox's `From `, or two dashes. */
const SEPARATOR = /^(?:From \S+@\S+ |--[\w=.:'()+,/? -]{6,}$)/;

class MailReader {
  private readonly bytes: Uint8Array;
  private out: Uint8Array<ArrayBuffer>;
  private readonly lines: number[] = [];
  private readonly offsets: number[] = [];
  private readonly depths: number[] = [];
  private readonly notes: { code: string; message: string }[] = [];
  private used = 0;
  private joined = 0;
  private number = 0;
  private inHeader = true;
  private encoding = '';
  /** The line before ended in a soft break. */
  private goesOn = false;
  /** Of multipart bodies (RFC 2046 5.1.1), with their two dashes. */
  private readonly boundaries = new Set<string>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.out = new Uint8Array(bytes.length + 1);
  }

  /** Reads the line at `start`, or the base64 part that begins there; where the next one begins. */
  line(start: number): number {
    const { bytes } = this;
    let lf = bytes.indexOf(LF, start);
    if (lf < 0) lf = bytes.length;
    const end = lf > start && bytes[lf - 1] === CR ? lf - 1 : lf;
    this.number++;
    const head = Buffer.from(bytes.subarray(start, Math.min(end, start + 120))).toString('latin1');
    if (this.separates(head) && !this.goesOn) {
      this.inHeader = true;
      this.encoding = '';
    } else if (this.inHeader && !this.goesOn) {
      const field = /^content-transfer-encoding: *([\w-]+)/i.exec(head);
      if (field) this.encoding = field[1]!.toLowerCase();
      if (end === start) this.inHeader = false;
    } else if (this.encoding === 'base64' && !this.goesOn && end > start) {
      this.encoding = '';
      const part = base64Part(bytes, start);
      const text = part === null ? null : printable(part.bytes);
      if (part !== null && text !== null) {
        this.decoded(part, text);
        return part.end;
      }
      this.notes.push({
        code: 'base64-binary',
        message: `the base64 part at line ${this.number} is no text: left as it is`,
      });
    }
    this.text(start, end);
    return lf + 1;
  }

  private separates(head: string): boolean {
    const named = this.inHeader ? /\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(head) : null;
    if (named) this.boundaries.add(`--${named[1] ?? named[2]}`);
    const line = head.trimEnd();
    return this.boundaries.has(line.replace(/--$/, '')) || this.boundaries.has(line) || SEPARATOR.test(head);
  }

  private decoded(part: Base64Part, text: Buffer): void {
    // Each line stands where its first character is coded.
    for (const line of linesOf(text)) {
      const at = Math.floor((line.start * 4) / 3 / part.width);
      const coded = part.rows[Math.min(part.rows.length - 1, at)]!;
      this.lines.push(this.number + coded.row);
      this.offsets.push(coded.offset);
      this.depths.push(0);
      const size = this.used + line.bytes.length + 1;
      if (size > this.out.length) this.out = grown(this.out, size);
      this.out.set(line.bytes, this.used);
      this.used += line.bytes.length;
      this.out[this.used++] = LF;
    }
    this.notes.push({
      code: 'base64',
      message: `the base64 part at line ${this.number} is read decoded, and its lines are counted so`,
    });
    this.number += part.rows.length - 1;
  }

  private text(start: number, end: number): void {
    const { bytes } = this;
    const coded = this.encoding === 'quoted-printable' && !this.inHeader;
    const soft = coded && softBreak(bytes, start, end);
    let from = start;
    if (this.goesOn) this.joined++;
    else {
      from = behindQuotes(bytes, start, end);
      this.lines.push(this.number);
      this.offsets.push(start);
      this.depths.push(marks(bytes, start, from));
    }
    this.used = copy(bytes, from, soft ? lastEquals(bytes, end) : end, coded, this.out, this.used);
    this.goesOn = soft;
    if (!soft) this.out[this.used++] = LF;
  }

  finish(): MailText {
    if (this.goesOn) this.out[this.used++] = LF;
    return {
      bytes: this.out.subarray(0, this.used),
      lines: Uint32Array.from(this.lines),
      offsets: Float64Array.from(this.offsets),
      depths: Uint8Array.from(this.depths),
      joined: this.joined,
      notes: this.notes,
    };
  }
}

interface Base64Part {
  readonly bytes: Buffer;
  /** Rows of the file: which of the part's, and its offset. */
  readonly rows: { row: number; offset: number }[];
  /** Characters of a row. */
  readonly width: number;
  /** Offset behind the part. */
  readonly end: number;
}

/** Lines of base64 (RFC 2045 6.8) from `start` on; null if the first is none. */
function base64Part(bytes: Uint8Array, start: number): Base64Part | null {
  const rows: { row: number; offset: number }[] = [];
  let text = '';
  let width = 0;
  let at = start;
  while (at < bytes.length) {
    let lf = bytes.indexOf(LF, at);
    if (lf < 0) lf = bytes.length;
    const row = Buffer.from(bytes.subarray(at, lf)).toString('latin1').trimEnd();
    if (!/^[A-Za-z0-9+/]{1,998}={0,2}$/.test(row)) break;
    rows.push({ row: rows.length, offset: at });
    width = Math.max(width, row.length);
    text += row;
    at = lf + 1;
  }
  return rows.length === 0
    ? null
    : { bytes: Buffer.from(text, 'base64'), rows, width, end: Math.min(at, bytes.length) };
}

/** The bytes of a text, unpacked if they are gzip; null for anything else. */
function printable(bytes: Buffer): Buffer | null {
  let text = bytes;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      text = gunzipSync(bytes, { maxOutputLength: 64 << 20 });
    } catch {
      return null;
    }
  }
  let control = 0;
  for (const c of text.subarray(0, LOOK)) if (c < 9 || (c > 13 && c < 32 && c !== 27)) control++;
  return control * 100 > Math.min(text.length, LOOK) ? null : text;
}

function linesOf(text: Buffer): { bytes: Buffer; start: number }[] {
  const found: { bytes: Buffer; start: number }[] = [];
  for (let start = 0; start < text.length; ) {
    let lf = text.indexOf(LF, start);
    if (lf < 0) lf = text.length;
    const end = lf > start && text[lf - 1] === CR ? lf - 1 : lf;
    found.push({ bytes: text.subarray(start, end), start });
    start = lf + 1;
  }
  return found;
}

function grown(out: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const bigger = new Uint8Array(Math.max(size, out.length * 2));
  bigger.set(out);
  return bigger;
}

function lastEquals(bytes: Uint8Array, end: number): number {
  let p = end;
  while (bytes[p - 1] === BLANK) p--;
  return p - 1;
}

function softBreak(bytes: Uint8Array, start: number, end: number): boolean {
  const at = lastEquals(bytes, end);
  return at >= start && bytes[at] === EQUALS;
}

/** `> > text`, `>>text`: one blank belongs to each mark. */
function behindQuotes(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && bytes[p] === QUOTE) {
    p++;
    if (p < end && bytes[p] === BLANK) p++;
  }
  return p;
}

function marks(bytes: Uint8Array, start: number, end: number): number {
  let n = 0;
  for (let p = start; p < end; p++) if (bytes[p] === QUOTE) n++;
  return Math.min(n, 255);
}

/** Copies a piece of a line, decoded; `=XX` that is not hexadecimal stays (RFC 2045 allows readers to). */
function copy(
  bytes: Uint8Array,
  start: number,
  end: number,
  coded: boolean,
  out: Uint8Array,
  used: number,
): number {
  for (let i = start; i < end; i++) {
    let c = bytes[i]!;
    if (coded && c === EQUALS && i + 2 < end) {
      const high = hex(bytes[i + 1]!);
      const low = hex(bytes[i + 2]!);
      if (high >= 0 && low >= 0) {
        c = high * 16 + low;
        // A coded line end is no line of the file.
        if (c === LF || c === CR) c = BLANK;
        i += 2;
      }
    }
    // U+00A0 no-break space.
    if (c === 0xa0 && used > 0 && out[used - 1] === 0xc2) out[used - 1] = BLANK;
    else out[used++] = c;
  }
  return used;
}

function hex(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 65 && c <= 70) return c - 55;
  return c >= 97 && c <= 102 ? c - 87 : -1;
}
