import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answers } from './answers.js';
import { type Engine, QUEUE_PREFIX, type Queue } from './engine.js';
import type { Plan } from './plan.js';

export interface DispatchOptions {
  readonly redis: string;
  /** Times that a recording is tried before it is given up. */
  readonly attempts: number;
  readonly signal: AbortSignal;
  /** Recordings that are answered or given up. */
  readonly onDone: (done: number) => void;
  /** What the server said, once each; it is tried again. */
  readonly onTrouble: (message: string) => void;
}

/** Between two looks at the folder, and at the queue. */
const LOOK_MS = 400;
const COUNT_MS = 3000;
const BULK = 500;

export const queueName = (plan: Plan): string => `plan-${plan.id.slice(0, 16)}`;

/**
 * Sends workers what is not answered yet, until everything is answered or given up, or it is interrupted. The queue is
 * only a means: what counts is the folder of answers. A job that a restarted server has forgotten is sent again, one that
 * is delivered twice finds its answer. One that fails as often as it may is put into quarantine with its error.
 */
export async function dispatch(
  engine: Engine,
  plan: Plan,
  answers: Answers,
  options: DispatchOptions,
): Promise<void> {
  const connection = engine.connect(options.redis);
  const queue = new engine.Queue(queueName(plan), {
    connection,
    prefix: QUEUE_PREFIX,
    defaultJobOptions: {
      attempts: options.attempts,
      backoff: { type: 'exponential', delay: 300 },
      removeOnComplete: true,
    },
  });
  // Each wait listens to it.
  setMaxListeners(0, options.signal);
  const trouble = onceEach(options.onTrouble);
  for (const emitter of [connection, queue]) emitter.on('error', (error) => trouble(error.message));
  const open = (): Set<number> =>
    new Set(
      plan.recordings.map((_, i) => i).filter((i) => answers.read(i) === null && answers.givenUp(i) === null),
    );
  try {
    // Files that turn out not to be whole are asked for again.
    for (let pending = open(); pending.size > 0 && !options.signal.aborted; pending = open()) {
      await drain(queue, plan, answers, pending, options, trouble);
    }
  } finally {
    await Promise.race([queue.close().catch(() => {}), sleep(1000, undefined, { ref: false })]);
    connection.disconnect();
  }
}

async function drain(
  queue: Queue,
  plan: Plan,
  answers: Answers,
  pending: Set<number>,
  options: DispatchOptions,
  trouble: (message: string) => void,
): Promise<void> {
  const { signal } = options;
  let counted = Number.NEGATIVE_INFINITY;
  while (pending.size > 0 && !signal.aborted) {
    lookAtFolder();
    options.onDone(plan.recordings.length - pending.size);
    try {
      // An unreachable server lets commands wait; the folder is looked at meanwhile.
      await Promise.race([work(), sleep(5 * COUNT_MS, undefined, { signal, ref: false })]);
    } catch (error) {
      if (!signal.aborted) trouble((error as Error).message);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }

  function lookAtFolder(): void {
    try {
      const present = answers.present();
      for (const i of pending) if (present.has(`${answers.place(i).key}.json`)) pending.delete(i);
    } catch (error) {
      trouble((error as Error).message);
    }
  }

  async function work(): Promise<void> {
    for (const job of await queue.getFailed(0, BULK)) {
      const { index } = job.data;
      if (pending.has(index) && !existsSync(answers.place(index).file)) {
        answers.quarantine(index, `given up after ${options.attempts} attempts: ${job.failedReason ?? '?'}`);
      }
      pending.delete(index);
      await job.remove();
    }
    if (performance.now() - counted < COUNT_MS) return;
    const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized', 'paused', 'failed');
    const known = Object.values(counts).reduce((sum, n) => sum + n, 0);
    if (known < pending.size) {
      const jobs = [...pending].map((index) => ({
        name: 'recording',
        data: { index },
        opts: { jobId: answers.place(index).key },
      }));
      for (let i = 0; i < jobs.length; i += BULK) await queue.addBulk(jobs.slice(i, i + BULK));
    }
    counted = performance.now();
  }
}

/** Each message is passed on the first time only. */
export function onceEach(tell: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (told.has(message)) return;
    told.add(message);
    tell(message);
  };
}
