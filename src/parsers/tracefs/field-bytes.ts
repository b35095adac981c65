import { latin1 } from '../../timeline/batch.js';
import { Interner } from '../../timeline/interner.js';
import { FORMATS } from './field-bodies.js';

const BLANK = 32;
const EQUALS = 61;
/** A body with more is for `rewriteFields`. */
const MAX_FIELDS = 64;
/** Events whose form is remembered. */
const MAX_EVENTS = 1 << 14;

/** What a body is, besides a new end of the line. */
export const BODY = {
  /** No list of fields, or one that has no room rewritten: it stays as it is. */
  as_is: 0,
  /** For `rewriteFields` to judge. */
  unusual: -1,
} as const;

type Piece = Uint8Array | { readonly field: Uint8Array };
/** How an event's fields are put, told by its name alone. */
interface Form {
  /** Of a system call: `sys_NAME(` or `sys_NAME ->`; empty for other events. */
  readonly isCall: boolean;
  readonly enter: Uint8Array;
  readonly exit: Uint8Array;
  /** Its print format; empty: `name=value`. */
  readonly pieces: readonly Piece[];
}

/**
 * `rewriteFields` on bytes, in place: the list of raw fields of a line becomes what the plain format would have
 * printed. No string is made but once per event name.
 */
export class FieldBytes {
  private readonly names = new Interner();
  private readonly forms: Form[] = [];
  private readonly nameFrom = new Int32Array(MAX_FIELDS);
  private readonly nameTo = new Int32Array(MAX_FIELDS);
  /** The value less its decimal twin. */
  private readonly valueFrom = new Int32Array(MAX_FIELDS);
  private readonly valueTo = new Int32Array(MAX_FIELDS);
  /** The decimal twin where a small number is printed so, else the value again. */
  private readonly plainFrom = new Int32Array(MAX_FIELDS);
  private readonly plainTo = new Int32Array(MAX_FIELDS);
  private count = 0;
  private out = new Uint8Array(1 << 10);
  private used = 0;

  /** New end of the line whose body is `buf[from, end)`, or one of `BODY`. */
  rewrite(buf: Uint8Array, from: number, end: number): number {
    let name = from;
    while (name < end && buf[name] === BLANK) name++;
    let stop = end;
    while (stop > name && isSpace(buf[stop - 1]!)) stop--;
    if (name === stop || isSpace(buf[name]!)) return BODY.unusual;
    let colon = name;
    while (colon < stop && buf[colon] !== 58 && !isSpace(buf[colon]!)) colon++;
    if (colon === name || colon + 1 >= stop || buf[colon] !== 58 || buf[colon + 1] !== BLANK)
      return BODY.as_is;
    let list = colon + 1;
    while (list < stop && buf[list] === BLANK) list++;
    if (behindWord(buf, list, stop) === list) return BODY.as_is;
    if (!this.split(buf, list, stop)) return this.count > 0 ? BODY.unusual : BODY.as_is;
    this.used = 0;
    if (this.out.length < end - from) this.out = new Uint8Array((end - from) * 2);
    const form = this.form(buf, name, colon);
    const call = form.isCall && (this.isNamed(buf, 0, SYSCALL_NR) || this.isNamed(buf, 0, NR));
    // `NAME: ` stands there already.
    const at = !call && name === from && list === colon + 2 ? list : from;
    const room = end - at;
    if (call) this.systemCall(buf, form, room);
    else {
      if (at === from) {
        this.put(buf, name, colon, room);
        this.byte(58, room);
        this.byte(BLANK, room);
      }
      this.body(buf, form, room);
    }
    if (this.used > room) return BODY.as_is;
    const { out, used } = this;
    for (let k = 0; k < used; k++) buf[at + k] = out[k]!;
    return at + used;
  }

  /** Cuts at every ` name=`, as `fieldsOf` does. False: not a list (`count` 0), or too long a one. */
  private split(buf: Uint8Array, list: number, stop: number): boolean {
    this.count = 0;
    let p = list;
    let open = -1;
    for (;;) {
      const behind = behindWord(buf, p, stop);
      if (behind > p && behind < stop && buf[behind] === EQUALS) {
        if (open >= 0) this.value(buf, open, p - 1);
        if (this.count === MAX_FIELDS) return false;
        this.nameFrom[this.count] = p;
        this.nameTo[this.count] = behind;
        open = behind + 1;
        p = open;
      } else if (open < 0) return false;
      while (p < stop && buf[p] !== BLANK) p++;
      if (p >= stop) break;
      p++;
    }
    this.value(buf, open, stop);
    return true;
  }

