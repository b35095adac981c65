import type { RecordBatch } from '../timeline/batch.js';
import { type Addr, ALL_ONES } from './bases.js';
import { DIGIT, isRawPointer, parseHex53 } from './bytes.js';

/** Kernel addresses are told apart by their bits 46 to 52: no region of a kernel with memory of less than 64 TiB is larger. */
const REGION = 2 ** 46;
const REGIONS = 2 ** 7;
const DIGITS = 16;
/** Rows looked at; a layout of a few regions shows in far fewer. */
const MOST_ROWS = 4096;

/**
 * Bits 53 and up of kernel addresses, which numbers here have no room for: only to print a base as the kernel would. They
 * are all ones with 4-level paging, and differ from region to region with 5-level (0xff11…, 0xffd4…).
 */
export class BaseTops {
  private readonly tops = new Map<number, number>();
  private rows = 0;

  /** Look at the pointers that a row prints in full. */
  observe(batch: RecordBatch, row: number): void {
    if (this.rows >= MOST_ROWS) return;
    this.rows++;
    const { bytes } = batch;
    const end = batch.bodyEnd[row]!;
    let first = batch.bodyStart[row]!;
    for (let i = first; i <= end; i++) {
      if (i < end && DIGIT[bytes[i]!]! >= 0) continue;
      if (i - first === DIGITS) this.pointer(bytes, first, i);
      first = i + 1;
    }
  }

  /** Bits 53 and up of a base. Its first page may lie in front of all that were seen. */
  of(base: Addr): number {
    const at = Math.floor(base / REGION);
    return this.tops.get(at) ?? this.tops.get((at + 1) % REGIONS) ?? ALL_ONES;
  }

  private pointer(bytes: Uint8Array, start: number, end: number): void {
    const addr = parseHex53(bytes, start, end);
    const top =
      (DIGIT[bytes[start]!]! << 7) | (DIGIT[bytes[start + 1]!]! << 3) | (DIGIT[bytes[start + 2]!]! >> 1);
    // Nothing else that is printed with 16 digits begins with eight ones.
    if (isRawPointer(addr) && top >> 3 === 0xff) this.tops.set(Math.floor(addr / REGION), top);
  }
}

/** Bits 53 and up of an address as it was written: of one that is short, as all ones. */
export function topOf(text: string): number {
  const top = Number(BigInt(`0x${text.trim().replace(/^0x/i, '')}`) >> 53n);
  return top === 0 ? ALL_ONES : top;
}

/** An address as the kernel prints it, of its low 53 bits and the others. */
export const fullAddress = (addr: Addr, top: number): string =>
  `0x${((BigInt(top) << 53n) | BigInt(addr)).toString(16)}`;
