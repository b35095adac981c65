import { cleanSymbol, type EventHead, RESERVED } from '../../timeline/events.js';
import { FLAG } from '../../timeline/flags.js';
import { LINE, type LineHost, type LineKind } from './dialect.js';

/** Pieces that every dialect of the kernel's own text shares: flags, loss lines, bodies. */
const BLANK = 32;

/**
 * The irq/preempt column `buf[a, b)` as `FLAG` bits: 3 to 5 columns, or 6 and 7 of PREEMPT_RT kernels.
 * Source: kernel/trace/trace_output.c `trace_print_lat_fmt()`.
 */
export function packFlags(buf: Uint8Array, a: number, b: number): number {
  const n = b - a;
  // RT kernels have a lazy column behind need-resched and one behind the preempt depth.
  const rt = n >= 7 || (n === 6 && isContext(buf[a + 3]!));
  let f: number = FLAG.known;
  const irqs = buf[a]!;
  if (irqs === 100 || irqs === 68) f |= FLAG.irqsOff;
  if (irqs === 98 || irqs === 68) f |= FLAG.bhOff;
  const r = buf[a + 1]!;
  if (r === 78 || r === 110 || r === 112 || r === 66 || r === 98 || r === 76) f |= FLAG.needResched;
  if (r === 108 || r === 76 || r === 66 || r === 98) f |= FLAG.needReschedLazy;
  let at = a + 2;
  if (rt) {
    if (buf[at] !== 46) f |= FLAG.needReschedLazy;
    at++;
  }
  const c = buf[at++]!;
  if (c === 104 || c === 72 || c === 90) f |= FLAG.hardirq;
  if (c === 115 || c === 72) f |= FLAG.softirq;
  if (c === 122 || c === 90) f |= FLAG.nmi;
  if (at < b) f |= hexDigit(buf[at++]!) << 8;
  if (rt) at++;
  if (at < b) f |= hexDigit(buf[at]!) << 12;
  return f >>> 0;
}

const isContext = (c: number): boolean => c === 104 || c === 72 || c === 115 || c === 122 || c === 90;
const hexDigit = (c: number): number => (c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : 0);

/** `CPU:n [LOST m EVENTS]` and kin; -1 when it is none. */
export function lostLine(buf: Uint8Array, start: number, end: number, host: LineHost): number {
  if (end - start < 14 || buf[start] !== 67 || buf[start + 1] !== 80 || buf[start + 2] !== 85) return -1;
  const text = new TextDecoder('latin1').decode(buf.subarray(start, Math.min(end, start + 64)));
  const m = /^CPU:(\d+) \[(?:LOST (?:(\d+) )?EVENTS|(?:(\d+) )?EVENTS DROPPED)\]/.exec(text);
  if (m === null) return -1;
  host.fact(RESERVED.lost, Number(m[1]), Number(m[2] ?? m[3] ?? -1));
  return LINE.lost;
}

/** Kind of a line that is no event: stack frame, blank, more text of the event before, or foreign. */
export function otherLine(buf: Uint8Array, start: number, end: number, afterEvent: boolean): LineKind {
  let p = start;
  while (p < end && buf[p] === BLANK) p++;
  if (p === end) return LINE.blank;
  if (buf[p] === 61 && p + 1 < end && buf[p + 1] === 62) return LINE.stack;
  return afterEvent ? LINE.continuation : LINE.foreign;
}

/** `<stack trace>` and kin: the frames of the event before follow, the line itself is no event. */
export function isStackTitle(buf: Uint8Array, start: number, end: number): boolean {
  let p = start;
  while (p < end && buf[p] === BLANK) p++;
  if (p === end || buf[p] !== 60 || end - p < 13) return false;
  return /^<(?:user )?stack trace ?>\s*$/.test(new TextDecoder('latin1').decode(buf.subarray(p, end)));
}

/**
 * Sets `event`, `bodyStart`, `bodyEnd` of the row at `batch.length` from a plain-format body `buf[start, end)`:
 *
 *     NAME: fields     NAME: (place) args     FUNC <-PARENT     FUNC(args) <-PARENT     FUNC
 *     sys_NAME(args)   sys_NAME -> ret
 *
 * Returns how many bytes from the first non-blank on decide the event whatever follows them (`NAME: ` then anything
 * but a parenthesis; `NAME: (place)`; `FUNC <-`; `sys_NAME(`), 0 if bytes behind the head had a say.
 */
