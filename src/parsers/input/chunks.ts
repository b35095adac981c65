import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { TraceError } from './trace-error.js';

/** Few enough to wait for: each chunk of a pipe wakes a thread. */
const CHUNK = 256 << 10;
/** Small enough to stay in the L2 cache between the read, the copy and the scan. */
const STORED_CHUNK = 64 << 10;
/** Chunks of a stored file read before anything else gets its turn: some hundredths of a second of work. */
const CHUNKS_AT_ONCE = 64;
/** Undecoded chunks of an input, one after the other; each is valid until the next but one is asked for. */
export interface Chunks {
  /** Size of the file; null unknown (pipes, files of tracefs). */
  readonly total: number | null;
  /** null at the end. */
  next(): Promise<Uint8Array | null>;
  close(): Promise<void>;
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
export async function fileChunks(path: string, signal: AbortSignal | undefined): Promise<Chunks> {
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

export function stdinChunks(
  stdin: NodeJS.ReadableStream | undefined,
  signal: AbortSignal | undefined,
): Chunks {
  const input = stdin as Readable | undefined;
  if (!input) throw new TraceError('unreadable', 'no standard input', { path: '-' });
  const chunks = input[Symbol.asyncIterator]() as AsyncIterator<Uint8Array | string>;
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
