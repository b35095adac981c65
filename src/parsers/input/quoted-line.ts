import type { RecordBatch } from '../../timeline/batch.js';
import type { MailText } from '../mail/mail.js';
import type { DialectInfo, TraceContext } from './dialect.js';
import { quote } from './line-bytes.js';
import { LineScanner } from './line-scanner.js';
import type { QuotedLine } from './scanned-input.js';

const QUOTE_LIMIT = 512;

/** One line of an input, read again by itself. `bytes`: without its newline. */
export function parseQuoted(
  dialect: DialectInfo,
  input: number,
  offset: number,
  line: number,
  bytes: Uint8Array,
  context: TraceContext,
): QuotedLine {
  let end = bytes.length;
  if (end > 0 && bytes[end - 1] === 13) end--;
  const row = { tsNs: Number.NaN, cpu: -1, pid: -1, task: '' };
  const sink = (batch: RecordBatch): void => {
    if (batch.length === 0) return;
    row.tsNs = batch.tsNs[0]!;
    row.cpu = batch.cpu[0]!;
    row.pid = batch.pid[0]!;
    if (row.pid >= 0) row.task = `${context.names.text(batch.comm[0]!)}-${row.pid}`;
  };
  const scanner = new LineScanner(dialect.open(), { input, context, sink });
  scanner.push(bytes.subarray(0, end));
  scanner.finish();
  return { line, offset, text: quote(bytes, 0, end, QUOTE_LIMIT), ...row };
}

/** Lines of a mail, as they were read, by the offsets they have in the file. */
export function quoteMail(
  mail: MailText,
  offsets: ReadonlySet<number>,
  dialectAt: (offset: number) => DialectInfo,
  input: number,
  context: TraceContext,
): Map<number, QuotedLine> {
  const found = new Map<number, QuotedLine>();
  let start = 0;
  for (let i = 0; i < mail.offsets.length; i++) {
    const end = mail.bytes.indexOf(10, start);
    const offset = mail.offsets[i]!;
    if (offsets.has(offset)) {
      const bytes = mail.bytes.subarray(start, end);
      found.set(offset, parseQuoted(dialectAt(offset), input, offset, mail.lines[i]!, bytes, context));
    }
    start = end + 1;
  }
  return found;
}