export function internBody(buf: Uint8Array, start: number, end: number, host: LineHost): number {
  const { batch } = host;
  const i = batch.length;
  let p = start;
  while (p < end && buf[p] === BLANK) p++;
  // The entries `context_switch` and `wakeup` of the wakeup tracers have no name: `12:120:R ==> [002] 28:  0:R x`.
  const digit = p < end && buf[p]! >= 48 && buf[p]! <= 57;
  if (digit && schedEntry(buf, p, end, host)) return 0;
  let q = p;
  let h = 0x811c9dc5 | 0;
  let body = end;
  let decided = 0;
  let calls = true;
  for (; q < end; q++) {
    const c = buf[q]!;
    if (c === 58 && (q + 1 === end || buf[q + 1] === BLANK)) {
      body = q + 2;
      decided = body <= end ? body - p : 0;
      // A probe's head ends behind its parenthesis. trace-cmd pads the name.
      let open = q + 2;
      while (open < end && buf[open] === BLANK) open++;
      if (open < end && buf[open] === 40) {
        decided = 0;
        let r = q;
        let hh = h;
        while (r < end && buf[r] !== 41) hh = Math.imul(hh ^ buf[r++]!, 0x01000193);
        if (r === end && isTornPlace(buf, open + 1, end)) return torn(p, end, host);
        if (r < end && isPlace(buf, open + 1, r)) {
          h = Math.imul(hh ^ 41, 0x01000193);
          q = r + 1;
          body = q;
          decided = q - p;
        }
      }
      break;
    }
    if (c === 40 && q > p) {
      const syscall = isSyscall(buf, p, q);
      // Option func-args: the arguments differ from call to call and are no part of the head.
      if (syscall || (calls && isCallLine(buf, q, end))) {
        h = Math.imul(h ^ c, 0x01000193);
        body = ++q;
        decided = syscall ? q - p : 0;
        break;
      }
      // No `) <-` behind this parenthesis, so none behind any later one: do not look again.
      calls = false;
    }
    if (c === BLANK && q + 2 < end) {
      const d = buf[q + 1];
      if ((d === 60 && buf[q + 2] === 45) || (d === 45 && buf[q + 2] === 62)) {
        for (let k = 0; k < 3; k++) h = Math.imul(h ^ buf[q++]!, 0x01000193);
        body = q;
        decided = q - p;
        break;
      }
    }
    h = Math.imul(h ^ c, 0x01000193);
  }
  if (q === end && body === end && bareFunction(buf, p, end, host)) return 0;
  while (body < end && buf[body] === BLANK) body++;
  batch.event[i] = host.events.intern(buf, p, q, h, parseHead);
  batch.bodyStart[i] = Math.min(body, end);
  batch.bodyEnd[i] = end;
  return digit || !calls ? 0 : decided;
}

/** `%5d:%3d:%c ==> [%03d] …` or `+`. Source: kernel/trace/trace_output.c `trace_ctxwake_print()`. */
function schedEntry(buf: Uint8Array, p: number, end: number, host: LineHost): boolean {
  const text = new TextDecoder('latin1').decode(buf.subarray(p, Math.min(end, p + 40)));
  const m = /^\d+: *\d+:\S+ +(==>|\+) +\[\d+\] /.exec(text);
  if (m === null) return false;
  const name = m[1] === '+' ? 'wakeup' : 'context_switch';
  const i = host.batch.length;
  host.batch.event[i] = host.events.internHead(name, { kind: 'tracepoint', name, symbol: '', caller: '' });
  host.batch.bodyStart[i] = p;
  host.batch.bodyEnd[i] = end;
  return true;
}

const isSyscall = (buf: Uint8Array, p: number, q: number): boolean =>
  q - p > 4 && buf[p] === 115 && buf[p + 1] === 121 && buf[p + 2] === 115 && buf[p + 3] === 95;

/** `) <-` follows: the parenthesis holds arguments of a function line. */
function isCallLine(buf: Uint8Array, from: number, end: number): boolean {
  for (let i = from; i + 3 < end; i++) {
    if (buf[i] === 41 && buf[i + 1] === BLANK && buf[i + 2] === 60 && buf[i + 3] === 45) return true;
  }
  return false;
}

/** Events only: a name without a colon is no function, it is what is left of a line. */
const NO_TRACER = 'nop';

const SYMBOL =
  /^(?:[A-Za-z_.$][\w.$]*(?:\+0x[0-9a-f]+\/0x[0-9a-f]+)?(?: \[\w+\])?|0x[0-9a-f]+|0)(?: <[0-9a-f]{8,16}>)?$/;

/** Behind the first word of a symbol stands nothing but its module or address. */
function mayBeSymbol(buf: Uint8Array, p: number, end: number): boolean {
  let q = p;
  while (q < end && buf[q]! > BLANK) q++;
  while (q < end && buf[q] === BLANK) q++;
  const c = q < end ? buf[q]! : 91;
  return c === 91 || c === 60 || c < BLANK || c > 126;
}

