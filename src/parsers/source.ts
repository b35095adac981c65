import { spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { PassThrough, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TraceError } from './trace-error.js';

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz';

export interface SourceOptions {
  /** `-` reads `stdin`. */
  readonly path: string;
  readonly stdin?: NodeJS.ReadableStream | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes read from the file so far (before decompression) and the file's size, null unknown. */
  readonly onBytes?: ((bytes: number, total: number | null) => void) | undefined;
}

export interface SourceEnd {
  readonly compression: Compression;
  /** Why the input ended before its end; what came before was delivered. */
  readonly error: TraceError | null;
  readonly aborted: boolean;
}

const CHUNK = 256 << 10;

/** First bytes → compression. Content only, never the file name. */
export function compressionOf(bytes: Uint8Array): Compression {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  if (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd) return 'zstd';
  if (bytes[0] === 0xfd && bytes[1] === 0x37 && bytes[2] === 0x7a && bytes[3] === 0x58 && bytes[4] === 0x5a) {
    return 'xz';
  }
  return 'none';
}

/**
 * Reads a file or stdin to its end, decompressing by content, and hands every chunk to `sink` as it comes; nothing
 * is gathered. Chunks are the stream's own: use or copy them within the call.
 *
 * Throws TraceError `not-found`, `is-directory`, `unreadable` when nothing can be read. Damage in the middle
 * (truncated gzip, a disk error) ends the reading: it is returned as `error` after all good bytes were delivered.
 */
export async function readSource(
  options: SourceOptions,
  sink: (chunk: Uint8Array) => void,
): Promise<SourceEnd> {
  const { path, signal } = options;
  const { stream, total, head } = path === '-' ? await fromStdin(options) : fromFile(path);
  const compression = compressionOf(head);
  let read = 0;
  stream.on('data', (chunk: Uint8Array) => {
    read += chunk.length;
    options.onBytes?.(read, total);
  });
  const plain = compression === 'none' ? stream : decompress(stream, compression, path);
  return await new Promise<SourceEnd>((resolve, reject) => {
    let done = false;
    const end = (error: TraceError | null, aborted: boolean): void => {
      if (done) return;
      done = true;
      signal?.removeEventListener('abort', stop);
      if (error || aborted) {
        plain.destroy();
        stream.destroy();
      }
      resolve({ compression, error, aborted });
    };
    const stop = (): void => end(null, true);
    signal?.addEventListener('abort', stop);
    plain.on('data', (chunk: Uint8Array) => {
      if (done) return;
      try {
        sink(chunk);
      } catch (error) {
        done = true;
        plain.destroy();
        stream.destroy();
        reject(error);
      }
    });
    plain.on('end', () => end(null, false));
    const failed = (error: NodeJS.ErrnoException): void => end(streamError(error, path), false);
    plain.on('error', failed);
    if (plain !== stream) stream.on('error', failed);
    if (signal?.aborted) stop();
  });
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

interface Opened {
  readonly stream: Readable;
  readonly total: number | null;
  readonly head: Uint8Array;
}

function fromFile(path: string): Opened {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new TraceError('is-directory', 'is a directory', { path });
    const stream = createReadStream(path, { highWaterMark: CHUNK });
    if (stat.isFile()) return { stream, total: stat.size, head: readHead(path, 8) };
    return { stream, total: null, head: new Uint8Array(0) };
  } catch (error) {
    if (error instanceof TraceError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new TraceError('not-found', 'no such file', { path, cause: error });
    throw new TraceError('unreadable', `cannot be read (${code ?? String(error)})`, { path, cause: error });
  }
}

/** The head of a pipe can be seen only by taking it: it is put back in front. */
async function fromStdin(options: SourceOptions): Promise<Opened> {
  const input = options.stdin as Readable | undefined;
  if (!input) throw new TraceError('unreadable', 'no standard input', { path: '-' });
  const parts: Uint8Array[] = [];
  let size = 0;
  const stream = new PassThrough({ highWaterMark: CHUNK });
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Uint8Array): void => {
      parts.push(chunk);
      size += chunk.length;
      if (size < 8) return;
      input.pause();
      settle();
    };
    const settle = (): void => {
      input.off('data', take);
      input.off('end', settle);
      input.off('error', reject);
      resolve();
    };
    input.on('data', take);
    input.on('end', settle);
    input.on('error', reject);
  });
  const head = new Uint8Array(Math.min(size, 8));
  let at = 0;
  for (const part of parts) {
    if (at < head.length) head.set(part.subarray(0, head.length - at), at);
    at = Math.min(head.length, at + part.length);
    stream.write(part);
  }
  if (input.readableEnded) stream.end();
  else {
    input.pipe(stream);
    input.on('error', (error) => stream.destroy(error));
  }
  return { stream, total: null, head };
}

function decompress(stream: Readable, how: Exclude<Compression, 'none'>, path: string): Readable {
  if (how === 'gzip') return stream.pipe(createGunzip({ chunkSize: CHUNK }));
  const out = new PassThrough({ highWaterMark: CHUNK });
  const child = spawn(how, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < 400) complaint += chunk.toString();
  });
  child.on('error', (error: NodeJS.ErrnoException) => {
    const missing = error.code === 'ENOENT';
    out.destroy(
      new TraceError(
        missing ? 'no-decompressor' : 'unreadable',
        missing
          ? `is ${how}-compressed and the program "${how}" is not installed`
          : `${how}: ${error.message}`,
        { path },
      ),
    );
  });
  child.stdin.on('error', () => {});
  stream.pipe(child.stdin);
  child.stdout.pipe(out, { end: false });
  child.on('close', (code) => {
    if (code === 0) out.end();
    else if (!out.destroyed) {
      // Let what was written arrive before the failure does.
      setImmediate(() =>
        out.destroy(
          new TraceError('corrupt', `${how} data is damaged or cut: ${complaint.trim()}`, { path }),
        ),
      );
    }
  });
  out.on('close', () => child.kill());
  return out;
}

function streamError(error: NodeJS.ErrnoException, path: string): TraceError {
  if (error instanceof TraceError) return error;
  if (error.code === 'Z_BUF_ERROR') {
    return new TraceError('truncated', 'the gzip data ends early: the file is cut', { path, cause: error });
  }
  if (error.code?.startsWith('Z_')) {
    return new TraceError('corrupt', `the gzip data is damaged (${error.message})`, { path, cause: error });
  }
  if (error.code === 'EISDIR')
    return new TraceError('is-directory', 'is a directory', { path, cause: error });
  return new TraceError('unreadable', `reading failed (${error.code ?? error.message})`, {
    path,
    cause: error,
  });
}
