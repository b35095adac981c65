import { StoreError } from '../data/store-error.js';
import { TraceError, type TraceErrorCode } from '../parsers/input/trace-error.js';
import { UsageError } from '../result/usage-error.js';

/** An error on its way between two threads, where classes do not survive. */
export interface ThreadError {
  readonly kind: 'trace' | 'usage' | 'store' | 'internal';
  readonly message: string;
  readonly code?: string | undefined;
  readonly path?: string | undefined;
  readonly line?: number | undefined;
  readonly offset?: number | undefined;
  readonly stack?: string | undefined;
}

/** The thread that read a recording ended, or took too long: nothing is known of the recording. */
export class ThreadEnded extends Error {
  override readonly name = 'ThreadEnded';
  readonly code: 'ended' | 'timeout';

  constructor(code: 'ended' | 'timeout', message: string) {
    super(message);
    this.code = code;
  }
}

export function packError(error: unknown): ThreadError {
  if (error instanceof TraceError) {
    const { code, message, path, line, offset } = error;
    return { kind: 'trace', code, message, path, line, offset };
  }
  if (error instanceof UsageError) return { kind: 'usage', message: error.message };
  if (error instanceof StoreError) return { kind: 'store', message: error.message };
  const known = error instanceof Error;
  return {
    kind: 'internal',
    message: known ? error.message : String(error),
    stack: known ? error.stack : '',
  };
}

export function unpackError(packed: ThreadError): Error {
  const { kind, message, code, path, line, offset, stack } = packed;
  if (kind === 'trace') return new TraceError(code as TraceErrorCode, message, { path, line, offset });
  if (kind === 'usage') return new UsageError(message);
  if (kind === 'store') return new StoreError(message);
  return Object.assign(new Error(message), { stack });
}
