import type { RecordingRow } from '../src/fleet/recording-row.js';
import { TraceError, type TraceErrorCode } from '../src/parsers/input/trace-error.js';
import { printable, printableName } from '../src/result/printable.js';
import { EXIT } from './exit-codes.js';
import { traceMessage } from './trace-message.js';

/** Says on standard error what is wrong with a recording, and sets the exit code; the worst one stays. */
export function tellBad({ path, status, error }: RecordingRow): void {
  if (error === undefined) return;
  if (status === 'failed') {
    process.stderr.write(`pttrace: ${printableName(path)}: ${printable(error.message)}\n`);
    process.exitCode = EXIT.internal;
    return;
  }
  const { code, message, line, offset } = error;
  process.stderr.write(traceMessage(new TraceError(code as TraceErrorCode, message, { path, line, offset })));
  process.exitCode ??= EXIT.unreadable;
}
