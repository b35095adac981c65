import type { EventFormat } from './event-format.js';
import { functionText } from './print-arguments.js';
import { type Conversion, type Piece, parseFormat, printNumber, printString } from './printf.js';
import { hiLo, type Knowledge, type Record, type Value } from './record.js';

/**
 * Text of `ftrace/bprint`: the format stands in printk_formats under the address in `fmt`, the arguments in `buf`
 * (event-parse.c `make_bprint_args`).
 */
export class BprintText {
  private readonly formats = new Map<Value, Piece[] | null>();

  render(e: EventFormat, r: Record, k: Knowledge): string {
    const ip = e.byName.get('ip');
    const fmt = e.byName.get('fmt');
    const buf = e.byName.get('buf');
    if (ip === undefined || fmt === undefined || buf === undefined) return '[FAILED TO PARSE]';
    const caller = functionText(k, r.field(ip), false);
    const address = r.field(fmt);
    let pieces = this.formats.get(address);
    if (pieces === undefined) {
      const text = k.printk.get(BigInt(address));
      pieces = text === undefined ? null : parseFormat(text);
      if (this.formats.size < 65536) this.formats.set(address, pieces);
    }
    if (pieces === null) return `${caller}: (NO FORMAT FOUND at ${address.toString(16)})\n`;
    return `${caller}: ${this.fill(pieces, buf.offset, r, k)}`;
  }

  private fill(pieces: readonly Piece[], from: number, r: Record, k: Knowledge): string {
    let at = from;
    let out = '';
    const number = (size: number): Value => {
      at = (at + 3) & ~3;
      const v = r.read(at, size);
      at += size;
      return v;
    };
    for (const p of pieces) {
      if (typeof p === 'string') {
        out += p;
        continue;
      }
      if (at >= r.size && p.kind !== 'c') break;
      const star = p.star === 'no' ? 0 : hiLo(number(4)).lo | 0;
      if (p.kind === 's' || (p.kind === 'p' && inlineString(p, r, at))) {
        const text = r.text(at, r.size - at);
        at += text.length + 1;
        out += p.kind === 's' ? printString(p, text, star) : text;
      } else if (p.kind === 'p') out += pointer(p, number(k.longSize), k);
      else if ('diuxXo'.includes(p.kind)) {
        out += printNumber(p, number(p.length >= 2 ? 8 : p.length === 1 ? k.longSize : 4), star);
      } else out += `>${p.kind}<`;
    }
    return out;
  }
}

/** Kernels from 4.20 on store what `%pI4` and the like point to as finished text. */
function inlineString(p: Conversion, r: Record, at: number): boolean {
  if (p.pointer === '' || 'sSxfF'.includes(p.pointer[0]!)) return false;
  const c = r.bytes[r.start + at] ?? 0;
  return at < r.size && c >= 32 && c < 127;
}

function pointer(p: Conversion, v: Value, k: Knowledge): string {
  if ('sf'.includes(p.pointer || '-')) return functionText(k, v, false);
  if ('SF'.includes(p.pointer || '-')) return functionText(k, v, true);
  return v === 0 ? '(nil)' : `0x${v.toString(16)}`;
}