  /** Takes the value of the field `count`: `(0x…:TEXT)`, `WORD (DECIMAL)`, or anything. */
  private value(buf: Uint8Array, start: number, end: number): void {
    let from = start;
    let to = end;
    while (to > from && isSpace(buf[to - 1]!)) to--;
    const k = this.count++;
    this.plainFrom[k] = this.plainTo[k] = -1;
    if (to > from && buf[to - 1] === 41) {
      const text = behindPointer(buf, from, to);
      if (text > 0) {
        from = text;
        to--;
      } else to = this.twin(buf, from, to, k);
    }
    this.valueFrom[k] = from;
    this.valueTo[k] = to;
    if (this.plainFrom[k]! < 0) {
      this.plainFrom[k] = from;
      this.plainTo[k] = to;
    }
  }

  /** Where the value ends whose decimal twin stands behind it, `to` if none does. A small number is printed as its twin. */
  private twin(buf: Uint8Array, from: number, to: number, k: number): number {
    let p = to - 1;
    while (p > from && isDigit(buf[p - 1]!)) p--;
    const digits = p;
    const negative = p > from && buf[p - 1] === 45;
    if (negative) p--;
    const first = p;
    if (digits === to - 1 || p - 2 <= from || buf[p - 1] !== 40 || buf[p - 2] !== BLANK) return to;
    const end = p - 2;
    for (let q = from; q < end; q++) if (isSpace(buf[q]!)) return to;
    if (buf[from] === 48 && end - from >= 2 && buf[from + 1] === 120) {
      let n = 0;
      for (let q = digits; q < to - 1; q++) n = n * 10 + buf[q]! - 48;
      if (negative ? n <= 65536 : n < 2 ** 31) {
        this.plainFrom[k] = first;
        this.plainTo[k] = to - 1;
      }
    }
    return end;
  }

  private body(buf: Uint8Array, form: Form, room: number): void {
    const begin = this.used;
    if (this.isNamed(buf, 0, PROBE_IP) || this.isNamed(buf, 0, PROBE_FUNC)) this.probe(buf, room);
    else if (form.pieces.length === 0 || !this.printed(buf, form.pieces, room)) {
      this.used = begin;
      for (let k = 0; k < this.count; k++) {
        if (k > 0) this.byte(BLANK, room);
        this.put(buf, this.nameFrom[k]!, this.nameTo[k]! + 1, room);
        this.put(buf, this.plainFrom[k]!, this.plainTo[k]!, room);
      }
    }
  }

  private systemCall(buf: Uint8Array, { enter, exit }: Form, room: number): void {
    if (exit.length > 0) {
      this.put(exit, 0, exit.length, room);
      if (this.count > 1) this.put(buf, this.valueFrom[1]!, this.valueTo[1]!, room);
      return;
    }
    this.put(enter, 0, enter.length, room);
    for (let k = 1; k < this.count; k++) {
      if (k > 1) {
        this.byte(44, room);
        this.byte(BLANK, room);
      }
      this.put(buf, this.nameFrom[k]!, this.nameTo[k]!, room);
      this.byte(58, room);
      this.byte(BLANK, room);
      this.put(buf, this.valueFrom[k]!, this.valueTo[k]!, room);
    }
    this.byte(41, room);
  }

  /** `(ip)`, or for return probes `(ret_ip <- func)`, and the arguments. */
  private probe(buf: Uint8Array, room: number): void {
    const func = this.first(buf, PROBE_FUNC);
    const ip = this.first(buf, PROBE_IP);
    const back = this.first(buf, PROBE_RET_IP);
    this.byte(40, room);
    if (func < 0 || this.valueFrom[func] === this.valueTo[func]) {
      if (ip >= 0) this.put(buf, this.valueFrom[ip]!, this.valueTo[ip]!, room);
    } else {
      if (back >= 0) this.put(buf, this.valueFrom[back]!, this.valueTo[back]!, room);
      this.put(ARROW, 0, ARROW.length, room);
      // The kernel never prints an offset behind the function that returned.
      this.put(
        buf,
        this.valueFrom[func]!,
        withoutStart(buf, this.valueFrom[func]!, this.valueTo[func]!),
        room,
      );
    }
    this.byte(41, room);
    for (let k = 0; k < this.count; k++) {
      if (beginsWith(buf, this.nameFrom[k]!, this.nameTo[k]!, PROBE)) continue;
      this.byte(BLANK, room);
      this.put(buf, this.nameFrom[k]!, this.nameTo[k]! + 1, room);
      this.put(buf, this.valueFrom[k]!, this.valueTo[k]!, room);
    }
  }

