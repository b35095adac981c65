import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Handed, Progress, Task } from './task.js';
import { ThreadEnded, type ThreadError, unpackError } from './thread-error.js';

export { ThreadEnded } from './thread-error.js';

export interface ThreadPoolOptions {
  readonly size: number;
  /** Of JavaScript objects in one thread; undefined: as Node sets it. */
  readonly memoryMb?: number | undefined;
  /** A task that takes longer is given up; undefined: none is. */
  readonly timeoutMs?: number | undefined;
}

/** Node runs no TypeScript in a thread: this room's sources take the thread that was built from them. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/src/fleet/thread.js' : './thread.js',
  import.meta.url,
);

interface Waiting {
  readonly task: Task;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly resolve: (handed: Handed) => void;
  readonly reject: (error: Error) => void;
}

/** What a thread sends back. */
type Message =
  | { readonly handed: Handed }
  | { readonly error: ThreadError }
  | { readonly progress: Progress };

/**
 * Threads that do tasks side by side, each one at a time. A thread that ends (out of memory, a fault of the runtime) or
 * that takes too long costs its own task only: another takes its place.
 */
export class ThreadPool {
  private readonly options: ThreadPoolOptions;
  private readonly waiting: Waiting[] = [];
  private readonly idle: Worker[] = [];
  private readonly threads = new Set<Worker>();
  private closed = false;
  private interrupted = false;

  constructor(options: ThreadPoolOptions) {
    this.options = options;
  }

  /** Throws what the task throws; ThreadEnded where its thread ended or was too slow. */
  perform(task: Task, onProgress?: (progress: Progress) => void): Promise<Handed> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(new ThreadEnded('ended', 'no threads are left'));
      this.waiting.push({ task, onProgress, resolve, reject });
      this.start();
    });
  }

  /** What is being read ends early, and so does all that is read from now on. */
  interrupt(): void {
    this.interrupted = true;
    for (const thread of this.threads) thread.postMessage('stop');
  }

  /** Ends all threads; tasks that are not done fail. */
  async close(): Promise<void> {
    this.closed = true;
    for (const w of this.waiting.splice(0)) w.reject(new ThreadEnded('ended', 'no threads are left'));
    await Promise.all([...this.threads].map((thread) => thread.terminate()));
  }

  private start(): void {
    while (this.waiting.length > 0 && !this.closed) {
      const thread = this.idle.pop() ?? (this.threads.size < this.options.size ? this.spawn() : null);
      if (thread === null) return;
      this.give(thread, this.waiting.shift()!);
    }
  }

  private spawn(): Worker {
    const { memoryMb } = this.options;
    // A thread that ends while its code is being optimised in the background takes the whole process with it (an assertion
    // of Node 20, NodePlatform::ForIsolate). Where every core has a thread, optimising in the foreground costs the same.
    setFlagsFromString('--no-concurrent-recompilation');
    const thread = new Worker(SCRIPT, {
      ...(memoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memoryMb } }),
    });
    this.threads.add(thread);
    if (this.interrupted) thread.postMessage('stop');
    // Without anybody to hear it, an error of a thread would end the process.
    thread.on('error', () => {});
    thread.on('exit', () => {
      this.threads.delete(thread);
      const at = this.idle.indexOf(thread);
      if (at >= 0) this.idle.splice(at, 1);
    });
    return thread;
  }

  private give(thread: Worker, { task, onProgress, resolve, reject }: Waiting): void {
    const { timeoutMs } = this.options;
    let late = false;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            late = true;
            void thread.terminate();
          }, timeoutMs);
    let why = 'its thread ended';
    const done = (): void => {
      clearTimeout(timer);
      thread.off('message', answered);
      thread.off('error', failed);
      thread.off('exit', ended);
    };
    const answered = (message: Message): void => {
      if ('progress' in message) {
        onProgress?.(message.progress);
        return;
      }
      done();
      this.idle.push(thread);
      if ('error' in message) reject(unpackError(message.error));
      else resolve(message.handed);
      this.start();
    };
    const failed = (error: Error): void => {
      why = `its thread ended: ${error.message}`;
    };
    const ended = (): void => {
      done();
      const slow = `took longer than ${(timeoutMs ?? 0) / 1000} s`;
      reject(late ? new ThreadEnded('timeout', slow) : new ThreadEnded('ended', why));
      this.start();
    };
    thread.on('message', answered);
    thread.on('error', failed);
    thread.on('exit', ended);
    thread.postMessage(task);
  }
}
