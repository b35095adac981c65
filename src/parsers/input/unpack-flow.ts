import type { Readable, Writable } from 'node:stream';

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

/** One failure or one end, reported to whoever waits: what all decompressors share. */
export class Flow implements Decompressor {
  private failure: unknown = null;
  private over = false;
  private wake: (() => void) | null = null;
  private readonly input: Writable;
  private readonly sink: (chunk: Uint8Array) => void;
  private readonly kill: () => void;
  /** Unpacked and not handed on. */
  private held: Uint8Array[] = [];

  constructor(input: Writable, sink: (chunk: Uint8Array) => void, kill: () => void) {
    this.input = input;
    this.sink = sink;
    this.kill = kill;
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

  /**
   * Takes what a stream gives. It is handed on a turn of the event loop later: by then the next piece is being unpacked, by a
   * thread of zlib's pool or by a program, while this thread reads the lines of the last one. Little more than a piece is
   * held: zlib begins another only when this thread has taken the one before.
   */
  takeAll(output: Readable): void {
    output.on('data', (chunk: Uint8Array) => {
      if (this.over) return;
      this.held.push(chunk);
      if (this.held.length === 1) setImmediate(() => this.handOn());
    });
  }

  /** Takes a chunk that is gone when this returns. */
  take(chunk: Uint8Array): void {
    if (this.over) return;
    try {
      this.sink(chunk);
    } catch (error) {
      this.fail(error);
    }
  }

  private handOn(): void {
    const chunks = this.held;
    this.held = [];
    for (const chunk of chunks) this.take(chunk);
  }
}
