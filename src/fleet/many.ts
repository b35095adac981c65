import { UsageError } from '../result/usage-error.js';
import { type Answer, ask, type Io, unanswered } from './ask.js';
import type { Question } from './question.js';
import type { RecordingRow } from './recording-row.js';
import type { Place } from './result-file.js';
import { perform, unpackAnswer } from './task.js';
import { ThreadEnded, ThreadPool, type ThreadPoolOptions } from './thread-pool.js';

export interface ManyOptions {
  /** Threads. */
  readonly jobs: number;
  readonly io: Io;
  readonly threads?: Omit<ThreadPoolOptions, 'size'> | undefined;
  /** Recordings that are answered, in any order. */
  readonly onDone?: ((done: number) => void) | undefined;
  /** Where recordings are fetched from, into the current folder; absent: they are there. */
  readonly store?: string | undefined;
  /** Folder of the tables of the recording with this number; absent: none are written. */
  readonly tablesOf?: ((index: number) => string) | undefined;
}

/** Answers ahead of the one that is waited for, per thread: so many are kept in memory. Rows are small. */
const ANSWERS_AHEAD = 8;
const ROWS_AHEAD = 256;

/**
 * Asks every recording and hands the answers over in the order given, whatever the number of threads. A recording that
 * cannot be answered is an answer. Ends early when interrupted, behind the last answer that is whole. Standard input is
 * read in this thread. Throws UsageError for a question that can be asked of none.
 */
export async function* askMany(
  question: Question,
  paths: readonly string[],
  options: ManyOptions,
): AsyncGenerator<Answer> {
  yield* inOrder(paths, ANSWERS_AHEAD, options, async (pool, path, index) => {
    const tables = options.tablesOf?.(index);
    if (path === '-') return ask(question, path, options.io, tables);
    try {
      const handed = await pool.perform({ kind: 'ask', question, path, place: null, tables });
      if (handed.kind === 'answer') return unpackAnswer(handed);
    } catch (error) {
      if (error instanceof ThreadEnded) return unanswered(question, path, 'failed', error);
      throw error;
    }
    throw new Error('a thread answers another question');
  });
}

/** As `askMany`, with the bodies left in files; only rows come back. The row of a fault has no file. */
export async function* askIntoFiles(
  question: Question,
  asked: readonly { readonly path: string; readonly place: Place; readonly sha256?: string }[],
  options: ManyOptions,
): AsyncGenerator<RecordingRow> {
  yield* inOrder(asked, ROWS_AHEAD, options, async (pool, { path, place, sha256 }, index) => {
    try {
      const tables = options.tablesOf?.(index);
      const { store } = options;
      const task = { kind: 'ask', question, path, place, sha256, tables, store } as const;
      const handed = await (path === '-' ? perform(task, options.io) : pool.perform(task));
      if (handed.kind === 'row') return handed.row;
    } catch (error) {
      if (error instanceof ThreadEnded) return unanswered(question, path, 'failed', error).row;
      throw error;
    }
    throw new Error('a thread answers another question');
  });
}

async function* inOrder<T, R>(
  items: readonly T[],
  ahead: number,
  options: ManyOptions,
  answer: (pool: ThreadPool, item: T, index: number) => Promise<R>,
): AsyncGenerator<R> {
  if (!(options.jobs >= 1)) throw new UsageError('--jobs wants a number from 1 up');
  const size = Math.min(options.jobs, items.length);
  const pool = new ThreadPool({ size, ...options.threads });
  const { signal } = options.io;
  const stop = (): void => void pool.close();
  signal?.addEventListener('abort', stop);
  const pending: Promise<PromiseSettledResult<R>[]>[] = [];
  let done = 0;
  let next = 0;
  try {
    for (let i = 0; i < items.length && !signal?.aborted; i++) {
      while (next < items.length && next < i + size * ahead) {
        const at = next++;
        const item = items[at]!;
        pending.push(
          Promise.allSettled([
            answer(pool, item, at).finally(() => {
              done++;
              if (!signal?.aborted) options.onDone?.(done);
            }),
          ]),
        );
      }
      const [settled] = await pending.shift()!;
      if (signal?.aborted) return;
      if (settled!.status === 'rejected') throw settled!.reason;
      yield settled!.value;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    await pool.close();
  }
}