  /** By the event's print format; false: a field of it is not there. */
  private printed(buf: Uint8Array, pieces: readonly Piece[], room: number): boolean {
    for (const piece of pieces) {
      if (!('field' in piece)) {
        this.put(piece, 0, piece.length, room);
        continue;
      }
      let k = this.count - 1;
      while (k >= 0 && !this.isNamed(buf, k, piece.field)) k--;
      if (k < 0) return false;
      this.put(buf, this.plainFrom[k]!, this.plainTo[k]!, room);
    }
    return true;
  }

  private first(buf: Uint8Array, name: Uint8Array): number {
    for (let k = 0; k < this.count; k++) if (this.isNamed(buf, k, name)) return k;
    return -1;
  }

  private isNamed(buf: Uint8Array, k: number, name: Uint8Array): boolean {
    const from = this.nameFrom[k]!;
    return this.nameTo[k]! - from === name.length && beginsWith(buf, from, this.nameTo[k]!, name);
  }

  private form(buf: Uint8Array, from: number, to: number): Form {
    const id = this.names.size < MAX_EVENTS ? this.names.intern(buf, from, to) : MAX_EVENTS;
    let form = this.forms[id];
    if (form === undefined) {
      form = formOf(latin1(buf, from, to));
      if (id < MAX_EVENTS) this.forms[id] = form;
    }
    return form;
  }

  /** Beyond the line's own room nothing is kept: it will not be used. */
  private put(from: Uint8Array, a: number, b: number, room: number): void {
    if (this.used + b - a > room) {
      this.used = room + 1;
      return;
    }
    const { out } = this;
    let { used } = this;
    for (let p = a; p < b; p++) out[used++] = from[p]!;
    this.used = used;
  }

  private byte(c: number, room: number): void {
    if (this.used >= room) this.used = room + 1;
    else this.out[this.used++] = c;
  }
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const SYSCALL_NR = bytes('__syscall_nr');
const NR = bytes('nr');
const PROBE = bytes('__probe_');
const PROBE_IP = bytes('__probe_ip');
const PROBE_FUNC = bytes('__probe_func');
const PROBE_RET_IP = bytes('__probe_ret_ip');
const ARROW = bytes(' <- ');
const START = bytes('+0x0/0x');
const NONE = new Uint8Array(0);

function formOf(name: string): Form {
  const syscall = /^sys_(enter|exit)_(\w+)$/.exec(name);
  const format = FORMATS[name] ?? '';
  return {
    isCall: syscall !== null,
    enter: syscall?.[1] === 'enter' ? bytes(`sys_${syscall[2]}(`) : NONE,
    exit: syscall?.[1] === 'exit' ? bytes(`sys_${syscall[2]} -> `) : NONE,
    pieces: format
      .split(/(\{\w+\})/)
      .filter((piece) => piece !== '')
      .map((piece) => (piece.startsWith('{') ? { field: bytes(piece.slice(1, -1)) } : bytes(piece))),
  };
}

const isDigit = (c: number): boolean => c >= 48 && c <= 57;
/** What `\s` and `trim` take for one, of the characters that are a byte. */
const isSpace = (c: number): boolean => c === BLANK || (c >= 9 && c <= 13) || c === 0xa0;

const WORD = new Uint8Array(256);
for (const c of '0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') WORD[c.charCodeAt(0)] = 1;

/** Where the name that begins at `p` ends; `p` if none does. */
function behindWord(buf: Uint8Array, p: number, end: number): number {
  if (p >= end || isDigit(buf[p]!)) return p;
  let q = p;
  while (q < end && WORD[buf[q]!] === 1) q++;
  return q;
}

/** Where the text of `(0x…:TEXT)` begins; 0 for anything else. The closing parenthesis is there. */
function behindPointer(buf: Uint8Array, from: number, to: number): number {
  if (to - from < 6 || buf[from] !== 40 || buf[from + 1] !== 48 || buf[from + 2] !== 120) return 0;
  let p = from + 3;
  while (p < to && isHex(buf[p]!)) p++;
  return p > from + 3 && p < to - 1 && buf[p] === 58 ? p + 1 : 0;
}

const isHex = (c: number): boolean => isDigit(c) || (c >= 97 && c <= 102);

/** Where `+0x0/0x…` behind a function begins; `to` without it. */
function withoutStart(buf: Uint8Array, from: number, to: number): number {
  let p = to;
  while (p > from && isHex(buf[p - 1]!)) p--;
  const at = p - START.length;
  return p < to && at >= from && beginsWith(buf, at, p, START) ? at : to;
}

function beginsWith(buf: Uint8Array, from: number, to: number, text: Uint8Array): boolean {
  if (to - from < text.length) return false;
  for (let k = 0; k < text.length; k++) if (buf[from + k] !== text[k]) return false;
  return true;
}
