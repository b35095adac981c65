import { parentPort } from 'node:worker_threads';
import { type Progress, perform, type Task } from './task.js';
import { packError } from './thread-error.js';

/** A thread of `ThreadPool`: takes tasks one by one, answers each. `stop`: what is being read, and all behind it, ends early. */
const stopped = new AbortController();

parentPort?.on('message', (message: Task | 'stop') => {
  if (message === 'stop') return stopped.abort();
  perform(message, { signal: stopped.signal, onProgress: seldom() }).then(
    (handed) => parentPort!.postMessage({ handed }),
    (error: unknown) => parentPort!.postMessage({ error: packError(error) }),
  );
});

/** How far a task is, so often that a line about it moves and no oftener. */
const TELL_EVERY_MS = 100;

function seldom(): (progress: Progress) => void {
  let last = 0;
  return (progress) => {
    const now = Date.now();
    if (now - last < TELL_EVERY_MS) return;
    last = now;
    parentPort!.postMessage({ progress });
  };
}
