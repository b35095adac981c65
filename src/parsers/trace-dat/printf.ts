import type { Value } from './record.js';

/** One `%…` conversion. */
export interface Conversion {
  readonly minus: boolean;
  readonly zero: boolean;
  readonly alt: boolean;
  readonly plus: boolean;
  readonly blank: boolean;
  /** -1 none. */
  readonly width: number;
  /** -1 none. */
  readonly precision: number;
  /** `*` as width or precision: taken from an argument. */
  readonly star: 'no' | 'width' | 'precision';
  /** -2 `hh`, -1 `h`, 0, 1 `l`/`z`, 2 `ll`/`L`. */
  readonly length: number;
  /** `d i u x X o c s p`. */
  readonly kind: string;
  /** What follows `%p`: `s`, `S`, `f`, `F`, `M`, `I4`, `U`, `h` … */
  readonly pointer: string;
}

/** Text, a conversion, or (`unknown`) a character that libtraceevent prints as `>c<`. */
export type Piece = string | Conversion;

const SPEC = /%([-+ #0]*)(\*|\d*)(?:\.(\*|-?\d*))?(hh|h|ll|l|L|z|Z|j|t)?([a-zA-Z])/y;
const POINTER = /[sSfFB]|[mM][FR]?|[iI](?:4[hnbl]?|6c?|S[pfsc]*[hnbl]?)|U[bBlL]?|h[CDN]?|[xK]/y;
const LENGTHS: { readonly [s: string]: number } = {
  hh: -2,
  h: -1,
  l: 1,
  z: 1,
  Z: 1,
  t: 1,
  ll: 2,
  L: 2,
  j: 2,
};
const WIDEST = 4096;

/** Splits a format string (escapes still in it) into pieces. */
export function parseFormat(format: string): Piece[] {
  const out: Piece[] = [];
  let text = '';
  let i = 0;
  while (i < format.length) {
    const c = format[i]!;
    if (c === '\\' && i + 1 < format.length) {
      const n = format[i + 1]!;
      text += n === 'n' ? '\n' : n === 't' ? '\t' : n === 'r' ? '\r' : n;
      i += 2;
    } else if (c === '%' && format[i + 1] === '%') {
      text += '%';
      i += 2;
    } else if (c === '%') {
      SPEC.lastIndex = i;
      const m = SPEC.exec(format);
      if (m === null) {
        text += c;
        i++;
        continue;
      }
      if (text !== '') out.push(text);
      text = '';
      i = SPEC.lastIndex;
      let pointer = '';
      if (m[5] === 'p') {
        POINTER.lastIndex = i;
        pointer = POINTER.exec(format)?.[0] ?? '';
        i += pointer.length;
      }
      out.push(conversion(m, pointer));
    } else {
      text += c;
      i++;
    }
  }
  if (text !== '') out.push(text);
  return out;
}

function conversion(m: RegExpExecArray, pointer: string): Conversion {
  const flags = m[1]!;
  const size = (s: string | undefined): number => Math.min(WIDEST, Number.parseInt(s ?? '', 10));
  const width = size(m[2]);
  const precision = m[3] === '' ? 0 : size(m[3]);
  return {
    minus: flags.includes('-'),
    zero: flags.includes('0'),
    alt: flags.includes('#'),
    plus: flags.includes('+'),
    blank: flags.includes(' '),
    width: Number.isNaN(width) ? -1 : width,
    precision: Number.isNaN(precision) ? -1 : precision,
    star: m[2] === '*' ? 'width' : m[3] === '*' ? 'precision' : 'no',
    length: LENGTHS[m[4] ?? ''] ?? 0,
    kind: m[5]!,
    pointer,
  };
}

const BITS: { readonly [length: number]: number } = { [-2]: 8, [-1]: 16, 0: 32, 1: 64, 2: 64 };

/** `value` printed as printf does on a 64-bit host. */
export function printNumber(c: Conversion, value: Value, starArg = 0): string {
  const bits = BITS[c.length]!;
  const signed = c.kind === 'd' || c.kind === 'i';
  let negative = false;
  let digits: string;
  if (typeof value === 'number' && (bits === 64 || value < 2 ** (bits - 1))) {
    digits = radix(c.kind, value);
  } else {
    let v = BigInt.asUintN(bits, BigInt(value));
    if (signed && v >> BigInt(bits - 1) === 1n) {
      negative = true;
      v = (1n << BigInt(bits)) - v;
    }
    digits = radix(c.kind, v);
  }
  const precision = c.star === 'precision' ? clampWidth(starArg) : c.precision;
  if (precision === 0 && digits === '0') digits = '';
  if (digits.length < precision) digits = digits.padStart(precision, '0');
  let prefix = '';
  if (c.alt && value !== 0)
    prefix = c.kind === 'x' ? '0x' : c.kind === 'X' ? '0X' : c.kind === 'o' ? '0' : '';
  if (signed) prefix = negative ? '-' : c.plus ? '+' : c.blank ? ' ' : '';
  let width = c.star === 'width' ? clampWidth(starArg) : c.width;
  if (c.zero && !c.minus && precision < 0) {
    digits = digits.padStart(width - prefix.length, '0');
    width = -1;
  }
  return pad(prefix + digits, width, c.minus);
}

export function printString(c: Conversion, text: string, starArg = 0): string {
  const precision = c.star === 'precision' ? starArg | 0 : c.precision;
  if (precision >= 0 && text.length > precision) text = text.slice(0, precision);
  return pad(text, c.star === 'width' ? clampWidth(starArg) : c.width, c.minus);
}

const clampWidth = (n: number): number => Math.min(WIDEST, Math.max(-1, n | 0));

function pad(s: string, width: number, left: boolean): string {
  if (s.length >= width) return s;
  return left ? s.padEnd(width) : s.padStart(width);
}

function radix(kind: string, v: Value): string {
  if (kind === 'x' || kind === 'p') return v.toString(16);
  if (kind === 'X') return v.toString(16).toUpperCase();
  return kind === 'o' ? v.toString(8) : v.toString(10);
}
