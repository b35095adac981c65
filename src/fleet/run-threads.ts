import type { RunReader } from '../compare/read-sides.js';
import { loadRun, type RunOptions, type RunSample } from '../compare/sides.js';
import type { RunTables } from '../compare/tables-out.js';
import { type PlainRunOptions, type Progress, unpackSample } from './task.js';
import { ThreadPool } from './thread-pool.js';

/** Reads the runs of a comparison in threads of their own; standard input in this one. */
export class RunThreads implements RunReader {
  readonly parallel = true;
  private readonly pool: ThreadPool;
  private readonly progress: Progress[] = [];
  private readonly signal: AbortSignal | undefined;
  private readonly stop = (): void => this.pool.interrupt();

  constructor(jobs: number, signal: AbortSignal | undefined) {
    this.pool = new ThreadPool({ size: jobs });
    this.signal = signal;
    signal?.addEventListener('abort', this.stop);
  }

  async run(argument: string, options: RunOptions): Promise<RunSample> {
    if (argument === '-') return loadRun(argument, options);
    const handed = await this.pool.perform(
      { kind: 'run', argument, options: plain(options) },
      options.onProgress && this.together(options.onProgress),
    );
    if (handed.kind !== 'run') throw new Error('a thread answers another question');
    return unpackSample(handed.sample);
  }

  async phases(path: string, options: RunOptions): Promise<readonly number[] | null> {
    if (path === '-') return null;
    const handed = await this.pool.perform({ kind: 'phases', path, options: plain(options) });
    if (handed.kind !== 'phases') throw new Error('a thread answers another question');
    return handed.means;
  }

  async tables(path: string, options: RunOptions): Promise<RunTables | null> {
    if (path === '-') return null;
    const handed = await this.pool.perform({ kind: 'tables', path, options: plain(options) });
    if (handed.kind !== 'tables') throw new Error('a thread answers another question');
    return handed.tables;
  }

  /** Of all runs that are being read, or have been, as of one input. */
  private together(onProgress: (progress: Progress) => void): (progress: Progress) => void {
    const at = this.progress.push({ bytes: 0, totalBytes: 0, events: 0 }) - 1;
    return (progress) => {
      this.progress[at] = progress;
      onProgress(
        this.progress.reduce((sum, p) => ({
          bytes: sum.bytes + p.bytes,
          totalBytes: sum.totalBytes === null || p.totalBytes === null ? null : sum.totalBytes + p.totalBytes,
          events: sum.events + p.events,
        })),
      );
    };
  }

  async close(): Promise<void> {
    this.signal?.removeEventListener('abort', this.stop);
    await this.pool.close();
  }
}

function plain(options: RunOptions): PlainRunOptions {
  const { stdin: _i, spoolDir: _d, signal: _s, onProgress: _p, facts: _f, ...rest } = options;
  return rest;
}
