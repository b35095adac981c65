import { JsonLayer } from '../tracefs/json-layer.js';
import { findAtraceBody } from '../tracefs/system-trace-events.js';
import { Base64Decoder, base64In, refuseInner } from './base64-text.js';
import { type Chunks, fileChunks, isStored, stdinChunks } from './chunks.js';
import { type Compression, openDecompressor } from './decompress.js';
import { TraceError } from './trace-error.js';
import type { Decompressor } from './unpack-flow.js';
import { WrappedLines } from './wrapped-lines.js';

export type { Compression } from './decompress.js';

export interface SourceOptions {
  /** `-` reads `stdin`. */
  readonly path: string;
  readonly stdin?: NodeJS.ReadableStream | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes read from the file so far (before decompression) and the file's size, null unknown. */
  readonly onBytes?: ((bytes: number, total: number | null) => void) | undefined;
  /** Told before the first chunk of a packed input. */
  readonly onPacked?: (() => void) | undefined;
  /** Asked between chunks: a promise to wait for before more is read. */
  readonly gate?: (() => Promise<void> | null) | undefined;
}

export interface SourceEnd {
  readonly compression: Compression;
  /** What was delivered is not what is stored, but was taken out of it, line by line. */
  readonly wrapped: boolean;
  /** Why the input ended before its end; what came before was delivered. */
  readonly error: TraceError | null;
  readonly aborted: boolean;
}

/** Packed bytes between two looks at the gate: a thousandfold of them may come out. */
const GATED = 16 << 10;
/** Longest magic number looked for. */
const MAGIC = 6;

/** First bytes → compression. Content only, never the file name. */
export function compressionOf(bytes: Uint8Array): Exclude<Compression, 'base64'> {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  if (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd) return 'zstd';
  if (bytes[0] === 0xfd && bytes[1] === 0x37 && bytes[2] === 0x7a && bytes[3] === 0x58 && bytes[4] === 0x5a) {
    return 'xz';
  }
  return findAtraceBody(bytes)?.zlib === true ? 'zlib' : 'none';
}

/**
 * Reads a file, pipe or stdin to its end, decompressing by content, and hands every chunk to `plain` as it comes;
 * nothing is gathered. Chunks are overwritten afterwards: use or copy them within the call.
 *
 * Throws TraceError `not-found`, `is-directory`, `unreadable` when nothing can be read. Damage in the middle
 * (truncated gzip, a disk error) ends the reading: it is returned as `error` after all good bytes were delivered.
 * An exception of `plain` ends the reading too and is passed on.
 */
export async function readSource(
  options: SourceOptions,
  plain: (chunk: Uint8Array) => void,
): Promise<SourceEnd> {
  const { path, signal } = options;
  const { lines, layer, sink } = layersTo(path, plain);
  const chunks = path === '-' ? stdinChunks(options.stdin, signal) : await fileChunks(path, signal);
  let raw = chunks;
  let unpack: Decompressor | null = null;
  let compression: Compression = 'none';
  let read = 0;
  const stopped = (): boolean => signal?.aborted === true;
  const ended = (error: TraceError | null, aborted: boolean): SourceEnd => {
    return { compression, wrapped: lines.found, error, aborted };
  };
  const abort = (): void => unpack?.stop();
  signal?.addEventListener('abort', abort);
  try {
    if (stopped()) return ended(null, true);
    let chunk = await firstChunk(raw);
    const coded = chunk === null ? null : base64In(chunk);
    if (coded !== null && (coded.holds === 'trace.dat' || coded.holds === 'perf.data')) {
      throw refuseInner(path, coded.holds);
    }
    if (coded !== null) {
      raw = decodedChunks(raw, chunk!, new Base64Decoder(path, coded.from));
      chunk = await firstChunk(raw);
    }
    const packed = chunk === null ? 'none' : compressionOf(chunk);
    compression = coded === null ? packed : 'base64';
    if (compression !== 'none') options.onPacked?.();
    if (packed !== 'none') unpack = openDecompressor(packed, path, sink, coded === null && isStored(path));
    if (packed === 'zlib' && chunk !== null) {
      // `atrace -z`: what stands before the packed text is text.
      const { offset } = findAtraceBody(chunk)!;
      sink(chunk.subarray(0, offset));
      read += offset;
      chunk = chunk.subarray(offset);
    }
    while (chunk !== null && !stopped()) {
      read += chunk.length;
      // Of coded bytes there are a third more.
      options.onBytes?.(
        coded === null ? read : Math.min(Math.ceil((read * 4) / 3), raw.total ?? read * 2),
        raw.total,
      );
      if (unpack === null) sink(chunk);
      else if (!(await unpackChunk(unpack, chunk, options.gate))) break;
      if (options.gate) await options.gate();
      chunk = await raw.next();
    }
    if (unpack !== null && !stopped()) await unpack.end();
    if (!stopped()) {
      lines.end();
      layer.end();
    }
    return ended(null, stopped());
  } catch (error) {
    if (stopped()) return ended(null, true);
    const failure = inputFailure(error, path);
    if (failure === null) throw error;
    if (unpack !== null && failure.code === 'unreadable' && !stopped()) await unpack.end().catch(() => {});
    lines.end();
    return ended(failure, false);
  } finally {
    signal?.removeEventListener('abort', abort);
    unpack?.stop();
    await chunks.close();
  }
}

/** What lines and JSON are taken out of before they are `plain`. */
function layersTo(path: string, plain: (chunk: Uint8Array) => void) {
  const layer = new JsonLayer(path, plain);
  const lines = new WrappedLines((chunk) => layer.write(chunk));
  return { lines, layer, sink: (chunk: Uint8Array): void => lines.write(chunk) };
}

/** False: the decompressor takes no more. */
async function unpackChunk(
  unpack: Decompressor,
  chunk: Uint8Array,
  gate: SourceOptions['gate'],
): Promise<boolean> {
  if (!gate) return unpack.write(chunk);
  for (let at = 0; at < chunk.length; at += GATED) {
    if (!(await unpack.write(chunk.subarray(at, at + GATED)))) return false;
    await gate();
  }
  return true;
}

/** What the chunks of a base64 text hold; `first` is its first. */
function decodedChunks(raw: Chunks, first: Uint8Array, decoder: Base64Decoder): Chunks {
  let chunk: Uint8Array | null = first;
  let over = false;
  return {
    total: raw.total,
    next: async () => {
      while (!over) {
        const out: Buffer = chunk === null ? decoder.end() : decoder.push(chunk);
        if (chunk === null) over = true;
        else chunk = await raw.next();
        if (out.length > 0) return out;
      }
      return null;
    },
    close: () => raw.close(),
  };
}

/** Pipes may give a byte at a time: gather what a magic number needs. */
async function firstChunk(raw: Chunks): Promise<Uint8Array | null> {
  let head = await raw.next();
  while (head !== null && head.length < MAGIC) {
    const held: Uint8Array = Uint8Array.prototype.slice.call(head);
    const more = await raw.next();
    if (more === null) return held;
    head = new Uint8Array(held.length + more.length);
    head.set(held);
    head.set(more, held.length);
  }
  return head;
}

/** What the input's own failure is called; null for errors that are not the input's. */
function inputFailure(error: unknown, path: string): TraceError | null {
  if (error instanceof TraceError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'EISDIR') return new TraceError('is-directory', 'is a directory', { path, cause: error });
  if (syscall === 'read' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
    return new TraceError('unreadable', `reading failed (${code})`, { path, cause: error });
  }
  return null;
}
