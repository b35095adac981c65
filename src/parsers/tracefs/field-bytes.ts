import { latin1 } from '../../timeline/batch.js';
import { Interner } from '../../timeline/interner.js';
import { FORMATS } from './field-bodies.js';
import { beginsWith, behindWord, FieldList, isHex, isSpace } from './field-list.js';

const BLANK = 32;
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
  private readonly list = new FieldList();
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
    if (!this.list.split(buf, list, stop)) return this.list.count > 0 ? BODY.unusual : BODY.as_is;
    const form = this.form(buf, name, colon);
    const call = form.isCall && (this.list.isNamed(buf, 0, SYSCALL_NR) || this.list.isNamed(buf, 0, NR));
    // `NAME: ` stands there already.
    const named = !call && name === from && list === colon + 2;
    if (named && form.pieces.length === 0 && !this.isProbe(buf)) return this.closeUp(buf);
    this.used = 0;
    if (this.out.length < end - from) this.out = new Uint8Array((end - from) * 2);
    const at = named ? list : from;
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

  private isProbe(buf: Uint8Array): boolean {
    return this.list.isNamed(buf, 0, PROBE_IP) || this.list.isNamed(buf, 0, PROBE_FUNC);
  }

  /** `name=value` each, where the list stands: nothing grows, so nothing is overwritten before it is read. The new end. */
  private closeUp(buf: Uint8Array): number {
    let to = this.list.nameFrom[0]!;
    for (let k = 0; k < this.list.count; k++) {
      if (k > 0) buf[to++] = BLANK;
      to = moved(buf, this.list.nameFrom[k]!, this.list.nameTo[k]! + 1, to);
      to = moved(buf, this.list.plainFrom[k]!, this.list.plainTo[k]!, to);
    }
    return to;
  }

  private body(buf: Uint8Array, form: Form, room: number): void {
    const begin = this.used;
    if (this.isProbe(buf)) this.probe(buf, room);
    else if (form.pieces.length === 0 || !this.printed(buf, form.pieces, room)) {
      this.used = begin;
      for (let k = 0; k < this.list.count; k++) {
        if (k > 0) this.byte(BLANK, room);
        this.put(buf, this.list.nameFrom[k]!, this.list.nameTo[k]! + 1, room);
        this.put(buf, this.list.plainFrom[k]!, this.list.plainTo[k]!, room);
      }
    }
  }

  private systemCall(buf: Uint8Array, { enter, exit }: Form, room: number): void {
    if (exit.length > 0) {
      this.put(exit, 0, exit.length, room);
      if (this.list.count > 1) this.put(buf, this.list.valueFrom[1]!, this.list.valueTo[1]!, room);
      return;
    }
    this.put(enter, 0, enter.length, room);
    for (let k = 1; k < this.list.count; k++) {
      if (k > 1) {
        this.byte(44, room);
        this.byte(BLANK, room);
      }
      this.put(buf, this.list.nameFrom[k]!, this.list.nameTo[k]!, room);
      this.byte(58, room);
      this.byte(BLANK, room);
      this.put(buf, this.list.valueFrom[k]!, this.list.valueTo[k]!, room);
    }
    this.byte(41, room);
  }

  /** `(ip)`, or for return probes `(ret_ip <- func)`, and the arguments. */
  private probe(buf: Uint8Array, room: number): void {
    const func = this.list.first(buf, PROBE_FUNC);
    const ip = this.list.first(buf, PROBE_IP);
    const back = this.list.first(buf, PROBE_RET_IP);
    this.byte(40, room);
    if (func < 0 || this.list.valueFrom[func] === this.list.valueTo[func]) {
      if (ip >= 0) this.put(buf, this.list.valueFrom[ip]!, this.list.valueTo[ip]!, room);
    } else {
      if (back >= 0) this.put(buf, this.list.valueFrom[back]!, this.list.valueTo[back]!, room);
      this.put(ARROW, 0, ARROW.length, room);
      // The kernel never prints an offset behind the function that returned.
      this.put(
        buf,
        this.list.valueFrom[func]!,
        withoutStart(buf, this.list.valueFrom[func]!, this.list.valueTo[func]!),
        room,
      );
    }
    this.byte(41, room);
    for (let k = 0; k < this.list.count; k++) {
      if (beginsWith(buf, this.list.nameFrom[k]!, this.list.nameTo[k]!, PROBE)) continue;
      this.byte(BLANK, room);
      this.put(buf, this.list.nameFrom[k]!, this.list.nameTo[k]! + 1, room);
      this.put(buf, this.list.valueFrom[k]!, this.list.valueTo[k]!, room);
    }
  }

  /** By the event's print format; false: a field of it is not there. */
  private printed(buf: Uint8Array, pieces: readonly Piece[], room: number): boolean {
    for (const piece of pieces) {
      if (!('field' in piece)) {
        this.put(piece, 0, piece.length, room);
        continue;
      }
      const k = this.list.last(buf, piece.field);
      if (k < 0) return false;
      this.put(buf, this.list.plainFrom[k]!, this.list.plainTo[k]!, room);
    }
    return true;
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

/** Copies `buf[from, end)` to `to`, at or before `from`. Behind the copy. */
function moved(buf: Uint8Array, from: number, end: number, to: number): number {
  if (to === from) return end;
  let w = to;
  for (let p = from; p < end; p++) buf[w++] = buf[p]!;
  return w;
}

/** Where `+0x0/0x…` behind a function begins; `to` without it. */
function withoutStart(buf: Uint8Array, from: number, to: number): number {
  let p = to;
  while (p > from && isHex(buf[p - 1]!)) p--;
  const at = p - START.length;
  return p < to && at >= from && beginsWith(buf, at, p, START) ? at : to;
}
