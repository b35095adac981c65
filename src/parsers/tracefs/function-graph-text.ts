import { cleanSymbol, type EventTable } from '../../timeline/events.js';
import { Interner } from '../../timeline/interner.js';

/** Name of a function that was entered before the recording began and returns with a bare `}`. */
export const UNNAMED = '(unnamed)';

const BLANK = 32;
const DEPTHS = 64;

/** Heads of one function name, made on first use; -1 before. */
class FunctionHeads {
  private readonly names = new Interner();
  private readonly ids: Int32Array[] = [new Int32Array(64), new Int32Array(64), new Int32Array(64)];

  /** Number of the function name in `buf[a, b)`. */
  name(buf: Uint8Array, a: number, b: number): number {
    return this.names.intern(buf, a, b);
  }

  /** Head of function number `fn`; `shape` 0 entry, 1 leaf, 2 return. */
  head(fn: number, shape: 0 | 1 | 2, events: EventTable): number {
    let table = this.ids[shape]!;
    if (fn >= table.length) {
      const bigger = new Int32Array(Math.max(table.length * 2, fn + 1));
      bigger.set(table);
      this.ids[shape] = table = bigger;
    }
    const known = table[fn]!;
    if (known !== 0) return known;
    const id = graphHead(events, this.names.text(fn), shape);
    table[fn] = id;
    return id;
  }
}

/** Head of a function_graph row; shared with the trace-cmd form so that both give the same ids. */
export function graphHead(events: EventTable, name: string, shape: 0 | 1 | 2): number {
  const symbol = name === UNNAMED ? '' : cleanSymbol(name);
  if (shape === 0) {
    return events.internHead(`\u0000fgraph{${name}`, { kind: 'function', name, symbol, caller: '' });
  }
  const stamp = shape === 1 ? 'start' : 'end';
  return events.internHead(`\u0000fgraph${shape === 1 ? ';' : '}'}${name}`, {
    kind: 'span',
    name,
    symbol,
    caller: '',
    stamp,
  });
}

/**
 * The text right of the columns, and the stack of entered functions that names a bare `}`.
 * Also used on the fields of trace-cmd's `funcgraph_entry` and `funcgraph_exit`.
 */
export class GraphText {
  private readonly heads = new FunctionHeads();
  private readonly stacks = new Map<number, Int32Array>();
  private lastKey = Number.NaN;
  private lastStack: Int32Array = new Int32Array(0);
  /** Results of `parse`. */
  event = 0;
  bodyStart = 0;
  bodyEnd = 0;
  /** The row is a span, its time is the start (leaf) or end (return). */
  span = false;

  /**
   * Reads `buf[text, end)`; `key` tells apart the stacks (CPU, or task without a CPU column).
   * Returns false when it is no complete function text.
   */
  parse(buf: Uint8Array, text: number, end: number, key: number, events: EventTable): boolean {
    let t = text;
    while (t < end && buf[t] === BLANK) t++;
    while (end > t && buf[end - 1] === BLANK) end--;
    if (t === end) return false;
    const depth = Math.min((t - text) >> 1, DEPTHS - 1);
    this.bodyStart = this.bodyEnd = end;
    return buf[t] === 125 /* } */
      ? this.closing(buf, t + 1, end, key, depth, events)
      : this.opening(buf, t, end, key, depth, events);
  }

  private stack(key: number): Int32Array {
    if (key === this.lastKey) return this.lastStack;
    let s = this.stacks.get(key);
    if (s === undefined) this.stacks.set(key, (s = new Int32Array(DEPTHS)));
    this.lastKey = key;
    this.lastStack = s;
    return s;
  }

  /** `}`, `} /* func *\/`, `} /* func ret=0x0 *\/`, `} /* func = 0x0 *\/`. */
  private closing(
    buf: Uint8Array,
    from: number,
    end: number,
    key: number,
    depth: number,
    events: EventTable,
  ): boolean {
    const stack = this.stack(key);
    let fn = stack[depth]! - 1;
    stack[depth] = 0;
    if (from < end) {
      const a = commentStart(buf, from, end);
      if (a < 0) return false;
      const b = end - 3;
      let n = a;
      while (n < b && buf[n] !== BLANK) n++;
      if (n + 1 < b && buf[n + 1] === 91 /* [ */) {
        let m = n + 1;
        while (m < b && buf[m] !== 93) m++;
        if (m < b) n = m + 1;
      }
      fn = this.heads.name(buf, a, n);
      while (n < b && buf[n] === BLANK) n++;
      this.bodyStart = n;
      this.bodyEnd = Math.max(n, b);
    }
    this.span = true;
    this.event = fn < 0 ? graphHead(events, UNNAMED, 2) : this.heads.head(fn, 2, events);
    return true;
  }

  /** `func();`, `func(a=1);`, `func() {`, each with an optional comment behind. */
  private opening(
    buf: Uint8Array,
    t: number,
    end: number,
    key: number,
    depth: number,
    events: EventTable,
  ): boolean {
    let paren = t;
    while (paren < end && buf[paren] !== 40) paren++;
    if (paren === end || paren === t) return false;
    let stop = end;
    let comment = -1;
    if (buf[end - 1] === 47 /* slash */) {
      comment = lastComment(buf, paren, end);
      if (comment < 0) return false;
      stop = comment - 3;
      while (stop > paren && buf[stop - 1] === BLANK) stop--;
    }
    let leaf: boolean;
    let close: number;
    if (buf[stop - 1] === 59 /* ; */) {
      leaf = true;
      close = stop - 2;
    } else if (buf[stop - 1] === 123 /* { */) {
      leaf = false;
      close = stop - 3;
    } else return false;
    if (close <= paren || buf[close] !== 41) return false;
    if (comment < 0) {
      this.bodyStart = paren + 1;
      this.bodyEnd = close;
    } else {
      this.bodyStart = close > paren + 1 ? paren + 1 : comment;
      this.bodyEnd = Math.max(this.bodyStart, end - 3);
    }
    const fn = this.heads.name(buf, t, paren);
    this.span = leaf;
    if (!leaf) this.stack(key)[depth] = fn + 1;
    this.event = this.heads.head(fn, leaf ? 1 : 0, events);
    return true;
  }
}

/** First byte inside a comment that must follow at `from` and end at `end`; -1 when there is none. */
function commentStart(buf: Uint8Array, from: number, end: number): number {
  let p = from;
  while (p < end && buf[p] === BLANK) p++;
  if (end - p < 6 || buf[p] !== 47 || buf[p + 1] !== 42 || buf[end - 1] !== 47 || buf[end - 2] !== 42)
    return -1;
  p += 2;
  while (p < end - 3 && buf[p] === BLANK) p++;
  return p;
}

/** First byte inside the last comment of `buf[from, end)`, which ends in a comment end; -1 when it never began. */
function lastComment(buf: Uint8Array, from: number, end: number): number {
  if (end - from < 6 || buf[end - 2] !== 42) return -1;
  for (let p = end - 4; p > from; p--) if (buf[p] === 42 && buf[p - 1] === 47) return p + 2;
  return -1;
}