/** A function whose parent is 0, or not printed (`noprint-parent`): the head is that of `FUNC <-`. */
function bareFunction(buf: Uint8Array, p: number, end: number, host: LineHost): boolean {
  if (!mayBeSymbol(buf, p, end)) return false;
  const text = new TextDecoder('latin1').decode(buf.subarray(p, end)).trimEnd();
  if (!SYMBOL.test(text)) return false;
  if (host.header.tracer === NO_TRACER) {
    torn(p, end, host);
    return true;
  }
  const i = host.batch.length;
  host.batch.event[i] = host.events.internHead(`${text} <-`, parseHead(`${text} <-`));
  host.batch.bodyStart[i] = end;
  host.batch.bodyEnd[i] = end;
  return true;
}

/** The line breaks off in its event's name or place: an event without a name. */
function torn(p: number, end: number, host: LineHost): 0 {
  const { batch } = host;
  const i = batch.length;
  batch.event[i] = host.events.internHead('', { kind: 'tracepoint', name: '', symbol: '', caller: '' });
  batch.bodyStart[i] = p;
  batch.bodyEnd[i] = end;
  return 0;
}

/** `(sym+0x`, `(sym+0x4/0x10 <- ca`: nothing but symbols, and no end. */
function isTornPlace(buf: Uint8Array, a: number, end: number): boolean {
  return /^[\w.+/ <[\]-]*$/.test(new TextDecoder('latin1').decode(buf.subarray(a, end)));
}

/** The text of a probe's parenthesis holds `sym+0x…`, `0x…` (uprobes) or a bare address (trace-cmd). */
function isPlace(buf: Uint8Array, a: number, b: number): boolean {
  for (let i = a; i + 2 < b; i++) if (buf[i] === 43 && buf[i + 1] === 48 && buf[i + 2] === 120) return true;
  let i = a;
  if (i + 2 < b && buf[i] === 48 && buf[i + 1] === 120) i += 2;
  const first = i;
  while (i < b && ((buf[i]! >= 48 && buf[i]! <= 57) || (buf[i]! >= 97 && buf[i]! <= 102))) i++;
  return i - first >= (first > a ? 4 : 8) && (i === b || buf[i] === BLANK);
}

/** Behind a symbol: its module, and with the option sym-addr its address. */
const BEHIND = '(?: \\[\\w+\\])?(?: <[0-9a-f]+>)?';
const PROBE = new RegExp(`^(\\S+): +\\(([^\\s<)]+)${BEHIND}\\)$`);
const RETPROBE = new RegExp(`^(\\S+): +\\(([^\\s<)]+)${BEHIND} <- ([^\\s<)]+)${BEHIND}\\)$`);

/** Addresses without a symbol name nothing. */
const placeSymbol = (text: string): string => (/^(?:0x)?[0-9a-f]{4,16}$/.test(text) ? '' : cleanSymbol(text));

function parseHead(text: string): EventHead {
  let m: RegExpExecArray | null;
  // `sys_enter_x` is the name where only fields are printed.
  if ((m = /^sys_(enter|exit)_(\w+)$/.exec(text))) {
    return { kind: `syscall-${m[1] as 'enter' | 'exit'}`, name: m[2]!, symbol: '', caller: '' };
  }
  if ((m = /^sys_(\w+)\($/.exec(text))) return { kind: 'syscall-enter', name: m[1]!, symbol: '', caller: '' };
  if ((m = /^sys_(\w+) ->$/.exec(text))) return { kind: 'syscall-exit', name: m[1]!, symbol: '', caller: '' };
  if ((m = /^(\S+)\($/.exec(text))) {
    const name = cleanSymbol(m[1]!);
    return { kind: 'function', name, symbol: name, caller: '' };
  }
  if ((m = RETPROBE.exec(text))) {
    return { kind: 'retprobe', name: m[1]!, symbol: placeSymbol(m[3]!), caller: placeSymbol(m[2]!) };
  }
  if ((m = PROBE.exec(text))) {
    return { kind: 'probe', name: m[1]!, symbol: placeSymbol(m[2]!), caller: '' };
  }
  if ((m = /^(.+?) <-$/.exec(text))) {
    const name = cleanSymbol(m[1]!.replace(/[ (].*$/, ''));
    return { kind: 'function', name, symbol: name, caller: '' };
  }
  if (/^(?:tracing_mark_write|print)$/.test(text))
    return { kind: 'print', name: text, symbol: '', caller: '' };
  return { kind: 'tracepoint', name: text, symbol: '', caller: '' };
}
