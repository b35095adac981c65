import type { TraceError } from '../src/parsers/input/trace-error.js';
import { printable, printableName } from '../src/result/printable.js';
import { adviceFor } from './advice.js';

/** What is wrong with an input, where, and on a second line what to do about it. Ends with a line break. */
export function traceMessage(error: TraceError): string {
  // A line says where; a byte is for what has none.
  const at = error.line ?? (error.offset === undefined ? undefined : `byte ${error.offset}`);
  const where = [error.path === '' ? '""' : error.path, at].filter((p) => p !== undefined).join(':');
  const advice = adviceFor(error.code);
  return `pttrace: ${where === '' ? '' : `${printableName(where)}: `}${printable(error.message)}\n${advice === '' ? '' : `  ${advice}\n`}`;
}
