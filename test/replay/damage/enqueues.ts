import type { Enqueue, Recording } from './recording.js';

/** Enqueues whose callback runs in the recording. */
export const called = (recording: Recording): Enqueue[] =>
  recording.enqueues.filter((e) => e.callback !== null);

/** Those of them with a table whose release is in it too. */
export const matched = (recording: Recording): Enqueue[] =>
  called(recording).filter((e) => e.tables.some((t) => t.free !== null));
