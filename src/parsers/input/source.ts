import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { JsonLayer } from '../tracefs/json-layer.js';
import { findAtraceBody } from '../tracefs/system-trace-events.js';
import { Base64Decoder, base64In, refuseInner } from './base64-text.js';
import { type Compression, type Decompressor, openDecompressor } from './decompress.js';
import { TraceError } from './trace-error.js';

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
  /** Why the input ended before its end; what came before was delivered. */
  readonly error: TraceError | null;
  readonly aborted: boolean;
}

/** Few enough to wait for: each chunk of a pipe wakes a thread. */
const CHUNK = 256 << 10;
/** Small enough to stay in the L2 cache between the read, the copy and the scan. */
const STORED_CHUNK = 64 << 10;
/** Chunks of a stored file read before anything else gets its turn: some hundredths of a second of work. */
const CHUNKS_AT_ONCE = 64;
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
  const layer = new JsonLayer(path, plain);
  const sink = (chunk: Uint8Array): void => layer.write(chunk);
  const chunks = path === '-' ? stdinChunks(options) : await fileChunks(path, signal);
  let raw = chunks;
  let unpack: Decompressor | null = null;
  let compression: Compression = 'none';
  let read = 0;
  const stopped = (): boolean => signal?.aborted === true;
  const abort = (): void => unpack?.stop();
  signal?.addEventListener('abort', abort);
  try {
    if (stopped()) return { compression, error: null, aborted: true };
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
    if (!stopped()) layer.end();
    return { compression, error: null, aborted: stopped() };
  } catch (error) {
    if (stopped()) return { compression, error: null, aborted: true };
    const failure = inputFailure(error, path);
    if (failure === null) throw error;
    if (unpack !== null && failure.code === 'unreadable' && !stopped()) await unpack.end().catch(() => {});
    return { compression, error: failure, aborted: false };
  } finally {
    signal?.removeEventListener('abort', abort);
    unpack?.stop();
    await chunks.close();
  }
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

/** A file that reads the same twice; pipes and the files of tracefs, which have no size, do not. */
export function isStored(path: string): boolean {
  if (path === '-') return false;
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size > 0;
  } catch {
    // No such file, a loop of links, a path through a file, a name too long: opening it says which.
    return false;
  }
}

/** The first bytes of a file, for formats that are not streams. Empty for stdin. */
export function readHead(path: string, bytes: number): Uint8Array {
  if (path === '-') return new Uint8Array(0);
  const fd = openSync(path, 'r');
  try {
    const head = new Uint8Array(bytes);
    return head.subarray(0, readSync(fd, head, 0, bytes, 0));
  } finally {
    closeSync(fd);
  }
}

/** Undecoded chunks of an input, one after the other; each is valid until the next but one is asked for. */
interface Chunks {
  /** Size of the file; null unknown (pipes, files of tracefs). */
  readonly total: number | null;
  /** null at the end. */
  next(): Promise<Uint8Array | null>;
  close(): Promise<void>;
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

/**
 * A file of a disk, read in place: the kernel reads ahead by itself, and waking a thread for every chunk costs more
 * than the copy it makes.
 */
function storedChunks(handle: FileHandle, total: number | null, path: string): Chunks {
  const buffers = [Buffer.allocUnsafeSlow(STORED_CHUNK), Buffer.allocUnsafeSlow(STORED_CHUNK)] as const;
  let turn = 0;
  let read = 0;
  return {
    total,
    next: async () => {
      // Signals and timers get their turn.
      if (++turn % CHUNKS_AT_ONCE === 0) await setImmediate();
      const buffer = buffers[turn % 2]!;
      const bytesRead = readSync(handle.fd, buffer, 0, STORED_CHUNK, null);
      read += bytesRead;
      if (bytesRead > 0) return buffer.subarray(0, bytesRead);
      if (total !== null && read < total) throw shrunk(path, read, total);
      return null;
    },
    close: () => handle.close(),
  };
}

/** Somebody cut the file, or a rotation replaced it: what came before is no whole recording. */
const shrunk = (path: string, read: number, total: number): TraceError =>
  new TraceError('truncated', `it had ${total} bytes and ended after ${read}: it shrank while it was read`, {
    path,
  });

/** The next chunk is being read while the caller works on this one. */
async function fileChunks(path: string, signal: AbortSignal | undefined): Promise<Chunks> {
  let handle: FileHandle;
  let total: number | null;
  let regular: boolean;
  try {
    const stat = statSync(path);
    regular = isStored(path);
    if (stat.isDirectory()) throw new TraceError('is-directory', 'is a directory', { path });
    total = regular ? stat.size : null;
    handle = await open(path, 'r');
  } catch (error) {
    if (error instanceof TraceError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new TraceError('not-found', 'no such file', { path, cause: error });
    throw new TraceError('unreadable', `cannot be read (${code ?? String(error)})`, { path, cause: error });
  }
  if (regular) return storedChunks(handle, total, path);
  const buffers = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)] as const;
  let turn = 0;
  const start = async (): Promise<Uint8Array | null> => {
    const buffer = buffers[turn]!;
    turn ^= 1;
    const { bytesRead } = await handle.read(buffer, 0, CHUNK, null);
    return bytesRead === 0 ? null : buffer.subarray(0, bytesRead);
  };
  let ahead = start();
  return {
    total,
    next: async () => {
      // trace_pipe and named pipes may stay silent forever: neither the abort nor the end waits for their next chunk.
      const chunk = await orAbort(ahead, signal);
      if (chunk !== null) {
        ahead = start();
        // The failure is seen when the chunk is asked for.
        ahead.catch(() => {});
      }
      return chunk;
    },
    close: async () => {
      const closed = ahead.catch(() => null).then(() => handle.close());
      if (signal?.aborted !== true) await closed;
      else closed.catch(() => {});
    },
  };
}

function stdinChunks(options: SourceOptions): Chunks {
  const input = options.stdin as Readable | undefined;
  if (!input) throw new TraceError('unreadable', 'no standard input', { path: '-' });
  const chunks = input[Symbol.asyncIterator]() as AsyncIterator<Uint8Array | string>;
  const { signal } = options;
  return {
    total: null,
    next: async () => {
      // A pipe may stay silent forever: the abort must not wait for its next chunk.
      const step = await orAbort(chunks.next(), signal).catch((error: unknown) => {
        throw streamFailure(error);
      });
      if (step === null || step.done) return null;
      return typeof step.value === 'string' ? Buffer.from(step.value) : step.value;
    },
    close: async () => {
      input.destroy();
    },
  };
}

/**
 * `step`, or null once the signal is aborted. Not `Promise.race` with one promise of the abort: that one would keep a
 * reaction for every step, and with it every chunk, for as long as the stream lasts.
 */
export function orAbort<T>(step: Promise<T>, signal: AbortSignal | undefined): Promise<T | null> {
  if (!signal) return step;
  if (signal.aborted) {
    step.catch(() => {});
    return Promise.resolve(null);
  }
  return new Promise((resolve, reject) => {
    const aborted = (): void => resolve(null);
    signal.addEventListener('abort', aborted, { once: true });
    const over = (): void => signal.removeEventListener('abort', aborted);
    step.then(
      (value) => {
        over();
        resolve(value);
      },
      (error: unknown) => {
        over();
        reject(error);
      },
    );
  });
}

/** Whatever a stream fails with is a failure of the input: nothing of ours runs in it. */
export function streamFailure(error: unknown): TraceError {
  if (error instanceof TraceError) return error;
  const why =
    (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
  return new TraceError('unreadable', `reading failed (${why})`, { path: '-', cause: error });
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
