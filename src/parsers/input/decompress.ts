import { spawn } from 'node:child_process';
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

export function openDecompressor(
  how: Exclude<Compression, 'none' | 'base64'>,
  path: string,
  sink: (chunk: Uint8Array) => void,
): Decompressor {
  return how === 'gzip' || how === 'zlib' ? gunzip(how, path, sink) : viaProgram(how, path, sink);
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

function gunzip(how: 'gzip' | 'zlib', path: string, sink: (chunk: Uint8Array) => void): Decompressor {
  const stream =
    how === 'gzip' ? createGunzip({ chunkSize: GZIP_CALL }) : createInflate({ chunkSize: GZIP_CALL });
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
