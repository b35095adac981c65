import { parentPort } from 'node:worker_threads';
import { perform, type Task } from './task.js';
import { packError } from './thread-error.js';

/** A thread of `ThreadPool`: takes tasks one by one, answers each. `stop`: what is being read, and all behind it, ends early. */
const stopped = new AbortController();

parentPort?.on('message', (message: Task | 'stop') => {
  if (message === 'stop') return stopped.abort();
  perform(message, { signal: stopped.signal }).then(
    (handed) => parentPort!.postMessage({ handed }),
    (error: unknown) => parentPort!.postMessage({ error: packError(error) }),
  );
});
