import { latin1 } from '../../timeline/batch.js';

const KERNEL_NAMED = /\bLinux version (\d+\.\d+\S*) \(|^# os release\s*: (\d+\.\d+\S*)/;
const QUOTE_BYTES = 120;
const HASH = 35;

export const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;

/** Release of the kernel that a line names; '' if it names none. */
export function kernelIn(bytes: Uint8Array, start: number, end: number): string {
  if (!mayNameKernel(bytes, start, end)) return '';
  const named = KERNEL_NAMED.exec(latin1(bytes, start, end));
  return named?.[1] ?? named?.[2] ?? '';
}

/** Nearly no line does, and there may be a million of them: `Linux` or `# os` stands in those that do. */
function mayNameKernel(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] === HASH && bytes[start + 2] === 111) return true;
  for (let p = start; p + 5 < end; p++) {
    if (bytes[p] === 76 && bytes[p + 1] === 105 && bytes[p + 4] === 120) return true;
  }
  return false;
}

/** Editors put a byte-order mark in front of UTF-8 text. */
export function behindBom(bytes: Uint8Array, start: number, end: number): number {
  const marked =
    end - start >= 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
  return marked ? start + 3 : start;
}

/** A line for people: at most 120 bytes, invalid UTF-8 replaced. */
export function quote(bytes: Uint8Array, start: number, end: number, limit = QUOTE_BYTES): string {
  const cut = Math.min(end, start + limit);
  const text = new TextDecoder().decode(bytes.subarray(start, cut));
  return cut < end ? `${text}…` : text;
}
