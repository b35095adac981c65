import type { EventFormat, FormatField } from './event-format.js';
import type { SymbolTable, TaskNames } from './tables.js';

/** A number of the recorded machine: unsigned 64 bits, a `number` where that is exact. */
export type Value = number | bigint;

/** Brings a bigint into the canonical form: a `number` up to 2^53, else an unsigned 64-bit bigint. */
export function canonical(v: bigint): Value {
  const u = BigInt.asUintN(64, v);
  return u <= 9007199254740991n ? Number(u) : u;
}

/** The record being printed; refilled for every record. */
export class Record {
  bytes: Uint8Array = new Uint8Array(0);
  /** The record's data is `bytes[start, start + size)`. */
  start = 0;
  size = 0;
  cpu = 0;
  littleEndian = true;
  longSize = 8;

  /** Unsigned number of 1, 2, 4 or 8 bytes at `offset`; 0 outside the record (event-parse.c `tep_read_number`). */
  read(offset: number, size: number): Value {
    if (offset < 0 || offset + size > this.size) return 0;
    if (size === 8) {
      const a = this.u32(offset);
      const b = this.u32(offset + 4);
      const hi = this.littleEndian ? b : a;
      const lo = this.littleEndian ? a : b;
      return hi < 0x200000 ? hi * 4294967296 + lo : (BigInt(hi) << 32n) | BigInt(lo);
    }
    if (size === 4) return this.u32(offset);
    const p = this.start + offset;
    if (size === 2) {
      return this.littleEndian
        ? this.bytes[p]! | (this.bytes[p + 1]! << 8)
        : (this.bytes[p]! << 8) | this.bytes[p + 1]!;
    }
    return size === 1 ? this.bytes[p]! : 0;
  }

  field(f: FormatField): Value {
    return this.read(f.offset, f.size);
  }

  /** 32 bits at `offset`; the caller has checked the range. */
  u32(offset: number): number {
    const b = this.bytes;
    const p = this.start + offset;
    return this.littleEndian
      ? (b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24)) >>> 0
      : (b[p + 3]! | (b[p + 2]! << 8) | (b[p + 1]! << 16) | (b[p]! << 24)) >>> 0;
  }

  /** Bytes up to a NUL or `length`, as Latin-1. */
  text(offset: number, length: number): string {
    let s = '';
    const end = Math.min(offset + length, this.size);
    for (let i = Math.max(0, offset); i < end; i++) {
      const c = this.bytes[this.start + i]!;
      if (c === 0) break;
      s += String.fromCharCode(c);
    }
    return s;
  }

  /** Results of `locate`. */
  dynOffset = 0;
  dynLength = 0;

  /** Where a dynamic field's data lies, clipped to the record. */
  locate(f: FormatField): void {
    const v = Number(this.field(f));
    let offset = v & 0xffff;
    if (f.dynamic === 'relative') offset += f.offset + f.size;
    const length = f.size === 2 ? this.size - offset : Math.floor(v / 65536) & 0xffff;
    this.dynOffset = offset > this.size ? 0 : offset;
    this.dynLength = offset + length > this.size || length < 0 ? 0 : length;
  }
}

/** Everything the text of an event depends on besides its record. */
export interface Knowledge {
  readonly symbols: SymbolTable;
  readonly printk: ReadonlyMap<bigint, string>;
  readonly tasks: TaskNames;
  readonly formats: ReadonlyMap<number, EventFormat>;
  readonly longSize: number;
}

export function hiLo(v: Value): { hi: number; lo: number } {
  if (typeof v === 'number') return { hi: Math.floor(v / 4294967296), lo: v >>> 0 };
  return { hi: Number(v >> 32n), lo: Number(v & 0xffffffffn) };
}

/** Function holding an address, or null. */
export function symbolOf(k: Knowledge, v: Value): { readonly name: string; readonly offset: number } | null {
  const { hi, lo } = hiLo(v);
  const i = k.symbols.find(hi, lo);
  return i < 0 ? null : { name: k.symbols.name(i), offset: k.symbols.offset(i, hi, lo) };
}
