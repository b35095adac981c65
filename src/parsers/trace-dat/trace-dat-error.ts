import { TraceError, type TraceErrorCode } from '../input/trace-error.js';

/** A trace.dat that cannot be read (further): where it broke and why. What was read before stays valid. */
export class TraceDatError extends TraceError {
  constructor(file: string, offset: number, message: string, code: TraceErrorCode = 'corrupt') {
    super(code, `byte ${offset}: ${message}`, { path: file, offset });
  }
}
