import { splitQuoted } from '../columns/quoted-cells.js';
import { JsonText } from './json-text.js';
import { MAX_LINE } from './line-window.js';

/** Bytes that show whether lines are wrapped. */
const LOOK = 16 << 10;
const LF = 10;
/** A wrapped line is at most six times as long as the longest that is read (a byte as `\\u0000`); a longer one is passed on as it is. */
const LONGEST = 6 * MAX_LINE;

/** Where container engines, journals and log collectors put the text of a line. */
const KEYS = ['log', 'MESSAGE', 'message', 'msg', 'line', 'text', '_raw', 'body'] as const;
/** A line of a trace: CPU and stamp, or the first lines of a recording. */
const TRACE = /\[\d{2,}\].*?\d\.\d{3,9}:\s|^# (?:tracer|pttrace): /;
/** A line of a container engine or of a journal, whatever it holds: a machine may say much before its trace begins. */
const ENGINE =
  /^\{(?:(?=.*"log": ?").*"(?:stream|time|kubernetes)":|(?=.*"MESSAGE":).*"__REALTIME_TIMESTAMP":)/;
/** The names of columns, one of which holds the text. */
const COLUMNS = /^"?[\w@. -]+"?(?:,"?[\w@. -]+"?)*$/;

/** A row whose first columns, without blanks, stand before such a line. */
const BEHIND_COLUMNS = /^(?:[^,\s"]+,)+"?(?:# |.*\[\d{2,}\])/;
/** Strings of JSON, not fields of CSV. */
const JSON_STRING = /^\s*".*(?:\\"|",\s*$)/;

/** The whole input is one string of JSON: no line ends before a line of a trace does in it. */
const ONE_STRING = /^\s*"(?:[^"\n\\]|\\.)*\\n/;
/** Of an object that is printed over several lines: its begin; a member that holds a text. */
const OBJECT = /^\s*\{\s*$/;
const MEMBER = new RegExp(`^\\s*"(?:${KEYS.join('|')})"\\s*:\\s*(".*")\\s*,?\\s*$`);

/** Lines are strings of bytes, a character each: what is no UTF-8 passes through. */
type Unwrap = (line: string) => string | null;

/**
 * Takes each line of a trace out of the JSON object, JSON string or row of CSV that a log collector put it into
 * (`{"log":"…\n","stream":"stdout"}`), or a whole trace out of one string of JSON, and passes any other input on as it is. What is
 * passed on counts as the text of the input.
 */
export class WrappedLines {
  private readonly sink: (chunk: Uint8Array) => void;
  private unwrap: Unwrap | null = null;
  private text: JsonText | null = null;
  private undecided = true;
  private held: Buffer = Buffer.alloc(0);
  /** Of a line whose end has not come, behind `held`. */
  private pieces: Uint8Array[] = [];
  private length = 0;
  /** In a line that is too long. */
  private tooLong = false;

  constructor(sink: (chunk: Uint8Array) => void) {
    this.sink = sink;
  }

  /** Lines are taken out of something. */
  get found(): boolean {
    return this.unwrap !== null || this.text !== null;
  }

  write(chunk: Uint8Array): void {
    if (this.text !== null) {
      this.say(this.text.add(latin1Of(chunk)));
      return;
    }
    if (!this.undecided && this.unwrap === null) {
      this.sink(chunk);
      return;
    }
    if (this.undecided) {
      this.held = Buffer.concat([this.held, chunk]);
      const wait = this.held.length < LOOK && mayBeWrapped(this.held);
      if (!wait) this.decide();
    } else this.further(chunk);
  }

  private further(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.tooLong) {
      const end = bytes.indexOf(LF) + 1;
      this.tooLong = end === 0;
      this.sink(this.tooLong ? bytes : bytes.subarray(0, end));
      if (this.tooLong || end === bytes.length) return;
      bytes = bytes.subarray(end);
    }
    // The input may use its bytes again.
    this.pieces.push(Buffer.from(bytes));
    this.length += bytes.length;
    if (bytes.includes(LF)) {
      this.join();
      this.take(this.held.lastIndexOf(LF) + 1);
    } else if (this.held.length + this.length > LONGEST) {
      this.join();
      this.sink(this.held);
      this.held = Buffer.alloc(0);
      this.tooLong = true;
    }
  }

  private join(): void {
    this.held = Buffer.concat([this.held, ...this.pieces]);
    this.pieces = [];
    this.length = 0;
  }

  /** End of input. */
  end(): void {
    if (this.undecided) this.decide();
    if (this.text !== null) {
      this.say(this.text.add('', true));
      return;
    }
    this.join();
    if (this.held.length > 0) this.take(this.held.length);
  }

  private decide(): void {
    this.undecided = false;
    const { held } = this;
    if (isOneString(held)) {
      this.held = Buffer.alloc(0);
      this.text = new JsonText();
      this.say(this.text.add(latin1Of(held)));
      return;
    }
    const whole = held.length < LOOK ? held.length : held.lastIndexOf(LF, LOOK) + 1;
    this.unwrap = mayBeWrapped(held)
      ? unwrapOf(held.subarray(0, whole).toString('latin1').split('\n'))
      : null;
    if (this.unwrap !== null) this.take(held.lastIndexOf(LF) + 1);
    else {
      this.held = Buffer.alloc(0);
      if (held.length > 0) this.sink(held);
    }
  }

  /** Whole lines, up to `end`. */
  private take(end: number): void {
    if (end === 0) return;
    const text = this.held.subarray(0, end).toString('latin1');
    this.held = this.held.subarray(end);
    const lines = text.split('\n');
    const last = lines.pop()!;
    let out = lines.map((line) => `${this.inner(line)}\n`).join('');
    if (last !== '') out += this.inner(last);
    this.say(out);
  }

  private say(out: string): void {
    if (out !== '') this.sink(Buffer.from(out, 'latin1'));
  }

  /** What is not wrapped stays as it is, and each line one line. */
  private inner(line: string): string {
    const text = this.unwrap!(line) ?? line;
    return text.replace(/\r?\n$/, '').replaceAll('\n', ' ');
  }
}

const latin1Of = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** Strings that hold a line each are lines of JSON. */
function isOneString(held: Buffer): boolean {
  const text = held.subarray(0, LOOK).toString('latin1');
  return (
    ONE_STRING.test(text) &&
    TRACE.test(
      new JsonText()
        .add(text)
        .split('\n', LOOK)
        .find((l) => TRACE.test(l)) ?? '',
    )
  );
}

/** Whether the first line, or what there is of it, can be one that holds another. */
function mayBeWrapped(bytes: Buffer): boolean {
  const text = bytes
    .subarray(0, LOOK)
    .toString('latin1')
    .replace(/^\s*\n/, '');
  if (/^\s*(?:$|[{["])/.test(text)) return true;
  if (/^[\s#]/.test(text)) return false;
  const end = text.indexOf('\n');
  const first = end < 0 ? text : text.slice(0, end);
  return (end < 0 && bytes.length < LOOK) || namesText(first.trim()) || BEHIND_COLUMNS.test(first);
}

const namesText = (line: string): boolean =>
  COLUMNS.test(line) && line.split(',').some((name) => (KEYS as readonly string[]).includes(bare(name)));
const bare = (name: string): string => name.replaceAll('"', '').trim();

/** How lines like these are taken out; null where they are none that hold a trace. */
function unwrapOf(lines: readonly string[]): Unwrap | null {
  const shown = lines.filter((line) => line.trim() !== '');
  // A document of JSON may quote lines of a trace: in a wrapped text nearly every line holds one of its own.
  const wraps = (unwrap: Unwrap): boolean => {
    const inner = shown.map(unwrap);
    const taken = inner.filter((text) => text !== null).length;
    return taken * 2 > shown.length && inner.some((text) => TRACE.test(text ?? ''));
  };
  if (isPrinted(shown)) return ofPrinted;
  const quoted = shown.some((line) => line.startsWith('"'));
  if (shown.length > 0 && shown.every((line) => ENGINE.test(line))) return ofJson;
  if ((!quoted || shown.some((line) => JSON_STRING.test(line))) && wraps(ofJson)) return ofJson;
  if (/^[\s{[]/.test(shown[0] ?? '')) return null;
  for (const line of shown) {
    // A row without quotes needs no reading, and is one of another kind as well.
    const fields = line.includes('"') ? splitQuoted(line.trimEnd(), ',') : null;
    const column = fields?.findIndex((field) => TRACE.test(field)) ?? -1;
    if (column < 0) continue;
    const columns = fields!.length;
    const ofCsv: Unwrap = (row) => {
      const there = splitQuoted(row.trimEnd(), ',');
      return there?.length === columns ? there[column]! : null;
    };
    return wraps(ofCsv) ? ofCsv : null;
  }
  return null;
}

/** Objects that are printed over several lines (`jq .`), nearly each with a line of a trace: a document has few objects. */
function isPrinted(shown: readonly string[]): boolean {
  const first = shown.find((line) => OBJECT.test(line));
  if (first === undefined || !/^\s*[[{]\s*$/.test(shown[0]!)) return false;
  const objects = shown.filter((line) => line === first).length;
  const texts = shown.map(memberText).filter((text) => text !== null);
  const lines = texts.filter((text) => !text.trimEnd().includes('\n'));
  return (
    objects > 2 &&
    lines.length * 2 > objects &&
    texts.length === lines.length &&
    texts.some((t) => TRACE.test(t))
  );
}

/** What is not the text is about it. */
const ofPrinted: Unwrap = (line) => memberText(line) ?? '';

function memberText(line: string): string | null {
  const text = MEMBER.exec(line)?.[1];
  return text === undefined ? null : ofJson(text);
}

const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');

function ofJson(line: string): string | null {
  const text = line.trim().replace(/,$/, '');
  if (text === '[' || text === ']') return '';
  if (!/^(?:\{.*\}|".*")$/.test(text)) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'latin1').toString());
    if (typeof value === 'string') return bytesOf(value);
    for (const key of KEYS) {
      const inner = (value as Record<string, unknown>)[key];
      if (typeof inner === 'string') return bytesOf(inner);
      // journald prints what is no UTF-8 as bytes.
      if (Array.isArray(inner) && inner.every((byte) => typeof byte === 'number'))
        return Buffer.from(inner).toString('latin1');
    }
    return null;
  } catch {
    return null;
  }
}
