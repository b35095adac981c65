import { UsageError } from '../result/usage-error.js';

/*
 * What is used of BullMQ and ioredis, which are not installed with pttrace: their own types would have to be there for
 * everybody who compiles against it.
 */

export interface Job {
  readonly id?: string;
  readonly data: { readonly index: number };
  readonly failedReason?: string;
  readonly attemptsMade: number;
  /** `DelayedError` must be thrown behind it. An attempt is not counted. */
  moveToDelayed(timestampMs: number, token?: string): Promise<void>;
  remove(): Promise<void>;
}

export interface JobToAdd {
  readonly name: string;
  readonly data: { readonly index: number };
  /** A job whose id is already there is not added again. */
  readonly opts: { readonly jobId: string };
}

interface Emitter {
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface Queue extends Emitter {
  addBulk(jobs: readonly JobToAdd[]): Promise<unknown>;
  getFailed(start: number, end: number): Promise<Job[]>;
  getJobCounts(...states: string[]): Promise<Record<string, number>>;
  close(): Promise<void>;
}

export interface Worker extends Emitter {
  /** Waits for what is being done, unless forced. */
  close(force?: boolean): Promise<void>;
}

interface Redis extends Emitter {
  disconnect(): void;
}

export interface Engine {
  readonly Queue: new (name: string, options: object) => Queue;
  readonly Worker: new (
    name: string,
    processor: (job: Job, token?: string) => Promise<void>,
    options: object,
  ) => Worker;
  readonly DelayedError: new () => Error;
  /** A connection that comes back by itself, as often as needed. */
  connect(url: string): Redis;
}

export const QUEUE_PREFIX = 'pttrace';

/** Silence of the server after which a connection is taken for dead: longer than any command waits. */
const SILENT_MS = 20_000;
const LONGEST_WAIT_MS = 1000;

/** Throws UsageError where they are not installed, with the way to install them. */
export async function loadEngine(): Promise<Engine> {
  // Not seen by compilers and bundlers: they need not be there.
  const [bullmq, ioredis] = ['bullmq', 'ioredis'];
  try {
    const { Queue, Worker, DelayedError } = (await import(bullmq)) as Engine;
    const { Redis } = (await import(ioredis)) as { Redis: new (url: string, options: object) => Redis };
    const options = {
      // BullMQ asks for it: a worker waits for the server as long as it takes.
      maxRetriesPerRequest: null,
      retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 10), LONGEST_WAIT_MS),
      socketTimeout: SILENT_MS,
      connectTimeout: 5000,
    };
    return { Queue, Worker, DelayedError, connect: (url) => new Redis(url, options) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      'pttrace fleet needs BullMQ, which is not installed: npm install bullmq@6 ioredis@5 beside pttrace. pttrace shard needs nothing',
    );
  }
}

/** Throws UsageError for what is no address of a Redis. */
export function checkRedis(url: string): string {
  if (!/^rediss?:\/\/\S+$/.test(url)) throw new UsageError(`--redis wants redis://HOST:PORT, not "${url}"`);
  return url;
}
