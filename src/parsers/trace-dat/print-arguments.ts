import { evaluate, fieldOf, isKnownName, isTrue } from './evaluate.js';
import type { EventFormat } from './event-format.js';
import type { Expr } from './expression.js';
import { type Conversion, printString } from './printf.js';
import { type Knowledge, type Record, symbolOf, type Value } from './record.js';

const hex2 = (n: number): string => n.toString(16).padStart(2, '0');

/** An argument printed by `%s` (event-parse.c `print_str_arg`). */
export function printText(
  c: Conversion,
  e: Expr,
  event: EventFormat,
  r: Record,
  k: Knowledge,
  star: number,
): string {
  const whole = (s: string): string => printString(c, s, star);
  switch (e.k) {
    case 'str':
      return whole(e.text);
    case 'name':
      return whole(e.name);
    case 'cast':
      return '';
    case 'cond':
      return printText(c, isTrue(evaluate(e.test, event, r, k)) ? e.yes : e.no, event, r, k, star);
    case 'field': {
      const f = event.byName.get(e.name)!;
      // A value of a pointer's size is the address of a string: known ones are listed in printk_formats.
      if (!f.isArray && f.size === k.longSize) {
        const v = r.field(f);
        return k.printk.get(BigInt(v)) ?? v.toString(16);
      }
      if (f.dynamic !== 'no') {
        r.locate(f);
        return whole(r.text(r.dynOffset, r.dynLength));
      }
      return whole(r.text(f.offset, f.size === 0 ? r.size - f.offset : f.size));
    }
    case 'table':
      return e.flags ? flagText(e, whole, event, r, k) : symbolText(e, whole, event, r, k);
    case 'call':
      return callText(e, whole, event, r, k);
    default:
      return '';
  }
}

const constants = new WeakMap<Expr, readonly Value[]>();
const ALL_ONES = 0xffffffffffffffffn;

/** Values of a table's rows; they are constants. Names that the kernel left in and nobody knows count as -1. */
function rowValues(e: Expr & { k: 'table' }, event: EventFormat, r: Record, k: Knowledge): readonly Value[] {
  let values = constants.get(e);
  if (values === undefined) {
    values = e.rows.map((row) =>
      row.value.k === 'name' && !isKnownName(row.value.name) ? ALL_ONES : evaluate(row.value, event, r, k),
    );
    constants.set(e, values);
  }
  return values;
}

function symbolText(
  e: Expr & { k: 'table' },
  whole: (s: string) => string,
  event: EventFormat,
  r: Record,
  k: Knowledge,
): string {
  const v = evaluate(e.value, event, r, k);
  const at = rowValues(e, event, r, k).indexOf(v);
  return at >= 0 ? whole(e.rows[at]!.text) : `0x${v.toString(16)}`;
}

function flagText(
  e: Expr & { k: 'table' },
  whole: (s: string) => string,
  event: EventFormat,
  r: Record,
  k: Knowledge,
): string {
  let v = BigInt(evaluate(e.value, event, r, k));
  let out = '';
  let some = false;
  const values = rowValues(e, event, r, k);
  for (let i = 0; i < e.rows.length; i++) {
    const row = e.rows[i]!;
    const f = BigInt(values[i]!);
    const negative = f >> 63n === 1n;
    if (v === 0n && negative) return out + whole(row.text);
    if (!negative && f > 0n && (v & f) === f) {
      out += (some ? e.delim : '') + whole(row.text);
      some = true;
      v &= ~f;
    }
  }
  if (v !== 0n) out += `${some ? e.delim : ''}0x${v.toString(16)}`;
  return out;
}

function callText(
  e: Expr & { k: 'call' },
  whole: (s: string) => string,
  event: EventFormat,
  r: Record,
  k: Knowledge,
): string {
  if (e.name.startsWith('__print')) return arrayText(e, event, r, k);
  const f = fieldOf(e, event);
  if (f === null) return '';
  r.locate(f);
  const at = r.dynOffset;
  const n = r.dynLength;
  if (e.name.endsWith('_str')) return n === 0 ? '' : whole(r.text(at, r.size - at));
  if (e.name.endsWith('bitmask')) return whole(bitmask(r, at, n));
  if (e.name.endsWith('cpumask')) return whole(cpuList(r, at, n));
  return '';
}

/** `__print_hex(ptr, n)`, `__print_hex_str(ptr, n)`, `__print_array(ptr, n, size)`. */
function arrayText(e: Expr & { k: 'call' }, event: EventFormat, r: Record, k: Knowledge): string {
  const f = e.args[0] === undefined ? null : fieldOf(e.args[0], event);
  if (f === null || e.args[1] === undefined) return '';
  const count = Math.min(Number(evaluate(e.args[1], event, r, k)), 65536);
  let at = f.offset;
  if (f.dynamic !== 'no') {
    r.locate(f);
    at = r.dynOffset;
  }
  const parts: string[] = [];
  if (e.name !== '__print_array') {
    for (let i = 0; i < count && at + i < r.size; i++) parts.push(hex2(r.bytes[r.start + at + i]!));
    return parts.join(e.name === '__print_hex' ? ' ' : '');
  }
  const size = e.args[2] === undefined ? 0 : Number(evaluate(e.args[2], event, r, k));
  const step = size === 1 || size === 2 || size === 4 || size === 8 ? size : 1;
  for (let i = 0; i < count && at + i * step < r.size; i++) {
    const v = r.read(at + i * step, step).toString(16);
    parts.push(step === size ? `0x${v}` : `BAD SIZE:${size} 0x${v}`);
  }
  return `{${parts.join(',')}}`;
}

