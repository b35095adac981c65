import type { InputReport, LineCounts } from '../../result/types.js';
import type { LeftOut } from '../../timeline/left-out.js';
import type { MailText } from '../mail/mail.js';
import type { BlockDialect } from './blocks.js';
import { type DialectInfo, LINE_NAMES } from './dialect.js';
import type { LineScanner } from './line-scanner.js';
import type { Compression } from './source.js';
import type { TraceError } from './trace-error.js';

export interface ReadInput {
  readonly path: string;
  readonly dialect: DialectInfo;
  readonly why: string;
  readonly compression: Compression;
  readonly wrapped: boolean;
  readonly error: TraceError | null;
  readonly blocks: BlockDialect | null;
  readonly mail: MailText | null;
  /** Lines that say what another one has said. */
  readonly twice: LeftOut;
  /** Lines of a stretch that stands a second time behind itself. */
  readonly pasted: LeftOut;
}

const TWICE = 'an event written twice';
const PASTED = 'of a stretch that stands a second time behind itself';

/** What was done with every line of an input that has been read to its end. */
export function inputReport(scanner: LineScanner, input: ReadInput): InputReport {
  const { path, dialect, blocks, mail, error, twice, pasted } = input;
  const lines = Object.fromEntries(
    LINE_NAMES.map((name, kind) => [name, scanner.counts[kind]!]),
  ) as unknown as Omit<LineCounts, 'total'>;
  // The second half of a line that the mail broke.
  if (mail) lines.continuation += mail.joined;
  lines.event -= twice.count + pasted.count;
  lines.skipped += twice.count + pasted.count;
  return {
    path,
    format: dialect.id,
    formatWhy: input.why,
    compression: input.compression,
    bytes: scanner.bytes,
    lines: { total: scanner.counts.reduce((sum, n) => sum + n, mail?.joined ?? 0), ...lines },
    skips: [
      ...scanner.skips.map((s) => ({
        reason: s.reason,
        count: s.count,
        firstLine: s.firstLine,
        offset: s.firstOffset,
        text: s.text,
      })),
      ...leftOut(TWICE, twice),
      ...leftOut(PASTED, pasted),
    ],
    notes: notesOf(scanner, input),
    ...(blocks && blocks.blocks.length > 1
      ? {
          blocks: blocks.blocks.map((b) => ({ format: b.dialect.id, firstLine: b.firstLine, why: b.why })),
        }
      : {}),
    ...(error
      ? {
          error: {
            code: error.code,
            message: error.message,
            line: scanner.lineNumber,
            offset: scanner.bytes,
          },
        }
      : {}),
  };
}

const leftOut = (reason: string, { count, line, offset, text }: LeftOut): InputReport['skips'] =>
  count > 0 ? [{ reason, count, firstLine: line, offset, text }] : [];

function notesOf(
  scanner: LineScanner,
  { mail, blocks, compression, wrapped, twice, pasted }: ReadInput,
): InputReport['notes'] {
  const notes = [...scanner.notes];
  if (twice.count > 0) {
    const message = `${twice.count} lines say what the line before them of their CPU says, from line ${twice.line} on: buffers of two trace instances put together; each event counts once`;
    notes.push({ code: 'doubles', message });
  }
  if (pasted.count > 0) {
    const message = `${pasted.count} lines stand a second time behind themselves, from line ${pasted.line} on: each event counts once`;
    notes.push({ code: 'pasted', message });
  }
  if (compression === 'base64') {
    const message = 'base64: read decoded, lines and offsets are those of the text in it';
    notes.push({ code: 'base64', message });
  }
  if (wrapped) {
    const message = 'each line stands in JSON or CSV of a log collector: offsets are those of the text in it';
    notes.push({ code: 'wrapped', message });
  }
  if (mail) {
    const message =
      'read as a mail: quote marks and quoted-printable are undone, behind prose lines may be missing';
    notes.push({ code: 'mail', message }, ...mail.notes);
  }
  if (blocks && blocks.histogramLines > 0) {
    const message = `${blocks.histogramLines} lines are of printed histograms: \`pttrace info\` lists them`;
    notes.push({ code: 'histograms', message });
  }
  if (scanner.unterminated && !mail) {
    const message = 'the last line has no newline: the file may be cut in it';
    notes.push({ code: 'no-final-newline', message });
  }
  return notes;
}
