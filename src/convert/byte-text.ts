/** Output gathered as bytes, so that what an input printed is passed on as it is, valid UTF-8 or not. */
export class ByteText {
  length = 0;
  private buffer = Buffer.allocUnsafe(1 << 16);

  /** `text` in UTF-8. */
  text(text: string): void {
    this.room(text.length * 3);
    this.length += this.buffer.write(text, this.length);
  }

  raw(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const n = end - start;
    if (n <= 0) return;
    this.room(n);
    if (n > 64) this.buffer.set(bytes.subarray(start, end), this.length);
    else for (let i = 0; i < n; i++) this.buffer[this.length + i] = bytes[start + i]!;
    this.length += n;
  }

  /** `count` blanks; none if it is not positive. */
  blanks(count: number): void {
    if (count <= 0) return;
    this.room(count);
    this.buffer.fill(32, this.length, this.length + count);
    this.length += count;
  }

  /** What the text lies in; longer than it. */
  get bytes(): Uint8Array {
    return this.buffer;
  }

  /** Everything from `start` on; a view, valid until more is added. */
  view(start = 0): Uint8Array {
    return this.buffer.subarray(start, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  private room(n: number): void {
    if (this.length + n <= this.buffer.length) return;
    const bigger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + n));
    this.buffer.copy(bigger, 0, 0, this.length);
    this.buffer = bigger;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of valid UTF-8; null for other bytes. */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

export const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');

/** For people, where the exact bytes stand beside it. */
export const lossyText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