function bitmask(r: Record, at: number, n: number): string {
  let out = '';
  for (let i = 0; i < n; i++) {
    const b = r.bytes[r.start + at + (r.littleEndian ? i : n - 1 - i)]!;
    out = hex2(b) + (i % 4 === 0 && i > 0 ? ',' : '') + out;
  }
  return out;
}

function cpuList(r: Record, at: number, n: number): string {
  const parts: string[] = [];
  let first = -1;
  for (let bit = 0; bit <= n * 8; bit++) {
    const i = bit >> 3;
    const on =
      bit < n * 8 && ((r.bytes[r.start + at + (r.littleEndian ? i : n - 1 - i)]! >> (bit & 7)) & 1) === 1;
    if (on && first < 0) first = bit;
    if (!on && first >= 0) {
      parts.push(bit - 1 > first ? `${first}-${bit - 1}` : String(first));
      first = -1;
    }
  }
  return parts.join(',');
}

/** An argument printed by `%p…` (event-parse.c `print_arg_pointer`). */
export function printPointer(
  c: Conversion,
  e: Expr,
  event: EventFormat,
  r: Record,
  k: Knowledge,
  star: number,
): string {
  const kind = c.pointer[0] ?? '';
  if (kind === '' || kind === 'x' || kind === 'K') {
    const v = evaluate(e, event, r, k);
    return v === 0 ? '(nil)' : `0x${v.toString(16)}`;
  }
  if ('sSfFB'.includes(kind)) return functionText(k, evaluate(e, event, r, k), kind !== 's' && kind !== 'f');
  const f = fieldOf(e, event);
  if (f === null) return 'ARG TYPE NOT FIELD';
  let at = f.offset;
  let n = f.size;
  if (f.dynamic !== 'no') {
    r.locate(f);
    at = r.dynOffset;
    n = r.dynLength;
  }
  if (at + n > r.size) return '';
  const b = r.bytes.subarray(r.start + at, r.start + at + n);
  if (kind === 'M' || kind === 'm') return mac(c.pointer, b);
  if (kind === 'U') return uuid(c.pointer, b);
  if (kind === 'h') {
    const delim = c.pointer[1] === 'C' ? ':' : c.pointer[1] === 'D' ? '-' : c.pointer[1] === 'N' ? '' : ' ';
    return Array.from(b.subarray(0, Math.max(0, c.star === 'no' ? n : star)), hex2).join(delim);
  }
  return address(c.pointer, b, r.littleEndian);
}

/** `name` or `name+0xoff` of a function address, the bare address when unknown. */
export function functionText(k: Knowledge, v: Value, withOffset: boolean): string {
  const s = symbolOf(k, v);
  if (s === null) return `0x${v.toString(16)}`;
  return withOffset ? `${s.name}+0x${s.offset.toString(16)}` : s.name;
}

function mac(spec: string, b: Uint8Array): string {
  if (b.length !== 6) return 'INVALIDMAC';
  const parts = Array.from(b, hex2);
  if (spec[1] === 'R') parts.reverse();
  return parts.join(spec[0] === 'm' ? '' : spec[1] === 'F' ? '-' : ':');
}

function uuid(spec: string, b: Uint8Array): string {
  if (b.length !== 16) return 'INVALIDUUID';
  const swapped = spec[1] === 'l' || spec[1] === 'L';
  const order = swapped ? [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] : [...b.keys()];
  const s = order.map((i, n) => ([4, 6, 8, 10].includes(n) ? '-' : '') + hex2(b[i]!)).join('');
  return spec[1] === 'L' || spec[1] === 'B' ? s.toUpperCase() : s;
}

function address(spec: string, b: Uint8Array, littleEndian: boolean): string {
  if (spec[1] === '4') return b.length === 4 ? ip4(spec, b) : 'INVALIDIPv4';
  if (spec[1] === '6') return b.length === 16 ? ip6(spec[0] === 'I', b, spec[2] === 'c') : 'INVALIDIPv6';
  const family = b.length < 2 ? 0 : littleEndian ? b[0]! | (b[1]! << 8) : (b[0]! << 8) | b[1]!;
  const port = spec[2] === 'p' && b.length >= 4 ? (b[2]! << 8) | b[3]! : -1;
  if (family === 2) {
    if (b.length < 16) return 'INVALIDIPv4';
    return ip4(spec, b.subarray(4, 8)) + (port >= 0 ? `:${port}` : '');
  }
  if (family !== 10) return '';
  if (b.length < 28) return 'INVALIDIPv6';
  const text = ip6(spec[0] === 'I', b.subarray(8, 24), spec.includes('c'));
  return port >= 0 ? `[${text}]:${port}` : text;
}

function ip4(spec: string, b: Uint8Array): string {
  const parts = Array.from(b, (n) => (spec[0] === 'i' ? String(n).padStart(3, '0') : String(n)));
  if (/[hl]$/.test(spec)) parts.reverse();
  return parts.join('.');
}

function ip6(colons: boolean, b: Uint8Array, compressed: boolean): string {
  const words: number[] = [];
  for (let i = 0; i < 16; i += 2) words.push((b[i]! << 8) | b[i + 1]!);
  if (!compressed) return words.map((w) => w.toString(16).padStart(4, '0')).join(colons ? ':' : '');
  let best = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && words[j] === 0) j++;
    if (j - i > length) {
      best = i;
      length = j - i;
    }
  }
  const hex = words.map((w) => w.toString(16));
  if (best < 0) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + length).join(':')}`;
}
