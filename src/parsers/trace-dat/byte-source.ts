import { fstatSync, readSync } from 'node:fs';
import type { TraceErrorCode } from '../input/trace-error.js';
import { TraceDatError } from './trace-dat-error.js';

/** Random access to an input; nothing but the bytes asked for is held in memory. */
export interface ByteSource {
  /** For messages. */
  readonly name: string;
  readonly size: number;
  /** Fills `target` from byte `position`; returns the bytes read, fewer only at the end of the input. */
  read(target: Uint8Array, position: number): number;
}

/** An open file descriptor as a source; the caller closes it. */
export function fileSource(fd: number, name: string): ByteSource {
  return {
    name,
    size: fstatSync(fd).size,
    read(target, position) {
      let done = 0;
      while (done < target.length) {
        const n = readSync(fd, target, done, target.length - done, position + done);
        if (n === 0) break;
        done += n;
      }
      return done;
    },
  };
}

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    size: bytes.length,
    read(target, position) {
      const part = bytes.subarray(position, position + target.length);
      target.set(part);
      return part.length;
    },
  };
}

/** Largest piece of metadata accepted (kallsyms of a distribution kernel with all modules is below 20 MiB). */
const LARGEST_PIECE = 256 * 2 ** 20;

/** Reads numbers and pieces of the metadata in the file's byte order, never past the end of its range. */
export class Cursor {
  private readonly source: ByteSource;
  private readonly end: number;
  private readonly word = new Uint8Array(8);
  private readonly view = new DataView(this.word.buffer);
  /** Added to positions in messages: a decompressed section reports where it lies in the file. */
  private readonly base: number;
  position: number;
  littleEndian = true;

  constructor(source: ByteSource, position: number, end = source.size, base = 0) {
    this.source = source;
    this.position = position;
    this.end = Math.min(end, source.size);
    this.base = base;
  }

  get left(): number {
    return this.end - this.position;
  }

  fail(message: string, code: TraceErrorCode = 'corrupt'): never {
    throw new TraceDatError(this.source.name, this.base + this.position, message, code);
  }

  u8(what: string): number {
    this.fill(1, what);
    return this.word[0]!;
  }

  u16(what: string): number {
    this.fill(2, what);
    return this.view.getUint16(0, this.littleEndian);
  }

  u32(what: string): number {
    this.fill(4, what);
    return this.view.getUint32(0, this.littleEndian);
  }

  u64(what: string): bigint {
    this.fill(8, what);
    return this.view.getBigUint64(0, this.littleEndian);
  }

  /** A 64-bit size or offset; fails when it exceeds `limit`. */
  size64(what: string, limit: number): number {
    const at = this.position;
    const v = this.u64(what);
    if (v > BigInt(limit)) {
      this.position = at;
      this.fail(`${what} ${v} is beyond what the file holds (${limit})`);
    }
    return Number(v);
  }

  bytes(length: number, what: string): Uint8Array {
    if (length > this.left)
      this.fail(`${what} of ${length} bytes is cut, only ${this.left} are left`, 'truncated');
    if (length > LARGEST_PIECE) this.fail(`${what} of ${length} bytes is absurdly large`);
    const out = new Uint8Array(length);
    if (this.source.read(out, this.position) !== length) this.fail(`${what} could not be read`);
    this.position += length;
    return out;
  }

  /** NUL-terminated string of at most `limit` bytes. */
  string(what: string, limit = 4096): string {
    let s = '';
    for (let n = 0; n <= limit; n++) {
      const c = this.u8(what);
      if (c === 0) return s;
      s += String.fromCharCode(c);
    }
    return this.fail(`${what} has no end`);
  }

  private fill(n: number, what: string): void {
    if (this.left < n) this.fail(`the file ends within ${what}`, 'truncated');
    if (this.source.read(this.word.subarray(0, n), this.position) !== n)
      this.fail(`${what} could not be read`);
    this.position += n;
  }
}
