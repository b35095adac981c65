import { TraceError } from './trace-error.js';

/** Bytes looked at to tell base64 from anything else. */
const LOOK = 4096;
/** Characters of the first line, from which on it is more than a word. */
const LONG = 60;
const CODE = /^[A-Za-z0-9+/]+={0,2}$/;
/**
 * uuencode's header for base64 (POSIX), and the fields of a part that was cut out of a mail. Not those of a mail: there
 * every line keeps its number (`../mail/mail.ts`).
 */
const HEADER = /^begin-base64 [0-7]{3,4} \S|^content-[\w-]+: |^mime-version: /i;
const LF = 10;

const behindMarks = (line: string): string => line.replace(/^[ \t>|]+/, '').trimEnd();

/** What a file that is nothing but base64 holds: bytes before it that are none, and its kind. */
interface Base64 {
  /** Offset of the first line of code. */
  readonly from: number;
  readonly holds: 'text' | 'packed' | 'trace.dat' | 'perf.data';
}

/**
 * Whether an input is base64 from its first line on (behind a header of uuencode or of a part of a mail), by its first
 * bytes. Null where it is not, or where what it holds is neither text nor a file that pttrace knows: then it is none of
 * ours whatever it is.
 */
export function base64In(bytes: Uint8Array): Base64 | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(LOOK, bytes.length)).toString('latin1');
  let from = 0;
  for (;;) {
    const lf = head.indexOf('\n', from);
    const line = behindMarks(head.slice(from, lf < 0 ? head.length : lf));
    if (CODE.test(line)) break;
    if (lf < 0 || !(line === '' || HEADER.test(line))) return null;
    from = lf + 1;
  }
  const rows = head.slice(from).split('\n').map(behindMarks);
  const whole = bytes.length <= LOOK;
  // The last of the rows that were looked at may be cut, the last of the file shorter or its end mark.
  const sure = whole || rows.length === 1 ? rows : rows.slice(0, -1);
  const first = sure[0]!;
  const rest = sure.slice(1).filter((r) => r !== '' && r !== '====');
  if (first.length < LONG && !(whole && rest.length === 0 && first.length % 4 === 0)) return null;
  if (
    !rest.every(
      (r, i) =>
        CODE.test(r) && (r.length === first.length || (i === rest.length - 1 && r.length < first.length)),
    )
  )
    return null;
  const code = [first, ...rest].join('');
  const holds = kindOf(Buffer.from(code.slice(0, code.length - (code.length % 4)), 'base64'));
  return holds && { from, holds };
}

function kindOf(bytes: Buffer): Base64['holds'] | null {
  const magic = bytes.subarray(0, 10).toString('latin1');
  if (/^(?:\x1f\x8b|\x28\xb5\x2f\xfd|\xfd7zXZ)/.test(magic)) return 'packed';
  if (magic === '\x17\x08Dtracing') return 'trace.dat';
  if (magic.startsWith('PERFILE2')) return 'perf.data';
  // Text has lines of words; a word that happens to be made of these characters decodes to noise.
  const text = bytes.toString('latin1');
  return bytes.length >= 8 && /[ \t]/.test(text) && !/[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]/.test(text)
    ? 'text'
    : null;
}

/** Number of the line from which on a text that is none itself holds base64: three rows of one length, or none. */
export function base64From(text: string): number | null {
  const rows = text.split('\n').map(behindMarks);
  for (let i = 0; i + 2 < rows.length; i++) {
    const row = rows[i]!;
    if (row.length < LONG || !CODE.test(row)) continue;
    if ([rows[i + 1]!, rows[i + 2]!].every((r) => CODE.test(r) && r.length <= row.length)) return i + 1;
  }
  return null;
}

/** Decodes as it comes; lines may be cut anywhere. */
export class Base64Decoder {
  private readonly path: string;
  private left: number;
  private row = '';
  private code = '';
  private line = 0;
  private over = false;

  constructor(path: string, from: number) {
    this.path = path;
    this.left = from;
  }

  /** What `chunk` completes. Throws TraceError `corrupt` for a line that is none of base64. */
  push(chunk: Uint8Array): Buffer {
    let at = Math.min(this.left, chunk.length);
    this.left -= at;
    for (let i = 0; i < at; i++) if (chunk[i] === LF) this.line++;
    while (at < chunk.length) {
      const lf = chunk.indexOf(LF, at);
      const end = lf < 0 ? chunk.length : lf;
      this.row += Buffer.from(chunk.subarray(at, end)).toString('latin1');
      at = end + 1;
      if (lf >= 0) this.takeRow();
    }
    return this.decoded(this.code.length - (this.code.length % 4));
  }

  end(): Buffer {
    if (this.row !== '') this.takeRow();
    return this.decoded(this.code.length);
  }

  private takeRow(): void {
    const row = behindMarks(this.row);
    this.row = '';
    this.line++;
    if (row === '====') this.over = true;
    if (row === '' || this.over) return;
    if (!CODE.test(row)) {
      const message = 'is base64 up to here: decode it by hand (base64 -d) and give what comes out';
      throw new TraceError('corrupt', message, { path: this.path, line: this.line });
    }
    this.code += row;
  }

  private decoded(length: number): Buffer {
    const out = Buffer.from(this.code.slice(0, length), 'base64');
    this.code = this.code.slice(length);
    return out;
  }
}

/** Formats that are read in any order need a file of their own. */
export function refuseInner(path: string, holds: 'trace.dat' | 'perf.data'): TraceError {
  return new TraceError(
    'unsupported-format',
    `is base64 of a ${holds}: decode it first, base64 -d '${path}' > ${holds}`,
    { path, line: 1, offset: 0 },
  );
}
