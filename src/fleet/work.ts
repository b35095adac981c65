import { StoreError } from '../data/store-error.js';
import type { Answers } from './answers.js';
import { onceEach, queueName } from './dispatch.js';
import { type Engine, type Job, QUEUE_PREFIX } from './engine.js';
import type { Plan } from './plan.js';
import { isFault } from './recording-row.js';
import { ThreadPool, type ThreadPoolOptions } from './thread-pool.js';

export interface WorkOptions {
  readonly redis: string;
  /** Recordings read side by side. */
  readonly jobs: number;
  readonly threads: Omit<ThreadPoolOptions, 'size'>;
  /** Deaths of a worker over a recording after which it is given up. */
  readonly attempts: number;
  /** Where recordings are fetched from, into the current folder; absent: they are there. */
  readonly store?: string | undefined;
  readonly signal: AbortSignal;
  readonly onTrouble: (message: string) => void;
}

/** A worker that does not say within this time that it still works on a recording is taken for dead. */
const LOCK_MS = 10_000;
const STALLED_MS = 4000;
/** Before answers are tried to be kept again, where the disk was full. */
const NO_ROOM_MS = 2000;

/**
 * Takes recordings of a plan from the queue and answers them, until it is interrupted; what it works on then is finished. A
 * recording that it has no fault in is another's to try: a file that cannot be read here, a thread that ended.
 */
export async function work(
  engine: Engine,
  plan: Plan,
  answers: Answers,
  options: WorkOptions,
): Promise<void> {
  const { signal } = options;
  const pool = new ThreadPool({ size: options.jobs, ...options.threads });
  const connection = engine.connect(options.redis);
  const worker = new engine.Worker(queueName(plan), one, {
    connection,
    prefix: QUEUE_PREFIX,
    concurrency: options.jobs,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_MS,
    maxStalledCount: options.attempts,
    drainDelay: 1,
    runRetryDelay: 500,
    removeOnComplete: { count: 0 },
  });
  const tell = onceEach(options.onTrouble);
  for (const emitter of [connection, worker]) emitter.on('error', (error) => tell(error.message));
  try {
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  } finally {
    // What waits for a server that is gone would wait for ever.
    await Promise.race([worker.close().catch(() => {}), pause(3000)]);
    await pool.close();
    connection.disconnect();
  }

  async function one(job: Job, token?: string): Promise<void> {
    const { index } = job.data;
    const recording = plan.recordings[index];
    const place = recording && answers.place(index);
    if (!recording || !place || place.key !== job.id) throw new Error('the job is not of this plan');
    // Delivered twice, or by somebody who died behind its answer.
    if (answers.read(index) !== null) return;
    try {
      const { path, sha256 } = recording;
      const tables = answers.tables(index) ?? undefined;
      const { question } = plan;
      const { store } = options;
      const handed = await pool.perform({ kind: 'ask', question, path, place, sha256, tables, store });
      if (handed.kind === 'row' && isFault(handed.row)) throw new Error(handed.row.error?.message);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // The disk's fault, not the recording's: no attempt is counted.
      tell(error.message);
      await job.moveToDelayed(Date.now() + NO_ROOM_MS, token);
      throw new engine.DelayedError();
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
