import type { ByteSource } from './byte-source.js';
import { type Codec, inflatePiece } from './codec.js';
import { TraceDatError } from './trace-dat-error.js';

/** The sub-buffers of one CPU, one after another. */
export interface PageFeed {
  /** The current page is `bytes[start, start + length)`; overwritten by `next`. */
  bytes: Uint8Array;
  start: number;
  length: number;
  /** Place of the current page: file offset; compressed data: offset of the CPU's data + bytes inflated before. */
  offset: number;
  /** False at the end. Throws `TraceDatError` when the data is damaged; then no more pages come. */
  next(): boolean;
}

const PAGES_AT_ONCE = 8;
/** Chunks are made of a few hundred pages at most (trace-cmd writes 1 to 100). */
const LARGEST_CHUNK = 32 * 2 ** 20;

export function rawFeed(source: ByteSource, offset: number, size: number, pageSize: number): PageFeed {
  const block = new Uint8Array(Math.min(pageSize * PAGES_AT_ONCE, Math.max(size, 1)));
  let blockAt = offset;
  let blockEnd = offset;
  let at = offset;
  const end = offset + size;
  const feed: PageFeed = {
    bytes: block,
    start: 0,
    length: 0,
    offset,
    next() {
      if (at >= end) return false;
      if (at >= blockEnd) {
        const want = Math.min(block.length, end - at);
        const got = source.read(want === block.length ? block : block.subarray(0, want), at);
        if (got === 0) return false;
        blockAt = at;
        blockEnd = at + got;
      }
      feed.start = at - blockAt;
      feed.length = Math.min(pageSize, blockEnd - at);
      feed.offset = at;
      at += pageSize;
      return true;
    },
  };
  return feed;
}

/** Pages of a compressed v7 buffer: u32 count, then per chunk u32 packed size, u32 size, data. */
export function chunkFeed(
  source: ByteSource,
  offset: number,
  size: number,
  pageSize: number,
  littleEndian: boolean,
  compression: string,
  codec: Codec,
): PageFeed {
  // The recorded size leaves out the word with the number of chunks.
  const end = Math.min(offset + size + 4, source.size);
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  let at = offset;
  let chunks = -1;
  let inflated = 0;
  let inChunk = 0;
  let packed = new Uint8Array(0);
  const words = (n: number, what: string): void => {
    if (at + n > end || source.read(head.subarray(0, n), at) !== n) {
      throw new TraceDatError(source.name, at, `the file ends within ${what}`);
    }
    at += n;
  };
  const feed: PageFeed = {
    bytes: new Uint8Array(0),
    start: 0,
    length: 0,
    offset,
    next() {
      if (size === 0) return false;
      if (chunks < 0) {
        words(4, 'the number of chunks');
        chunks = view.getUint32(0, littleEndian);
      }
      while (inChunk >= feed.bytes.length) {
        if (chunks === 0) return false;
        inflated += feed.bytes.length;
        feed.bytes = new Uint8Array(0);
        const chunkAt = at;
        words(8, 'a chunk header');
        const n = view.getUint32(0, littleEndian);
        const full = view.getUint32(4, littleEndian);
        if (n > end - at) throw new TraceDatError(source.name, chunkAt, `a chunk of ${n} bytes is cut`);
        if (packed.length < n) packed = new Uint8Array(n);
        const bytes = packed.subarray(0, n);
        if (source.read(bytes, at) !== n)
          throw new TraceDatError(source.name, at, 'a chunk could not be read');
        at += n;
        chunks--;
        feed.bytes = inflatePiece(codec, compression, bytes, full, source.name, chunkAt, LARGEST_CHUNK);
        inChunk = 0;
      }
      feed.start = inChunk;
      feed.length = Math.min(pageSize, feed.bytes.length - inChunk);
      feed.offset = offset + inflated + inChunk;
      inChunk += pageSize;
      return true;
    },
  };
  return feed;
}
