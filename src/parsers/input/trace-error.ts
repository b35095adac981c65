/** What went wrong with an input, as a fact; front ends add what to do about it. */
export type TraceErrorCode =
  | 'not-found'
  | 'is-directory'
  | 'unreadable'
  | 'empty'
  | 'binary'
  | 'unsupported-format'
  | 'unknown-format'
  | 'no-times'
  | 'truncated'
  | 'corrupt'
  | 'no-decompressor'
  | 'probes-file'
  | 'kernel-info'
  | 'no-tracefs'
  | 'aborted';

export interface TraceErrorPlace {
  readonly path?: string | undefined;
  /** 1-based. */
  readonly line?: number | undefined;
  /** Byte of the decompressed input. */
  readonly offset?: number | undefined;
  readonly cause?: unknown;
}

export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: TraceErrorCode;
  readonly path: string | undefined;
  readonly line: number | undefined;
  readonly offset: number | undefined;

  constructor(code: TraceErrorCode, message: string, place: TraceErrorPlace = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause });
    this.code = code;
    this.path = place.path;
    this.line = place.line;
    this.offset = place.offset;
  }
}
