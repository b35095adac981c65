import { readFileSync } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import { TraceError, type TraceErrorCode } from '../src/parsers/input/trace-error.js';
import { byName } from '../src/result/by-name.js';
import { Interrupted } from './interrupted.js';

const UNREADABLE: Readonly<Record<string, readonly [TraceErrorCode, string]>> = byName({
  ENOENT: ['not-found', 'no such file'],
  EISDIR: ['is-directory', 'is a directory'],
});

/** Text of a small file, or of standard input for `-`. Throws TraceError, and Interrupted after Ctrl-C. */
export async function textOf(path: string, signal: AbortSignal): Promise<string> {
  try {
    return path === '-' ? await text(addAbortSignal(signal, process.stdin)) : readFileSync(path, 'utf8');
  } catch (error) {
    if (signal.aborted) throw new Interrupted();
    const why = UNREADABLE[(error as NodeJS.ErrnoException).code ?? ''];
    throw new TraceError(why?.[0] ?? 'unreadable', why?.[1] ?? 'cannot be read', { path, cause: error });
  }
}
