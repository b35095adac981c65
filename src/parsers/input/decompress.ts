import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { TraceError } from './trace-error.js';

/** `base64`: as text (`base64-text.ts`), whether or not what it holds is packed again. */
export type Compression = 'none' | 'gzip' | 'zlib' | 'zstd' | 'xz' | 'base64';

/** Compressed bytes in; the plain ones go to the sink given at opening. */
export interface Decompressor {
  /** Resolves when `chunk` may be overwritten. False: no more is wanted. Rejects with what `end` rejects with. */
  write(chunk: Uint8Array): Promise<boolean>;
  /**
   * Resolves when every plain byte was delivered. Rejects, after the good bytes were delivered, with TraceError
   * `truncated`, `corrupt`, `no-decompressor` or `unreadable`, or with what the sink threw.
   */
  end(): Promise<void>;
  /** Give up; idempotent. Pending calls settle. */
  stop(): void;
}

/** What inflate decoded before it met damage is lost with its call: so much at most. */
const GZIP_CALL = 64 << 10;
/** The same where the file can be unpacked again up to its damage: each call costs a turn of the event loop. */
const STORED_CALL = 256 << 10;
/** Of the second time. */
const DAMAGED_CALL = 4 << 10;

/** `stored`: `path` reads the same twice, and holds nothing but what is given to `write`. */
export function openDecompressor(
  how: Exclude<Compression, 'none' | 'base64'>,
  path: string,
  sink: (chunk: Uint8Array) => void,
  stored = false,
): Decompressor {
  if (how === 'zstd' || how === 'xz') return viaProgram(how, path, sink);
  return how === 'gzip' && stored ? storedGzip(path, sink) : gunzip(how, path, sink, GZIP_CALL);
}

/**
 * The state both kinds share: one failure or one end, reported to whoever waits.
 *
 * What was unpacked is handed on a turn of the event loop later: by then the next piece is being unpacked, by a thread of
 * zlib's pool or by the program, while this thread reads the lines of the last one. Little more than a piece is held:
 * zlib begins another only when this thread has taken the one before.
 */
class Flow implements Decompressor {
  private failure: unknown = null;
  private over = false;
  private wake: (() => void) | null = null;
  private readonly input: Writable;
  private readonly sink: (chunk: Uint8Array) => void;
  private readonly kill: () => void;
  /** Unpacked and not handed on. */
  private held: Uint8Array[] = [];

  constructor(input: Writable, output: Readable, sink: (chunk: Uint8Array) => void, kill: () => void) {
    this.input = input;
    this.sink = sink;
    this.kill = kill;
    output.on('data', (chunk: Uint8Array) => {
      if (this.over) return;
      this.held.push(chunk);
      if (this.held.length === 1) setImmediate(() => this.handOn());
    });
  }

  async write(chunk: Uint8Array): Promise<boolean> {
    if (!this.over) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        this.input.write(chunk, () => resolve());
      });
    }
    if (this.failure !== null) throw this.failure;
    return !this.over;
  }

  async end(): Promise<void> {
    if (!this.over) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        this.input.end();
      });
    }
    if (this.failure !== null) throw this.failure;
  }

  stop(): void {
    this.over = true;
    this.held = [];
    this.kill();
    this.wake?.();
  }

  /** What came before counts. */
  fail(error: unknown): void {
    this.handOn();
    if (this.over) return;
    this.failure = error;
    this.stop();
  }

  finished(): void {
    this.handOn();
    if (!this.over) this.stop();
  }

  private handOn(): void {
    const chunks = this.held;
    this.held = [];
    try {
      for (const chunk of chunks) if (!this.over) this.sink(chunk);
    } catch (error) {
      this.fail(error);
    }
  }
}

function gunzip(
  how: 'gzip' | 'zlib',
  path: string,
  sink: (chunk: Uint8Array) => void,
  chunkSize: number,
): Decompressor {
  const stream = how === 'gzip' ? createGunzip({ chunkSize }) : createInflate({ chunkSize });
  const flow = new Flow(stream, stream, sink, () => stream.destroy());
  stream.on('end', () => flow.finished());
  stream.on('error', (error: NodeJS.ErrnoException) =>
    flow.fail(
      error.code === 'Z_BUF_ERROR'
        ? new TraceError('truncated', `the ${how} data ends early: the file is cut`, { path, cause: error })
        : new TraceError('corrupt', `the ${how} data is damaged (${error.message})`, { path, cause: error }),
    ),
  );
  return flow;
}

/** A packed file in calls that are large; what is lost with the last one, before damage, is unpacked again in small ones. */
function storedGzip(path: string, sink: (chunk: Uint8Array) => void): Decompressor {
  let delivered = 0;
  let stopped = false;
  let refused = false;
  const counted = (chunk: Uint8Array): void => {
    delivered += chunk.length;
    refused = true;
    sink(chunk);
    refused = false;
  };
  const flow = gunzip('gzip', path, counted, STORED_CALL);
  const again = async (error: unknown): Promise<never> => {
    if (!stopped && !refused && error instanceof TraceError && error.code === 'corrupt') {
      await lastCall(path, delivered, sink, () => stopped);
    }
    throw error;
  };
  return {
    write: (chunk) => flow.write(chunk).catch(again),
    end: () => flow.end().catch(again),
    stop: () => {
      stopped = true;
      flow.stop();
    },
  };
}

/** What lies behind the first `from` unpacked bytes of a damaged file. Rejects with what the sink throws. */
async function lastCall(
  path: string,
  from: number,
  sink: (chunk: Uint8Array) => void,
  stopped: () => boolean,
): Promise<void> {
  const packed = createReadStream(path);
  const plain = createGunzip({ chunkSize: DAMAGED_CALL });
  packed.on('error', (error) => plain.destroy(error));
  packed.pipe(plain);
  let at = 0;
  let refused = false;
  try {
    for await (const chunk of plain as AsyncIterable<Uint8Array>) {
      if (stopped()) return;
      const begin = Math.max(0, from - at);
      at += chunk.length;
      if (begin >= chunk.length) continue;
      refused = true;
      sink(chunk.subarray(begin));
      refused = false;
    }
  } catch (error) {
    // The damage, again: it is told already.
    if (refused) throw error;
  } finally {
    packed.destroy();
  }
}

/** zstd and xz are not in Node 20: the system's programs do it. */
function viaProgram(how: 'zstd' | 'xz', path: string, sink: (chunk: Uint8Array) => void): Decompressor {
  const child = spawn(how, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const flow = new Flow(child.stdin, child.stdout, sink, () => {
    child.stdin.destroy();
    child.stdout.destroy();
    child.kill();
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < 400) complaint += chunk.toString();
  });
  child.on('error', (error: NodeJS.ErrnoException) => {
    const missing = error.code === 'ENOENT';
    const message = missing
      ? `is ${how}-compressed and the program "${how}" is not installed`
      : `${how}: ${error.message}`;
    flow.fail(new TraceError(missing ? 'no-decompressor' : 'unreadable', message, { path, cause: error }));
  });
  // It closes its input when it gives up; its exit code says why.
  child.stdin.on('error', () => {});
  // `close` comes after the last of its output was read.
  child.on('close', (code) => {
    if (code === 0) flow.finished();
    else flow.fail(programFailure(how, complaint.trim(), path));
  });
  return flow;
}

function programFailure(how: string, complaint: string, path: string): TraceError {
  const cut = /premature end|unexpected end|truncated/i.test(complaint);
  return cut
    ? new TraceError('truncated', `the ${how} data ends early: the file is cut`, { path })
    : new TraceError('corrupt', `the ${how} data is damaged: ${complaint}`, { path });
}
